/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A scan, from its request to its last socket: listeners come first, since they decide on which side
 * a connection counts. How it ends is observefinish.c's.
 */

#include "observe-private.h"

#include <errno.h>
#include <stdlib.h>

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
