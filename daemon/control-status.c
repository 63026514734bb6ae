/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The summary is read by people who have one question: is anything leaking? So its first words
 * answer that, and what else is raised or pending follows. A scan that failed answers nothing,
 * whatever is still raised from before.
 */

#include "control-status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "phrase.h"
#include "units.h"
#include "wire.h"

/* Worst first: raised, severity, count; then by key. */
static int alert_compare(const void *a, const void *b)
{
        const struct alert *x = *(const struct alert *const *)a;
        const struct alert *y = *(const struct alert *const *)b;

        if (x->state != y->state)
                return x->state == ALERT_RAISED ? -1 : 1;
        if (x->severity != y->severity)
                return x->severity > y->severity ? -1 : 1;
        if (x->values.count != y->values.count)
                return x->values.count > y->values.count ? -1 : 1;
        if (x->key.kind != y->key.kind)
                return x->key.kind < y->key.kind ? -1 : 1;
        return port_key_compare(&x->key.port, &y->key.port);
}

/* The worst alert in that state, of that kind or (ALERT_KIND_COUNT) of any; NULL: there is none. */
static const struct alert *worst_alert(const struct alert_table *table, enum alert_state state,
                                       enum alert_kind kind)
{
        const struct alert *worst = NULL;

        for (size_t i = 0; i < alert_table_count(table); i++) {
                const struct alert *alert = alert_table_get(table, i);

                if (alert->state != state || (kind != ALERT_KIND_COUNT && alert->key.kind != kind))
                        continue;
                if (!worst || alert_compare(&alert, &worst) < 0)
                        worst = alert;
        }
        return worst;
}

static size_t count_raised(const struct control_view *view, enum severity *ret_worst)
{
        *ret_worst = SEVERITY_NONE;
        return alert_table_raised(view->alerts, ret_worst);
}

static bool is_blind(const struct control_view *view)
{
        return !view->snapshot || view->snapshot->result == SCAN_FAILED;
}

const char *status_verdict(const struct control_view *view)
{
        enum severity worst;

        if (is_blind(view))
                return "unknown";
        count_raised(view, &worst);
        return worst == SEVERITY_NONE ? "ok" : severity_name(worst);
}

/* The sentence that is being written; past its end nothing is added. */
struct summary {
        char *buf; /* STATUS_SUMMARY_MAX */
        size_t len;
};

PRINTF_LIKE(2, 3) static void say(struct summary *summary, const char *format, ...)
{
        size_t room = STATUS_SUMMARY_MAX - summary->len;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(summary->buf + summary->len, room, format, args);
        va_end(args);
        if (n > 0)
                summary->len += MIN((size_t)n, room - 1);
}

static void say_alert(struct summary *summary, const char *before, const struct alert *alert)
{
        char port[UNITS_TEXT_MAX], condition[PHRASE_MAX];

        say(summary, "%s%s: %s", before, phrase_port(&alert->key.port, port),
            phrase_condition(alert, condition));
}

static void say_leak(struct summary *summary, const struct alert *alert)
{
        const struct alert_values *values = &alert->values;
        char port[UNITS_TEXT_MAX], age[UNITS_TEXT_MAX];

        say(summary, "LEAKING: %s has %" PRIu64 " connection%s stuck in CLOSE_WAIT",
            phrase_port(&alert->key.port, port), values->count, values->count == 1 ? "" : "s");
        if (values->oldest_usec > 0)
                say(summary, ", the oldest for %s%s", values->oldest_at_least ? "at least " : "",
                    units_format_age(values->oldest_usec, age));
        if (alert->owner.unit[0])
                say(summary, " (%s)", alert->owner.unit);
        else if (alert->owner.comm[0])
                say(summary, " (%s)", alert->owner.comm);
        say(summary, ".");
}

static void say_no_leak(struct summary *summary, const struct snapshot *snapshot)
{
        size_t watched = 0;
        uint64_t stuck = 0;

        for (size_t i = 0; i < snapshot->n_rows; i++) {
                if (snapshot->rows[i].flags & PORT_IGNORED)
                        continue;
                watched++;
                stuck += snapshot->rows[i].stuck;
        }

        say(summary, "No leak: %zu port%s watched, ", watched, watched == 1 ? "" : "s");
        if (stuck == 0)
                say(summary, "nothing stuck in CLOSE_WAIT.");
        else
                say(summary,
                    "%" PRIu64 " connection%s stuck in CLOSE_WAIT, not enough for an alert.", stuck,
                    stuck == 1 ? "" : "s");
}

