/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The worst ports as twmonctl ports has them, or those that were asked for; what the stages that their
 * connections are at mean; and the curves that stand below no alert.
 */

#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "phrase.h"
#include "report.h"
#include "rows.h"
#include "stage.h"
#include "view_pace.h"
#include "view_ports.h"

/* Of the interface, in the order of the enum. */
static const char *const stage_members[STAGE_COUNT] = { "unaccepted", "unread", "eofUnread",
                                                        "unclosed" };

/* The same port with its owner, if it was asked for. */
static const json_t *find_owned(const struct report_facts *facts, const json_t *port)
{
        json_t *owned = field_array(facts->owners, "ports"), *other;
        char name[UNITS_TEXT_MAX], other_name[UNITS_TEXT_MAX];
        size_t i;

        field_show_port(port, name);
        json_array_foreach(owned, i, other)
        {
                if (strcmp(field_show_port(other, other_name), name) == 0)
                        return other;
        }
        return NULL;
}

static void add_port(struct report *report, struct table *table, const json_t *port)
{
        const json_t *owned = find_owned(report->facts, port);
        uint64_t close_wait;

        rows_add_port(table, port, false);
        if (owned && field_count(owned, "closeWait", &close_wait) && close_wait > 0)
                rows_note_port(table, owned);
}

/* Those of twmonctl ports, or with PORT, those alone. The caller drops the list, which may be NULL. */
static json_t *choose_ports(const struct report *report)
{
        const struct report_facts *facts = report->facts;
        json_t *wanted, *port;
        size_t i;

        if (report->view->options->n_ports == 0)
                return json_incref(field_array(facts->ports, "ports"));
        wanted = json_array();
        json_array_foreach(field_array(facts->owners, "ports"), i, port)
        {
                if (report_wants(report, port))
                        json_array_append(wanted, port);
        }
        return wanted;
}

static void write_table(struct report *report, json_t *ports)
{
        struct table *table = rows_new_ports(&report->view->term);
        json_t *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                if (table)
                        add_port(report, table, port);
        }
        report_table(report, "wide", table);
}

static bool has_stage(json_t *ports, const char *member)
{
        json_t *port;
        uint64_t count;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                if (field_count(field_object(port, "stages"), member, &count) && count > 0)
                        return true;
        }
        return false;
}

/* Each stage once, however many connections are at it, and wherever; not those of alerts. */
static void write_stages(struct report *report, json_t *ports)
{
        for (enum close_wait_stage stage = 0; stage < STAGE_COUNT; stage++) {
                if (!has_stage(ports, stage_members[stage]) || report->stages_told & 1U << stage)
                        continue;
                html_open_class(report->html, "p", "advice");
                html_element(report->html, "strong", NULL, "%s:", close_wait_stage_name(stage));
                html_text(report->html, " %s", phrase_stage_advice(stage));
                html_close(report->html);
        }
}

/* Whether the last scan saw everything. */
static void write_seen(struct report *report)
{
        struct report_lines lines;

        if (!report_lines_begin(report, &lines))
                return;
        view_ports_say_seen(&lines.view.term, report->facts->ports);
        report_lines_end(report, &lines);
}

/* How old all this is. */
static void write_age(struct report *report)
{
        const json_t *status = report->facts->status;
        struct report_lines lines;

        if (!report_lines_begin(report, &lines))
                return;
        if (view_pace_say(&lines.view.term, report->facts->ports, status,
                          field_true(field_object(status, "totals"), "timeWaitEstimated")) < 0)
                report->failed = true;
        report_lines_end(report, &lines);
}

void report_ports(struct report *report)
{
        json_t *ports = choose_ports(report), *port;
        uint64_t total = 0;
        size_t i;

        report_open_section(report, "Ports");
        write_seen(report);
        if (json_array_size(ports) > 0)
                write_table(report, ports);
        else
                html_element(report->html, "p", NULL, "No port has anything to say.");
        field_count(report->facts->ports, "total", &total);
        if (report->view->options->n_ports == 0 && total > json_array_size(ports))
                html_element(report->html, "p", NULL, "And %" PRIu64 " more: twmonctl ports",
                             total - json_array_size(ports));
        write_age(report);
        write_stages(report, ports);
        json_array_foreach(ports, i, port) report_curve(report, port);
        json_decref(ports);
        html_close(report->html);
}
