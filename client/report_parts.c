/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the sections of a report are made of. A table becomes one whose cells know their column's name:
 * where the page is narrow, the style sheet puts them below each other.
 */

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "field.h"
#include "report.h"
#include "view_ports.h"

#define TIME_MAX 64

bool report_wants(const struct report *report, const json_t *alert)
{
        return field_is_host(alert) || view_ports_wants(report->view->options, alert);
}

const char *report_text(const json_t *object, const char *name)
{
        const char *text = field_text(object, name);

        return text ? text : "unknown";
}

void report_open_section(struct report *report, const char *title)
{
        html_open(report->html, "section");
        html_element(report->html, "h2", NULL, "%s", title);
}

void report_time(struct report *report, uint64_t wall_usec)
{
        const time_t at = (time_t)(wall_usec / USEC_PER_SEC);
        char text[TIME_MAX], utc[UNITS_TEXT_MAX];
        struct tm tm;

        if (!localtime_r(&at, &tm) ||
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
                snprintf(text, sizeof(text), "unknown");
        html_open(report->html, "time");
        html_attribute(report->html, "datetime", "%s", units_format_rfc3339(wall_usec, utc));
        html_text(report->html, "%s", text);
        html_close(report->html);
}

void report_time_of(struct report *report, const json_t *object, const char *name)
{
        const char *at = field_text(object, name);
        uint64_t wall_usec;

        if (at && field_parse_time(at, &wall_usec) == 0)
                report_time(report, wall_usec);
        else
                html_text(report->html, "unknown");
}

void report_open_entry(struct report *report, const char *label)
{
        html_open_class(report->html, "div", "entry");
        html_element(report->html, "dt", NULL, "%s", label);
        html_open(report->html, "dd");
}

void report_entry(struct report *report, const char *label, const char *format, ...)
{
        va_list args;
        char *text;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                report->failed = true;
                return;
        }
        report_open_entry(report, label);
        html_text(report->html, "%s", text);
        html_close(report->html);
        html_close(report->html);
        free(text);
}

static const char *class_of(enum paint paint)
{
        switch (paint) {
        case PAINT_GOOD:
                return "good";
        case PAINT_WARNING:
                return "warning";
        case PAINT_CRITICAL:
                return "critical";
        case PAINT_NONE:
        case PAINT_HEAD:
        case PAINT_FAINT:
        case PAINT_COUNT:
                break;
        }
        return "";
}

static void write_titles(struct html *html, const struct table *table)
{
        const struct column *columns;
        size_t n;

        columns = table_columns(table, &n);
        html_open(html, "thead");
        html_open(html, "tr");
        for (size_t i = 0; i < n; i++) {
                html_open(html, "th");
                html_attribute(html, "scope", "col");
                if (columns[i].right)
                        html_attribute(html, "class", "number");
                html_text(html, "%s", columns[i].title);
                html_close(html);
        }
        html_close(html);
        html_close(html);
}

static void write_cells(struct html *html, const struct table *table, size_t row)
{
        const struct column *columns;
        enum paint paint;
        size_t n;

        columns = table_columns(table, &n);
        html_open(html, "tr");
        for (size_t i = 0; i < n; i++) {
                const char *text = table_text(table, row, i, &paint);

                html_open(html, "td");
                html_attribute(html, "class", "%s%s%s", columns[i].right ? "number " : "",
                               columns[i].shorten ? "" : "whole ", class_of(paint));
                html_attribute(html, "data-label", "%s", columns[i].title);
                html_text(html, "%s", text);
                html_close(html);
        }
        html_close(html);
}

static void write_notes(struct html *html, const struct table *table, size_t row)
{
        const char *note = table_note_text(table, row, 0);
        size_t n;

        if (!note)
                return;
        table_columns(table, &n);
        html_open_class(html, "tr", "notes");
        html_open(html, "td");
        html_attribute(html, "colspan", "%zu", n);
        for (size_t i = 0; (note = table_note_text(table, row, i)); i++)
                html_element(html, "p", NULL, "%s", note);
        html_close(html);
        html_close(html);
}

void report_table(struct report *report, const char *class, struct table *table)
{
        struct html *html = report->html;

        if (!table || table_has_failed(table)) {
                report->failed = true;
                table_free(table);
                return;
        }
        html_open_class(html, "table", class);
        write_titles(html, table);
        html_open(html, "tbody");
        for (size_t i = 0; i < table_rows(table); i++) {
                write_cells(html, table, i);
                write_notes(html, table, i);
        }
        html_close(html);
        html_close(html);
        table_free(table);
}

bool report_lines_begin(struct report *report, struct report_lines *lines)
{
        *lines = (struct report_lines){ .view = *report->view };
        lines->view.term.width = UINT_MAX; /* the page breaks them itself */
        lines->view.term.out = open_memstream(&lines->text, &lines->len);
        if (!lines->view.term.out)
                report->failed = true;
        return lines->view.term.out != NULL;
}

void report_lines_end(struct report *report, struct report_lines *lines)
{
        char *rest = NULL;

        if (fclose(lines->view.term.out) == 0)
                rest = lines->text;
        else
                report->failed = true;
        for (char *line; (line = strsep(&rest, "\n"));)
                if (*line)
                        html_element(report->html, "p", NULL, "%s", line);
        free(lines->text);
}
