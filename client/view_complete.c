/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl complete: what the completion of every shell asks. The tables of verbs and options answer,
 * so that none can be forgotten; ports and alerts come from twmond.
 *
 * A shell waits for this with every press of a key: it says nothing on standard error, succeeds
 * whatever happens, and gives up twmond after a moment. Up to there no candidate of twmond's is
 * written, so that none is cut.
 */

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cmdline-private.h"
#include "field.h"
#include "verbs.h"
#include "view.h"

#define PATIENCE_USEC 300000 /* for all that twmond is asked */
#define PORTS_MAX     256    /* the worst */

/* Where on the command line the cursor is. */
struct place {
        const struct view *view;
        const struct verb *verb; /* NULL: none, or not one of ours */
        bool has_verb;
        bool words_only; /* behind "--" */
        size_t n_operands;
        unsigned given;                   /* bits of the options that stand before */
        const struct option_row *pending; /* its value is next; NULL: none */
        const char *socket_path;
        const char *word; /* that is to be completed */
};

/* head: what stands before the candidate in the same word, or empty. */
static void offer(const struct place *place, const char *head, const char *candidate,
                  const char *help)
{
        const size_t len = strlen(head);
        CLEANUP(free_text) char *value = text_printable(candidate, false);
        CLEANUP(free_text) char *what = text_printable(help, false);

        if (!value || !what || strncmp(place->word, head, len) != 0 ||
            strncmp(place->word + len, value, strlen(place->word + len)) != 0)
                return;
        fprintf(place->view->term.out, "%s%s\t%s\n", head, value, what);
}

static void offer_verbs(const struct place *place)
{
        for (size_t i = 0; verb_get(i); i++)
                offer(place, "", verb_get(i)->name, verb_get(i)->help);
}

static void offer_options(const struct place *place)
{
        const unsigned takes = OPTION_EVERYWHERE | (place->verb ? place->verb->options : 0);
        const struct option_row *row;

        for (size_t i = 0; (row = cmdline_option_get(i)); i++) {
                char name[64];

                snprintf(name, sizeof(name), "--%s", row->name);
                if (row->bit & takes && !(row->bit & place->given & ~(unsigned)OPTION_EVERYWHERE))
                        offer(place, "", name, row->help);
        }
}

static void offer_files(const struct place *place)
{
        fputs(":files\n", place->view->term.out);
}

/* That of the host alone is not for a port. */
static void offer_metrics(const struct place *place, const char *head)
{
        for (enum check_metric i = 0; i < CHECK_METRIC_COUNT; i++)
                if (place->n_operands == 0 || i != CHECK_TIME_WAIT_TABLE)
                        offer(place, head, check_metric_name(i), check_metric_what(i));
}

/* head: "--name=" where it stands in the same word. */
static void offer_values(const struct place *place, const struct option_row *row, const char *head)
{
        if (!row->argument)
                return;
        if (row->bit == OPTION_METRIC)
                offer_metrics(place, head);
        else if (row->bit == OPTION_SORT)
                for (enum topmodel_order i = 0; i < TOPMODEL_ORDERS; i++)
                        offer(place, head, topmodel_order_name(i), topmodel_order_what(i));
        else if (strcmp(row->argument, "PATH") == 0 || strcmp(row->argument, "FILE") == 0)
                offer_files(place);
}

static void offer_joined_value(const struct place *place)
{
        const struct option_row *row = cmdline_option_find(place->word);
        char head[64];

        if (!row)
                return;
        snprintf(head, sizeof(head), "--%s=", row->name);
        offer_values(place, row, head);
}

static void on_alarm(int signal_number)
{
        (void)signal_number;
        _exit(STATUS_DONE);
}

static void set_patience(suseconds_t usec)
{
        const struct itimerval timer = { .it_value = { .tv_usec = usec } };

        setitimer(ITIMER_REAL, &timer, NULL);
}

/* Its reply's array of that name; NULL: there is none. The caller frees. Takes over parameters. */
static json_t *ask(struct conn *conn, const char *method, json_t *parameters, const char *name)
{
        struct reply reply = { 0 };
        json_t *array = NULL;

        if (conn_call(conn, method, parameters, &reply) == 0 && !reply.error)
                array = json_incref(field_array(reply.parameters, name));
        reply_done(&reply);
        return array;
}

struct known {
        json_t *ports, *alerts;
};

static void known_done(struct known *known)
{
        json_decref(known->ports);
        json_decref(known->alerts);
}

/* What does not come in time is no answer at all: then the process is done. */
static void ask_twmond(const struct place *place, struct known *known)
{
        const struct sigaction action = { .sa_handler = on_alarm };
        CLEANUP(conn_freep) struct conn *conn = NULL;
        sigset_t alarms;

        fflush(place->view->term.out);
        sigaction(SIGALRM, &action, NULL);
        sigemptyset(&alarms);
        sigaddset(&alarms, SIGALRM);
        sigprocmask(SIG_UNBLOCK, &alarms, NULL);
        set_patience(PATIENCE_USEC);
        if (conn_open(place->socket_path, &conn) == 0) {
                known->ports = ask(conn, "io.twmon.Monitor.ListPorts",
                                   json_pack("{s:b, s:i}", "all", 1, "limit", PORTS_MAX), "ports");
                known->alerts = ask(conn, "io.twmon.Monitor.ListAlerts", NULL, "alerts");
        }
        set_patience(0);
}

