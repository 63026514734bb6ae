/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two drawings in each other. The inner one has a column for each unit of its width and is stretched
 * over the place whatever its shape; it holds the areas, the gaps and the strip, which may be
 * stretched. The outer one has percents for units, and holds what must not be: lines and letters.
 */

#include "svgchart.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "line.h"

#define HEIGHT_PX  150
#define GROUND     1000 /* where 0 is, in units of the inner drawing; the top is 0 */
#define LEAST      14   /* what is above zero is that high at least */
#define STRIP      1025 /* where the strip of alerts begins */
#define BOTTOM     1090
#define TICKS_MAX  6
#define DAY_SEC    86400
#define PATH_BYTES 26 /* of one column at most: it may stand alone, between gaps */
#define TIME_MAX   16

uint64_t svgchart_scale(uint64_t max)
{
        static const uint64_t steps[] = { 1, 2, 4, 6, 8, 10 };

        for (uint64_t unit = 1;; unit *= 10)
                for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                        if (max / unit < steps[i] || max == unit * steps[i])
                                return unit * steps[i];
                        if (unit > UINT64_MAX / 100)
                                return max;
                }
}

static uint64_t greatest(const struct svgchart *chart)
{
        uint64_t max = 0;

        for (size_t s = 0; s < chart->n_series; s++)
                for (size_t i = 0; i < chart->columns; i++)
                        if (chart->series[s].values[i] != CHART_UNKNOWN)
                                max = MAX(max, chart->series[s].values[i]);
        return max;
}

static unsigned height_of(uint64_t value, uint64_t scale)
{
        const unsigned height =
                (unsigned)((double)value * GROUND / (double)scale + 0.5); /* 0 to GROUND */

        return value > 0 ? MAX(height, (unsigned)LEAST) : 0;
}

/* Steps up and down, each run between gaps a piece of its own. */
static void draw_series(struct html *html, const struct svgchart *chart, size_t s, uint64_t scale)
{
        const uint64_t *values = chart->series[s].values;
        char text[SVGCHART_COLUMNS_MAX * PATH_BYTES + 1];
        struct line line = line_init(text, sizeof(text));

        for (size_t i = 0; i < chart->columns; i++) {
                const bool first = i == 0 || values[i - 1] == CHART_UNKNOWN;
                const bool last = i + 1 == chart->columns || values[i + 1] == CHART_UNKNOWN;

                if (values[i] == CHART_UNKNOWN)
                        continue;
                if (first)
                        line_add(&line, "M%zu %d", i, GROUND);
                if (first || values[i] != values[i - 1])
                        line_add(&line, "V%u", GROUND - height_of(values[i], scale));
                if (last || values[i] != values[i + 1])
                        line_add(&line, "H%zu", i + 1);
                if (last)
                        line_add(&line, "V%dZ", GROUND);
        }
        if (line.len == 0)
                return;
        html_open(html, "path");
        html_attribute(html, "class", "series %s", chart->series[s].class);
        html_attribute(html, "d", "%s", text);
        html_close(html);
}

struct box {
        size_t from, to; /* columns; to is not in it */
        unsigned top, bottom;
};

static void draw_box(struct html *html, const struct box *box, const char *class)
{
        html_open_class(html, "rect", class);
        html_attribute(html, "x", "%zu", box->from);
        html_attribute(html, "y", "%u", box->top);
        html_attribute(html, "width", "%zu", box->to - box->from);
        html_attribute(html, "height", "%u", box->bottom - box->top);
        html_close(html);
}

static bool is_gap(const struct svgchart *chart, size_t column)
{
        for (size_t s = 0; s < chart->n_series; s++)
                if (chart->series[s].values[column] != CHART_UNKNOWN)
                        return false;
        return true;
}

static void draw_gaps(struct html *html, const struct svgchart *chart)
{
        struct box box = { .top = 0, .bottom = GROUND };

        for (size_t i = 0; i < chart->columns; i = box.to) {
                box.from = i;
                for (box.to = i; box.to < chart->columns && is_gap(chart, box.to);)
                        box.to++;
                if (box.to > box.from)
                        draw_box(html, &box, "gap");
                else
                        box.to++;
        }
}

static void draw_marks(struct html *html, const struct svgchart *chart)
{
        struct box box = { .top = STRIP, .bottom = BOTTOM };

        for (size_t i = 0; chart->marks && i < chart->columns; i = box.to) {
                const char mark = chart->marks[i];
                char class[] = "mark-?";

                box.from = i;
                for (box.to = i; box.to < chart->columns && chart->marks[box.to] == mark;)
                        box.to++;
                class[sizeof(class) - 2] = mark;
                if (mark == 'w' || mark == 'C')
                        draw_box(html, &box, class);
        }
}

