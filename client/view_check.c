/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl check: a plugin of Nagios, Icinga and their kin. Everything is asked first, then judged,
 * then said in one line; what cannot be asked, or was seen too long ago, is UNKNOWN, and never
 * looks like OK. Nothing goes to standard error, where such a system does not look.
 *
 * Without thresholds twmond's alerts decide, which have waited out bursts and know leaks from pools.
 * A pending alert is none yet; an acknowledged one is, since the monitoring system has
 * acknowledgements of its own.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "notes.h"
#include "plugin.h"
#include "view.h"

#define SHOWN_ALERTS 3  /* in the line; the others are counted */
#define GAPS_MAX     2  /* a scan is late when it is so many planned gaps old, */
#define LATE_SEC     60 /* and this old at least */
#define PERFDATA_MAX 1024

/* The parameters of the replies; NULL: not asked for. alerts and ports are arrays of two of them. */
struct check {
        const struct cmdline *options;
        struct conn *conn;
        json_t *status;
        json_t *alerts_reply, *ports_reply;
        json_t *alerts, *ports;
        struct line text;
        enum plugin_state state;
};

static void check_done(struct check *check)
{
        conn_free(check->conn);
        json_decref(check->status);
        json_decref(check->alerts_reply);
        json_decref(check->ports_reply);
}

static bool has_levels(const struct check *check)
{
        return check->options->levels.warning.text || check->options->levels.critical.text;
}