/* "of this host, 3 in CLOSE_WAIT, 0 in TIME_WAIT" */
static void describe_port(const json_t *port, bool local, char buf[static UNITS_TEXT_MAX])
{
        uint64_t close_wait = 0, time_wait = 0;

        field_count(port, "closeWait", &close_wait);
        field_count(port, "timeWait", &time_wait);
        snprintf(buf, UNITS_TEXT_MAX, "%s, %" PRIu64 " in CLOSE_WAIT, %" PRIu64 " in TIME_WAIT",
                 local ? "of this host" : "of others", close_wait, time_wait);
}

/*
 * A text of twmond's, which goes into somebody's command line: whatever is not of the form of a port
 * or a key is left out, so that nothing else can get there.
 */
static void offer_choice(const struct place *place, const char *text, const char *what)
{
        struct choice choice;

        if (choice_parse(text, &choice) == 0)
                offer(place, "", text, what);
}

/* with_side: "local:80", else "80", each once. */
static void offer_ports(const struct place *place, json_t *ports, bool with_side)
{
        bool seen[2][UINT16_MAX + 1] = { { false } };
        json_t *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                char text[UNITS_TEXT_MAX], what[UNITS_TEXT_MAX];
                const bool local = strcmp(field_text(port, "side") ?: "", "local") == 0;
                uint64_t number;

                if (!field_count(port, "port", &number) || number == 0 || number > UINT16_MAX ||
                    field_is_host(port) || seen[with_side && local][number])
                        continue;
                seen[with_side && local][number] = true;
                describe_port(port, local, what);
                if (with_side)
                        field_show_port(port, text);
                else
                        field_show_count(port, "port", text);
                offer_choice(place, text, what);
        }
}

static void offer_alerts(const struct place *place, json_t *alerts, bool raised_only)
{
        json_t *alert;
        size_t i;

        json_array_foreach(alerts, i, alert)
        {
                const char *key = field_text(alert, "key"), *state = field_text(alert, "state");

                if (key && state && (!raised_only || strcmp(state, "raised") == 0))
                        offer_choice(place, key, state);
        }
}

static void offer_known(const struct place *place, enum operands operands)
{
        const bool ports = operands == OPERANDS_PORTS || operands == OPERANDS_PORT ||
                           operands == OPERANDS_PORT_ADDRESS;
        const char *word = place->word;
        const bool sided = !ports || (operands != OPERANDS_PORT_ADDRESS && choice_take_side(&word));
        CLEANUP(known_done) struct known known = { 0 };

        if (!ports)
                offer(place, "", "host", "the host as a whole");
        ask_twmond(place, &known);
        if (!ports)
                offer_alerts(place, known.alerts, operands == OPERANDS_ALERT);
        /* What is acknowledged is an alert, so ports without one are no help. */
        offer_ports(place, operands == OPERANDS_ALERT ? known.alerts : known.ports, sided);
}

static void offer_operands(const struct place *place)
{
        const enum operands operands = place->verb->operands;

        if (place->n_operands > 0 && operands != OPERANDS_PORTS)
                return;
        switch (operands) {
        case OPERANDS_NONE:
        case OPERANDS_WORDS:
                if (!place->words_only)
                        offer_options(place);
                break;
        case OPERANDS_VERB:
                offer_verbs(place);
                break;
        case OPERANDS_FILE:
                offer_files(place);
                break;
        case OPERANDS_PORTS:
        case OPERANDS_PORT:
        case OPERANDS_PORT_ADDRESS:
        case OPERANDS_ALERT:
        case OPERANDS_ANY_ALERT:
                offer_known(place, operands);
                break;
        }
}

static void take_value(struct place *place, const struct option_row *row, const char *value)
{
        if (strcmp(row->name, "socket") == 0 && conn_path_fits(value))
                place->socket_path = value;
}

/* A word before the cursor. */
static void take_word(struct place *place, const char *word)
{
        const struct option_row *row = place->words_only ? NULL : cmdline_option_find(word);
        const char *value = strchr(word, '=');

        if (place->pending) {
                take_value(place, place->pending, word);
                place->pending = NULL;
        } else if (!place->words_only && strcmp(word, "--") == 0) {
                place->words_only = true;
        } else if (row) {
                place->given |= row->bit;
                if (row->argument && value)
                        take_value(place, row, value + 1);
                else if (row->argument)
                        place->pending = row;
        } else if (!place->words_only && word[0] == '-') {
                return; /* no option of ours */
        } else if (!place->has_verb) {
                place->verb = verb_find(word);
                place->has_verb = true;
        } else
                place->n_operands++;
}

int view_complete(struct view *view)
{
        const struct cmdline *options = view->options;
        struct place place = { .view = view, .socket_path = view->socket_path, .word = "" };

        for (size_t i = 0; i + 1 < options->n_words; i++)
                take_word(&place, options->words[i]);
        if (options->n_words > 0)
                place.word = options->words[options->n_words - 1];
        if (place.pending)
                offer_values(&place, place.pending, "");
        else if (!place.words_only && place.word[0] == '-' && strchr(place.word, '='))
                offer_joined_value(&place);
        else if (!place.words_only && place.word[0] == '-')
                offer_options(&place);
        else if (!place.has_verb)
                offer_verbs(&place);
        else if (place.verb)
                offer_operands(&place);
        return STATUS_DONE;
}
