/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The order matters: listeners decide on which side a connection counts, the ledger must have
 * forgotten who left before ages are counted, and only then is there a snapshot. What was seen of a
 * scan that was cut short is published as partial: lower bounds, from which nothing is concluded
 * that only a whole scan can prove (no age ends, no alert clears).
 */

#include "observe-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

int observer_new(struct observer **ret_observer)
{
        struct observer *observer = calloc(1, sizeof(*observer));
        int r;

        if (!observer)
                return -ENOMEM;
        r = services_new(&observer->services);
        if (r == 0)
                r = ledger_new(&observer->ledger);
        if (r == 0)
                r = survival_new(&observer->survival);
        if (r == 0)
                r = tally_new(&observer->tally);
        if (r == 0)
                r = census_taker_new(&observer->taker);
        if (r < 0) {
                observer_free(observer);
                return r;
        }
        tally_set_survival(observer->tally, observer->survival);
        *ret_observer = observer;
        return 0;
}

struct observer *observer_free(struct observer *observer)
{
        if (observer) {
                services_free(observer->services);
                ledger_free(observer->ledger);
                survival_free(observer->survival);
                tally_free(observer->tally);
                census_taker_free(observer->taker);
                census_unref(observer->census);
                time_wait_past_done(&observer->time_wait);
                snapshot_unref(observer->last);
        }
        free(observer);
        return NULL;
}

static void configure(struct observer *observer, const struct scan_request *request)
{
        if (observer->rules == request->rules && observer->conf_serial == request->conf_serial)
                return;
        observer->rules = request->rules;
        observer->conf_serial = request->conf_serial;
        services_set_configured(observer->services, request->rules);
}

void observer_begin(struct observer *observer, const struct scan_request *request)
{
        observer->request = request;
        observer->census_due = observer->census_info = false;
        observer->states = OBSERVER_STATES;
        observer->estimates = false;
        host_facts_clear(&observer->host);
        configure(observer, request);
        ledger_set_max(observer->ledger,
                       request->max_tracked > 0 ? request->max_tracked : LEDGER_SOCKETS_MAX);
}

void observer_set_port_range(struct observer *observer, uint16_t first, uint16_t last)
{
        services_set_range(observer->services, first, last);
}

void observer_set_host(struct observer *observer, const struct host_facts *facts)
{
        const struct counters_pace pace = observer_counters_pace(observer);

        observer->host = *facts;
        host_facts_set_counters(&observer->host, &observer->history, &observer->counters, &pace);
}

void observer_set_limits(struct observer *observer, const struct kernlimits *limits)
{
        observer->host.limits = *limits;
}

void observer_begin_listeners(struct observer *observer)
{
        services_begin(observer->services);
}

void observer_listener(struct observer *observer, const struct sockrec *record)
{
        if (record->state == SOCK_LISTEN)
                services_listening(observer->services, record);
}

void observer_end_listeners(struct observer *observer, bool whole)
{
        services_end(observer->services, observer->request->now_usec, whole);
}

/* Or may the scan go by without them, and the next one still be in time? */
static bool wants_time_wait(const struct observer *observer)
{
        const struct scan_request *request = observer->request;
        const int64_t used = observer->host.sockstat.tw;
        uint64_t age_usec;

        if (request->time_wait || request->interval_usec == 0 || used <= OBSERVER_TIME_WAIT_FEW ||
            time_wait_past_is_useless(&observer->time_wait, used))
                return true;
        age_usec = request->now_usec - observer->asof_usec[SOCK_TIME_WAIT];
        return age_usec + request->interval_usec > OBSERVER_TIME_WAIT_USEC;
}

uint32_t observer_plan(struct observer *observer, bool *ret_info)
{
        bool info;

        observer_ask_census(observer, observer->request, &observer->host,
                            &observer->census_request);
        observer->census_due =
                census_taker_is_due(observer->taker, &observer->census_request, &info);
        observer->census_info = observer->census_due && info;
        *ret_info = observer->request->date_new || observer->census_info;
        if (observer->census_due)
                return OBSERVER_STATES | CENSUS_STATES;
        if (!wants_time_wait(observer)) {
                observer->states &= ~SOCK_MASK(SOCK_TIME_WAIT);
                observer->estimates = true;
        }
        return observer->states;
}

/* At first; and those without room in the ledger, in each scan. */
static bool many_are_new(const struct observer *observer)
{
        return observer->asof_usec[SOCK_CLOSE_WAIT] == 0 || ledger_untracked(observer->ledger) > 0;
}

uint32_t observer_info_states(const struct observer *observer)
{
        if (observer->census_info)
                return OBSERVER_STATES | CENSUS_STATES;
        return observer->request->date_new && many_are_new(observer) ? OBSERVER_STATES : 0;
}

bool observer_is_undated(const struct observer *observer, const struct sockrec *record)
{
        return observer->request->date_new && record->state == SOCK_CLOSE_WAIT &&
               !ledger_knows(observer->ledger, record->cookie);
}

void observer_set_states(struct observer *observer, uint32_t states)
{
        observer->states = states & OBSERVER_STATES;
}

void observer_begin_sockets(struct observer *observer)
{
        if (observer->census_due)
                census_taker_begin(observer->taker, &observer->census_request);
        tally_begin(observer->tally, observer->services, observer->ledger);
        ledger_begin(observer->ledger, observer->request->now_usec);
}

/* The census asked for tcp_info; ages are counted by scans. */
static RARELY int count_undated(struct observer *observer, const struct sockrec *record)
{
        struct sockrec undated = *record;

        undated.have &= ~(uint32_t)SOCKREC_INFO;
        return tally_add(observer->tally, &undated);
}

static int count_socket(struct observer *observer, const struct sockrec *record)
{
        if (!(SOCK_MASK(record->state) & observer->states))
                return 0; /* of a census, or a kernel that does not honour the mask */
        if ((record->have & SOCKREC_INFO) && !observer->request->date_new)
                return count_undated(observer, record);
        return tally_add(observer->tally, record);
}

static RARELY int count_with_census(struct observer *observer, const struct sockrec *record)
{
        int r;

        services_keep(observer->services, record->local_port);
        r = census_taker_add(observer->taker, record);
        return r < 0 ? r : count_socket(observer, record);
}

int observer_socket(struct observer *observer, const struct sockrec *record)
{
        return observer->census_due ? count_with_census(observer, record)
                                    : count_socket(observer, record);
}

const struct port_set *observer_whole_waits(const struct observer *observer)
{
        return observer->census_due ? census_taker_waits(observer->taker) : NULL;
}

int observer_waits(struct observer *observer, const struct sock_wait *waits, size_t n)
{
        if (!(observer->states & SOCK_MASK(SOCK_TIME_WAIT)))
                return 0; /* a kernel that does not honour the mask */
        return tally_add_waits(observer->tally, waits, n);
}

int observer_time_wait(struct observer *observer, const struct time_wait_counts *counts)
{
        return tally_add_time_wait(observer->tally, counts);
}

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

void observer_restore(struct observer *observer, const struct observer_past *past)
{
        services_free(observer->services);
        observer->services = past->services;
        observer->rules = NULL;
        survival_free(observer->survival);
        observer->survival = past->survival;
        tally_set_survival(observer->tally, observer->survival);
        ledger_restore(observer->ledger, past->ages);
        observer->overflow = past->overflow;
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
