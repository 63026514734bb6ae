/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an observer keeps. observe.c makes the scans, observefinish.c a snapshot of each, observetell.c
 * answers between them.
 */

#include "observe.h"
#include "timewait.h"

struct observer {
        const struct rules *rules; /* that services know; NULL: none yet */
        uint64_t conf_serial;      /* likewise */
        struct services *services;
        struct ledger *ledger;
        struct survival *survival;
        struct tally *tally;
        struct census_taker *taker;
        struct census *census; /* the newest; NULL: none yet */
        struct census_request census_request;
        bool census_due;        /* this scan takes one along */
        bool census_info;       /* ... which asks for tcp_info of every socket */
        struct host_facts host; /* of this scan */
        struct tcp_history history;
        struct counters_past counters;
        struct tw_overflow overflow;
        uint32_t states; /* of OBSERVER_STATES, those that this scan asks for */
        bool estimates;  /* it makes up for the others */
        struct time_wait_past time_wait;
        uint64_t asof_usec[SOCK_STATE_COUNT];
        struct snapshot *last; /* the last one with counts of its own; NULL: none yet */
        const struct scan_request *request;
};

/* How often the kernel's counters are to be read while scans come at this one's Interval. */
struct counters_pace observer_counters_pace(const struct observer *observer);
