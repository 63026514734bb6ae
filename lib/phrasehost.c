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

bool phrase_is_fin_wait2(const struct alert *alert)
{
        const struct tw_table *table = &alert->values.tw_table;

        return alert->key.kind == ALERT_TIME_WAIT_TABLE && table->known && table->time_wait_known &&
               table->time_wait < table->used && table->used - table->time_wait > table->time_wait;
}

/* A limit of 0: there is no table to be full. */
static void add_no_table(struct line *line, const struct tw_table *table, bool over)
{
        line_add(line, "the TIME_WAIT table is switched off (net.ipv4.tcp_max_tw_buckets is 0)");
        if (over)
                return;
        line_add(line, ", connections end without TIME_WAIT");
        if (table->overflows > 0)
                line_add(line, ", %" PRIu64 " since the last look", table->overflows);
}

static void add_use(struct line *line, const struct tw_table *table)
{
        line_add(line, "%" PRIu64 "%% full (%" PRIu64 " of %" PRIu64, tw_table_percent(table),
                 table->used, table->max);
        if (table->time_wait_known && table->used > table->time_wait)
                line_add(line, ", %" PRIu64 " of them in FIN_WAIT2",
                         table->used - table->time_wait);
        line_add(line, ")");
}

/* That it overflowed comes first: it may be nearly empty again. */
void phrase_add_table(struct line *line, const struct alert *alert, bool over)
{
        const struct tw_table *table = &alert->values.tw_table;
        const bool overflowed = table->overflows > 0 && !over;

        if (!table->known) {
                line_add(line, "the TIME_WAIT table");
                return;
        }
        if (table->max == 0) {
                add_no_table(line, table, over);
                return;
        }
        if (overflowed)
                line_add(line,
                         "%" PRIu64 " connection%s found no room in the TIME_WAIT table since the "
                         "last look, now it is ",
                         table->overflows, table->overflows == 1 ? "" : "s");
        else
                line_add(line, "the TIME_WAIT table is ");
        add_use(line, table);
        if (over)
                return;
        if (phrase_is_fin_wait2(alert))
                line_add(line, ", peers do not close");
        if (overflowed)
                return;
        if (alert->severity == SEVERITY_CRITICAL && alert->critical != RULE_LEVEL_OFF &&
            alert->values.count < (uint64_t)alert->critical)
                line_add(line, ", and was full or nearly so not long ago");
        else
                add_level(line, alert);
}
