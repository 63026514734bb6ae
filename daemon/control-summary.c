/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The summary is read by people who have one question: is anything leaking? So its first words
 * answer that, and what else is raised or pending follows.
 *
 *   Cannot say, Cannot see   no scan, none lately, or one that failed: it answers nothing
 *   LEAKING                  an alert about stuck connections is raised
 *   No longer leaking        ... and the number has fallen; the alert clears if that lasts
 *   WARNING, CRITICAL        another alert is raised: before those about stuck connections where it
 *                            is more severe
 *   Recovering               ... and its number has fallen, of all of them; as above
 *   Perhaps leaking          stuck connections, and their hold time is running
 *   No alert                 connections are stuck, but too few, or where nothing is judged
 *   No leak                  nothing is stuck
 */

#include "control-summary.h"

#include <inttypes.h>
#include <stddef.h>

#include "base.h"
#include "line.h"
#include "phrase.h"
#include "units.h"

static bool is_leak(const struct alert *alert)
{
        return alert->key.kind == ALERT_CLOSE_WAIT_LEAK;
}

/* Of two that are equally severe a leak says more: at which rate, and how long that goes well. Other
 * numbers are of different things, and still what is looked at first. */
int summary_compare_alerts(const void *a, const void *b)
{
        const struct alert *x = *(const struct alert *const *)a;
        const struct alert *y = *(const struct alert *const *)b;

        if (x->state != y->state)
                return x->state == ALERT_RAISED ? -1 : 1;
        if (x->severity != y->severity)
                return x->severity > y->severity ? -1 : 1;
        if (is_leak(x) != is_leak(y))
                return is_leak(x) ? -1 : 1;
        if (x->values.count != y->values.count)
                return x->values.count > y->values.count ? -1 : 1;
        if (x->key.kind != y->key.kind)
                return x->key.kind < y->key.kind ? -1 : 1;
        return port_key_compare(&x->key.port, &y->key.port);
}

/* Which alerts a sentence is about. */
struct choice {
        enum alert_state state;
        bool leaks;        /* false: every kind */
        bool clearing;     /* whether its number has fallen to the clear level */
        bool clearing_too; /* ... or not: either */
};

static bool fits(const struct choice *choice, const struct alert *alert)
{
        return alert->state == choice->state &&
               (!choice->leaks || alert->key.kind == ALERT_CLOSE_WAIT_STUCK ||
                alert->key.kind == ALERT_CLOSE_WAIT_LEAK) &&
               (choice->clearing_too || choice->clearing == alert_is_clearing(alert));
}

static const struct alert *worst_of(const struct alert_table *table, const struct choice *choice)
{
        const struct alert *worst = NULL;

        for (size_t i = 0; i < alert_table_count(table); i++) {
                const struct alert *alert = alert_table_get(table, i);

                if (fits(choice, alert) && (!worst || summary_compare_alerts(&alert, &worst) < 0))
                        worst = alert;
        }
        return worst;
}

const struct alert *summary_worst_alert(const struct alert_table *table)
{
        const struct choice raised = { .state = ALERT_RAISED, .clearing_too = true };

        return worst_of(table, &raised);
}

/* Raised, its number has not fallen, and no alert about stuck connections is as severe; or NULL. */
static const struct alert *graver_than_leaks(const struct alert_table *table)
{
        const struct choice any = { .state = ALERT_RAISED };
        const struct choice leaks = { .state = ALERT_RAISED, .leaks = true, .clearing_too = true };
        const struct alert *worst = worst_of(table, &any), *leak = worst_of(table, &leaks);

        return worst && leak && worst->severity > leak->severity ? worst : NULL;
}

static uint64_t scan_age_usec(const struct control_view *view, uint64_t now_usec)
{
        return now_usec - MIN(view->snapshot->end_usec, now_usec);
}

/* The next scan should have been there for long, or came to nothing. */
static bool is_stale(const struct control_view *view, uint64_t now_usec)
{
        const uint64_t end_usec = view->snapshot->end_usec;
        const uint64_t planned_usec =
                view->pace.lost > 0 ? end_usec : MAX(view->pace.next.next_usec, end_usec);

        return now_usec - MIN(planned_usec, now_usec) >
               SUMMARY_STALE_INTERVALS * view->conf->interval_usec + SUMMARY_STALE_GRACE_USEC;
}

