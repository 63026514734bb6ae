/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl ports. The list may hold 65,536 ports and more, so twmond sends it in parts and each
 * part is printed before the next is read; neither side ever holds all of it. In JSON the parts
 * become one array, and what else a reply says follows from the last one.
 *
 * How old the numbers are stands below them, where a long list ends on a terminal. The list itself
 * knows when they were seen; what twmond's status adds is asked for then, when it has not yet become
 * old by the time it is read, and is no reason to fail, or to wait: the list is written out before.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "notes.h"
#include "once.h"
#include "rows.h"
#include "view.h"
#include "view_pace.h"
#include "view_ports.h"

/* The list as it is being written. */
struct list {
        const struct view *view;
        struct table *table; /* NULL with --json */
        bool begun;
        bool estimated; /* some of what was shown */
        uint64_t n;     /* ports so far */
};

static bool is_pretty(const struct list *list)
{
        return list->view->term.terminal;
}

static int json_flags(const struct list *list)
{
        size_t flags = is_pretty(list) ? JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT;

        return (int)(flags | JSON_ENCODE_ANY);
}

/* JSON text never holds a raw newline but for its indentation. */
static void write_indented(FILE *out, const char *text, unsigned indent)
{
        for (; *text; text++) {
                fputc(*text, out);
                if (*text == '\n')
                        fprintf(out, "%*s", (int)indent, "");
        }
}

static int json_port(struct list *list, const json_t *port)
{
        FILE *out = list->view->term.out;
        char *text = json_dumps(port, (size_t)json_flags(list));

        if (!text)
                return -ENOMEM;
        fprintf(out, "%s%s", list->n > 0 ? "," : "", is_pretty(list) ? "\n    " : "");
        write_indented(out, text, is_pretty(list) ? 4 : 0);
        free(text);
        return 0;
}

/* parameters: of the last reply; loses its ports. */
static int json_end(struct list *list, json_t *parameters)
{
        FILE *out = list->view->term.out;
        char *text;

        json_object_del(parameters, "ports");
        text = json_dumps(parameters, (size_t)json_flags(list));
        if (!text)
                return -ENOMEM;
        fputs(is_pretty(list) && list->n > 0 ? "\n  ]" : "]", out);
        if (json_object_size(parameters) > 0)
                fprintf(out, ",%s\n", text + 1);
        else
                fputs("}\n", out);
        free(text);
        return 0;
}

/* The last scan saw nothing: the numbers, if any, are those of one before. */
static void say_blind(const struct term *term, const json_t *parameters, const char *error)
{
        char age[UNITS_TEXT_MAX];
        uint64_t age_usec;

        if (!error)
                error = "the last scan failed";
        if (!field_text(parameters, "scannedAt"))
                term_say(term, PAINT_WARNING,
                         "Cannot see: %s. Nothing was seen since twmond started.", error);
        else if (!view_age_of(parameters, "scannedAt", &age_usec))
                term_say(term, PAINT_WARNING, "Cannot see now: %s. These counts are old.", error);
        else
                term_say(term, PAINT_WARNING, "Cannot see now: %s. These counts are from %s ago.",
                         error, units_format_age(age_usec, age));
}

void view_ports_say_seen(const struct term *term, const json_t *parameters)
{
        const char *error = field_text(parameters, "scanError");

        if (field_true(parameters, "failed"))
                say_blind(term, parameters, error);
        else if (!field_text(parameters, "scannedAt"))
                term_say(term, PAINT_WARNING, "twmond has not scanned yet.");
        else if (field_true(parameters, "partial"))
                term_say(term, PAINT_WARNING,
                         "The last scan was not complete%s%s%s: counts are lower bounds.",
                         error ? " (" : "", error ? error : "", error ? ")" : "");
}

/* What must be known before the first number is read. */
static void say_heading(const struct list *list, const json_t *parameters)
{
        if (list->view->options->once)
                term_say(&list->view->term, PAINT_NONE,
                         "One scan, no history: ages are lower bounds.");
        view_ports_say_seen(&list->view->term, parameters);
}

static void begin(struct list *list, const json_t *parameters)
{
        if (list->begun)
                return;
        list->begun = true;
        if (!list->view->options->json)
                say_heading(list, parameters);
        else
                fputs(is_pretty(list) ? "{\n  \"ports\": [" : "{\"ports\":[", list->view->term.out);
}

/* Whoever asks about a port wants to know who it is. */
static bool has_close_wait(const json_t *port)
{
        uint64_t n;

        return field_object(port, "owner") || (field_count(port, "closeWait", &n) && n > 0);
}

bool view_ports_wants(const struct cmdline *options, const json_t *port)
{
        const char *side = field_text(port, "side");
        uint64_t number;

        if (options->n_ports == 0 || !field_count(port, "port", &number))
                return true;
        for (size_t i = 0; i < options->n_ports; i++)
                if (options->ports[i] == number &&
                    (!options->sides[i] || !side || strcmp(side, options->sides[i]) == 0))
                        return true;
        return false;
}

