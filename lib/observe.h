/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One scan's records -> its snapshot. Keeps between scans what only time can tell: ages, ports that
 * had a listener, what became of the sockets that stayed. Pure: look.c feeds it from netlink,
 * replay.c from a recording. One struct observer per network namespace and thread.
 *
 * A scan is observer_begin(); the listeners between observer_begin_listeners() and
 * observer_end_listeners(), because they decide on which side the connections count; the sockets
 * after observer_begin_sockets(); observer_finish(). Either part may be begun again from nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "rule.h"
#include "service.h"
#include "snapshot.h"
#include "sockrec.h"
#include "survival.h"
#include "taker.h"
#include "tally.h"

/* The states that scans count: CLOSE_WAIT each time, TIME_WAIT where it is due. */
#define OBSERVER_STATES (SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT))

/* So many TIME_WAIT sockets, by sockstat, cost nothing worth saving: every walk takes them along. */
#define OBSERVER_TIME_WAIT_FEW  4096
#define OBSERVER_TIME_WAIT_USEC (UINT64_C(30) * 1000000) /* more are counted so often at least */

struct scan_request {
        uint64_t generation;    /* of the snapshot; 1 is the first */
        uint64_t now_usec;      /* monotonic: the moment that ages are counted from and to */
        uint64_t now_wall_usec; /* since 1970, for printing */
        const struct rules *rules;
        uint64_t conf_serial; /* which rules these are; handed on to the snapshot */
        size_t max_tracked;   /* CLOSE_WAIT sockets whose age is followed; 0: LEDGER_SOCKETS_MAX */
        bool date_new;        /* ask for tcp_info, to date sockets that are older than this scan */
        uint64_t interval_usec; /* between scans; 0: unknown, or no other one follows */
        uint64_t pause_usec;    /* since the scan before, as planned; 0: unknown, or the first */
        bool time_wait;         /* TIME_WAIT sockets are wanted, however many there are */
};

/* How the scan went. */
struct scan_outcome {
        enum scan_result result;
        int error;                           /* SCAN_FAILED: -errno */
        char error_text[SNAPSHOT_ERROR_MAX]; /* in words; empty: complete */
        bool sockets_whole;                  /* the sockets, whatever the listeners were */
        unsigned retries;
        uint64_t messages;
        uint64_t bytes;
        uint64_t malformed;
};

struct observer;

/* -ENOMEM. */
int observer_new(struct observer **ret_observer);
struct observer *observer_free(struct observer *observer);

/* request: borrowed until observer_finish(). */
void observer_begin(struct observer *observer, const struct scan_request *request);
/* ip_local_port_range; the kernel's default until told. */
void observer_set_port_range(struct observer *observer, uint16_t first, uint16_t last);
/* Within a scan: are the counters, which facts leave out as yet, to be read as well? */
bool observer_wants_counters(const struct observer *observer, const struct host_facts *facts);
/*
 * What the kernel counts for the host, before the listeners; unknown in the scan where not told.
 * Counters that were not wanted are not looked at.
 */
void observer_set_host(struct observer *observer, const struct host_facts *facts);
/* All of the limits, of which a scan has told a few; before the sockets of a census that is due. */
void observer_set_limits(struct observer *observer, const struct kernlimits *limits);

void observer_begin_listeners(struct observer *observer);
void observer_listener(struct observer *observer, const struct sockrec *record);
/* whole: ports that were not seen have lost their listener. */
void observer_end_listeners(struct observer *observer, bool whole);

/*
 * Which states to ask for: CLOSE_WAIT; TIME_WAIT where there are few, where without them the next
 * scan could come later than OBSERVER_TIME_WAIT_USEC after they were counted whole, where an estimate
 * would be no good (timewait.h), or where the request wants them; all those of a census that is due.
 * *ret_info: some of these sockets are to be shown with tcp_info. After the listeners. TIME_WAIT
 * sockets that are not asked for are estimated. A scan without a plan asks for OBSERVER_STATES.
 */
uint32_t observer_plan(struct observer *observer, bool *ret_info);
/*
 * ... and for which of them at once, asked before observer_begin_sockets(): all, where a census wants
 * it; OBSERVER_STATES, where ages are to be dated and many sockets may be new, in the first scan and
 * where the ledger is full; none, where few can be (observer_is_undated()).
 */
uint32_t observer_info_states(const struct observer *observer);
/*
 * Asked before observer_socket(): is this one to be dated, and to be shown with tcp_info therefore?
 * One that the scans follow already has its date, and most have. O(1).
 */
bool observer_is_undated(const struct observer *observer, const struct sockrec *record);
/* Instead, for a recording, which has planned: what was asked for. Nothing is estimated. */
void observer_set_states(struct observer *observer, uint32_t states);

/* States that were not planned are left out in observer_socket(). */
void observer_begin_sockets(struct observer *observer);
/* 0 or -ENOMEM. */
int observer_socket(struct observer *observer, const struct sockrec *record);
/*
 * The same for n sockets in TIME_WAIT by ports and time alone, which is all that is asked of those
 * whose local port is not in the set: the others are a census's, and wanted whole. NULL: none are.
 */
const struct port_set *observer_whole_waits(const struct observer *observer);
int observer_waits(struct observer *observer, const struct sock_wait *waits, size_t n);
/* TIME_WAIT sockets of a recording, which has counted or estimated them. 0 or -ENOMEM. */
int observer_time_wait(struct observer *observer, const struct time_wait_counts *counts);

/*
 * 0 and a snapshot, whatever the outcome: one that failed repeats what was seen last. Its end_usec
 * and cost times are the caller's to fill. -ENOMEM.
 */
int observer_finish(struct observer *observer, const struct scan_outcome *outcome,
                    struct snapshot **ret_snapshot);

/*
 * For a census between two scans, by a taker of its own: what it is taken by, and the newest census
 * of the scans, NULL where there is none yet. Borrowed until the next observer_begin(), as what
 * request and host point to.
 */
void observer_ask_census(const struct observer *observer, const struct scan_request *request,
                         const struct host_facts *host, struct census_request *ret_request);
const struct census *observer_census(const struct observer *observer);

/*
 * How long a socket has been in CLOSE_WAIT, by what the scans saw; *ret_at_least: or longer. False:
 * no scan has followed it. O(1).
 */
bool observer_age(const struct observer *observer, uint64_t cookie, uint64_t now_usec,
                  uint64_t *ret_usec, bool *ret_at_least);
/*
 * What only time has taught it, as of the last scan; services: on which side a connection counts.
 * Borrowed.
 */
const struct services *observer_services(const struct observer *observer);
const struct ledger *observer_ledger(const struct observer *observer);
const struct survival *observer_survival(const struct observer *observer);
const struct tw_overflow *observer_overflow(const struct observer *observer);

/* What an earlier run was taught, of the same boot and network namespace. */
struct observer_past {
        struct services *services;
        struct survival *survival;
        struct ages *ages;
        struct tw_overflow overflow;
};
/* Before the first scan. The pointers are taken over, none is NULL. */
void observer_restore(struct observer *observer, const struct observer_past *past);

/* The snapshot of a scan that could not even begin. -ENOMEM. */
int observer_failed(const struct scan_request *request, const struct scan_outcome *outcome,
                    struct snapshot **ret_snapshot);
