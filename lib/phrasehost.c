/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said about the host as a whole; the model stands in phrase.c. */

#include "phrase.h"

#include <inttypes.h>

/* The level that is reached or was; an overflow needs none. */
static void add_level(struct line *line, const struct alert *alert)
{
        const int64_t level =
                alert->severity == SEVERITY_CRITICAL ? alert->critical : alert->warning;

        if (level != RULE_LEVEL_OFF)
                line_add(line, ", the level is %" PRId64 "%%", level);
}

void phrase_add_table(struct line *line, const struct alert *alert, bool over)
{
        const struct tw_table *table = &alert->values.tw_table;

        if (!table->known) {
                line_add(line, "the TIME_WAIT table");
                return;
        }
        line_add(line, "the TIME_WAIT table is %s%" PRIu64 "%% full (%" PRIu64 " of %" PRIu64,
                 table->overflows > 0 && !over ? "overflowing, " : "", tw_table_percent(table),
                 table->used, table->max);
        if (table->time_wait_known && table->used > table->time_wait)
                line_add(line, ", %" PRIu64 " of them in FIN_WAIT2",
                         table->used - table->time_wait);
        line_add(line, ")");
        if (over)
                return;
        if (table->overflows > 0)
                line_add(line, ", %" PRIu64 " connection%s found no room since the scan before",
                         table->overflows, table->overflows == 1 ? "" : "s");
        else if (alert->severity == SEVERITY_CRITICAL && alert->critical != RULE_LEVEL_OFF &&
                 alert->values.count < (uint64_t)alert->critical)
                line_add(line, ", and was full or nearly so not long ago");
        else
                add_level(line, alert);
}
