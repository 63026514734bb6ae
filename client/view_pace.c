/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Scans that come less often than somebody expects are the first thing to be suspected at night, so
 * the reason stands beside them. A reason that this client does not know is left out.
 */

#include "view_pace.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "field.h"
#include "units.h"
#include "view.h"

/* NULL: nothing worth saying. */
static const char *words_for(const char *reason)
{
        static const struct {
                const char *reason, *words;
        } table[] = {
                { "due", "something may be decided then" },
                { "steady", "nothing is pending, or near a level" },
                { "budget", "CPUBudget allows none before" },
        };

        for (size_t i = 0; reason && i < ARRAY_SIZE(table); i++)
                if (strcmp(table[i].reason, reason) == 0)
                        return table[i].words;
        return NULL;
}

void view_pace_write_age(FILE *out, const json_t *reply)
{
        char age[UNITS_TEXT_MAX];
        uint64_t age_usec;

        if (!field_text(reply, "scannedAt"))
                fputs("no scan yet", out);
        else if (!view_age_of(reply, "scannedAt", &age_usec))
                fputs("last scan at an unknown time", out);
        else if (age_usec < USEC_PER_SEC)
                fputs("last scan just now", out);
        else
                fprintf(out, "last scan %s ago", units_format_age(age_usec, age));
}

/* words: why then, or NULL. */
static void write_next(FILE *out, const json_t *schedule, const char *words)
{
        char next[UNITS_TEXT_MAX];
        uint64_t next_usec;

        if (!field_count(schedule, "nextUsec", &next_usec))
                return;
        if (next_usec < USEC_PER_SEC)
                fputs(", next now", out);
        else
                fprintf(out, ", next in %s", units_format_age(next_usec, next));
        if (words)
                fprintf(out, " (%s)", words);
}

/* They are estimated. */
static void write_time_wait(FILE *out, const json_t *totals)
{
        char age[UNITS_TEXT_MAX];
        uint64_t age_usec, total, fresh;

        if (view_age_of(totals, "timeWaitAt", &age_usec))
                fprintf(out, "; TIME_WAIT counted %s ago, estimated (~) since",
                        units_format_age(age_usec, age));
        else
                fputs("; TIME_WAIT estimated (~)", out);
        if (field_count(totals, "timeWait", &total) && field_count(totals, "timeWaitNew", &fresh))
                fprintf(out,
                        "; of %" PRIu64 " in all %" PRIu64 " have come since, on ports that the "
                        "next count tells",
                        total, fresh);
}

void view_pace_write(FILE *out, const json_t *status)
{
        const json_t *schedule = field_object(status, "schedule");
        const json_t *totals = field_object(status, "totals");

        write_next(out, schedule, words_for(field_text(schedule, "reason")));
        if (field_true(totals, "timeWaitEstimated"))
                write_time_wait(out, totals);
}

static bool is_same_scan(const json_t *reply, const json_t *status)
{
        const char *ours = field_text(reply, "scannedAt"),
                   *theirs = field_text(status, "scannedAt");

        return ours && theirs && strcmp(ours, theirs) == 0;
}

void view_pace_write_line(FILE *out, const json_t *reply, const json_t *status, bool estimated)
{
        const json_t *schedule = field_object(status, "schedule");
        const char *reason = field_text(schedule, "reason");
        const bool late = reason && strcmp(reason, "budget") == 0;

        view_pace_write_age(out, reply);
        write_next(out, schedule, late ? words_for(reason) : NULL);
        if (estimated)
                write_time_wait(out, field_object(status, "totals"));
}

int view_pace_say(const struct term *term, const json_t *reply, const json_t *status,
                  bool estimated)
{
        char *line = NULL;
        size_t len;
        FILE *out = open_memstream(&line, &len);

        if (!out)
                return -ENOMEM;
        view_pace_write_line(out, reply, is_same_scan(reply, status) ? status : NULL, estimated);
        if (fclose(out) != 0) {
                free(line);
                return -ENOMEM;
        }
        line[0] = (char)toupper((unsigned char)line[0]);
        term_say(term, PAINT_FAINT, "%s.", line);
        free(line);
        return 0;
}

/* What took that time: looks and searches for owners are charged to it as well. */
static void draw_share(const struct term *term, const json_t *schedule)
{
        const json_t *share = json_object_get(schedule, "cpuPercent");

        if (json_is_number(share))
                term_say(term, PAINT_FAINT,
                         "Scans, looks and searches for owners took %.2f%% of one CPU lately.",
                         json_number_value(share));
}

void view_pace_draw(const struct term *term, const json_t *status)
{
        const json_t *schedule = field_object(status, "schedule");
        const json_t *budget = json_object_get(schedule, "cpuBudgetPercent");
        char gap[UNITS_TEXT_MAX], delay[UNITS_TEXT_MAX];
        uint64_t gap_usec, later_usec, delay_usec;

        if (!json_is_number(budget) || !field_count(schedule, "laterUsec", &later_usec) ||
            !field_count(schedule, "gapUsec", &gap_usec) ||
            !field_count(schedule, "delayUsec", &delay_usec) || later_usec < USEC_PER_SEC)
                return;
        term_say(
                term, PAINT_WARNING,
                "Scans are stretched: CPUBudget=%g%% allows the next one %s after the last; alerts "
                "may come up to %s later than without a budget.",
                json_number_value(budget), units_format_age(gap_usec, gap),
                units_format_age(delay_usec, delay));
        draw_share(term, schedule);
}
