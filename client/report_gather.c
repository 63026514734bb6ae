/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything is asked for before the first byte is written. Without status, alerts and ports there is
 * no report; what else is refused, by a disk that does not answer or because too much is asked of
 * twmond, is missing from the page, which says so.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "report.h"
#include "rows.h"

#define MONITOR "io.twmon.Monitor."

/* What makes a page without which there is none. Takes over parameters. */
static int ask(const struct view *view, struct conn *conn, const char *method, json_t *parameters,
               json_t **ret_parameters)
{
        struct reply reply;
        int r = view_call(view, conn, method, parameters, &reply);

        if (r != 0)
                return r;
        *ret_parameters = reply.parameters ? json_incref(reply.parameters) : json_object();
        reply_done(&reply);
        return *ret_parameters ? 0 : view_no_memory();
}

/* "the disk does not answer", or the error's name where it says no more. */
static char *explain(const struct reply *reply)
{
        const char *reason = field_text(reply->parameters, "reason");

        return strdup(reason ? reason : reply->error);
}

struct answer {
        json_t **parameters; /* NULL stays there if there is an error */
        char **error;
};

/* What the page can do without. That twmond is gone is a failure all the same. */
static int try_to_ask(const struct view *view, struct conn *conn, const char *method,
                      json_t *parameters, const struct answer *ret_answer)
{
        struct reply reply = { 0 };
        int r = conn_call(conn, method, parameters, &reply);

        if (r == -ENOMEM)
                return view_no_memory();
        if (r < 0) {
                text_complain("twmond at %s %s.", view->socket_path, view_explain(r));
                return STATUS_UNREACHABLE;
        }
        if (reply.error)
                *ret_answer->error = explain(&reply);
        else
                *ret_answer->parameters =
                        reply.parameters ? json_incref(reply.parameters) : json_object();
        reply_done(&reply);
        return *ret_answer->error || *ret_answer->parameters ? 0 : view_no_memory();
}

/* ---- which ports ---- */

/* Each once, however often it is named: one answer has both of its sides. */
static void add_number(struct report_facts *facts, uint64_t number)
{
        if (number == 0 || number > UINT16_MAX || facts->n_curves == REPORT_PORTS_MAX)
                return;
        for (size_t i = 0; i < facts->n_curves; i++)
                if (facts->curves[i].number == number)
                        return;
        facts->curves[facts->n_curves++] = (struct report_port){ .number = (uint16_t)number };
}

static void add_curve(struct report_facts *facts, const json_t *port)
{
        uint64_t number;

        if (field_count(port, "port", &number))
                add_number(facts, number);
}

/* Those that were asked for; else those with alerts, the gravest first, and then the worst. */
static int choose_curves(const struct cmdline *options, struct report_facts *facts)
{
        json_t *ports = field_array(facts->ports, "ports"), *port, **alerts;
        size_t i, n;

        for (i = 0; i < options->n_ports; i++)
                add_number(facts, options->ports[i]);
        if (options->n_ports > 0)
                return 0;
        alerts = rows_sort_alerts(field_array(facts->alerts, "alerts"), SIZE_MAX, &n);
        if (!alerts)
                return view_no_memory();
        for (i = 0; i < n; i++)
                add_curve(facts, alerts[i]);
        free(alerts);
        json_array_foreach(ports, i, port) add_curve(facts, port);
        return 0;
}

static json_t *list_numbers(const struct report_facts *facts)
{
        json_t *numbers = json_array();

        for (size_t i = 0; i < facts->n_curves; i++)
                json_array_append_new(numbers, json_integer(facts->curves[i].number));
        return json_pack("{s:o}", "ports", numbers);
}

/* ---- all of it ---- */

static int gather_ports(const struct view *view, struct conn *conn, struct report_facts *facts)
{
        int r;

        r = ask(view, conn, MONITOR "ListPorts", json_pack("{s:i}", "limit", REPORT_ROWS_MAX),
                &facts->ports);
        if (r == 0)
                r = choose_curves(view->options, facts);
        if (r == 0 && facts->n_curves > 0)
                r = ask(view, conn, MONITOR "ListPorts", list_numbers(facts), &facts->owners);
        return r;
}

