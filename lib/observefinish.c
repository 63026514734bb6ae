/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A scan's end: what was seen becomes a snapshot. The order matters: the ledger must have forgotten
 * who left before ages are counted, and only then is there a snapshot. What was seen of a scan that
 * was cut short is published as partial: lower bounds, from which nothing is concluded that only a
 * whole scan can prove (no age ends, no alert clears).
 */

#include "observe-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

static void stamp(const struct scan_request *request, const struct scan_outcome *outcome,
                  struct snapshot *snapshot)
{
        snapshot->generation = request->generation;
        snapshot->conf_serial = request->conf_serial;
        snapshot->start_usec = request->now_usec;
        snapshot->start_wall_usec = request->now_wall_usec;
        snapshot->pause_usec = request->pause_usec;
        snapshot->result = outcome->result;
        snapshot->error = outcome->error;
        memcpy(snapshot->error_text, outcome->error_text, sizeof(snapshot->error_text));
        snapshot->malformed = outcome->malformed;
        snapshot->cost.messages = outcome->messages;
        snapshot->cost.bytes = outcome->bytes;
        snapshot->retries = outcome->retries;
}

static void date_states(struct observer *observer, struct snapshot *snapshot)
{
        snapshot->requested = observer->states;
        snapshot->estimated = OBSERVER_STATES & ~observer->states;
        if (snapshot->result == SCAN_COMPLETE)
                snapshot->complete = observer->states;
        for (enum sock_state state = 0; state < SOCK_STATE_COUNT; state++)
                if (snapshot->complete & SOCK_MASK(state))
                        observer->asof_usec[state] = snapshot->start_usec;
        memcpy(snapshot->asof_usec, observer->asof_usec, sizeof(snapshot->asof_usec));
}

static int settle_counts(struct observer *observer, struct snapshot *snapshot)
{
        if (snapshot->result == SCAN_FAILED)
                return snapshot_repeat(snapshot, observer->last);
        snapshot->counts_wall_usec = snapshot->start_wall_usec;
        if (snapshot->estimated & SOCK_MASK(SOCK_TIME_WAIT) && observer->time_wait.snapshot)
                snapshot->time_wait = snapshot_ref(observer->time_wait.snapshot);
        snapshot_unref(observer->last);
        observer->last = snapshot_ref(snapshot);
        if (snapshot->complete & SOCK_MASK(SOCK_TIME_WAIT))
                time_wait_past_set(&observer->time_wait, snapshot, observer->host.sockstat.tw);
        return 0;
}

/* The last slot before OBSERVER_TIME_WAIT_USEC have passed; due times are met by the slot after. */
static uint64_t count_due_usec(const struct observer *observer, const struct snapshot *snapshot)
{
        const uint64_t latest_usec =
                snapshot->asof_usec[SOCK_TIME_WAIT] + OBSERVER_TIME_WAIT_USEC + 1;

        return latest_usec - MIN(observer->request->interval_usec, latest_usec);
}

/* When it tells something new, or has to be seen again. */
static void set_due(const struct observer *observer, struct snapshot *snapshot)
{
        const uint64_t census_usec = census_taker_due_usec(
                observer->taker, observer->request->rules, snapshot->start_usec);

        snapshot->due_usec = MIN(snapshot->due_usec, census_usec);
        if (snapshot->estimated & SOCK_MASK(SOCK_TIME_WAIT))
                snapshot->due_usec = MIN(snapshot->due_usec, count_due_usec(observer, snapshot));
        if (snapshot->result != SCAN_COMPLETE)
                snapshot->due_usec = snapshot->start_usec;
}

/* A census that was missed in part is no better than the one before, unless there was none. */
static int end_census(struct observer *observer, bool whole)
{
        struct census *census;
        int r = census_taker_end(observer->taker, whole, &census);

        if (r < 0)
                return r;
        if (!whole && observer->census) {
                census_unref(census);
                return 0;
        }
        census_unref(observer->census);
        observer->census = census;
        return 0;
}

