/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The order matters: listeners decide on which side a connection counts, the ledger must have
 * forgotten who left before ages are counted, and only then is there a snapshot. What was seen of a
 * scan that was cut short is published as partial: lower bounds, from which nothing is concluded
 * that only a whole scan can prove (no age ends, no alert clears).
 */

#include "observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "ledger.h"
#include "service.h"
#include "survival.h"
#include "tally.h"

struct observer {
        struct services *services;
        struct ledger *ledger;
        struct survival *survival;
        struct tally *tally;
        struct census_taker *taker;
        struct census *census; /* the newest; NULL: none yet */
        struct census_request census_request;
        bool census_due;        /* this scan takes one along */
        struct host_facts host; /* of this scan */
        struct tcp_history history;
        struct tw_overflow overflow;
        uint64_t asof_usec[SOCK_STATE_COUNT];
        struct snapshot *last; /* the last one with counts of its own; NULL: none yet */
        const struct scan_request *request;
};

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
                snapshot_unref(observer->last);
        }
        free(observer);
        return NULL;
}

void observer_begin(struct observer *observer, const struct scan_request *request)
{
        observer->request = request;
        observer->census_due = false;
        host_facts_clear(&observer->host);
        services_set_configured(observer->services, request->rules);
        ledger_set_max(observer->ledger,
                       request->max_tracked > 0 ? request->max_tracked : LEDGER_SOCKETS_MAX);
}

void observer_set_port_range(struct observer *observer, uint16_t first, uint16_t last)
{
        services_set_range(observer->services, first, last);
}