static int gather_history(const struct view *view, struct conn *conn, struct report_facts *facts)
{
        const uint64_t since_sec = (facts->made_usec - facts->since_usec) / USEC_PER_SEC;
        int r = 0;

        for (size_t i = 0; r == 0 && i < facts->n_curves; i++) {
                struct report_port *curve = &facts->curves[i];
                const struct answer answer = { &curve->history, &curve->error };

                r = try_to_ask(view, conn, MONITOR "GetHistory",
                               json_pack("{s:i, s:I, s:i}", "port", (int)curve->number, "sinceSec",
                                         (json_int_t)since_sec, "points", REPORT_POINTS),
                               &answer);
        }
        return r;
}

static int gather_rest(const struct view *view, struct conn *conn, struct report_facts *facts)
{
        const struct answer events = { &facts->events, &facts->events_error };
        const struct answer destinations = { &facts->destinations, &facts->destinations_error };
        int r;

        r = try_to_ask(view, conn, MONITOR "ListEvents", NULL, &events);
        if (r == 0)
                r = try_to_ask(view, conn, MONITOR "ListDestinations",
                               json_pack("{s:i}", "limit", REPORT_DESTINATIONS_MAX), &destinations);
        return r;
}

int report_gather(const struct view *view, struct report_facts *facts)
{
        const uint64_t since_sec =
                view->options->since_sec > 0 ? view->options->since_sec : REPORT_SINCE_SEC;
        CLEANUP(conn_freep) struct conn *conn = NULL;
        int r;

        facts->made_usec = view_wall_usec();
        facts->since_usec = facts->made_usec - MIN(since_sec * USEC_PER_SEC, facts->made_usec);
        r = view_connect(view, &conn);
        if (r == 0)
                r = ask(view, conn, MONITOR "GetStatus", NULL, &facts->status);
        if (r == 0)
                r = ask(view, conn, MONITOR "ListAlerts", NULL, &facts->alerts);
        if (r == 0)
                r = gather_ports(view, conn, facts);
        if (r == 0)
                r = gather_history(view, conn, facts);
        if (r == 0)
                r = gather_rest(view, conn, facts);
        return r;
}

void report_facts_done(struct report_facts *facts)
{
        json_decref(facts->status);
        json_decref(facts->alerts);
        json_decref(facts->ports);
        json_decref(facts->owners);
        json_decref(facts->events);
        json_decref(facts->destinations);
        free(facts->events_error);
        free(facts->destinations_error);
        for (size_t i = 0; i < facts->n_curves; i++) {
                json_decref(facts->curves[i].history);
                free(facts->curves[i].error);
        }
}

/* By port, of those that are not known. NULL: no memory. */
static json_t *history_errors(const struct report_facts *facts)
{
        json_t *errors = json_object();

        for (size_t i = 0; errors && i < facts->n_curves; i++) {
                const struct report_port *curve = &facts->curves[i];
                char port[UNITS_TEXT_MAX];

                snprintf(port, sizeof(port), "%u", curve->number);
                if (curve->error)
                        json_object_set_new(errors, port, json_string(curve->error));
        }
        return errors;
}

/* What is missing from the page, and why. NULL: no memory. */
static json_t *facts_errors(const struct report_facts *facts)
{
        json_t *errors = json_object(), *histories = history_errors(facts);

        if (facts->events_error)
                json_object_set_new(errors, "events", json_string(facts->events_error));
        if (facts->destinations_error)
                json_object_set_new(errors, "destinations", json_string(facts->destinations_error));
        if (json_object_size(histories) > 0)
                json_object_set(errors, "history", histories);
        json_decref(histories);
        return errors;
}

json_t *report_facts_json(const struct report_facts *facts)
{
        json_t *histories = json_array(), *errors = facts_errors(facts), *all;

        for (size_t i = 0; i < facts->n_curves; i++)
                if (facts->curves[i].history)
                        json_array_append(histories, facts->curves[i].history);
        all = json_pack("{s:O, s:O, s:O, s:O*, s:o, s:O*, s:O*}", "status", facts->status, "alerts",
                        facts->alerts, "ports", facts->ports, "owners", facts->owners, "history",
                        histories, "events", facts->events, "destinations", facts->destinations);
        if (json_object_size(errors) > 0)
                json_object_set(all, "errors", errors);
        json_decref(errors);
        return all;
}
