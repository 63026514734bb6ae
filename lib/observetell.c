/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is asked changes nothing. Between two scans it is answered as of the last one. */

#include "base.h"
#include "observe-private.h"
#include "schedule.h"

void observer_ask_census(const struct observer *observer, const struct scan_request *request,
                         const struct host_facts *host, struct census_request *ret_request)
{
        const uint64_t steady_usec = schedule_steady_usec(request->interval_usec);

        *ret_request = (struct census_request){ .now_usec = request->now_usec,
                                                .now_wall_usec = request->now_wall_usec,
                                                .rules = request->rules,
                                                .conf_serial = request->conf_serial,
                                                .interval_usec = request->pause_usec > steady_usec
                                                                         ? request->pause_usec
                                                                         : request->interval_usec,
                                                .host = host,
                                                .services = observer->services };
}

const struct census *observer_census(const struct observer *observer)
{
        return observer->census;
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

struct counters_pace observer_counters_pace(const struct observer *observer)
{
        const struct scan_request *request = observer->request;
        const uint64_t steady_usec = schedule_steady_usec(request->interval_usec);

        return (struct counters_pace){ .now_usec = request->now_usec,
                                       .every_usec = MIN(steady_usec, HOST_COUNTERS_USEC) };
}

bool observer_wants_counters(const struct observer *observer, const struct host_facts *facts)
{
        const struct counters_pace pace = observer_counters_pace(observer);

        return host_facts_want_counters(facts, &observer->counters, &pace);
}

const struct tw_overflow *observer_overflow(const struct observer *observer)
{
        return &observer->overflow;
}