const char *summary_verdict(const struct control_view *view, uint64_t now_usec)
{
        enum severity worst;

        if (!view->snapshot || view->snapshot->result == SCAN_FAILED || is_stale(view, now_usec))
                return "unknown";
        (void)alert_table_raised(view->alerts, &worst);
        return worst == SEVERITY_NONE ? "ok" : severity_name(worst);
}

static void say_connections(struct line *line, uint64_t n)
{
        line_add(line, "%" PRIu64 " connection%s", n, n == 1 ? "" : "s");
}

static void say_alert(struct line *line, const struct alert *alert)
{
        char port[UNITS_TEXT_MAX], condition[PHRASE_MAX];

        line_add(line, "%s: %s", phrase_port(&alert->key.port, port),
                 phrase_condition(alert, condition));
}

/* Its unit, or the name of its program where that is no guess among several; empty: neither. */
static const char *owner_name(const struct owner *owner)
{
        if (!owner->unit[0] && (owner->holders || owner->total == 1))
                return owner->processes[0].comm;
        return owner->unit;
}

static void say_stuck(struct line *line, const struct alert *alert)
{
        const struct alert_values *values = &alert->values;
        const char *name = owner_name(&alert->owner);
        char text[UNITS_TEXT_MAX], condition[PHRASE_MAX];

        if (alert->key.kind == ALERT_CLOSE_WAIT_LEAK) {
                line_add(line, "%s: %s", phrase_port(&alert->key.port, text),
                         phrase_condition(alert, condition));
                return;
        }
        line_add(line, "%s has ", phrase_port(&alert->key.port, text));
        say_connections(line, values->count);
        line_add(line, " stuck in CLOSE_WAIT");
        if (values->count > 0 && values->oldest_usec > 0)
                line_add(line, ", the oldest for %s%s", values->oldest_at_least ? "at least " : "",
                         units_format_age(values->oldest_usec, text));
        if (name[0])
                line_add(line, " (%s)", name);
}

/* Stuck connections of the last scan, on ports that are judged and on those that are not. */
struct stuck_counts {
        size_t ports;
        uint64_t judged;
        uint64_t unjudged;
        uint64_t
                usual; /* of both: for no longer than is usual on their port, and not counted there */
};

static struct stuck_counts count_stuck(const struct control_view *view)
{
        struct stuck_counts counts = { 0 };

        for (size_t i = 0; i < view->snapshot->n_rows; i++) {
                const struct port_row *row = &view->snapshot->rows[i];

                counts.ports += !(row->flags & PORT_IGNORED);
                if (row->stuck == 0)
                        continue;
                counts.usual += row->stuck_usual;
                if (rules_find(view->conf->rules, ALERT_CLOSE_WAIT_STUCK, &row->key))
                        counts.judged += row->stuck - row->stuck_usual;
                else
                        counts.unjudged += row->stuck - row->stuck_usual;
        }
        return counts;
}

/* "; the alert clears in 1min 30s at the earliest." */
static void say_clearing(struct line *line, const struct alert *alert, uint64_t now_usec)
{
        char text[UNITS_TEXT_MAX];
        uint64_t usec;

        line_add(line, "; the alert clears");
        if (alert_clears_in(alert, now_usec, &usec) && usec > 0)
                line_add(line, " in %s", units_format_age(usec, text));
        line_add(line, " if that lasts.");
}

/* Nothing is raised or pending. */
static void say_quiet(struct line *line, const struct control_view *view)
{
        const struct stuck_counts counts = count_stuck(view);

        line_add(line, "%s: %zu port%s watched, ",
                 counts.judged + counts.unjudged > 0 ? "No alert" : "No leak", counts.ports,
                 counts.ports == 1 ? "" : "s");
        if (counts.judged > 0) {
                say_connections(line, counts.judged);
                line_add(line, " stuck in CLOSE_WAIT, fewer than any alert needs");
        } else {
                line_add(line, "nothing stuck in CLOSE_WAIT");
        }
        if (counts.unjudged > 0) {
                line_add(line, "%s; ", counts.judged > 0 ? "" : " on them");
                say_connections(line, counts.unjudged);
                line_add(line, " stuck on ports that are not judged");
        }
        if (counts.usual > 0) {
                line_add(line, "; ");
                say_connections(line, counts.usual);
                line_add(line, " for no longer than is usual on their ports");
        }
        line_add(line, ".");
}

