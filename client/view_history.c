/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl history: how the counts of a port went. Of each column the greatest number is drawn: a
 * peak that lasted ten seconds is what somebody looks for. What nobody knows stays blank.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "chart.h"
#include "field.h"
#include "historyreply.h"
#include "view.h"

#define SINCE_DEFAULT_SEC 7200

static const struct metric {
        const char *member, *title, *csv;
        unsigned rows;
} metrics[] = {
        { "closeWait", "CLOSE_WAIT", "close_wait", 5 },
        { "stuck", "stuck", "stuck", 5 },
        { "timeWait", "TIME_WAIT", "time_wait", 3 },
};

static const char *const spans[] = { "min", "max", "last" };

/* ---- CSV ---- */

static void write_number(FILE *out, uint64_t number)
{
        if (number == CHART_UNKNOWN)
                fputc(',', out);
        else
                fprintf(out, ",%" PRIu64, number);
}

static void write_row(FILE *out, const json_t *side, size_t i)
{
        const char *severity = historyreply_severity(side, i);

        for (size_t m = 0; m < ARRAY_SIZE(metrics); m++)
                for (size_t s = 0; s < ARRAY_SIZE(spans); s++)
                        write_number(out, historyreply_number(
                                                  field_array(field_object(side, metrics[m].member),
                                                              spans[s]),
                                                  i));
        fprintf(out, ",%d,%s\n",
                json_is_true(json_array_get(field_array(side, "timeWaitEstimated"), i)),
                severity ? severity : "");
}

static void print_csv(const struct view *view, const json_t *reply, uint64_t start_sec,
                      uint64_t step_sec)
{
        json_t *sides = field_array(reply, "sides"), *side;
        FILE *out = view->term.out;
        char at[UNITS_TEXT_MAX];
        size_t i;

        fputs("time,side", out);
        for (size_t m = 0; m < ARRAY_SIZE(metrics); m++)
                for (size_t s = 0; s < ARRAY_SIZE(spans); s++)
                        fprintf(out, ",%s_%s", metrics[m].csv, spans[s]);
        fputs(",time_wait_estimated,alert\n", out);
        json_array_foreach(sides, i, side)
        {
                const char *name = field_text(side, "side");
                const bool remote = name && strcmp(name, "remote") == 0;

                for (size_t k = 0; k < historyreply_steps(side); k++) {
                        fprintf(out, "%s,%s",
                                units_format_rfc3339((start_sec + k * step_sec) * USEC_PER_SEC, at),
                                remote ? "remote" : "local");
                        write_row(out, side, k);
                }
        }
}

/* ---- the chart ---- */

static void draw_metric(const struct chart *chart, const json_t *side, const struct metric *metric)
{
        uint64_t values[HISTORYREPLY_STEPS_MAX];
        char text[HISTORYREPLY_TEXT_MAX];
        struct historyreply_sum sum;

        historyreply_read(side, metric->member, chart->columns, values, &sum);
        term_say(chart->term, sum.max > 0 ? PAINT_HEAD : PAINT_NONE, "%s",
                 historyreply_sum_text(metric->title, &sum, text));
        if (sum.max > 0)
                chart_bars(chart, metric->rows, values);
        else if (sum.known && sum.gaps)
                chart_bars(chart, 1, values);
}

/* The line is there also where no alert was: it says so, of the time of which that is known. */
static void draw_alerts(const struct chart *chart, const json_t *side)
{
        char marks[HISTORYREPLY_STEPS_MAX + 1] = "";
        size_t known = 0;

        for (size_t i = 0; i < chart->columns; i++) {
                const char *severity = historyreply_severity(side, i);

                marks[i] = ' ';
                known += severity != NULL;
                if (severity && strcmp(severity, "none") != 0)
                        marks[i] = severity[0] == 'c' ? 'C' : 'w';
        }
        marks[chart->columns] = '\0';
        if (known == 0)
                term_say(chart->term, PAINT_NONE, "alerts: unknown");
        else if (strspn(marks, " ") == chart->columns)
                term_say(chart->term, PAINT_NONE, "No alert about it was raised%s.",
                         known < chart->columns ? " in the time that is known" : "");
        else
                chart_marks(chart, "alerts", marks);
}

static bool is_known(const json_t *side, size_t i)
{
        for (size_t m = 0; m < ARRAY_SIZE(metrics); m++)
                if (historyreply_number(field_array(field_object(side, metrics[m].member), "max"),
                                        i) != CHART_UNKNOWN)
                        return true;
        return false;
}

