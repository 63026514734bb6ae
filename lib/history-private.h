/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct history, for the history*.c files alone. */

#include "history.h"

struct history_entry {
        struct port_key key;
        uint64_t fine[HISTORY_FINE_SLOTS];
        struct history_point minute; /* so far */
        uint64_t weight; /* the greatest within the hour, as of this minute's beginning, or since */
};

struct history {
        struct history_entry *entries[HISTORY_PORTS_MAX];
        size_t n;
        struct port_key named[HISTORY_NAMED_MAX];
        size_t n_named;

        bool begun;
        uint32_t slot;                     /* of the newest scan */
        uint8_t flags[HISTORY_FINE_SLOTS]; /* HISTORY_SAW_..., HISTORY_LEFT_OUT */

        uint32_t minute;
        uint8_t minute_flags;
        bool minute_known; /* something is to be told of it */

        uint64_t replaced;
        uint64_t left_out;
};

/* ---- historyports.c ---- */

/* NULL: it is not followed. */
struct history_entry *history_find(const struct history *history, const struct port_key *key);
/* Begins with what is known of ports that were not followed; the last entry. False: no memory. */
bool history_follow(struct history *history, const struct port_key *key);
/* A place for a port that weighs that much now. False: there is none. */
bool history_make_room(struct history *history, const struct port_key *key, uint64_t weight);
/* Weighs all anew, once a minute. Those that have been quiet for an hour give their memory back. */
void history_weigh(struct history *history);
