/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The levels are percentages of the usable ports. Three sources tell of a destination:
 *
 *   a census of this scan, which lists it or shows how few a destination has that is not listed;
 *   sockstat, where all sockets of the host together are too few to hold any level;
 *   an older census, by which nothing is judged anew: it would let hold times run on old numbers.
 *   Where sockstat does not rule a destination out, the next census is a minute away at the most,
 *   and what the last one has shown holds until then. A scan that could not see is no such pause,
 *   nor is it one where no census can come because the range or the reserved ports are not known
 *   any more: as for every other alert, ClearAfter begins anew after it.
 *
 * Where a count may be too great (error_max), what raises is what there is at least, and what clears
 * what there is at most.
 *
 * Ports run out in seconds, and connect() fails from one moment to the next. So a level counts as
 * held where the ports would have run out by the scan that follows RaiseAfter; and where they would
 * have by the next scan already, a level that is reached is critical, because there is no other scan
 * to say so before.
 */

#include "sight.h"

#include "base.h"
#include "destinationguard.h"

static uint32_t at_least(const struct exhaustion *exhaustion)
{
        return exhaustion->used - MIN(exhaustion->error_max, exhaustion->used);
}

static uint64_t percent(uint32_t used, const struct exhaustion *exhaustion)
{
        return exhaustion->usable > 0 ? (uint64_t)used * 100 / exhaustion->usable : 0;
}

static bool run_out_within(const struct exhaustion *exhaustion, uint64_t usec)
{
        if (exhaustion->usable == 0)
                return false;
        return at_least(exhaustion) >= exhaustion->usable ||
               (exhaustion->burning && exhaustion->eta_usec <= usec);
}

static enum severity level_of(const struct rule *rule, const struct exhaustion *exhaustion)
{
        const enum severity level = sight_level(rule, percent(at_least(exhaustion), exhaustion));

        if (level == SEVERITY_WARNING && rule->critical != RULE_LEVEL_OFF &&
            run_out_within(exhaustion, exhaustion->pause_usec))
                return SEVERITY_CRITICAL;
        return level;
}

/* So many may be in use, and perhaps none is. */
static struct exhaustion at_most(uint32_t most, uint32_t usable)
{
        return (struct exhaustion){
                .known = true, .used = most, .usable = usable, .error_max = most
        };
}

/* Of a destination that is not listed: no more than of the last that is. */
static struct exhaustion unlisted(const struct census *census)
{
        uint32_t most = census->error_max;

        if (census->n_destinations == CENSUS_DESTINATIONS_MAX)
                most = MAX(most, census->destinations[CENSUS_DESTINATIONS_MAX - 1].exhaustion.used);
        return at_most(most, census->usable);
}

/* False: this snapshot tells nothing of it. */
static bool see(const struct snapshot *snapshot, const struct alert *alert, struct sight *sight)
{
        const struct census *census = snapshot->census;
        const struct destination_row *row;

        if (!census || !census->destinations_counted || census->asof_usec != snapshot->start_usec ||
            census->usable == 0)
                return false;
        row = census_find_destination(census, &alert->key.port, &alert->key.destination);
        sight->values.exhaustion = row ? row->exhaustion : unlisted(census);
        sight->certain = census->whole;
        sight->seen_usec = census->asof_usec;
        if (row)
                sight->witness = row->witness;
        return true;
}

/* By all sockets of the host, of which it has a part. */
static bool rule_out(const struct rule *rule, const struct snapshot *snapshot,
                     const struct alert *alert, struct sight *sight)
{
        const int64_t sockets = destination_guard_sockets(&snapshot->host);
        const uint32_t usable = alert->values.exhaustion.usable;
        const int64_t lowest = rule->warning != RULE_LEVEL_OFF ? rule->warning : rule->critical;

        if (sockets < 0 || sockets > UINT32_MAX || usable == 0)
                return false;
        sight->values.exhaustion = at_most((uint32_t)sockets, usable);
        sight->certain = true;
        return sight_is_below(rule, lowest, percent((uint32_t)sockets, &sight->values.exhaustion));
}

/* The next walk is due a minute after the last at the latest, unless none can be made any more. */
static bool is_between_walks(const struct snapshot *snapshot, const struct alert *alert)
{
        return snapshot->result == SCAN_COMPLETE &&
               snapshot->start_usec - MIN(alert->seen_usec, snapshot->start_usec) <=
                       2 * CENSUS_EVERY_USEC;
}

void sight_of_destination(const struct rule *rule, const struct snapshot *snapshot,
                          const struct alert *alert, struct sight *ret_sight)
{
        const struct exhaustion *exhaustion = &ret_sight->values.exhaustion;
        uint64_t number;
        bool imminent;

        *ret_sight = (struct sight){ 0 };
        if (snapshot->result == SCAN_FAILED ||
            (!see(snapshot, alert, ret_sight) && !rule_out(rule, snapshot, alert, ret_sight))) {
                *ret_sight = (struct sight){ .stale = is_between_walks(snapshot, alert) };
                return;
        }
        number = percent(exhaustion->used, exhaustion);
        imminent = run_out_within(exhaustion, exhaustion->pause_usec);
        ret_sight->known = true;
        ret_sight->clear_after_usec = rule->clear_after_usec;
        ret_sight->values.count = number;
        ret_sight->level = level_of(rule, exhaustion);
        ret_sight->below_critical = !imminent && sight_is_below(rule, rule->critical, number);
        ret_sight->below_lowest =
                ret_sight->below_critical && sight_is_below(rule, rule->warning, number);
        if (run_out_within(exhaustion, rule->raise_after_usec + exhaustion->pause_usec))
                ret_sight->held = ret_sight->level;
}

bool sight_destination_is_reached(const struct rule *rule, const struct destination_row *row)
{
        return level_of(rule, &row->exhaustion) != SEVERITY_NONE;
}
