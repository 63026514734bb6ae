/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All sockets of the host together are more than those of any one destination. While sockstat has
 * fewer of them than half of the lowest warning level, nothing is near its limit and no walk is
 * made. Above that, a walk a minute finds what comes near; at once, where there are so many sockets
 * more than at the last walk that one destination may have got there meanwhile. While one is near,
 * and for as long after that as an alert takes to clear, every scan walks.
 *
 * Where alerts clear only below less than half of their level, near begins there: an alert that is
 * raised must be followed until it clears. For the same reason settings that allow for more ports
 * count from the first walk by them on: until then an alert has the number that it was raised with.
 */

#include "destinationguard.h"

#include "base.h"

#define NEAR_PCT           50 /* of the warning level */
#define PERCENT_OF_PERCENT 10000

/* The part of a limit at which a rule's destinations are near it, in percent of percents. */
static uint64_t near_part(const struct rule *rule)
{
        const int64_t level = rule->warning != RULE_LEVEL_OFF ? rule->warning : rule->critical;

        return (uint64_t)level * MIN((unsigned)NEAR_PCT, rule->clear_below_pct);
}

/* ... and in ports. */
static uint64_t near_ports(uint64_t part, uint32_t usable)
{
        return (part * usable + PERCENT_OF_PERCENT - 1) / PERCENT_OF_PERCENT;
}

struct lowest {
        const struct rules *rules;
        uint64_t part; /* 0: none yet */
};

static void lower(const struct port_key *key, void *userdata)
{
        struct lowest *lowest = userdata;
        const struct rule *rule = key->side == SIDE_REMOTE
                                          ? rules_find(lowest->rules, ALERT_PORT_EXHAUSTION, key)
                                          : NULL;

        if (rule && (lowest->part == 0 || near_part(rule) < lowest->part))
                lowest->part = near_part(rule);
}

/* By new rules nothing was seen yet; a reload that leaves them as they were takes nothing away. */
static void follow_rules(struct destination_guard *guard, const struct census_request *request)
{
        static const struct port_key any = { .side = SIDE_REMOTE };
        struct lowest lowest = { .rules = request->rules };
        const bool first = !guard->rules;
        uint64_t digest;

        if (guard->rules == request->rules && guard->conf_serial == request->conf_serial)
                return;
        guard->rules = request->rules;
        guard->conf_serial = request->conf_serial;
        digest = rules_digest(request->rules, ALERT_PORT_EXHAUSTION);
        if (!first && digest == guard->digest)
                return;
        lower(&any, &lowest);
        rules_each_configured(request->rules, lower, &lowest);
        guard->digest = digest;
        guard->lowest = lowest.part;
        guard->walk_usec = guard->near_to_usec = 0;
}

/* By other settings the same sockets are another number. */
static bool is_same_count(const struct kernlimits *a, const struct kernlimits *b)
{
        return a->port_range_known == b->port_range_known && a->port_first == b->port_first &&
               a->port_last == b->port_last && a->reserved_in_range == b->reserved_in_range &&
               a->tw_reuse == b->tw_reuse && a->tw_reuse_delay_msec == b->tw_reuse_delay_msec &&
               a->timestamps == b->timestamps;
}

int64_t destination_guard_sockets(const struct host_facts *host)
{
        const struct sockstat *sockstat = &host->sockstat;

        return sockstat->inuse < 0 || sockstat->tw < 0 ? HOST_UNKNOWN
                                                       : sockstat->inuse + sockstat->tw;
}

static bool has_grown(const struct destination_guard *guard, int64_t sockets)
{
        return sockets >= 0 && guard->walk_sockets >= 0 && sockets > guard->walk_sockets &&
               (uint64_t)(sockets - guard->walk_sockets) >= guard->margin;
}

bool destination_guard_is_near(const struct destination_guard *guard, uint64_t now_usec)
{
        return now_usec < guard->near_to_usec;
}

bool destination_guard_is_due(struct destination_guard *guard, const struct census_request *request,
                              uint32_t usable)
{
        const int64_t sockets = destination_guard_sockets(request->host);
        const uint32_t judged = guard->walk_usable > 0 ? MIN(usable, guard->walk_usable) : usable;

        follow_rules(guard, request);
        if (guard->lowest == 0 || usable == 0)
                return false; /* nothing would be judged, or it could not be */
        if (sockets >= 0 && (uint64_t)sockets < near_ports(guard->lowest, judged))
                return false;
        return guard->walk_usec == 0 || !is_same_count(&guard->limits, &request->host->limits) ||
               destination_guard_is_near(guard, request->now_usec) ||
               request->now_usec - guard->walk_usec >= CENSUS_EVERY_USEC ||
               has_grown(guard, sockets);
}

void destination_guard_begin(struct destination_guard *guard, const struct census_request *request,
                             uint32_t usable, uint32_t error_max)
{
        uint64_t near;

        follow_rules(guard, request);
        near = near_ports(guard->lowest, usable);
        guard->walk_usec = MAX(request->now_usec, UINT64_C(1));
        guard->limits = request->host->limits;
        guard->walk_usable = usable;
        guard->walk_sockets = destination_guard_sockets(request->host);
        guard->margin = near > error_max ? near - error_max : 0;
}

void destination_guard_see(struct destination_guard *guard, const struct census_request *request,
                           uint32_t usable, const struct destination_entry *entry)
{
        const struct rule *rule = rules_find(request->rules, ALERT_PORT_EXHAUSTION, &entry->port);
        uint64_t near;

        if (!rule || usable == 0)
                return;
        near = near_ports(near_part(rule), usable);
        if (entry->used < near)
                guard->margin = MIN(guard->margin, near - entry->used);
        else
                guard->near_to_usec =
                        MAX(guard->near_to_usec, request->now_usec + rule->clear_after_usec +
                                                         3 * request->interval_usec + 1);
}
