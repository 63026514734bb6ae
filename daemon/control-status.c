/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Members in the order of the interface description; what is unknown is left out. */

#include "control-status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "control-summary.h"
#include "wireput.h"

/* A limit that was not hit has no member. */
static int put_hit(json_t *object, const char *name, uint64_t times)
{
        return times > 0 ? put_int(object, name, times) : 0;
}

static json_t *limits_hit(const struct control_view *view, const struct control_stats *stats)
{
        const struct snapshot *snapshot = view->snapshot;
        const struct census *census = snapshot ? snapshot->census : NULL;
        json_t *object = json_object();
        int r = 0;

        r |= put_hit(object, "alerts", alert_table_overflow(view->alerts));
        r |= put_hit(object, "ports", snapshot ? snapshot->ports_overflow : 0);
        r |= put_hit(object, "tracked", snapshot ? snapshot->untracked : 0);
        r |= put_hit(object, "survival", snapshot ? snapshot->leaks_overflow : 0);
        r |= put_hit(object, "halfOpen", census ? census->half_open_overflow : 0);
        r |= put_hit(object, "malformed", snapshot ? snapshot->malformed : 0);
        r |= put_hit(object, "journal", view->journal_lost);
        r |= put_hit(object, "recording", view->recording_lost);
        r |= put_hit(object, "unsaved", view->ages_unsaved);
        r |= put_hit(object, "history", view->history_lost);
        r |= put_hit(object, "looksRefused", view->looks_refused);
        r |= put_hit(object, "clientsRefused", stats->refused);
        r |= put_hit(object, "clientsDropped", stats->dropped);
        return finish(object, r);
}

static int put_scan(json_t *object, const struct control_view *view)
{
        const struct snapshot *snapshot = view->snapshot;
        const bool seen = snapshot && snapshot->counts_wall_usec > 0; /* by this scan or earlier */
        int r = 0;

        if (seen)
                r |= put(object, "scannedAt", wire_time(snapshot->counts_wall_usec));
        r |= put(object, "partial", json_boolean(!snapshot || snapshot->result != SCAN_COMPLETE));
        r |= put(object, "failed", json_boolean(snapshot && snapshot->result == SCAN_FAILED));
        if (snapshot && snapshot->error_text[0])
                r |= put(object, "scanError", wire_line(snapshot->error_text));
        r |= put_int(object, "scans", view->scans);
        if (seen)
                r |= put(object, "totals", wire_totals(snapshot));
        return r;
}

static size_t count_acknowledged(const struct alert_table *table)
{
        size_t n = 0;

        for (size_t i = 0; i < alert_table_count(table); i++)
                n += alert_table_get(table, i)->acknowledgement.given;
        return n;
}

static int put_alerts(json_t *object, const struct control_view *view, uint64_t now_usec)
{
        const struct alert *worst = summary_worst_alert(view->alerts);
        enum severity severity;
        size_t raised = alert_table_raised(view->alerts, &severity);
        int r = 0;

        r |= put_int(object, "alertsRaised", raised);
        r |= put_int(object, "alertsAcknowledged", count_acknowledged(view->alerts));
        r |= put_int(object, "alertsPending", alert_table_count(view->alerts) - raised);
        if (worst)
                r |= put(object, "worstAlert", wire_alert(worst, now_usec));
        return r;
}

static json_t *starts(const struct control_view *view)
{
        const struct starter_stats *stats = &view->starts;
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "unit", wire_line(view->conf->start));
        r |= put_int(object, "started", stats->started);
        r |= put_int(object, "failed", stats->failed);
        r |= put_int(object, "dropped", stats->dropped);
        r |= put_int(object, "waiting", stats->waiting);
        r |= put(object, "reachable", json_boolean(stats->reachable));
        return finish(object, r);
}

static json_t *state(const struct control_view *view)
{
        const struct state_stats *stats = &view->state;
        json_t *object = json_object();
        char error[sizeof(stats->what) + 128];
        int r = 0;

        r |= put_int(object, "written", stats->written);
        r |= put_int(object, "failures", stats->failures + stats->memory_failures);
        if (stats->error < 0) {
                snprintf(error, sizeof(error), "%s: %s", stats->what, strerror(-stats->error));
                r |= put(object, "error", wire_line(error));
        }
        return finish(object, r);
}

json_t *status_reply(const struct control_view *view, const struct control_stats *stats,
                     uint64_t now_usec)
{
        char summary[SUMMARY_TEXT_MAX];
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "version", json_string(TWMON_VERSION));
        r |= put_int(object, "pid", (uint64_t)getpid());
        r |= put(object, "verdict", json_string(summary_verdict(view, now_usec)));
        r |= put(object, "summary", wire_line(summary_text(view, now_usec, summary)));
        r |= put(object, "since", wire_time(view->started_wall_usec));
        r |= put_scan(object, view);
        r |= put_alerts(object, view, now_usec);
        r |= put_int(object, "intervalUsec", view->conf->interval_usec);
        if (view->snapshot) {
                r |= put(object, "schedule", wire_schedule(&view->pace, now_usec));
                r |= put(object, "cost", wire_cost(view->snapshot));
        }
        r |= put(object, "limitsHit", limits_hit(view, stats));
        r |= put_int(object, "clients", stats->clients);
        r |= put_int(object, "journalQueued", view->journal_queued);
        r |= put(object, "journalDelivered", json_boolean(view->journal_delivered));
        if (view->conf->start[0])
                r |= put(object, "start", starts(view));
        if (view->keeps_files)
                r |= put(object, "state", state(view));
        r |= put(object, "configuration", wire_line(view->conf_source));
        if (view->conf_errors)
                r |= put(object, "configurationErrors", wire_text(view->conf_errors));
        if (view->snapshot)
                r |= wire_put_host(object, &view->snapshot->host);
        return finish(object, r);
}

static int append_alerts(json_t *array, const struct alert_table *table, uint64_t now_usec)
{
        size_t n = alert_table_count(table);
        const struct alert **sorted;
        int r = 0;

        sorted = calloc(n + 1, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = alert_table_get(table, i);
        qsort(sorted, n, sizeof(*sorted), summary_compare_alerts);

        for (size_t i = 0; i < MIN(n, (size_t)STATUS_ALERTS_MAX); i++)
                r |= json_array_append_new(array, wire_alert(sorted[i], now_usec));
        free(sorted);
        return r;
}

json_t *status_alerts_reply(const struct control_view *view, uint64_t now_usec)
{
        size_t total = alert_table_count(view->alerts);
        json_t *object = json_object(), *array = json_array();
        int r;

        r = array ? append_alerts(array, view->alerts, now_usec) : -ENOMEM;
        r |= put(object, "alerts", array);
        r |= put_int(object, "total", total);
        r |= put(object, "truncated", json_boolean(total > STATUS_ALERTS_MAX));
        return finish(object, r);
}
