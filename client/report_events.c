/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happened since then, in the words of the journal, the newest first. */

#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "report.h"

static bool is_wanted(const struct report *report, const json_t *event)
{
        const char *at = field_text(event, "at");
        uint64_t at_usec;

        if (at && field_parse_time(at, &at_usec) == 0 && at_usec < report->facts->since_usec)
                return false;
        return report_wants(report, field_object(event, "alert"));
}

static const char *class_of(const json_t *event)
{
        const char *name = field_text(event, "event");

        switch (paint_of(name && strcmp(name, "cleared") == 0
                                 ? name
                                 : field_text(field_object(event, "alert"), "severity"))) {
        case PAINT_GOOD:
                return "good";
        case PAINT_CRITICAL:
                return "critical";
        case PAINT_NONE:
        case PAINT_HEAD:
        case PAINT_WARNING:
        case PAINT_FAINT:
        case PAINT_COUNT:
                break;
        }
        return "warning";
}

static void write_event(struct report *report, const json_t *event)
{
        struct html *html = report->html;

        html_open_class(html, "li", "event");
        report_time_of(report, event, "at");
        html_text(html, " ");
        html_open(html, "span");
        html_attribute(html, "class", "badge %s", class_of(event));
        html_text(html, "%s", report_text(event, "event"));
        html_close(html);
        html_text(html, " ");
        html_element(html, "span", NULL, "%s", report_text(event, "message"));
        html_close(html);
}

static void write_list(struct report *report)
{
        json_t *events = field_array(report->facts->events, "events");
        size_t shown = 0, more = 0;

        html_open_class(report->html, "ul", "events");
        for (size_t i = json_array_size(events); i > 0; i--) {
                const json_t *event = json_array_get(events, i - 1);

                if (!is_wanted(report, event))
                        continue;
                if (shown < REPORT_EVENTS_MAX) {
                        write_event(report, event);
                        shown++;
                } else
                        more++;
        }
        if (shown == 0)
                html_element(report->html, "li", NULL, "None is known.");
        html_close(report->html);
        if (more > 0)
                html_element(report->html, "p", NULL, "And %zu earlier ones: twmonctl events",
                             more);
}

void report_events(struct report *report)
{
        const json_t *reply = report->facts->events;
        uint64_t lost;

        report_open_section(report, "Events");
        html_open(report->html, "p");
        html_text(report->html, "Since ");
        report_time(report, report->facts->since_usec);
        html_text(report->html, ", the newest first.");
        html_close(report->html);
        if (!reply)
                html_element(report->html, "p", "warning", "They are not known: %s.",
                             report->facts->events_error);
        else
                write_list(report);
        if (field_count(reply, "lost", &lost) && lost > 0)
                html_element(report->html, "p", "warning",
                             "%" PRIu64 " made room before the journal had taken them.", lost);
        if (field_true(reply, "truncated"))
                html_element(report->html, "p", NULL,
                             "twmond knows of earlier ones that did not fit.");
        html_close(report->html);
}
