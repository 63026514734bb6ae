/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How twmond itself is: whether what stands above can be believed. */

#include "field.h"
#include "report.h"
#include "view_daemon.h"

/* The last line of twmonctl status, and those that an administrator has to know of. */
static void write_lines(struct report *report)
{
        struct report_lines lines;

        if (!report_lines_begin(report, &lines))
                return;
        if (view_daemon_draw(&lines.view, report->facts->status) < 0)
                report->failed = true;
        report_lines_end(report, &lines);
}

static void write_running(struct report *report, const json_t *status)
{
        char buf[UNITS_TEXT_MAX];

        report_open_entry(report, "Running since");
        report_time_of(report, status, "since");
        html_close(report->html);
        html_close(report->html);
        report_open_entry(report, "Last scan");
        report_time_of(report, status, "scannedAt");
        html_close(report->html);
        html_close(report->html);
        report_entry(report, "Scans", "%s", field_show_count(status, "scans", buf));
        report_entry(report, "Configuration", "%s", report_text(status, "configuration"));
        report_entry(report, "Clients", "%s", field_show_count(status, "clients", buf));
}

static void write_cost(struct report *report, const json_t *status)
{
        const json_t *schedule = field_object(status, "schedule");
        const json_t *share = json_object_get(schedule, "cpuPercent");
        const json_t *budget = json_object_get(schedule, "cpuBudgetPercent");

        if (!json_is_number(share))
                return;
        if (json_is_number(budget))
                report_entry(report, "CPU in the last ten minutes",
                             "%.2f%% of one; CPUBudget is %g%%", json_number_value(share),
                             json_number_value(budget));
        else
                report_entry(report, "CPU in the last ten minutes", "%.2f%% of one; no CPUBudget",
                             json_number_value(share));
}

static void write_output(struct report *report, const json_t *status)
{
        const json_t *delivered = json_object_get(status, "journalDelivered");
        const json_t *state = field_object(status, "state");
        char written[UNITS_TEXT_MAX], failures[UNITS_TEXT_MAX];

        report_entry(report, "Journal", "%s, %s waiting",
                     json_is_true(delivered)    ? "takes messages"
                     : json_is_false(delivered) ? "takes no messages now"
                                                : "unknown",
                     field_show_count(status, "journalQueued", written));
        if (state)
                report_entry(report, "State", "written %s times, %s attempts failed",
                             field_show_count(state, "written", written),
                             field_show_count(state, "failures", failures));
        else
                report_entry(report, "State", "not kept: there is no state directory");
}

void report_daemon(struct report *report)
{
        const json_t *status = report->facts->status;

        report_open_section(report, "twmond");
        write_lines(report);
        html_open(report->html, "dl");
        write_running(report, status);
        write_cost(report, status);
        write_output(report, status);
        html_close(report->html);
        html_close(report->html);
}
