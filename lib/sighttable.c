/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * time-wait-table compares how full the table is, in percent, with its levels. A connection that
 * found no room is worse than any percentage and past already: it reaches the highest level that
 * there is at once, whatever RaiseAfter is, and keeps from clearing what it raised until ClearAfter
 * has passed without another. Where nobody can say whether there was one, the percentage decides.
 * Not every snapshot is judged, so that those of the snapshots before it count, too.
 *
 * It is judged at every scan, also those that saw no socket, and those that only estimate TIME_WAIT:
 * the numbers do not come from the sockets.
 */

#include "sight.h"

/* A severity whose level is off does not exist. */
static enum severity highest(const struct rule *rule)
{
        return rule->critical != RULE_LEVEL_OFF ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

void sight_of_table(const struct rule *rule, const struct tw_table *table, struct sight *ret_sight)
{
        const uint64_t percent = tw_table_percent(table);
        struct sight sight = { .known = table->known,
                               .certain = true,
                               .clear_after_usec = rule->clear_after_usec };

        *ret_sight = (struct sight){ 0 };
        if (!sight.known)
                return;
        sight.values.count = percent;
        sight.values.tw_table = *table;
        sight.level = sight_level(rule, percent);
        sight.below_critical = sight_is_below(rule, rule->critical, percent);
        sight.below_lowest = sight.below_critical && sight_is_below(rule, rule->warning, percent);
        if (table->overflows > 0) {
                sight.level = sight.held = highest(rule);
                sight.below_lowest = sight.below_critical = false;
        }
        *ret_sight = sight;
}

bool sight_table_is_reached(const struct rule *rule, const struct tw_table *table)
{
        if (!table->known)
                return false;
        return table->overflows > 0 || sight_level(rule, tw_table_percent(table)) != SEVERITY_NONE;
}
