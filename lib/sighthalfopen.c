/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the newest census says about the established connections of one port. Scans between two
 * censuses say nothing about them, neither that they are there nor that they are gone: each census
 * is judged once, at the time at which it was taken, and until the next one every clock runs on.
 * So a hold time has passed where two censuses agree that are so far apart. A scan that could not
 * see is no such pause: as for every other alert, ClearAfter begins anew after it.
 */

#include "halfopen.h"
#include "sight.h"

/* By the same rules as the scan, and newer than what the alert was judged by last. */
static bool is_news(const struct census *census, const struct snapshot *snapshot,
                    const struct alert *alert)
{
        return census && census->half_open_counted &&
               census->conf_serial == snapshot->conf_serial &&
               census->asof_usec != alert->seen_usec;
}

void sight_of_half_open(const struct rule *rule, const struct snapshot *snapshot,
                        const struct alert *alert, struct sight *ret_sight)
{
        static const struct half_open none = { .known = true };
        const struct census *census = snapshot->census;
        const struct half_open_row *row;
        struct sight sight = { .clear_after_usec = rule->clear_after_usec };
        uint64_t number;

        if (snapshot->result == SCAN_FAILED || !is_news(census, snapshot, alert)) {
                sight.stale = snapshot->result == SCAN_COMPLETE;
                *ret_sight = sight;
                return;
        }
        row = census_find_half_open(census, &alert->key.port);
        sight.known = true;
        sight.certain = census->whole && snapshot->result == SCAN_COMPLETE &&
                        (row || census->half_open_overflow == 0);
        sight.seen_usec = census->asof_usec;
        sight.values.half_open = row ? row->half_open : none;
        number = half_open_number(&sight.values.half_open);
        sight.values.count = number;
        if (row)
                sight.witness = row->witness;
        sight.level = sight_level(rule, number);
        sight.below_critical = sight_is_below(rule, rule->critical, number);
        sight.below_lowest = sight.below_critical && sight_is_below(rule, rule->warning, number);
        *ret_sight = sight;
}

bool sight_half_open_is_reached(const struct rule *rule, const struct half_open_row *row)
{
        return sight_level(rule, half_open_number(&row->half_open)) != SEVERITY_NONE;
}