/* The answer; returns the alert that it is about, NULL: none. */
static const struct alert *say_answer(struct line *line, const struct control_view *view,
                                      uint64_t now_usec)
{
        static const struct choice leaking = { .state = ALERT_RAISED, .leaks = true };
        static const struct choice over = { .state = ALERT_RAISED,
                                            .leaks = true,
                                            .clearing = true };
        static const struct choice other = { .state = ALERT_RAISED };
        static const struct choice recovering = { .state = ALERT_RAISED, .clearing = true };
        static const struct choice perhaps = { .state = ALERT_PENDING,
                                               .leaks = true,
                                               .clearing_too = true };
        const struct alert *graver = graver_than_leaks(view->alerts);
        const struct alert *alert;

        if (!graver && (alert = worst_of(view->alerts, &leaking))) {
                line_add(line, "LEAKING: ");
                say_stuck(line, alert);
                line_add(line, ".");
        } else if (!graver && (alert = worst_of(view->alerts, &over))) {
                line_add(line, "No longer leaking: ");
                say_stuck(line, alert);
                say_clearing(line, alert, now_usec);
        } else if ((alert = worst_of(view->alerts, &other))) {
                line_add(line,
                         "%s: ", alert->severity == SEVERITY_CRITICAL ? "CRITICAL" : "WARNING");
                say_alert(line, alert);
                line_add(line, ".");
        } else if ((alert = worst_of(view->alerts, &recovering))) {
                line_add(line, "Recovering: ");
                say_alert(line, alert);
                say_clearing(line, alert, now_usec);
        } else if ((alert = worst_of(view->alerts, &perhaps))) {
                line_add(line, "Perhaps leaking: ");
                say_stuck(line, alert);
                line_add(line, "; an alert if that lasts.");
        } else {
                say_quiet(line, view);
        }
        return alert;
}

/* Raised and pending alerts beside the one that was told. */
static void say_more(struct line *line, const struct control_view *view, const struct alert *told)
{
        enum severity severity;
        size_t raised = alert_table_raised(view->alerts, &severity);
        size_t pending = alert_table_count(view->alerts) - raised;

        if (told && told->state == ALERT_RAISED)
                raised--;
        if (told && told->state == ALERT_PENDING)
                pending--;
        if (raised > 0)
                line_add(line, " %zu more alert%s raised.", raised, raised == 1 ? "" : "s");
        if (pending > 0)
                line_add(line, " %zu pending.", pending);
}

static void say_last_seen(struct line *line, const struct control_view *view)
{
        const struct alert *worst = summary_worst_alert(view->alerts);

        if (!worst || worst->key.kind == ALERT_BLIND)
                return;
        line_add(line, " Last seen at ");
        say_alert(line, worst);
        line_add(line, ".");
}

const char *summary_text(const struct control_view *view, uint64_t now_usec,
                         char buf[static SUMMARY_TEXT_MAX])
{
        struct line line = line_init(buf, SUMMARY_TEXT_MAX);
        char age[UNITS_TEXT_MAX];

        if (!view->snapshot) {
                line_add(&line, "Cannot say yet: the first scan is not done.");
        } else if (view->snapshot->result == SCAN_FAILED) {
                line_add(&line, "Cannot see: %s.", view->snapshot->error_text);
                say_last_seen(&line, view);
        } else if (is_stale(view, now_usec)) {
                line_add(&line, "Cannot say: the last scan ended %s ago, the next is overdue.",
                         units_format_age(scan_age_usec(view, now_usec), age));
                say_last_seen(&line, view);
        } else {
                const struct alert *told = say_answer(&line, view, now_usec);

                if (scan_age_usec(view, now_usec) > SUMMARY_OLD_USEC)
                        line_add(&line, " As of %s ago.",
                                 units_format_age(scan_age_usec(view, now_usec), age));
                if (view->snapshot->result == SCAN_PARTIAL)
                        line_add(&line, " The last scan was partial: there may be more.");
                say_more(&line, view, told);
        }
        return buf;
}