/* Writes one part. 0 or -ENOMEM. */
static int take(struct list *list, const json_t *parameters)
{
        json_t *ports = field_array(parameters, "ports"), *port;
        size_t i;

        begin(list, parameters);
        json_array_foreach(ports, i, port)
        {
                if (!view_ports_wants(list->view->options, port))
                        continue;
                if (!list->table) {
                        if (json_port(list, port) < 0)
                                return -ENOMEM;
                } else {
                        list->estimated |= field_true(port, "timeWaitEstimated");
                        rows_add_port(list->table, port, list->view->options->once);
                        if (list->view->options->n_ports > 0 && has_close_wait(port))
                                rows_note_port(list->table, port);
                        if (list->view->options->n_ports > 0)
                                notes_closing(list->table, port);
                }
                list->n++;
        }
        return list->table && list->n > 0 ? table_print(list->table) : 0;
}

static int end(struct list *list, json_t *parameters)
{
        const struct term *term = &list->view->term;
        uint64_t total;

        if (!list->table)
                return json_end(list, parameters);
        if (!field_text(parameters, "scannedAt") && list->n == 0)
                return 0; /* the heading said that nothing was seen */
        if (list->n == 0)
                term_say(term, PAINT_NONE, "No port has anything to say.%s",
                         list->view->options->all ? "" : " Every port: twmonctl ports --all");
        else if (field_count(parameters, "total", &total) && total > list->n)
                term_say(term, PAINT_NONE, "The worst %" PRIu64 " of %" PRIu64 " ports.", list->n,
                         total);
        return 0;
}

/* Nothing where there are no numbers, or the heading said how old they are. 0 or -ENOMEM. */
static int say_age(const struct list *list, struct conn *conn, const json_t *parameters)
{
        struct reply status = { 0 };
        int r;

        if (!list->table || !field_text(parameters, "scannedAt") ||
            field_true(parameters, "failed"))
                return 0;
        (void)conn_call(conn, "io.twmon.Monitor.GetStatus", NULL, &status);
        r = view_pace_say(&list->view->term, parameters, status.parameters, list->estimated);
        reply_done(&status);
        return r;
}

static json_t *request_parameters(const struct cmdline *options)
{
        json_t *parameters = json_object(), *ports = NULL;
        int r = parameters ? 0 : -1;

        if (options->n_ports > 0) {
                ports = json_array();
                for (size_t i = 0; i < options->n_ports; i++)
                        r |= json_array_append_new(ports, json_integer(options->ports[i]));
                r |= json_object_set_new(parameters, "ports", ports);
        }
        if (options->all)
                r |= json_object_set_new(parameters, "all", json_true());
        if (options->limit > 0)
                r |= json_object_set_new(parameters, "limit",
                                         json_integer((json_int_t)options->limit));
        if (r < 0) {
                json_decref(parameters);
                return NULL;
        }
        return parameters;
}

static int list_from_daemon(struct list *list)
{
        const struct view *view = list->view;
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        bool more = true;
        int r;

        r = view_connect(view, &conn);
        if (r != 0)
                return r;
        parameters = request_parameters(view->options);
        if (!parameters)
                return view_no_memory();
        r = view_send(view, conn, "io.twmon.Monitor.ListPorts", parameters);
        while (r == 0 && more) {
                struct reply reply;

                r = view_receive(view, conn, false, &reply);
                if (r != 0)
                        return r;
                more = reply.continues;
                if (take(list, reply.parameters) < 0 || (!more && end(list, reply.parameters) < 0))
                        r = view_no_memory();
                else
                        r = view_flush(view); /* nobody may read the rest; or its age stalls */
                if (r == 0 && !more && say_age(list, conn, reply.parameters) < 0)
                        r = view_no_memory();
                reply_done(&reply);
        }
        return r;
}

static int list_from_scan(struct list *list)
{
        const struct cmdline *options = list->view->options;
        CLEANUP(snapshot_unrefp) struct snapshot *snapshot = NULL;
        struct wire_filter filter = {
                .ports = options->n_ports > 0 ? options->ports : NULL,
                .n_ports = options->n_ports,
                .all = options->all,
        };
        struct once_owner owner;
        uint64_t left = options->limit > 0 ? options->limit : UINT64_MAX;
        size_t cursor = 0;
        bool more = true;
        int r;

        r = once_scan(&snapshot);
        owner.snapshot = snapshot;
        if (options->n_ports > 0) {
                filter.owner = once_find_owner;
                filter.userdata = &owner;
        }
        while (r == 0 && more) {
                size_t max = MIN(left, (uint64_t)ONCE_PORTS_PER_REPLY);
                json_t *part = once_without_rates(wire_ports(snapshot, &filter, max, &cursor));

                left -= MIN(left, (uint64_t)max);
                more = left > 0 && cursor < wire_ports_end(snapshot, &filter);
                if (!part || take(list, part) < 0 || (!more && end(list, part) < 0))
                        r = view_no_memory();
                json_decref(part);
        }
        return r;
}

int view_ports(struct view *view)
{
        CLEANUP(table_freep) struct table *table = NULL;
        struct list list = { .view = view };

        if (!view->options->json) {
                table = rows_new_ports(&view->term);
                if (!table)
                        return view_no_memory();
        }
        list.table = table;
        return view->options->once ? list_from_scan(&list) : list_from_daemon(&list);
}
