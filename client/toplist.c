/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The list of twmonctl top. Columns are left out from the right where the terminal is too narrow; on
 * a wide one the curve grows, and the owner stands behind it. Below it, what is known of the port
 * that is selected.
 */

#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "field.h"
#include "notes.h"
#include "top.h"

#define MARK_WIDTH  2 /* "C " or "w " */
#define CURVE_MIN   6
#define OWNER_WIDTH 32 /* where there is room for it and a curve of CURVE_WIDE */
#define CURVE_WIDE  24
#define CELL_MAX    128
#define CURVE_BYTES (TOPTRAIL_STEPS * 3 + 1)

enum list_columns { PORT, CLOSE_WAIT, STUCK, OLDEST, RATE, TIME_WAIT };

static const struct list_column {
        const char *title;
        unsigned width;
        int order; /* that it is sorted by; -1: none */
} columns[] = {
        [PORT] = { "PORT", 12, -1 },
        [CLOSE_WAIT] = { "CLOSE_WAIT", 10, TOPMODEL_BY_COUNT },
        [STUCK] = { "STUCK", 10, TOPMODEL_BY_STUCK },
        [OLDEST] = { "OLDEST", 12, TOPMODEL_BY_AGE },
        [RATE] = { "RATE/MIN", 8, TOPMODEL_BY_RATE },
        [TIME_WAIT] = { "TIME_WAIT", 9, -1 },
};

/* How many columns fit, and how wide what stands behind them may be. */
struct layout {
        size_t n_columns;
        unsigned curve_at, curve_width; /* 0: none */
        unsigned owner_at;              /* 0: none */
};

static struct layout lay_out(unsigned width)
{
        struct layout layout = { 0 };
        unsigned used = MARK_WIDTH;

        while (layout.n_columns < ARRAY_SIZE(columns) &&
               used + columns[layout.n_columns].width <= width)
                used += columns[layout.n_columns++].width + 1;
        if (layout.n_columns < ARRAY_SIZE(columns) || used + CURVE_MIN > width)
                return layout;
        layout.curve_at = used;
        layout.curve_width = MIN(width - used, (unsigned)TOPTRAIL_STEPS);
        if (width < used + CURVE_WIDE + 1 + OWNER_WIDTH)
                return layout;
        layout.curve_width = MIN(width - used - 1 - OWNER_WIDTH, (unsigned)TOPTRAIL_STEPS);
        layout.owner_at = used + layout.curve_width + 1;
        return layout;
}

static void draw_titles(struct top *top, const struct layout *layout)
{
        const struct topscreen_at bar = { .row = top_head_rows(top), .reverse = true };
        char line[CELL_MAX * 2], age[UNITS_TEXT_MAX];
        size_t len;

        len = (size_t)snprintf(line, sizeof(line), "%*s", MARK_WIDTH, "");
        for (size_t i = 0; i < layout->n_columns; i++) {
                const bool sorted = columns[i].order == (int)top->model.order;
                char title[CELL_MAX];

                snprintf(title, sizeof(title), "%s%s", sorted ? ">" : "", columns[i].title);
                len += (size_t)snprintf(line + len, sizeof(line) - len,
                                        i == PORT ? "%-*s " : "%*s ", (int)columns[i].width, title);
        }
        if (layout->curve_width > 0) {
                units_format_age((uint64_t)layout->curve_width * TOPTRAIL_STEP_SEC * USEC_PER_SEC,
                                 age);
                len += (size_t)snprintf(line + len, sizeof(line) - len, "%sLAST %.*s",
                                        layout->curve_width < 20 ? "" : "CLOSE_WAIT, ",
                                        (int)layout->curve_width, age);
        }
        top_put_bar(top, bar, line);
        if (layout->owner_at > 0)
                top_put(top,
                        (struct topscreen_at){ .row = top_head_rows(top),
                                               .column = layout->owner_at,
                                               .reverse = true },
                        "OWNER");
}

static void write_rate(const struct topmodel_row *row, char *buf)
{
        const double rate = row->values[TOPMODEL_BY_RATE];

        if (rate < 0)
                strcpy(buf, FIELD_UNKNOWN);
        else
                snprintf(buf, UNITS_TEXT_MAX, rate < 100 ? "%.1f" : "%.0f", MIN(rate, 99999999.0));
}

/* Estimated numbers of TIME_WAIT have their mark, as in the table of ports. */
static void write_time_wait(const struct topmodel_row *row, char *buf)
{
        char count[UNITS_TEXT_MAX];

        snprintf(buf, UNITS_TEXT_MAX, "%s%.*s",
                 field_true(row->json, "timeWaitEstimated") ? "~" : "", UNITS_TEXT_MAX - 2,
                 field_show_count(row->json, "timeWait", count));
}