static void draw_inner(struct html *html, const struct svgchart *chart, uint64_t scale)
{
        html_open(html, "svg");
        html_attribute(html, "viewBox", "0 0 %zu %d", chart->columns, BOTTOM);
        html_attribute(html, "preserveAspectRatio", "none");
        html_attribute(html, "width", "100%%");
        html_attribute(html, "height", "100%%");
        draw_gaps(html, chart);
        for (size_t s = 0; s < chart->n_series; s++)
                draw_series(html, chart, s, scale);
        draw_marks(html, chart);
        html_close(html);
}

static void draw_level(struct html *html, uint64_t value, uint64_t scale)
{
        const double y =
                (double)(GROUND - (value == 0 ? 0 : height_of(value, scale))) * 100 / BOTTOM;
        char text[CHART_NUMBER_MAX];

        html_open_class(html, "line", "grid");
        html_attribute(html, "x1", "0");
        html_attribute(html, "x2", "100%%");
        html_attribute(html, "y1", "%.2f%%", y);
        html_attribute(html, "y2", "%.2f%%", y);
        html_close(html);
        html_open_class(html, "text", "scale");
        html_attribute(html, "x", "-6");
        html_attribute(html, "y", "%.2f%%", y);
        html_attribute(html, "dy", ".35em");
        html_text(html, "%s", chart_number(value, text));
        html_close(html);
}

static void draw_levels(struct html *html, uint64_t scale)
{
        draw_level(html, 0, scale);
        if (scale % 2 == 0)
                draw_level(html, scale / 2, scale);
        draw_level(html, scale, scale);
}

/* Seconds between two of them, so that no more than TICKS_MAX fit. */
static uint64_t tick_sec(const struct svgchart *chart)
{
        static const uint64_t steps[] = { 10,    30,    60,     120,    300,         600,
                                          900,   1800,  3600,   7200,   10800,       21600,
                                          43200, 86400, 172800, 432000, 10 * DAY_SEC };
        const uint64_t all = chart->columns * chart->step_sec;

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (all / steps[i] <= TICKS_MAX - 1)
                        return steps[i];
        return all;
}

static void draw_tick(struct html *html, double percent, const char *text)
{
        html_open_class(html, "line", "tick");
        html_attribute(html, "x1", "%.2f%%", percent);
        html_attribute(html, "x2", "%.2f%%", percent);
        html_attribute(html, "y1", "0");
        html_attribute(html, "y2", "100%%");
        html_close(html);
        html_open_class(html, "text", "time");
        html_attribute(html, "x", "%.2f%%", percent);
        html_attribute(html, "y", "100%%");
        html_attribute(html, "dy", "1.2em");
        html_text(html, "%s", text);
        html_close(html);
}

/*
 * At round local times. They are counted by the calendar, so that they stay round where the clock is
 * set for summer. Midnight has the date.
 */
static void draw_ticks(struct html *html, const struct svgchart *chart)
{
        const time_t start = (time_t)chart->start_sec;
        const uint64_t every = tick_sec(chart), all = chart->columns * chart->step_sec;
        struct tm begin;
        uint64_t sec; /* of the day */

        if (!localtime_r(&start, &begin))
                return;
        sec = (uint64_t)(begin.tm_hour * 3600 + begin.tm_min * 60 + begin.tm_sec);
        sec -= every < DAY_SEC ? sec % every : sec;
        for (unsigned i = 0; i <= TICKS_MAX + 1; i++) {
                struct tm tm = begin;
                char text[TIME_MAX];
                time_t at;

                tm.tm_hour = 0;
                tm.tm_min =
                        (int)((sec + i * every) / 60); /* mktime() takes seconds for elapsed ones */
                tm.tm_sec = (int)((sec + i * every) % 60);
                tm.tm_isdst = -1;
                at = mktime(&tm);
                if (at < start || (uint64_t)(at - start) > all)
                        continue;
                strftime(text, sizeof(text),
                         tm.tm_hour + tm.tm_min + tm.tm_sec == 0 ? "%m-%d"
                         : every < 60                            ? "%H:%M:%S"
                                                                 : "%H:%M",
                         &tm);
                draw_tick(html, (double)(at - start) * 100 / (double)all, text);
        }
}

void svgchart_draw(struct html *html, const struct svgchart *chart)
{
        const uint64_t scale = svgchart_scale(greatest(chart));

        html_open_class(html, "div", "chart");
        html_open_class(html, "svg", "plot");
        html_attribute(html, "role", "img");
        html_attribute(html, "aria-label", "%s", chart->label);
        html_attribute(html, "width", "100%%");
        html_attribute(html, "height", "%d", HEIGHT_PX);
        draw_ticks(html, chart);
        draw_levels(html, scale);
        draw_inner(html, chart, scale);
        html_close(html);
        html_close(html);
}
