/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Minimal widths are those of the greatest values, so that a table of 65,536 ports can be printed
 * as it comes and still aligns.
 */

#include "rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "notes.h"
#include "view.h"
#include "view_host.h"

#define PORT_WIDTH   12 /* "remote:65535" */
#define OLDEST_WIDTH 13 /* ">= 999d 23h" and the like */
#define CLOSES_WIDTH 8
#define CLOSES_LEAST 0.01 /* per second; one in a minute is more */

static const struct column port_columns[] = {
        { .title = "PORT", .min_width = PORT_WIDTH },
        { .title = "LISTEN" },
        { .title = "CLOSE_WAIT", .right = true },
        { .title = "STUCK", .right = true },
        { .title = "OLDEST", .min_width = OLDEST_WIDTH, .right = true },
        { .title = "TIME_WAIT", .right = true },
        { .title = "CLOSES/S", .min_width = CLOSES_WIDTH, .right = true },
};

static const struct column alert_columns[] = {
        { .title = "SEVERITY" },
        { .title = "STATE" },
        { .title = "KIND", .shorten = true },
        { .title = "PORT" },
        { .title = "COUNT", .right = true },
        { .title = "OLDEST", .right = true },
        { .title = "SINCE", .right = true },
};

struct table *rows_new_ports(const struct term *term)
{
        return table_new(port_columns, ARRAY_SIZE(port_columns), term);
}

struct table *rows_new_alerts(const struct term *term)
{
        return table_new(alert_columns, ARRAY_SIZE(alert_columns), term);
}

/* A service of another host: whether it listens there is nothing that this host could know. */
static bool is_remote(const json_t *port)
{
        const char *side = field_text(port, "side");

        return side && strcmp(side, "remote") == 0;
}

static void add_stuck(struct table *table, const json_t *port, bool once)
{
        uint64_t stuck = 0, close_wait = 0;
        char buf[UNITS_TEXT_MAX];
        bool known = field_count(port, "stuck", &stuck);
        enum paint paint = stuck > 0 ? PAINT_WARNING : PAINT_NONE;

        if (once && known && field_count(port, "closeWait", &close_wait) && close_wait > 0)
                table_cell(table, paint, stuck > 0 ? ">= %" PRIu64 : FIELD_UNKNOWN, stuck);
        else
                table_cell(table, paint, "%s", field_show_stuck(port, buf));
}

void rows_note_port(struct table *table, const json_t *port)
{
        notes_owner(table, port);
        notes_stages(table, port);
        notes_leak(table, port);
}

/* Three digits that count; ">= " where some TIME_WAIT sockets are gone before their time. */
static void add_closes(struct table *table, const json_t *port)
{
        const json_t *value = json_object_get(port, "closesPerSec");
        const char *sign = field_true(port, "timeWaitEstimated") ? "~"
                           : field_true(port, "closesAtLeast")   ? ">= "
                                                                 : "";
        double rate = json_is_number(value) ? json_number_value(value) : -1;

        if (!(rate >= 0))
                table_cell(table, PAINT_NONE, FIELD_UNKNOWN);
        else if (rate > 0 && rate < CLOSES_LEAST && !sign[0])
                table_cell(table, PAINT_NONE, "< %.2f", CLOSES_LEAST);
        else
                table_cell(table, PAINT_NONE, "%s%.*f", sign,
                           rate < 1     ? 2
                           : rate < 100 ? 1
                                        : 0,
                           rate);
}

void rows_add_port(struct table *table, const json_t *port, bool once)
{
        char buf[UNITS_TEXT_MAX];

        table_cell(table, PAINT_NONE, "%s", field_show_port(port, buf));
        table_cell(table, PAINT_NONE, "%s",
                   is_remote(port) ? "-" : field_show_yes(port, "listening", buf));
        table_cell(table, PAINT_NONE, "%s", field_show_count(port, "closeWait", buf));
        add_stuck(table, port, once);
        table_cell(table, PAINT_NONE, "%s",
                   field_show_age(port, "oldestSec", "oldestAtLeast", buf));
        table_cell(table, PAINT_NONE, "%s%s", field_true(port, "timeWaitEstimated") ? "~" : "",
                   field_show_count(port, "timeWait", buf));
        add_closes(table, port);
}