static void say_others(struct summary *summary, const struct control_view *view,
                       const struct alert *told)
{
        const struct alert *worst = worst_alert(view->alerts, ALERT_RAISED, ALERT_KIND_COUNT);
        const struct alert *pending = worst_alert(view->alerts, ALERT_PENDING, ALERT_KIND_COUNT);
        enum severity severity;
        size_t n = count_raised(view, &severity);

        if (told && n > 1)
                say(summary, " %zu more alert%s.", n - 1, n == 2 ? "" : "s");
        else if (!told && worst) {
                say_alert(summary, n == 1 ? " But " : " But worst of the alerts, ", worst);
                say(summary, ".");
        }
        if (pending) {
                say_alert(summary, " Pending: ", pending);
                say(summary, ".");
        }
}

const char *status_summary(const struct control_view *view, char buf[static STATUS_SUMMARY_MAX])
{
        struct summary summary = { .buf = buf };
        const struct alert *leak;

        buf[0] = '\0';
        leak = worst_alert(view->alerts, ALERT_RAISED, ALERT_CLOSE_WAIT_STUCK);
        if (!view->snapshot) {
                say(&summary, "Cannot say yet: the first scan is not done.");
                return buf;
        }
        if (view->snapshot->result == SCAN_FAILED) {
                say(&summary, "Cannot see: %s.", view->snapshot->error_text);
                if (leak) {
                        say_alert(&summary, " Last seen at ", leak);
                        say(&summary, ".");
                }
                return buf;
        }

        if (leak)
                say_leak(&summary, leak);
        else
                say_no_leak(&summary, view->snapshot);
        if (view->snapshot->result == SCAN_PARTIAL)
                say(&summary, " The last scan was partial: there may be more.");
        say_others(&summary, view, leak);
        return buf;
}

static int put(json_t *object, const char *name, json_t *value)
{
        return json_object_set_new(object, name, value);
}

static int put_int(json_t *object, const char *name, uint64_t value)
{
        return put(object, name, json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX)));
}

/* A limit that was not hit has no member. */
static int put_hit(json_t *object, const char *name, uint64_t times)
{
        return times > 0 ? put_int(object, name, times) : 0;
}

static json_t *finish(json_t *object, int r)
{
        if (r < 0) {
                json_decref(object);
                return NULL;
        }
        return object;
}

static json_t *limits_hit(const struct control_view *view, const struct control_stats *stats)
{
        const struct snapshot *snapshot = view->snapshot;
        json_t *object = json_object();
        int r = 0;

        r |= put_hit(object, "alerts", alert_table_overflow(view->alerts));
        r |= put_hit(object, "ports", snapshot ? snapshot->ports_overflow : 0);
        r |= put_hit(object, "tracked", snapshot ? snapshot->untracked : 0);
        r |= put_hit(object, "malformed", snapshot ? snapshot->malformed : 0);
        r |= put_hit(object, "journal", view->journal_lost);
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
        if (snapshot && snapshot->error_text[0])
                r |= put(object, "scanError", wire_line(snapshot->error_text));
        r |= put_int(object, "scans", view->scans);
        if (seen)
                r |= put(object, "totals", wire_totals(snapshot));
        return r;
}

static int put_alerts(json_t *object, const struct control_view *view, uint64_t now_usec)
{
        const struct alert *worst = worst_alert(view->alerts, ALERT_RAISED, ALERT_KIND_COUNT);
        enum severity severity;
        size_t raised = count_raised(view, &severity);
        int r = 0;

        r |= put_int(object, "alertsRaised", raised);
        r |= put_int(object, "alertsPending", alert_table_count(view->alerts) - raised);
        if (worst)
                r |= put(object, "worstAlert", wire_alert(worst, now_usec));
        return r;
}

json_t *status_reply(const struct control_view *view, const struct control_stats *stats,
                     uint64_t now_usec)
{
        char summary[STATUS_SUMMARY_MAX];
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "version", json_string(TWMON_VERSION));
        r |= put_int(object, "pid", (uint64_t)getpid());
        r |= put(object, "verdict", json_string(status_verdict(view)));
        r |= put(object, "summary", wire_line(status_summary(view, summary)));
        r |= put(object, "since", wire_time(view->started_wall_usec));
        r |= put_scan(object, view);
        r |= put_alerts(object, view, now_usec);
        r |= put_int(object, "intervalUsec", view->conf->interval_usec);
        if (view->snapshot)
                r |= put(object, "cost", wire_cost(view->snapshot));
        r |= put(object, "limitsHit", limits_hit(view, stats));
        r |= put_int(object, "clients", stats->clients);
        r |= put_int(object, "journalQueued", view->journal_queued);
        r |= put(object, "journalDelivered", json_boolean(view->journal_delivered));
        r |= put(object, "configuration", wire_line(view->conf_source));
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
        qsort(sorted, n, sizeof(*sorted), alert_compare);

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
