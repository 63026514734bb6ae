/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A card for each alert, raised ones first: what and where, since when, the numbers, who, what it means
 * and what to do, and the curve of its port. What twmonctl alerts says below a row is said here.
 */

#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "line.h"
#include "report.h"
#include "rows.h"
#include "stage.h"
#include "view_destinations.h"

static const struct column process_columns[] = {
        { .title = "PID", .right = true },
        { .title = "PROGRAM", .shorten = true },
        { .title = "DESCRIPTORS", .right = true },
        { .title = "LIMIT", .right = true },
};

/* Of port-exhaustion, as twmonctl destinations has it. */
static void write_destination(struct report *report, const json_t *alert)
{
        json_t *destination = field_object(alert, "destination"), *reply;

        if (!destination)
                return;
        reply = json_pack("{s:[O]}", "destinations", destination);
        if (reply)
                report_table(report, "wide", view_destinations_table(&report->view->term, reply));
        else
                report->failed = true;
        json_decref(reply);
}

/* An alert above has the very same: one port leaks, and its connections are stuck as well. */
static bool is_owner_told(json_t *const *alerts, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (json_equal(field_object(alerts[k], "owner"), field_object(alerts[i], "owner")))
                        return true;
        return false;
}

/* Where they are several: the note above has the first. */
static void write_processes(struct report *report, const json_t *owner)
{
        json_t *processes = field_array(owner, "processes"), *process;
        struct table *table;
        char buf[UNITS_TEXT_MAX];
        size_t i;

        if (json_array_size(processes) < 2)
                return;
        table = table_new(process_columns, ARRAY_SIZE(process_columns), &report->view->term);
        if (table)
                json_array_foreach(processes, i, process)
                {
                        table_cell(table, PAINT_NONE, "%s", field_show_count(process, "pid", buf));
                        table_cell(table, PAINT_NONE, "%s", report_text(process, "comm"));
                        table_cell(table, PAINT_NONE, "%s", field_show_count(process, "fds", buf));
                        table_cell(table, PAINT_NONE, "%s",
                                   field_true(process, "fdUnlimited")
                                           ? "none"
                                           : field_show_count(process, "fdLimit", buf));
                }
        report_table(report, "narrow", table);
}

static void write_title(struct report *report, const json_t *alert)
{
        const char *severity = field_text(alert, "severity");
        char port[UNITS_TEXT_MAX];

        html_open(report->html, "h3");
        html_open(report->html, "span");
        html_attribute(report->html, "class", "badge %s",
                       severity && strcmp(severity, "critical") == 0 ? "critical" : "warning");
        html_text(report->html, "%s", report_text(alert, "severity"));
        html_close(report->html);
        html_text(report->html, " %s on %s", report_text(alert, "kind"),
                  field_show_port(alert, port));
        html_close(report->html);
}

static void write_since(struct report *report, const json_t *alert)
{
        const char *state = field_text(alert, "state");
        const bool raised = state && strcmp(state, "raised") == 0;
        char buf[UNITS_TEXT_MAX];

        report_open_entry(report, raised ? "Raised" : "First seen");
        report_time_of(report, alert, "since");
        html_text(report->html, ", %s ago%s", field_show_age(alert, "sinceSec", NULL, buf),
                  raised ? "" : "; its hold time is running");
        html_close(report->html);
        html_close(report->html);
}

/* What the levels are compared with, and those that there are. */
static void write_levels(struct report *report, const json_t *alert)
{
        const char *unit = field_is_percent(alert) ? "%" : "";
        char number[UNITS_TEXT_MAX], text[2 * UNITS_TEXT_MAX];
        struct line line = line_init(text, sizeof(text));
        uint64_t level;

        if (field_count(alert, "warningLevel", &level))
                line_add(&line, "; warning from %" PRIu64 "%s on", level, unit);
        if (field_count(alert, "criticalLevel", &level))
                line_add(&line, "; critical from %" PRIu64 "%s on", level, unit);
        report_entry(report, "Number", "%s%s%s", field_show_number(alert, number), unit, text);
        report_entry(report, "Rule", "%s", report_text(alert, "rule"));
}

static void write_numbers(struct report *report, const json_t *alert)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t value;

        if (field_count(alert, "closeWait", &value) && value > 0)
                report_entry(report, "CLOSE_WAIT", "%" PRIu64 ", of them stuck: %s", value,
                             field_show_stuck(alert, buf));
        if (field_count(alert, "oldestSec", &value))
                report_entry(report, "Oldest", "%s",
                             field_show_age(alert, "oldestSec", "oldestAtLeast", buf));
        if (field_count(alert, "timeWait", &value) && value > 0)
                report_entry(report, "TIME_WAIT", "%" PRIu64, value);
}