static int add_host(struct observer *observer, bool whole, struct snapshot *snapshot)
{
        const uint64_t *time_wait = &snapshot->total[SOCK_TIME_WAIT];
        const bool counted = whole && observer->states & SOCK_MASK(SOCK_TIME_WAIT);
        int r = observer->census_due ? end_census(observer, whole) : 0;

        host_facts_set_table(&observer->host, counted ? time_wait : NULL, &observer->overflow);
        snapshot->host = observer->host;
        snapshot->census = census_ref(observer->census);
        return r;
}

/* Ports with stuck sockets may leak; all others have nothing to tell. */
static int add_leaks(const struct observer *observer, struct snapshot *snapshot)
{
        size_t n = 0;

        while (n < snapshot->n_rows && snapshot->rows[n].stuck > 0)
                n++; /* worst first */
        snapshot->leaks_overflow = survival_overflow(observer->survival);
        if (n == 0)
                return 0;
        snapshot->leaks = calloc(MIN(n, (size_t)SURVIVAL_PORTS_MAX), sizeof(*snapshot->leaks));
        if (!snapshot->leaks)
                return -ENOMEM;
        for (size_t i = 0; i < n && snapshot->n_leaks < SURVIVAL_PORTS_MAX; i++) {
                struct port_leak *leak = &snapshot->leaks[snapshot->n_leaks];

                survival_tell(observer->survival, &snapshot->rows[i].key, leak);
                if (leak->known)
                        snapshot->rows[i].leak = (uint32_t)++snapshot->n_leaks;
        }
        return 0;
}

static int add_estimate(const struct time_wait_counts *counts, void *userdata)
{
        struct observer *observer = userdata;

        return tally_add_time_wait(observer->tally, counts);
}

/* *ret_rest: sockets that belong to no port, and count in the total alone. */
static int estimate(struct observer *observer, const struct scan_outcome *outcome,
                    uint64_t *ret_rest)
{
        *ret_rest = 0;
        if (outcome->result == SCAN_FAILED)
                observer->estimates = false; /* it shows another scan's */
        if (!observer->estimates)
                return 0;
        return time_wait_estimate(&observer->time_wait, observer->request->now_usec,
                                  observer->host.sockstat.tw, add_estimate, observer, ret_rest);
}

int observer_finish(struct observer *observer, const struct scan_outcome *outcome,
                    struct snapshot **ret_snapshot)
{
        const struct scan_request *request = observer->request;
        struct snapshot *snapshot;
        uint64_t rest;
        int r = estimate(observer, outcome, &rest);

        if (r < 0)
                return r;
        survival_begin(observer->survival, request->rules, request->now_usec);
        ledger_end(observer->ledger, outcome->sockets_whole, survival_left, observer->survival);
        survival_judge(observer->survival, observer->ledger, outcome->sockets_whole);
        r = tally_finish(observer->tally, request->rules, request->now_usec, &snapshot);
        if (r < 0)
                return r;
        snapshot->total[SOCK_TIME_WAIT] += rest;
        snapshot->time_wait_new = rest;
        r = add_leaks(observer, snapshot);
        if (r == 0)
                r = add_host(observer, outcome->sockets_whole, snapshot);
        if (r < 0) {
                snapshot_unref(snapshot);
                return r;
        }
        stamp(request, outcome, snapshot);
        date_states(observer, snapshot);
        set_due(observer, snapshot);
        r = settle_counts(observer, snapshot);
        if (r < 0) {
                snapshot_unref(snapshot);
                return r;
        }
        *ret_snapshot = snapshot;
        return 0;
}

int observer_failed(const struct scan_request *request, const struct scan_outcome *outcome,
                    struct snapshot **ret_snapshot)
{
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

        if (!snapshot)
                return -ENOMEM;
        snapshot->refs = 1;
        snapshot->requested = OBSERVER_STATES;
        snapshot->due_usec = request->now_usec;
        host_facts_clear(&snapshot->host);
        stamp(request, outcome, snapshot);
        *ret_snapshot = snapshot;
        return 0;
}
