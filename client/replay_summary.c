/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts go by kind, transition and severity; only those that are not zero are shown. */

#include "replay_summary.h"

#include <inttypes.h>

#include "base.h"
#include "line.h"
#include "phrase.h"
#include "units.h"
#include "wireput.h"

#define COUNTS_TEXT_MAX 320 /* of one kind of alert */
#define BUILT_IN        "built-in"

static uint64_t scans_of(const struct replay_summary *summary)
{
        return summary->results[SCAN_COMPLETE] + summary->results[SCAN_PARTIAL] +
               summary->results[SCAN_FAILED];
}

const char *replay_span(uint64_t first_usec, uint64_t last_usec, char *buf)
{
        return units_format_age(last_usec - MIN(first_usec, last_usec), buf);
}

const char *replay_plural(uint64_t n)
{
        return n == 1 ? "" : "s";
}

void replay_summary_scan(struct replay_summary *summary, const struct snapshot *snapshot)
{
        if (scans_of(summary) == 0)
                summary->first_wall_usec = snapshot->start_wall_usec;
        summary->results[snapshot->result]++;
        summary->last_wall_usec = snapshot->start_wall_usec;
        summary->last_usec = snapshot->start_usec;
        summary->close_wait_max = MAX(summary->close_wait_max, snapshot->total[SOCK_CLOSE_WAIT]);
        summary->time_wait_max = MAX(summary->time_wait_max, snapshot->total[SOCK_TIME_WAIT]);
}

void replay_summary_event(struct replay_summary *summary, const struct event *event)
{
        summary->counts[event->alert.key.kind][event->transition][event->alert.severity]++;
}

/* "2 raised (warning), 1 cleared (critical)"; empty: nothing happened. */
static const char *counts_text(const struct replay_summary *summary, enum alert_kind kind,
                               char buf[static COUNTS_TEXT_MAX])
{
        struct line line = line_init(buf, COUNTS_TEXT_MAX);

        for (enum transition t = 0; t < TRANSITION_COUNT; t++)
                for (enum severity s = SEVERITY_NONE; s <= SEVERITY_CRITICAL; s++)
                        if (summary->counts[kind][t][s] > 0)
                                line_add(&line, "%s%" PRIu64 " %s (%s)", line.len > 0 ? ", " : "",
                                         summary->counts[kind][t][s], transition_name(t),
                                         severity_name(s));
        return buf;
}

static void print_raised(const struct alert *alert, const struct term *term)
{
        char port[UNITS_TEXT_MAX], since[UNITS_TEXT_MAX];

        term_say(term, paint_of(severity_name(alert->severity)),
                 "Still raised at the end: %s of %s, %s, since %s.",
                 alert_kind_name(alert->key.kind), phrase_port(&alert->key.port, port),
                 severity_name(alert->severity),
                 units_format_rfc3339(alert->since_wall_usec, since));
}

void replay_summary_print(const struct replay_summary *summary,
                          const struct replay_subject *subject, const struct term *term)
{
        char text[COUNTS_TEXT_MAX], span[UNITS_TEXT_MAX];
        bool any = false;

        term_say(term, PAINT_NONE,
                 "Replayed %" PRIu64 " scan%s over %s, %" PRIu64 " of them partial, %" PRIu64
                 " failed.",
                 scans_of(summary), replay_plural(scans_of(summary)),
                 replay_span(summary->first_wall_usec, summary->last_wall_usec, span),
                 summary->results[SCAN_PARTIAL], summary->results[SCAN_FAILED]);
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                if (!counts_text(summary, kind, text)[0])
                        continue;
                term_say(term, PAINT_NONE, "%s: %s", alert_kind_name(kind), text);
                any = true;
        }
        if (!any)
                term_say(term, PAINT_GOOD, "Nothing was told.");
        for (size_t i = 0; i < alert_table_count(subject->alerts); i++) {
                const struct alert *alert = alert_table_get(subject->alerts, i);

                if (alert->state == ALERT_RAISED)
                        print_raised(alert, term);
        }
}

static json_t *count_json(enum alert_kind kind, enum transition transition, enum severity severity,
                          uint64_t count)
{
        return json_pack("{s:s, s:s, s:s, s:I}", "kind", alert_kind_name(kind), "event",
                         transition_name(transition), "severity", severity_name(severity), "count",
                         (json_int_t)count);
}

static json_t *events_json(const struct replay_summary *summary)
{
        json_t *array = json_array();
        int r = 0;

        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                for (enum transition t = 0; t < TRANSITION_COUNT; t++)
                        for (enum severity s = SEVERITY_NONE; s <= SEVERITY_CRITICAL; s++) {
                                const uint64_t count = summary->counts[kind][t][s];

                                if (count > 0)
                                        r |= json_array_append_new(array,
                                                                   count_json(kind, t, s, count));
                        }
        if (r != 0) {
                json_decref(array);
                return NULL;
        }
        return array;
}

static json_t *raised_json(const struct replay_summary *summary, const struct alert_table *alerts)
{
        json_t *array = json_array();
        int r = 0;

        for (size_t i = 0; i < alert_table_count(alerts); i++) {
                const struct alert *alert = alert_table_get(alerts, i);

                if (alert->state == ALERT_RAISED)
                        r |= json_array_append_new(array, wire_alert(alert, summary->last_usec));
        }
        if (r != 0) {
                json_decref(array);
                return NULL;
        }
        return array;
}

static int put_error(json_t *object, const struct recerror *error)
{
        return put(object, "error",
                   json_pack("{s:I, s:o}", "offset", (json_int_t)error->offset, "reason",
                             wire_line(error->text)));
}

json_t *replay_summary_json(const struct replay_summary *summary,
                            const struct replay_subject *subject)
{
        const bool whole = !subject->error->text[0];
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "recording", wire_line(subject->name));
        r |= put(object, "configuration", wire_line(subject->config ? subject->config : BUILT_IN));
        r |= put_int(object, "sessions", summary->sessions);
        r |= put_int(object, "scans", scans_of(summary));
        r |= put_int(object, "partialScans", summary->results[SCAN_PARTIAL]);
        r |= put_int(object, "failedScans", summary->results[SCAN_FAILED]);
        r |= put_int(object, "closeWaitMost", summary->close_wait_max);
        r |= put_int(object, "timeWaitMost", summary->time_wait_max);
        if (scans_of(summary) > 0) {
                r |= put(object, "from", wire_time(summary->first_wall_usec));
                r |= put(object, "to", wire_time(summary->last_wall_usec));
        }
        r |= put(object, "events", events_json(summary));
        r |= put(object, "raised", raised_json(summary, subject->alerts));
        r |= put_bool(object, "whole", whole);
        if (!whole)
                r |= put_error(object, subject->error);
        object = finish(object, r);
        return object ? json_pack("{s:o}", "summary", object) : NULL;
}
