/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How CLOSE_WAIT, stuck and TIME_WAIT of a port went, for as long as anybody asks: an hour of points
 * of 10 s, resident, 8 bytes each; and rows of a minute, which somebody else keeps (history file):
 * a day of them, and 30 days of ten minutes each. Pure: snapshots come in, rows come out.
 *
 * Followed are the ports that were asked for, and the worst of the others. Only those that have had
 * something to tell within the hour take memory, some 3 KiB each.
 *
 *   history_new -> history_configure -> history_step ... -> history_end -> history_free
 */

#include "historyrow.h"
#include "snapshot.h"

#define HISTORY_FINE_SEC   10
#define HISTORY_HOUR_SEC   3600
#define HISTORY_FINE_SLOTS (HISTORY_HOUR_SEC / HISTORY_FINE_SEC + 6) /* whenever that hour began */
#define HISTORY_MINUTE_SEC 60
#define HISTORY_MINUTES    (24 * 60)
#define HISTORY_TEN_SEC    600
#define HISTORY_TENS       (30 * 24 * 6)

/* Between scans that were planned no further apart, what the first has seen holds on. */
#define HISTORY_HOLD_USEC (UINT64_C(60) * 1000000)

/* history_step(), history_end(): a minute is over, *ret_row is what was known of it */
#define HISTORY_ROW 1

struct history;

/* A raised alert about a port. */
struct history_alert {
        struct port_key port;
        enum history_severity severity;
};

/* -ENOMEM */
int history_new(struct history **ret_history);
struct history *history_free(struct history *history);

/*
 * These are followed whatever the others do, HISTORY_NAMED_MAX at most (the rest is ignored). Those
 * that no longer are take part with all others.
 */
void history_configure(struct history *history, const struct port_key *ports, size_t n);

/*
 * Takes in a scan, with the alerts that are raised by then; its time is snapshot->start_wall_usec,
 * which may jump: what lies ahead of it then is forgotten. A state that was not counted whole is
 * unknown, never less. 0 or HISTORY_ROW.
 */
int history_step(struct history *history, const struct snapshot *snapshot,
                 const struct history_alert *alerts, size_t n_alerts, struct history_row *ret_row);
/* What was known of the minute that is not over yet. 0 or HISTORY_ROW. */
int history_end(struct history *history, struct history_row *ret_row);

/*
 * The points that are resident: slots of HISTORY_FINE_SEC since 1970, the first that anything is
 * known of and the one behind the newest. Both 0: there are none.
 */
void history_bounds(const struct history *history, uint32_t *ret_first, uint32_t *ret_end);
/* Within these bounds. A port that is not followed: what is known of such. */
void history_get(const struct history *history, const struct port_key *port, uint32_t slot,
                 struct history_point *ret_point);

/* What one scan has seen, and the alerts that are raised by then. */
struct history_scan {
        const struct snapshot *snapshot;
        const struct history_alert *alerts;
        size_t n_alerts;
};
/* Of any port, followed or not: the slot of that scan, and its point. False: it saw nothing. */
bool history_peek(const struct history_scan *scan, const struct port_key *port, uint32_t *ret_slot,
                  struct history_point *ret_point);

struct history_stats {
        size_t followed;
        uint64_t replaced; /* ports that made room for worse ones */
        uint64_t left_out; /* scans in which a port had something to tell and found no room */
};
void history_get_stats(const struct history *history, struct history_stats *ret_stats);
