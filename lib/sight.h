/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What one snapshot says about one alert: which level is reached, and whether what clears it is
 * seen. Pure; internal to detect.c, which decides what becomes of the alert.
 */

#include "detect.h"

struct sight {
        enum severity level; /* reached now */
        enum severity held;  /* reached for RaiseAfter already, by the sockets' ages alone */
        bool below_lowest;   /* at or below the clear level of the lowest level */
        bool below_critical; /* at or below the clear level of the critical one */
        bool certain;        /* false: the number is a lower bound, the two above mean nothing */
        bool known;          /* false: the snapshot says nothing at all, all else is 0 */
        bool stale;          /* nor has anybody looked: what was seen last holds until then */
        uint64_t seen_usec;  /* when that was so; 0: now */
        uint64_t clear_after_usec; /* how long it must be below to clear */
        struct alert_values values;
        /* whose owner is the alert's; where it is not known, as it was */
        struct port_witness witness;
};

/* Of an alert of a port. alert: its key, and its owner's descriptors. */
void sight_of_port(const struct rule *rule, const struct snapshot *snapshot,
                   const struct alert *alert, struct sight *ret_sight);

/* Of port-exhaustion and of half-open, by the snapshot's census. */
void sight_of_destination(const struct rule *rule, const struct snapshot *snapshot,
                          const struct alert *alert, struct sight *ret_sight);
void sight_of_half_open(const struct rule *rule, const struct snapshot *snapshot,
                        const struct alert *alert, struct sight *ret_sight);

/* Of time-wait-table; its overflows are those since the last one that was judged. */
void sight_of_table(const struct rule *rule, const struct tw_table *table, struct sight *ret_sight);

/* Of `blind`, which is judged by the scans themselves; bad_scans: in a row, this one included. */
void sight_of_scans(const struct rule *rule, const struct snapshot *snapshot, uint64_t bad_scans,
                    struct sight *ret_sight);

/* Does the row reach a level of the rule? */
bool sight_is_reached(const struct rule *rule, const struct snapshot *snapshot,
                      const struct port_row *row);

/* The same of a row of the census, and of the table of mini-sockets. */
bool sight_destination_is_reached(const struct rule *rule, const struct destination_row *row);
bool sight_half_open_is_reached(const struct rule *rule, const struct half_open_row *row);
bool sight_table_is_reached(const struct rule *rule, const struct tw_table *table);

/* For the sight*.c files: the level that a number reaches, and whether it is at or below the clear
 * level of one. */
enum severity sight_level(const struct rule *rule, uint64_t number);
bool sight_is_below(const struct rule *rule, int64_t level, uint64_t number);
/* ... at or above that part of it, and above 0. level: not off. */
bool sight_is_near(const struct rule *rule, int64_t level, uint64_t number);
