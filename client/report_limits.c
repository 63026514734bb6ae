/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the kernel allows, and how much of it is in use. Use is as twmond saw it; settings are read here,
 * by twmonctl, which is usually in the same network namespace as twmond, but need not be.
 */

#include <inttypes.h>

#include "field.h"
#include "kernlimits.h"
#include "report.h"
#include "view_destinations.h"
#include "view_host.h"

/* ---- as twmond sees it ---- */

/* The table of TIME_WAIT, and how connections ended where that says anything. */
static void write_host(struct report *report)
{
        struct report_lines lines;

        if (!field_object(report->facts->status, "timeWaitTable"))
                html_element(report->html, "p", NULL, "TIME_WAIT table: unknown.");
        if (!report_lines_begin(report, &lines))
                return;
        view_host_draw(&lines.view.term, report->facts->status, true);
        report_lines_end(report, &lines);
}

static void write_destinations(struct report *report)
{
        const json_t *reply = report->facts->destinations;
        const bool some = json_array_size(field_array(reply, "destinations")) > 0;
        struct report_lines lines;

        html_element(report->html, "h3", NULL, "Local ports in use towards destinations");
        if (!reply) {
                html_element(report->html, "p", "warning", "Nobody could look: %s.",
                             report->facts->destinations_error);
                return;
        }
        if (report_lines_begin(report, &lines)) {
                view_destinations_say_heading(&lines.view.term, reply);
                view_destinations_say_range(&lines.view.term, reply);
                if (!some)
                        view_destinations_say_none(&lines.view.term, reply);
                report_lines_end(report, &lines);
        }
        if (some)
                report_table(report, "wide", view_destinations_table(&report->view->term, reply));
}

/* ---- settings ---- */

static void write_setting(struct report *report, const char *name, int64_t value)
{
        if (value == KERNLIMITS_UNKNOWN)
                report_entry(report, name, "unknown");
        else
                report_entry(report, name, "%" PRId64, value);
}

static void write_range(struct report *report, const struct kernlimits *limits)
{
        if (limits->port_range_known)
                report_entry(report, "ip_local_port_range", "%u to %u", limits->port_first,
                             limits->port_last);
        else
                report_entry(report, "ip_local_port_range", "unknown");
        write_setting(report, "ip_local_reserved_ports within it", limits->reserved_in_range);
}

static void write_keepalive(struct report *report, const struct kernlimits *limits)
{
        const uint64_t usec = kernlimits_keepalive_usec(limits);
        char age[UNITS_TEXT_MAX];

        write_setting(report, "tcp_keepalive_time", limits->keepalive_time_sec);
        write_setting(report, "tcp_keepalive_intvl", limits->keepalive_intvl_sec);
        write_setting(report, "tcp_keepalive_probes", limits->keepalive_probes);
        if (usec > 0)
                report_entry(report, "a dead peer is noticed after", "%s",
                             units_format_age(usec, age));
}

static void write_settings(struct report *report)
{
        struct proc_reader reader;
        struct kernlimits limits;

        proc_reader_init(&reader, "/proc");
        kernlimits_read(&reader, &limits);
        proc_reader_done(&reader);
        html_element(report->html, "h3", NULL, "Settings");
        html_element(report->html, "p", "faint",
                     "From /proc/sys/net/ipv4, in the network namespace of twmonctl.");
        html_open_class(report->html, "dl", "settings");
        write_range(report, &limits);
        write_setting(report, "ip_unprivileged_port_start", limits.unprivileged_port_start);
        write_setting(report, "tcp_max_tw_buckets", limits.max_tw_buckets);
        write_setting(report, "tcp_tw_reuse", limits.tw_reuse);
        write_setting(report, "tcp_timestamps", limits.timestamps);
        write_keepalive(report, &limits);
        html_close(report->html);
}

void report_limits(struct report *report)
{
        report_open_section(report, "Kernel limits");
        write_host(report);
        write_destinations(report);
        write_settings(report);
        html_close(report->html);
}