/* Who, at which stage, how fast: the lines below the row of twmonctl alerts. */
static void write_notes(struct report *report, const json_t *alert)
{
        struct table *table = rows_new_alerts(&report->view->term);
        const char *note;

        if (table)
                rows_add_alert(table, alert);
        if (!table || table_has_failed(table) || table_rows(table) == 0) {
                report->failed = true;
                table_free(table);
                return;
        }
        html_open_class(report->html, "ul", "notes");
        if (field_true(alert, "clearing"))
                html_element(report->html, "li", NULL, "recovering: the number has fallen");
        for (size_t i = 0; (note = table_note_text(table, 0, i)); i++)
                html_element(report->html, "li", NULL, "%s", note);
        html_element(report->html, "li", "faint", "key %s", report_text(alert, "key"));
        html_close(report->html);
        table_free(table);
}

static void write_advice(struct report *report, const char *what, const char *text)
{
        html_open_class(report->html, "p", "advice");
        html_element(report->html, "strong", NULL, "%s:", what);
        html_text(report->html, " %s", text);
        html_close(report->html);
}

/* What alert i says in that member, unless one above did. */
static void write_once(struct report *report, json_t *const *alerts, size_t i,
                       const char *const what_and_member[static 2])
{
        const char *text = field_text(alerts[i], what_and_member[1]);

        if (text && !rows_is_told(alerts, i, what_and_member[1], text))
                write_advice(report, report_text(alerts[i], what_and_member[0]), text);
}

/* The ports below need not say again what it means. */
static void mark_stage(struct report *report, const json_t *alert)
{
        const char *name = field_text(alert, "stage");

        for (enum close_wait_stage stage = 0; name && stage < STAGE_COUNT; stage++)
                if (field_text(alert, "stageAdvice") &&
                    strcmp(name, close_wait_stage_name(stage)) == 0)
                        report->stages_told |= 1U << stage;
}

static void write_alert(struct report *report, json_t *const *alerts, size_t i)
{
        static const char *const kind[] = { "kind", "advice" };
        static const char *const stage[] = { "stage", "stageAdvice" };
        const json_t *alert = alerts[i];

        html_open_class(report->html, "article", "alert");
        write_title(report, alert);
        html_open(report->html, "dl");
        write_since(report, alert);
        write_levels(report, alert);
        write_numbers(report, alert);
        html_close(report->html);
        write_notes(report, alert);
        write_destination(report, alert);
        if (!is_owner_told(alerts, i))
                write_processes(report, field_object(alert, "owner"));
        if (field_text(alert, "reason"))
                write_advice(report, "reason", field_text(alert, "reason"));
        write_once(report, alerts, i, kind);
        write_once(report, alerts, i, stage);
        mark_stage(report, alert);
        report_curve(report, alert);
        html_close(report->html);
}

/* Keeps those that are wanted, in their order; how many they are. */
static size_t choose(const struct report *report, json_t **alerts, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (report_wants(report, alerts[i]))
                        alerts[kept++] = alerts[i];
        return kept;
}

/* n: of those that came; twmond may know of more. */
static void write_counts(struct report *report, size_t n, size_t wanted)
{
        uint64_t total = n;

        field_count(report->facts->alerts, "total", &total);
        if (wanted == 0)
                html_element(report->html, "p", NULL, "No alert is raised or pending%s.",
                             n > 0 ? " about the ports that were asked for" : "");
        if (wanted > REPORT_ALERTS_MAX || total > n)
                html_element(report->html, "p", NULL, "And %" PRIu64 " more: twmonctl alerts",
                             wanted - MIN(wanted, (size_t)REPORT_ALERTS_MAX) + MAX(total, n) - n);
        if (n > wanted)
                html_element(report->html, "p", NULL, "Alerts about other ports: %zu.", n - wanted);
}

void report_alerts(struct report *report)
{
        size_t n, wanted;
        json_t **alerts =
                rows_sort_alerts(field_array(report->facts->alerts, "alerts"), SIZE_MAX, &n);

        if (!alerts) {
                report->failed = true;
                return;
        }
        wanted = choose(report, alerts, n);
        report_open_section(report, "Alerts");
        for (size_t i = 0; i < MIN(wanted, (size_t)REPORT_ALERTS_MAX); i++)
                write_alert(report, alerts, i);
        write_counts(report, n, wanted);
        html_close(report->html);
        free(alerts);
}