/* What is not known, and as far as that is known, why. */
static void tell_gaps(const struct chart *chart, const json_t *side)
{
        char at[CHART_TIME_MAX];
        size_t first = 0, i;

        while (first < chart->columns && !is_known(side, first))
                first++;
        for (i = first; i < chart->columns && is_known(side, i);)
                i++;
        if (first == chart->columns)
                term_say(chart->term, PAINT_NONE, "Of all that time nothing is known.");
        else if (first > 0 && chart_time(chart, first, at) > 0)
                term_say(chart->term, PAINT_NONE, "Before %s nothing is known.", at);
        if (json_is_true(json_object_get(side, "leftOut")))
                term_prose(
                        chart->term, PAINT_NONE, 0,
                        "In some of that time it was not among the ports that are followed, which "
                        "are the 32 worst and those of HistoryPorts=, see twmon.conf(5).");
        if (first > 0 || i < chart->columns)
                term_prose(chart->term, PAINT_FAINT, 0,
                           chart->ascii ? "Blank columns: nobody knows, which is not zero (_)."
                                        : "Blank columns: nobody knows, which is not zero (·).");
}

/* since_sec: as it was asked for; the first column may begin a little earlier. */
static void draw_side(struct chart *chart, const json_t *reply, const json_t *side,
                      uint64_t since_sec)
{
        const char *name = field_text(side, "side");
        char port[UNITS_TEXT_MAX], step[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];

        chart->columns = MIN(historyreply_steps(side), chart_room(chart->term));
        if (chart->columns == 0)
                return;
        term_say(chart->term, PAINT_HEAD, "%s:%s, the last %s, a column is %s",
                 name ? name : FIELD_UNKNOWN, field_show_count(reply, "port", port),
                 units_format_age(since_sec * USEC_PER_SEC, all),
                 units_format_age(chart->step_sec * USEC_PER_SEC, step));
        for (size_t m = 0; m < ARRAY_SIZE(metrics); m++)
                draw_metric(chart, side, &metrics[m]);
        draw_alerts(chart, side);
        chart_axis(chart);
        tell_gaps(chart, side);
}

static uint64_t asked_since(const struct cmdline *options)
{
        return options->since_sec > 0 ? options->since_sec : SINCE_DEFAULT_SEC;
}

static int print(const struct view *view, const json_t *reply)
{
        struct chart chart = { .term = &view->term,
                               .ascii = view->options->ascii || !view->term.utf8 };
        json_t *sides = field_array(reply, "sides"), *side;
        size_t i;

        if (view->options->json)
                return view_print_json(view, reply);
        if (!historyreply_times(reply, &chart.start_sec, &chart.step_sec)) {
                text_complain("twmond's reply makes no sense");
                return STATUS_FAILED;
        }
        if (view->options->csv) {
                print_csv(view, reply, chart.start_sec, chart.step_sec);
                return 0;
        }
        if (field_text(reply, "missing"))
                term_say(&view->term, PAINT_WARNING, "What is older is not told: %s.",
                         field_text(reply, "missing"));
        json_array_foreach(sides, i, side)
        {
                if (i > 0)
                        fputc('\n', view->term.out);
                draw_side(&chart, reply, side, asked_since(view->options));
        }
        return 0;
}

int view_history(struct view *view)
{
        const struct cmdline *options = view->options;
        const bool drawn = !options->json && !options->csv;
        /* one less: twmond may tell one more */
        const size_t points =
                drawn ? MIN(chart_room(&view->term) - 1, (size_t)HISTORYREPLY_POINTS_MAX)
                      : (size_t)HISTORYREPLY_POINTS_MAX;
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        struct reply reply;
        int r;

        r = view_connect(view, &conn);
        if (r != 0)
                return r;
        parameters = json_pack("{s:i, s:s*, s:I, s:i}", "port", (int)options->ports[0], "side",
                               options->sides[0], "sinceSec", (json_int_t)asked_since(options),
                               "points", (int)points);
        if (!parameters)
                return view_no_memory();
        r = view_call(view, conn, "io.twmon.Monitor.GetHistory", parameters, &reply);
        if (r != 0)
                return r;
        r = print(view, reply.parameters);
        reply_done(&reply);
        return r;
}