/* Nothing else is said then. Returns false, for the caller to return. */
PRINTF_LIKE(2, 3) static bool give_up(struct check *check, const char *format, ...)
{
        char text[PLUGIN_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        check->text = line_init(check->text.buf, check->text.size);
        line_add(&check->text, "%s", text);
        check->state = PLUGIN_UNKNOWN;
        return false;
}

static bool open_conn(struct check *check, const char *path)
{
        int r = conn_open(path, &check->conn);

        if (r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR)
                return give_up(check, "twmond is not running (%s %s)",
                               r == -ECONNREFUSED ? "nobody serves" : "no socket at", path);
        return r == 0 || give_up(check, "twmond at %s %s", path, view_explain(r));
}

/* Takes over parameters. */
static bool ask(struct check *check, const char *method, json_t *parameters, json_t **ret_reply)
{
        struct reply reply;
        int r = conn_call(check->conn, method, parameters, &reply);

        if (r < 0)
                return give_up(check, "twmond %s", view_explain(r));
        if (reply.error || !reply.parameters)
                give_up(check, "twmond answered %s", reply.error ? reply.error : "nothing");
        else
                *ret_reply = json_incref(reply.parameters);
        reply_done(&reply);
        return *ret_reply != NULL;
}

/* Those of the PORT; without one, all that are not quiet, where it is the oldest that is judged. */
static bool ask_ports(struct check *check)
{
        const uint16_t port = check->options->choice.port;
        json_t *parameters = port ? json_pack("{s:[i]}", "ports", port) : NULL;

        if (!port && !(has_levels(check) && check->options->levels.metric == CHECK_OLDEST))
                return true;
        if (port && !parameters)
                return give_up(check, "out of memory");
        if (!ask(check, "io.twmon.Monitor.ListPorts", parameters, &check->ports_reply))
                return false;
        check->ports = field_array(check->ports_reply, "ports");
        if (!check->ports || field_true(check->ports_reply, "truncated"))
                return give_up(check, "too many ports have something to say: name one");
        return true;
}

/* What is older is not of now. */
static uint64_t latest_usec(const struct check *check)
{
        uint64_t gap_usec = 0;

        field_count(field_object(check->status, "schedule"), "gapUsec", &gap_usec);
        gap_usec = MIN(gap_usec, USEC_PER_DAY); /* however wrong it is */
        return MAX(GAPS_MAX * gap_usec, LATE_SEC * USEC_PER_SEC);
}

/* Blind, late, or without any scan: whatever the numbers are, they are not those of now. */
static bool is_sighted(struct check *check)
{
        const json_t *status = check->status;
        const char *verdict = field_text(status, "verdict"),
                   *error = field_text(status, "scanError");
        uint64_t age_usec;
        char age[UNITS_TEXT_MAX];

        if (!field_text(status, "scannedAt"))
                return give_up(check, "twmond has seen nothing yet%s%s", error ? ": " : "",
                               error ? error : "");
        if (field_true(status, "failed") || !verdict || strcmp(verdict, "unknown") == 0)
                return give_up(check, "twmond cannot see%s%s", error ? ": " : "",
                               error ? error : "");
        if (!view_age_of(status, "scannedAt", &age_usec))
                return give_up(check, "twmond does not say when it last looked");
        if (age_usec > latest_usec(check))
                return give_up(check, "twmond has not looked for %s",
                               units_format_age(age_usec, age));
        return true;
}

/* Scans have failed, or stayed partial, for as long as that alert takes. */
static bool is_blind(struct check *check)
{
        json_t *alert;
        size_t i;

        json_array_foreach(check->alerts, i, alert)
        {
                const char *kind = field_text(alert, "kind"), *state = field_text(alert, "state");
                const char *reason = field_text(alert, "reason");

                if (kind && strcmp(kind, "blind") == 0 && state && strcmp(state, "raised") == 0)
                        return !give_up(check, "twmond is blind%s%s", reason ? ": " : "",
                                        reason ? reason : "");
        }
        return false;
}

static bool gather(struct check *check, const char *path)
{
        if (!open_conn(check, path) ||
            !ask(check, "io.twmon.Monitor.GetStatus", NULL, &check->status) || !is_sighted(check) ||
            !ask(check, "io.twmon.Monitor.ListAlerts", NULL, &check->alerts_reply))
                return false;
        check->alerts = field_array(check->alerts_reply, "alerts");
        if (!check->alerts)
                return give_up(check, "twmond does not say what is raised");
        return !is_blind(check) && ask_ports(check);
}

static void add_owner(struct check *check, const json_t *object)
{
        CLEANUP(free_text) char *name = notes_owner_name(field_object(object, "owner"));

        if (name)
                line_add(&check->text, ", %s", name);
}

/* "close-wait-stuck on local:7865: 120, oldest for at least 3h 12min, leaky.service (pid 812)" */
static void add_alert(struct check *check, const json_t *alert)
{
        const char *kind = field_text(alert, "kind");
        const json_t *destination = field_object(alert, "destination");
        const char *address = field_text(destination, "address");
        char port[UNITS_TEXT_MAX], count[UNITS_TEXT_MAX], age[UNITS_TEXT_MAX];
        uint64_t sec;

        line_add(&check->text, "%s", kind ? kind : "an alert");
        if (!field_is_host(alert))
                line_add(&check->text, " on %s", field_show_port(alert, port));
        if (address)
                line_add(&check->text, " towards %s", address);
        line_add(&check->text, ": %s%s%s", field_is_at_least(alert) ? "at least " : "",
                 field_show_count(alert, "count", count), field_is_percent(alert) ? " %" : "");
        if (field_count(alert, "oldestSec", &sec))
                line_add(&check->text, ", oldest for %s%s",
                         field_true(alert, "oldestAtLeast") ? "at least " : "",
                         field_show_age(alert, "oldestSec", NULL, age));
        add_owner(check, alert);
        if (field_object(alert, "acknowledged"))
                line_add(&check->text, ", acknowledged");
}

static enum plugin_state state_of(const json_t *alert)
{
        const char *severity = field_text(alert, "severity");

        return severity && strcmp(severity, "critical") == 0 ? PLUGIN_CRITICAL : PLUGIN_WARNING;
}

static bool is_raised(const struct check *check, const json_t *alert)
{
        const char *state = field_text(alert, "state");

        return choice_fits(&check->options->choice, alert) && state && strcmp(state, "raised") == 0;
}

/* Worst first, as they come. Returns how many are raised. */
static size_t judge_alerts(struct check *check)
{
        size_t i, n = 0;
        json_t *alert;

        json_array_foreach(check->alerts, i, alert)
        {
                if (!is_raised(check, alert))
                        continue;
                check->state = MAX(check->state, state_of(alert));
                if (n < SHOWN_ALERTS) {
                        line_add(&check->text, "%s", n > 0 ? "; " : "");
                        add_alert(check, alert);
                }
                n++;
        }
        if (n > SHOWN_ALERTS)
                line_add(&check->text, "; and %zu more", n - SHOWN_ALERTS);
        return n;
}

/* What is about the host as a whole is all that was asked for: let nobody read that there is no other. */
static void say_none_of_host(struct check *check)
{
        size_t i, n = 0;
        json_t *alert;

        json_array_foreach(check->alerts, i, alert)
        {
                const char *state = field_text(alert, "state");

                n += !field_is_host(alert) && state && strcmp(state, "raised") == 0;
        }
        line_add(&check->text, "no host-wide alert is raised (alerts of ports: %zu)", n);
}

static void say_no_alert(struct check *check, const struct check_numbers *numbers)
{
        char what[CHOICE_TEXT_MAX], stuck[CHECK_VALUE_MAX], time_wait[CHECK_VALUE_MAX];
        const struct choice *choice = &check->options->choice;

        if (field_true(check->alerts_reply, "truncated")) {
                give_up(check, "more alerts than twmond lists");
                return;
        }
        if (choice->side && !choice->port)
                say_none_of_host(check);
        else
                line_add(&check->text, "no alert is raised%s%s",
                         choice_is_empty(choice) ? "" : " about ",
                         choice_is_empty(choice) ? "" : choice_text(choice, what));
        if (!choice->key)
                line_add(&check->text, "; %s, %s",
                         check_number_text(numbers, CHECK_STUCK, "", stuck),
                         check_number_text(numbers, CHECK_TIME_WAIT, "", time_wait));
        if (field_true(check->status, "partial"))
                line_add(&check->text, "; the last scan did not see everything");
}

/*
 * Of the side that has the sockets: the service of this host is not to blame for those of programs that
 * connect to the same number elsewhere. Who closed these is unknown: TIME_WAIT names nobody.
 */
static void add_port_owner(struct check *check)
{
        const enum check_metric metric = check->options->levels.metric;
        const json_t *holder = check_numbers_holder(check->ports, &check->options->choice, metric);
        const char *side = field_text(holder, "side");

        if (!side || (metric == CHECK_TIME_WAIT && strcmp(side, "local") != 0))
                return;
        add_owner(check, holder);
}

/* A scan that missed something may have missed what the number lacks: no number is held for true. */
static void judge_levels(struct check *check, const struct check_numbers *numbers)
{
        const struct check_levels *levels = &check->options->levels;
        const double value = numbers->values[levels->metric];
        const struct threshold *passed = NULL;
        const struct choice *choice = &check->options->choice;
        char number[CHECK_VALUE_MAX], where[CHOICE_TEXT_MAX + 4] = " on ";

        if (field_true(check->status, "partial")) {
                give_up(check, "the last scan did not see everything");
                return;
        }
        choice_text(choice, where + strlen(where));
        line_add(&check->text, "%s",
                 check_number_text(numbers, levels->metric, choice->port ? where : "", number));
        if (!numbers->known[levels->metric])
                check->state = PLUGIN_UNKNOWN;
        else if (threshold_is_bad(&levels->critical, value))
                check->state = PLUGIN_CRITICAL, passed = &levels->critical;
        else if (threshold_is_bad(&levels->warning, value))
                check->state = PLUGIN_WARNING, passed = &levels->warning;
        if (passed)
                line_add(&check->text, ", %s is %s",
                         passed == &levels->critical ? "critical" : "warning", passed->text);
        if (choice->port)
                add_port_owner(check);
}

static void judge(struct check *check, struct line *perfdata)
{
        const struct choice *choice = &check->options->choice;
        struct check_numbers numbers = { 0 };
        size_t raised;

        if (choice->port)
                check_numbers_of_ports(check->ports, choice, &numbers);
        else if (!choice->key)
                check_numbers_of_host(check->status, check->ports, &numbers);
        check_numbers_date(&numbers, check->status, latest_usec(check));
        if (has_levels(check)) {
                judge_levels(check, &numbers);
        } else {
                raised = judge_alerts(check);
                if (raised == 0)
                        say_no_alert(check, &numbers);
                line_add(perfdata, "alerts=%zu;;;0", raised);
        }
        check_numbers_add(perfdata, &numbers, &check->options->levels);
}

static int print_json(const struct view *view, const struct check *check, const char *perfdata)
{
        CLEANUP(free_text) char *text = plugin_harmless(check->text.buf, view->term.utf8);
        json_t *value =
                text ? json_pack("{s:s, s:s, s:s}", "state", plugin_state_name(check->state),
                                 "text", text, "perfdata", perfdata)
                     : NULL;
        int r = value ? view_print_json(view, value) : STATUS_FAILED;

        json_decref(value);
        return r == 0 && view_flush(view) == 0 ? (int)check->state : PLUGIN_UNKNOWN;
}

int view_check(struct view *view)
{
        char text[PLUGIN_TEXT_MAX], perfdata[PERFDATA_MAX];
        CLEANUP(check_done)
        struct check check = { .options = view->options, .text = line_init(text, sizeof(text)) };
        const uint64_t limit_usec = view->options->timeout_usec;
        struct line data = line_init(perfdata, sizeof(perfdata));

        plugin_limit_time(limit_usec > 0 ? limit_usec : PLUGIN_TIMEOUT_USEC);
        if (gather(&check, view->socket_path))
                judge(&check, &data);
        if (view->options->json)
                return print_json(view, &check, perfdata);
        return plugin_say(&view->term, check.state, text, perfdata);
}
