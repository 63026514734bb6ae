/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A port's curve: CLOSE_WAIT, and in front of it those that are stuck, on one scale; below it
 * TIME_WAIT, of which there may be a thousand times as many, on its own.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "historyreply.h"
#include "report.h"
#include "svgchart.h"

_Static_assert(SVGCHART_COLUMNS_MAX == HISTORYREPLY_STEPS_MAX, "a history fits a chart");

enum { CLOSE_WAIT, STUCK, TIME_WAIT, METRIC_COUNT };

static const struct metric {
        const char *member, *title, *class;
} metrics[METRIC_COUNT] = {
        { "closeWait", "CLOSE_WAIT", "close-wait" },
        { "stuck", "stuck", "stuck" },
        { "timeWait", "TIME_WAIT", "time-wait" },
};

struct curve {
        struct svgchart chart;
        char name[UNITS_TEXT_MAX];
        uint64_t values[METRIC_COUNT][HISTORYREPLY_STEPS_MAX];
        struct historyreply_sum sums[METRIC_COUNT];
        char marks[HISTORYREPLY_STEPS_MAX + 1];
        bool has_warning, has_critical;
        bool has_unknown; /* nobody knows of some of the time whether there was an alert */
};

static void read_marks(struct curve *curve, const json_t *side)
{
        const size_t n = curve->chart.columns;

        for (size_t i = 0; i < n; i++) {
                const char *severity = historyreply_severity(side, i);

                curve->marks[i] = ' ';
                if (severity && strcmp(severity, "none") != 0)
                        curve->marks[i] = severity[0] == 'c' ? 'C' : 'w';
                curve->has_unknown |= !severity;
                curve->has_warning |= curve->marks[i] == 'w';
                curve->has_critical |= curve->marks[i] == 'C';
        }
        curve->marks[n] = '\0';
}

/* False: there is nothing in it. */
static bool read_curve(const json_t *history, const json_t *side, struct curve *curve)
{
        curve->chart.columns = historyreply_steps(side);
        if (curve->chart.columns == 0 ||
            !historyreply_times(history, &curve->chart.start_sec, &curve->chart.step_sec))
                return false;
        for (size_t i = 0; i < METRIC_COUNT; i++)
                historyreply_read(side, metrics[i].member, curve->chart.columns, curve->values[i],
                                  &curve->sums[i]);
        read_marks(curve, side);
        return true;
}

/* What is stuck is drawn in front of CLOSE_WAIT, TIME_WAIT on a chart of its own. */
static bool is_close_wait_drawn(const struct curve *curve)
{
        return curve->sums[CLOSE_WAIT].max > 0 || curve->has_warning || curve->has_critical;
}

static bool is_time_wait_drawn(const struct curve *curve)
{
        return curve->sums[TIME_WAIT].max > 0;
}

/* Each chart has its own: TIME_WAIT may be unknown where CLOSE_WAIT is not. */
static bool are_gaps_drawn(const struct curve *curve)
{
        return (is_close_wait_drawn(curve) && curve->sums[CLOSE_WAIT].gaps) ||
               (is_time_wait_drawn(curve) && curve->sums[TIME_WAIT].gaps);
}

/* class NULL: it is not drawn. */
static void write_legend(struct html *html, const char *class, const char *text)
{
        html_open(html, "li");
        if (class) {
                html_open(html, "span");
                html_attribute(html, "class", "swatch %s", class);
                html_close(html);
        }
        html_text(html, "%s", text);
        html_close(html);
}

static void write_legends(struct html *html, const struct curve *curve)
{
        char text[HISTORYREPLY_TEXT_MAX];

        html_open_class(html, "ul", "legend");
        for (size_t i = 0; i < METRIC_COUNT; i++)
                write_legend(html, curve->sums[i].max > 0 ? metrics[i].class : NULL,
                             historyreply_sum_text(metrics[i].title, &curve->sums[i], text));
        if (curve->has_warning)
                write_legend(html, "mark-w", "warning raised");
        if (curve->has_critical)
                write_legend(html, "mark-C", "critical alert raised");
        if (!curve->has_warning && !curve->has_critical)
                html_element(html, "li", NULL, "no alert about it was raised%s",
                             curve->has_unknown ? " in the time that is known" : "");
        if (are_gaps_drawn(curve))
                write_legend(html, "gap", "unknown, which is not zero");
        html_close(html);
}

static void draw_chart(struct html *html, struct curve *curve, size_t first, size_t n)
{
        char label[UNITS_TEXT_MAX + HISTORYREPLY_TEXT_MAX], text[HISTORYREPLY_TEXT_MAX];

        snprintf(label, sizeof(label), "%s: %s", curve->name,
                 historyreply_sum_text(metrics[first].title, &curve->sums[first], text));
        curve->chart.label = label;
        curve->chart.n_series = n;
        for (size_t i = 0; i < n; i++)
                curve->chart.series[i] = (struct svgchart_series){ metrics[first + i].class,
                                                                   curve->values[first + i] };
        curve->chart.marks = first == CLOSE_WAIT ? curve->marks : NULL;
        svgchart_draw(html, &curve->chart);
}

static void draw_curve(struct report *report, const json_t *history, struct curve *curve)
{
        const struct svgchart *chart = &curve->chart;
        struct html *html = report->html;
        char step[UNITS_TEXT_MAX];

        html_open(html, "figure");
        html_open(html, "figcaption");
        html_element(html, "strong", NULL, "%s", curve->name);
        html_text(html, ", from ");
        report_time(report, chart->start_sec * USEC_PER_SEC);
        html_text(html, " on, the greatest number of each %s",
                  units_format_age(chart->step_sec * USEC_PER_SEC, step));
        html_close(html);
        if (is_close_wait_drawn(curve))
                draw_chart(html, curve, CLOSE_WAIT, 2);
        if (is_time_wait_drawn(curve))
                draw_chart(html, curve, TIME_WAIT, 1);
        write_legends(html, curve);
        if (field_text(history, "missing"))
                html_element(html, "p", "warning", "What is older is not told: %s.",
                             field_text(history, "missing"));
        html_close(html);
}

static struct report_port *find_port(struct report_facts *facts, const json_t *port)
{
        uint64_t number;

        if (!field_count(port, "port", &number))
                return NULL;
        for (size_t i = 0; i < facts->n_curves; i++)
                if (facts->curves[i].number == number)
                        return &facts->curves[i];
        return NULL;
}

static const json_t *find_side(const json_t *history, const char *name)
{
        json_t *sides = field_array(history, "sides"), *side;
        size_t i;

        json_array_foreach(sides, i, side)
        {
                const char *its = field_text(side, "side");

                if (its && strcmp(its, name) == 0)
                        return side;
        }
        return NULL;
}

void report_curve(struct report *report, const json_t *port)
{
        struct report_port *found = find_port(report->facts, port);
        const char *side = field_text(port, "side");
        struct curve *curve;
        bool *drawn;

        if (!found || !side)
                return;
        drawn = &found->drawn[strcmp(side, "remote") == 0];
        if (*drawn)
                return;
        *drawn = true;
        curve = calloc(1, sizeof(*curve));
        if (!curve) {
                report->failed = true;
                return;
        }
        field_show_port(port, curve->name);
        if (found->error)
                html_element(report->html, "p", "warning",
                             "How the counts of %s went is not known: %s.", curve->name,
                             found->error);
        else if (read_curve(found->history, find_side(found->history, side), curve))
                draw_curve(report, found->history, curve);
        free(curve);
}