static void add_count(struct table *table, const json_t *alert)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t count;

        table_cell(table, PAINT_NONE, "%s%s", field_show_number(alert, buf),
                   field_is_percent(alert) && field_count(alert, "count", &count) ? "%" : "");
}

void rows_add_alert(struct table *table, const json_t *alert)
{
        const char *severity = field_text(alert, "severity");
        const char *state = field_text(alert, "state"), *kind = field_text(alert, "kind");
        char buf[UNITS_TEXT_MAX];

        table_cell(table, paint_of(severity), "%s", severity ? severity : FIELD_UNKNOWN);
        table_cell(table, PAINT_NONE, "%s",
                   field_true(alert, "clearing") ? "recovering"
                   : state                       ? state
                                                 : FIELD_UNKNOWN);
        table_cell(table, PAINT_NONE, "%s", kind ? kind : FIELD_UNKNOWN);
        table_cell(table, PAINT_NONE, "%s", field_show_port(alert, buf));
        add_count(table, alert);
        table_cell(table, PAINT_NONE, "%s",
                   field_show_age(alert, "oldestSec", "oldestAtLeast", buf));
        table_cell(table, PAINT_NONE, "%s", field_show_age(alert, "sinceSec", NULL, buf));
        notes_clearing(table, alert);
        notes_acknowledged(table, alert, view_wall_usec());
        notes_owner(table, alert);
        notes_stages(table, alert);
        notes_leak(table, alert);
        notes_half_open(table, alert);
        notes_destination(table, alert);
        view_host_note(table, alert);
}

static bool is_raised(const json_t *alert)
{
        const char *state = field_text(alert, "state");

        return state && strcmp(state, "raised") == 0;
}

json_t **rows_sort_alerts(json_t *alerts, size_t max, size_t *ret_n)
{
        size_t size = json_array_size(alerts), n = 0;
        json_t **sorted = calloc(size + 1, sizeof(json_t *));

        for (int raised = 1; sorted && raised >= 0; raised--)
                for (size_t i = 0; i < size; i++)
                        if (is_raised(json_array_get(alerts, i)) == (raised == 1))
                                sorted[n++] = json_array_get(alerts, i);
        *ret_n = MIN(n, max);
        return sorted;
}

bool rows_is_told(json_t *const *alerts, size_t n, const char *member, const char *text)
{
        for (size_t i = 0; i < n; i++) {
                const char *earlier = field_text(alerts[i], member);

                if (earlier && strcmp(earlier, text) == 0)
                        return true;
        }
        return false;
}

static void print_prose(const struct term *term, const char *about, const char *text)
{
        char *prose;

        if (asprintf(&prose, "%s: %s", about ? about : "unknown", text) < 0)
                return;
        term_prose(term, PAINT_NONE, 2, prose);
        free(prose);
}

/* What alert i says in the second member, about what the first says, unless an earlier one did. */
static void print_once(const struct term *term, json_t *const *alerts, size_t i,
                       const char *const about_and_member[static 2])
{
        const char *text = field_text(alerts[i], about_and_member[1]);

        if (text && !rows_is_told(alerts, i, about_and_member[1], text))
                print_prose(term, field_text(alerts[i], about_and_member[0]), text);
}

static void print_advice(const struct term *term, json_t *const *alerts, size_t n)
{
        static const char *const kind[] = { "kind", "advice" };
        static const char *const stage[] = { "stage", "stageAdvice" };

        for (size_t i = 0; i < n; i++) {
                const char *reason = field_text(alerts[i], "reason");

                if (reason)
                        print_prose(term, field_text(alerts[i], "kind"), reason);
                print_once(term, alerts, i, kind);
                print_once(term, alerts, i, stage);
        }
}

int rows_print_alerts(const struct term *term, json_t *alerts, size_t max)
{
        CLEANUP(table_freep) struct table *table = rows_new_alerts(term);
        json_t **sorted;
        size_t n;
        int r;

        sorted = rows_sort_alerts(alerts, max, &n);
        if (!sorted || !table) {
                free(sorted);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++)
                rows_add_alert(table, sorted[i]);
        r = table_print(table);
        print_advice(term, sorted, n);
        free(sorted);
        return r;
}