static void write_cell(const struct topmodel_row *row, enum list_columns column,
                       char buf[static CELL_MAX])
{
        char text[UNITS_TEXT_MAX] = "";

        switch (column) {
        case PORT:
                field_show_port(row->json, text);
                break;
        case CLOSE_WAIT:
                field_show_count(row->json, "closeWait", text);
                break;
        case STUCK:
                field_show_stuck(row->json, text);
                break;
        case OLDEST:
                field_show_age(row->json, "oldestSec", "oldestAtLeast", text);
                break;
        case RATE:
                write_rate(row, text);
                break;
        case TIME_WAIT:
                write_time_wait(row, text);
                break;
        }
        snprintf(buf, CELL_MAX, column == PORT ? "%-*s" : "%*s", (int)columns[column].width, text);
}

static enum paint paint_of_row(const struct topmodel_row *row)
{
        return row->alert ? paint_of(field_text(row->alert, "severity")) : PAINT_NONE;
}

static void draw_curve(struct top *top, const struct topmodel_row *row, const struct layout *layout,
                       struct topscreen_at at)
{
        uint64_t values[TOPTRAIL_STEPS], max = 0;
        const bool ascii = !top->view->term.utf8;
        char text[CURVE_BYTES] = "", *end = text;

        toptrail_read(&row->trail, top->model.seen_sec, layout->curve_width, values);
        for (size_t i = 0; i < layout->curve_width; i++)
                if (values[i] != CHART_UNKNOWN)
                        max = MAX(max, values[i]);
        for (size_t i = 0; i < layout->curve_width; i++)
                end = stpcpy(end, chart_spark(ascii, values[i], max));
        at.column = layout->curve_at;
        at.reverse = false;
        topscreen_put(top->screen, at, text);
}

/* Who it is, as far as an alert has found out. */
static void draw_owner(struct top *top, const struct topmodel_row *row, struct topscreen_at at)
{
        CLEANUP(free_text) char *name = NULL;

        if (row->alert)
                name = notes_owner_name(field_object(row->alert, "owner"));
        if (name)
                top_put(top, at, name);
}

static void draw_row(struct top *top, const struct topmodel_row *row, const struct layout *layout,
                     struct topscreen_at at)
{
        const enum paint paint = paint_of_row(row);
        char cell[CELL_MAX];

        if (at.reverse)
                top_put_bar(top, at, "");
        at.paint = paint;
        top_put(top, at, paint == PAINT_CRITICAL ? "C" : paint == PAINT_WARNING ? "w" : " ");
        at.column = MARK_WIDTH;
        for (size_t i = 0; i < layout->n_columns; i++) {
                at.paint = i == PORT || (i == STUCK && row->values[TOPMODEL_BY_STUCK] > 0)
                                   ? paint
                                   : PAINT_NONE;
                write_cell(row, i, cell);
                top_put(top, at, cell);
                at.column += columns[i].width + 1;
        }
        at.paint = paint;
        if (layout->curve_width > 0)
                draw_curve(top, row, layout, at);
        at.paint = PAINT_NONE;
        at.column = layout->owner_at;
        if (layout->owner_at > 0)
                draw_owner(top, row, at);
}

/* "local:7865 leaky.service (leaky, pid 812): 7 unclosed; descriptors run out in 3h 2min" */
static void write_selection(FILE *out, const struct topmodel_row *row)
{
        CLEANUP(free_text) char *owner = NULL;
        const json_t *told = row->alert ? row->alert : row->json; /* an alert knows the owner */
        char stages[NOTES_STAGES_MAX], text[UNITS_TEXT_MAX];
        uint64_t sec;

        fputs(field_show_port(row->json, text), out);
        owner = row->alert ? notes_owner_name(field_object(told, "owner")) : NULL;
        if (owner)
                fprintf(out, " %s", owner);
        if (*notes_stages_text(row->json, stages))
                fprintf(out, ": %s", stages);
        if (field_count(told, "etaSec", &sec))
                fprintf(out, "; descriptors run out in %s",
                        field_show_age(told, "etaSec", NULL, text));
}

static void draw_selection(struct top *top, const struct topmodel_row *row, unsigned at)
{
        CLEANUP(free_text) char *line = NULL;
        size_t len;
        FILE *out = open_memstream(&line, &len);

        if (!out)
                return;
        write_selection(out, row);
        if (fclose(out) == 0)
                top_put(top, (struct topscreen_at){ .row = at, .paint = PAINT_HEAD }, line);
}

void top_draw_list(struct top *top)
{
        const struct layout layout = lay_out(topscreen_columns(top->screen));
        const size_t rows = top_list_rows(top);
        struct topmodel *model = &top->model;

        topmodel_scroll(model, rows);
        draw_titles(top, &layout);
        for (size_t i = 0; i < rows && model->first + i < model->n; i++)
                draw_row(top, &model->rows[model->first + i], &layout,
                         (struct topscreen_at){ .row = top_head_rows(top) + TOP_TITLE_ROWS +
                                                       (unsigned)i,
                                                .reverse = model->first + i == model->selected });
        if (model->n == 0 && model->ports)
                top_put(top, (struct topscreen_at){ .row = top_head_rows(top) + TOP_TITLE_ROWS },
                        "No port has anything to say.");
        if (topmodel_selected(model) && topscreen_rows(top->screen) >= TOP_FOOT_ROWS)
                draw_selection(top, topmodel_selected(model),
                               topscreen_rows(top->screen) - TOP_FOOT_ROWS);
}
