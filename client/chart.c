/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A row of bars is as high as eight blocks of an eighth, or two halves in ASCII. What is above zero
 * shows at least the lowest of them, zero is a dot on the ground, and unknown is nothing at all.
 */

#include "chart.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base.h"

#define WIDTH_DEFAULT 80 /* where there is no terminal */
#define DAY_SEC       86400

static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const halves[] = { " ", ":", "#" };

size_t chart_room(const struct term *term)
{
        return (term->width > 0 ? term->width : WIDTH_DEFAULT) - CHART_LABEL;
}

static uint64_t greatest(const struct chart *chart, const uint64_t *values)
{
        uint64_t max = 0;

        for (size_t i = 0; i < chart->columns; i++)
                if (values[i] != CHART_UNKNOWN)
                        max = MAX(max, values[i]);
        return max;
}

const char *chart_number(uint64_t value, char buf[static CHART_NUMBER_MAX])
{
        if (value < 100000)
                snprintf(buf, CHART_NUMBER_MAX, "%" PRIu64, value);
        else if (value < 10000000)
                snprintf(buf, CHART_NUMBER_MAX, "%" PRIu64 "k", value / 1000);
        else
                snprintf(buf, CHART_NUMBER_MAX, "%" PRIu64 "M", value / 1000000);
        return buf;
}

static void write_scale(const struct chart *chart, uint64_t value)
{
        char text[CHART_NUMBER_MAX];

        fprintf(chart->term->out, "%*s %s", CHART_LABEL - 2, chart_number(value, text),
                chart->ascii ? "|" : "│");
}

/* row: counted from the ground. */
static const char *cell(const struct chart *chart, uint64_t value, uint64_t max, unsigned rows,
                        unsigned row)
{
        const unsigned steps = chart->ascii ? 2 : 8;
        uint64_t height;

        if (value == CHART_UNKNOWN)
                return " ";
        if (value == 0)
                return row > 0 ? " " : chart->ascii ? "_" : "·";
        height = MAX((uint64_t)((double)value * rows * steps / (double)max + 0.5), 1U);
        height -= MIN(height, (uint64_t)row * steps);
        height = MIN(height, (uint64_t)steps);
        return chart->ascii ? halves[height] : blocks[height];
}

const char *chart_spark(bool ascii, uint64_t value, uint64_t max)
{
        const struct chart chart = { .ascii = ascii };

        return cell(&chart, value, max, 1, 0);
}

void chart_bars(const struct chart *chart, unsigned rows, const uint64_t *values)
{
        const uint64_t max = greatest(chart, values);
        FILE *out = chart->term->out;

        for (unsigned row = rows; row-- > 0;) {
                if (row == rows - 1)
                        write_scale(chart, max);
                else if (row == 0)
                        write_scale(chart, 0);
                else
                        fprintf(out, "%*s%s", CHART_LABEL - 1, "", chart->ascii ? "|" : "│");
                for (size_t i = 0; i < chart->columns; i++)
                        fputs(cell(chart, values[i], max, rows, row), out);
                fputc('\n', out);
        }
}

void chart_marks(const struct chart *chart, const char *label, const char *marks)
{
        fprintf(chart->term->out, "%*s %s%.*s\n", CHART_LABEL - 2, label, chart->ascii ? "|" : "│",
                (int)chart->columns, marks);
}

size_t chart_time(const struct chart *chart, size_t column, char buf[static CHART_TIME_MAX])
{
        const time_t at = (time_t)(chart->start_sec + column * chart->step_sec);
        const bool days = chart->columns * chart->step_sec > DAY_SEC;
        struct tm tm;

        if (!localtime_r(&at, &tm))
                return 0;
        return strftime(buf, CHART_TIME_MAX,
                        days                   ? "%m-%d %H:%M"
                        : chart->step_sec < 15 ? "%H:%M:%S"
                                               : "%H:%M",
                        &tm);
}

/* The first one also where there are fewer columns than it is long. */
static bool has_label(const struct chart *chart, size_t column, size_t len)
{
        return column + len <= (column == 0 ? chart_room(chart->term) : chart->columns);
}

void chart_axis(const struct chart *chart)
{
        FILE *out = chart->term->out;
        char text[CHART_TIME_MAX];
        const size_t every = chart_time(chart, 0, text) + 4;

        fprintf(out, "%*s%s", CHART_LABEL - 1, "", chart->ascii ? "+" : "└");
        for (size_t i = 0; i < chart->columns; i++)
                if (i % every == 0)
                        fputs(chart->ascii ? "+" : "┬", out);
                else
                        fputs(chart->ascii ? "-" : "─", out);
        fprintf(out, "\n%*s", CHART_LABEL, "");
        for (size_t i = 0; has_label(chart, i, every - 4); i += every) {
                const size_t len = chart_time(chart, i, text);

                fprintf(out, "%s%*s", text,
                        i + 2 * every - 4 <= chart->columns ? (int)(every - len) : 0, "");
        }
        fputc('\n', out);
}