void observer_set_host(struct observer *observer, const struct host_facts *facts)
{
        observer->host = *facts;
        tcp_history_add(&observer->history, observer->request->now_usec, &facts->counters,
                        &observer->host.rates);
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

void observer_ask_census(const struct observer *observer, const struct scan_request *request,
                         const struct host_facts *host, struct census_request *ret_request)
{
        *ret_request = (struct census_request){ .now_usec = request->now_usec,
                                                .now_wall_usec = request->now_wall_usec,
                                                .rules = request->rules,
                                                .conf_serial = request->conf_serial,
                                                .interval_usec = request->interval_usec,
                                                .host = host,
                                                .services = observer->services };
}

const struct census *observer_census(const struct observer *observer)
{
        return observer->census;
}

uint32_t observer_plan(struct observer *observer, bool *ret_info)
{
        bool info;

        observer_ask_census(observer, observer->request, &observer->host,
                            &observer->census_request);
        observer->census_due =
                census_taker_is_due(observer->taker, &observer->census_request, &info);
        *ret_info = observer->request->date_new || (observer->census_due && info);
        return OBSERVER_STATES | (observer->census_due ? CENSUS_STATES : 0);
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
        if (!(SOCK_MASK(record->state) & OBSERVER_STATES))
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
        snapshot->requested = OBSERVER_STATES;
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
        if (snapshot->result == SCAN_COMPLETE) {
                snapshot->complete = OBSERVER_STATES;
                observer->asof_usec[SOCK_TIME_WAIT] = snapshot->start_usec;
                observer->asof_usec[SOCK_CLOSE_WAIT] = snapshot->start_usec;
        }
        memcpy(snapshot->asof_usec, observer->asof_usec, sizeof(snapshot->asof_usec));
}

static void *copy_array(const void *array, size_t n, size_t item)
{
        void *copy = n > 0 ? malloc(n * item) : NULL;

        if (copy)
                memcpy(copy, array, n * item);
        return copy;
}

/* What a broken scan counted, or listed at zero for want of sockets, is nothing that was seen. */
static void drop_counts(struct snapshot *snapshot)
{
        free(snapshot->rows);
        free(snapshot->index);
        free(snapshot->leaks);
        snapshot->rows = NULL;
        snapshot->index = NULL;
        snapshot->leaks = NULL;
        snapshot->n_rows = snapshot->index_mask = snapshot->n_leaks = 0;
        snapshot->ports_overflow = 0;
        memset(snapshot->total, 0, sizeof(snapshot->total));
}

/* A scan that saw nothing shows what the last one saw, as old as it is, instead of zeros. */
static int repeat_counts(const struct observer *observer, struct snapshot *snapshot)
{
        const struct snapshot *last = observer->last;

        drop_counts(snapshot);
        if (!last || last->n_rows == 0)
                return 0;
        snapshot->rows = copy_array(last->rows, last->n_rows, sizeof(*last->rows));
        snapshot->index =
                copy_array(last->index, (size_t)last->index_mask + 1, sizeof(*last->index));
        snapshot->leaks = copy_array(last->leaks, last->n_leaks, sizeof(*last->leaks));
        if (!snapshot->rows || !snapshot->index || (!snapshot->leaks && last->n_leaks > 0))
                return -ENOMEM; /* freed with the snapshot */
        snapshot->n_rows = last->n_rows;
        snapshot->index_mask = last->index_mask;
        snapshot->n_leaks = last->n_leaks;
        memcpy(snapshot->total, last->total, sizeof(snapshot->total));
        snapshot->counts_wall_usec = last->counts_wall_usec;
        return 0;
}

static int settle_counts(struct observer *observer, struct snapshot *snapshot)
{
        if (snapshot->result == SCAN_FAILED)
                return repeat_counts(observer, snapshot);
        snapshot->counts_wall_usec = snapshot->start_wall_usec;
        snapshot_unref(observer->last);
        observer->last = snapshot_ref(snapshot);
        return 0;
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
        int r = observer->census_due ? end_census(observer, whole) : 0;

        host_facts_set_table(&observer->host, whole ? &snapshot->total[SOCK_TIME_WAIT] : NULL,
                             &observer->overflow);
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

int observer_finish(struct observer *observer, const struct scan_outcome *outcome,
                    struct snapshot **ret_snapshot)
{
        const struct scan_request *request = observer->request;
        struct snapshot *snapshot;
        int r;

        survival_begin(observer->survival, request->rules, request->now_usec);
        ledger_end(observer->ledger, outcome->sockets_whole, survival_left, observer->survival);
        survival_judge(observer->survival, observer->ledger, outcome->sockets_whole);
        r = tally_finish(observer->tally, request->rules, request->now_usec, &snapshot);
        if (r < 0)
                return r;
        r = add_leaks(observer, snapshot);
        if (r == 0)
                r = add_host(observer, outcome->sockets_whole, snapshot);
        if (r < 0) {
                snapshot_unref(snapshot);
                return r;
        }
        stamp(request, outcome, snapshot);
        date_states(observer, snapshot);
        r = settle_counts(observer, snapshot);
        if (r < 0) {
                snapshot_unref(snapshot);
                return r;
        }
        *ret_snapshot = snapshot;
        return 0;
}

bool observer_age(const struct observer *observer, uint64_t cookie, uint64_t now_usec,
                  uint64_t *ret_usec, bool *ret_at_least)
{
        const struct ledger_entry *entry = ledger_find(observer->ledger, cookie);

        if (!entry)
                return false;
        *ret_usec = now_usec > entry->first_seen_usec ? now_usec - entry->first_seen_usec : 0;
        *ret_at_least = entry->flags & LEDGER_AT_LEAST;
        return true;
}

const struct services *observer_services(const struct observer *observer)
{
        return observer->services;
}

const struct ledger *observer_ledger(const struct observer *observer)
{
        return observer->ledger;
}

const struct survival *observer_survival(const struct observer *observer)
{
        return observer->survival;
}

const struct tw_overflow *observer_overflow(const struct observer *observer)
{
        return &observer->overflow;
}

void observer_restore(struct observer *observer, const struct observer_past *past)
{
        services_free(observer->services);
        observer->services = past->services;
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
        host_facts_clear(&snapshot->host);
        stamp(request, outcome, snapshot);
        *ret_snapshot = snapshot;
        return 0;
}
