/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * On a host on which nothing is wrong, nothing stands here: a table that is half empty and counters
 * that do not move are for --json. Counters stand under the kernel's names, as nstat(8) has them.
 */

#include "view_host.h"

#include <inttypes.h>

#include "base.h"
#include "field.h"
#include "line.h"

#define TABLE_SHOWN_PCT 50
#define TABLE_TEXT_MAX  480

/* "87 of 100 in use, 3 of them in FIN_WAIT2" */
static void add_use(struct line *line, const json_t *table)
{
        char used[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];
        uint64_t fin_wait2;

        line_add(line, "%s of %s in use", field_show_count(table, "used", used),
                 field_show_count(table, "max", max));
        if (field_count(table, "finWait2", &fin_wait2) && fin_wait2 > 0)
                line_add(line, ", %" PRIu64 " of them in FIN_WAIT2", fin_wait2);
}

/* What found no room: in the window of the counters, or where they are not known since the scan
 * before. */
static uint64_t find_overflows(const json_t *status, const json_t *table)
{
        uint64_t overflows = 0;

        if (!field_count(field_object(status, "endings"), "timeWaitOverflow", &overflows))
                field_count(table, "overflows", &overflows);
        return overflows;
}

static void add_overflows(struct line *line, const json_t *status, uint64_t overflows)
{
        const json_t *endings = field_object(status, "endings");
        uint64_t window_sec;
        char text[UNITS_TEXT_MAX];

        if (overflows == 0)
                return;
        line_add(line, "; %" PRIu64 " connection%s found no room in it", overflows,
                 overflows == 1 ? "" : "s");
        if (field_count(endings, "windowSec", &window_sec))
                line_add(line, " in %s", field_show_age(endings, "windowSec", NULL, text));
}

/* "TIME_WAIT table: 87 of 100 in use, 3 of them in FIN_WAIT2; 12 connections found no room ..." */
static bool write_table(const json_t *status, bool all, char text[static TABLE_TEXT_MAX])
{
        const json_t *table = field_object(status, "timeWaitTable");
        const uint64_t overflows = find_overflows(status, table);
        struct line line = line_init(text, TABLE_TEXT_MAX);
        uint64_t used, max;

        if (!field_count(table, "used", &used) || !field_count(table, "max", &max))
                return false;
        if (!all && overflows == 0 &&
            used <= max / 100 * TABLE_SHOWN_PCT + max % 100 * TABLE_SHOWN_PCT / 100)
                return false;
        line_add(&line, "TIME_WAIT table: ");
        if (max > 0)
                add_use(&line, table);
        else
                line_add(&line, "switched off, its limit is 0");
        add_overflows(&line, status, overflows);
        line_add(&line, ".");
        return true;
}

void view_host_note(struct table *table, const json_t *alert)
{
        const json_t *entries = field_object(alert, "timeWaitTable");
        char text[TABLE_TEXT_MAX];
        struct line line = line_init(text, sizeof(text));
        uint64_t overflows, max;

        if (!entries)
                return;
        if (field_count(entries, "max", &max) && max == 0)
                line_add(&line, "the table is switched off, its limit is 0");
        else
                add_use(&line, entries);
        table_note(table, "%s", text);
        if (field_count(entries, "overflows", &overflows) && overflows > 0)
                table_note(table, "%" PRIu64 " connection%s found no room since the last look",
                           overflows, overflows == 1 ? "" : "s");
}

/* "Endings in 1min: TCPAbortOnData 30 (0.50/s), ListenDrops 6 (0.10/s)": those that moved. */
static bool write_counters(const json_t *endings, char text[static TABLE_TEXT_MAX])
{
        static const struct {
                const char *member, *name;
        } counters[] = {
                { "abortOnClose", "TCPAbortOnClose" },
                { "abortOnData", "TCPAbortOnData" },
                { "abortOnLinger", "TCPAbortOnLinger" },
                { "abortOnTimeout", "TCPAbortOnTimeout" },
                { "timeWaitOverflow", "TCPTimeWaitOverflow" },
                { "timeWaitRecycled", "TWRecycled" },
                { "listenOverflows", "ListenOverflows" },
                { "listenDrops", "ListenDrops" },
        };
        struct line line = line_init(text, TABLE_TEXT_MAX);
        uint64_t window_sec, before_sec, count;
        char age[UNITS_TEXT_MAX], before[UNITS_TEXT_MAX];
        unsigned n = 0;

        if (!field_count(endings, "windowSec", &window_sec) || window_sec == 0)
                return false;
        line_add(&line, "Endings in %s", field_show_age(endings, "windowSec", NULL, age));
        if (field_count(endings, "beforeScanSec", &before_sec))
                line_add(&line, " (until %s before the last scan)",
                         field_show_age(endings, "beforeScanSec", NULL, before));
        line_add(&line, ": ");
        for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
                if (!field_count(endings, counters[i].member, &count) || count == 0)
                        continue;
                line_add(&line, "%s%s %" PRIu64 " (%.2f/s)", n++ > 0 ? ", " : "", counters[i].name,
                         count, (double)count / (double)window_sec);
        }
        line_add(&line, ".");
        return n > 0;
}

void view_host_draw(const struct term *term, const json_t *status, bool all)
{
        const json_t *endings = field_object(status, "endings");
        const char *reading = field_text(endings, "reading");
        char table[TABLE_TEXT_MAX], counters[TABLE_TEXT_MAX];
        const bool has_table = write_table(status, all, table);
        const bool has_counters = write_counters(endings, counters);

        if (!has_table && !has_counters && !reading)
                return;
        fputc('\n', term->out);
        if (has_table)
                term_say(term, PAINT_NONE, "%s", table);
        if (has_counters)
                term_say(term, PAINT_NONE, "%s", counters);
        if (reading)
                term_say(term, PAINT_NONE, "Reading: %s.", reading);
}
