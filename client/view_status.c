/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl status: one screen, the answer first. Everything on it is gathered before any of it is
 * drawn, and drawn into memory before any of it is shown, so that --live never shows half a screen.
 *
 * --live keeps one connection for Watch, which tells when a scan is done, and asks on a fresh one
 * each time: twmond closes connections that are idle for long, and scans may be minutes apart.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "once.h"
#include "rows.h"
#include "view.h"
#include "view_daemon.h"
#include "view_host.h"

#define SHOWN_PORTS  10
#define SHOWN_ALERTS 10
#define HEADLINE_MAX 16 /* bytes of a summary's first words, up to a colon, that are painted */
#define CLEAR_SCREEN "\033[H\033[2J\033[3J"

/* The parameters of three replies, or what a scan of our own has of them; NULL: not asked for. */
struct screen {
        json_t *status;
        json_t *alerts;
        json_t *ports;
};

static void screen_done(struct screen *screen)
{
        json_decref(screen->status);
        json_decref(screen->alerts);
        json_decref(screen->ports);
}

static uint64_t count_or_zero(const json_t *object, const char *name)
{
        uint64_t value = 0;

        field_count(object, name, &value);
        return value;
}

/* "LEAKING: ...", its first words in the verdict's colour; all of it where there are none. */
static void draw_summary(const struct view *view, const json_t *status)
{
        const struct term *term = &view->term;
        const char *verdict = field_text(status, "verdict");
        const char *text = field_text(status, "summary");
        enum paint paint = paint_of(verdict);
        char *summary = text_printable(text ? text : "twmond did not say how it is.", term->utf8);
        const char *colon = summary ? strchr(summary, ':') : NULL;
        size_t head;

        if (!summary)
                return;
        text_wrap(summary, term->width);
        head = colon && colon - summary <= HEADLINE_MAX ? (size_t)(colon - summary) : 0;
        if (head == 0)
                head = strlen(summary);
        fprintf(term->out, "%s%.*s%s%s\n", term_paint(term, paint), (int)head, summary,
                term_unpaint(term, paint), summary + head);
        free(summary);
}

/* How many of them somebody has acknowledged. */
static void draw_acknowledged(const struct view *view, const json_t *status)
{
        const uint64_t raised = count_or_zero(status, "alertsRaised");
        const uint64_t acknowledged = count_or_zero(status, "alertsAcknowledged");

        if (acknowledged > 0)
                term_say(&view->term, PAINT_NONE,
                         "%" PRIu64 " alert%s raised, %" PRIu64 " of them acknowledged.", raised,
                         raised == 1 ? "" : "s", acknowledged);
}

static int draw_alerts(const struct view *view, const json_t *status, const json_t *reply)
{
        json_t *alerts = field_array(reply, "alerts");
        uint64_t total = json_array_size(alerts);

        if (total == 0)
                return 0;
        fputc('\n', view->term.out);
        if (rows_print_alerts(&view->term, alerts, SHOWN_ALERTS) < 0)
                return -ENOMEM;
        total = MAX(total, count_or_zero(reply, "total"));
        if (total > SHOWN_ALERTS)
                term_say(&view->term, PAINT_NONE, "  and %" PRIu64 " more: twmonctl alerts",
                         total - SHOWN_ALERTS);
        draw_acknowledged(view, status);
        return 0;
}

static int draw_ports(const struct view *view, const json_t *reply)
{
        CLEANUP(table_freep) struct table *table = rows_new_ports(&view->term);
        json_t *ports = field_array(reply, "ports"), *port;
        uint64_t total = count_or_zero(reply, "total");
        size_t i;
        int r;

        if (!table)
                return -ENOMEM;
        if (json_array_size(ports) == 0)
                return 0;
        fputc('\n', view->term.out);
        json_array_foreach(ports, i, port) rows_add_port(table, port, view->options->once);
        r = table_print(table);
        if (total > i)
                term_say(&view->term, PAINT_NONE, "  and %" PRIu64 " more: twmonctl ports%s",
                         total - i, view->options->once ? " --once" : "");
        return r;
}

static int draw(const struct view *view, const struct screen *screen)
{
        draw_summary(view, screen->status);
        if (draw_alerts(view, screen->status, screen->alerts) < 0 ||
            draw_ports(view, screen->ports) < 0)
                return -ENOMEM;
        view_host_draw(&view->term, screen->status, false);
        return view_daemon_draw(view, screen->status);
}

/* Draws into memory and shows it in one go; clear: on a cleared screen. */
static int show(const struct view *view, const struct screen *screen, bool clear)
{
        struct view memory = *view;
        char *text = NULL;
        size_t len = 0;
        int r;

        if (view->options->json)
                return view_print_json(view, screen->status);
        memory.term.out = open_memstream(&text, &len);
        if (!memory.term.out)
                return view_no_memory();
        r = draw(&memory, screen);
        if (fclose(memory.term.out) != 0)
                r = -ENOMEM;
        if (r == 0)
                fprintf(view->term.out, "%s%s", clear ? CLEAR_SCREEN : "", text);
        free(text);
        return r < 0 ? view_no_memory() : 0;
}

/* One call whose parameters are kept. */
static int ask(const struct view *view, struct conn *conn, const char *method, json_t *parameters,
               json_t **ret_parameters)
{
        struct reply reply;
        int r = view_call(view, conn, method, parameters, &reply);

        if (r != 0)
                return r;
        *ret_parameters = json_incref(reply.parameters);
        reply_done(&reply);
        return 0;
}

static int gather(const struct view *view, struct screen *screen)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *limit;
        int r;

        r = view_connect(view, &conn);
        if (r == 0)
                r = ask(view, conn, "io.twmon.Monitor.GetStatus", NULL, &screen->status);
        if (r != 0 || view->options->json)
                return r;
        r = ask(view, conn, "io.twmon.Monitor.ListAlerts", NULL, &screen->alerts);
        if (r != 0)
                return r;
        limit = json_pack("{s:i}", "limit", SHOWN_PORTS);
        if (!limit)
                return view_no_memory();
        return ask(view, conn, "io.twmon.Monitor.ListPorts", limit, &screen->ports);
}

/* Where twmond does not say how many are raised, its verdict does. */
static bool is_raised(const json_t *status)
{
        const char *verdict = field_text(status, "verdict");
        uint64_t raised;

        if (field_count(status, "alertsRaised", &raised))
                return raised > 0;
        return verdict && (strcmp(verdict, "warning") == 0 || strcmp(verdict, "critical") == 0);
}

static int status_of_daemon(const struct view *view)
{
        CLEANUP(screen_done) struct screen screen = { 0 };
        int r = gather(view, &screen);

        if (r == 0)
                r = show(view, &screen, false);
        if (r != 0)
                return r;
        return is_raised(screen.status) ? STATUS_RAISED : STATUS_DONE;
}

static int status_of_scan(const struct view *view)
{
        CLEANUP(snapshot_unrefp) struct snapshot *snapshot = NULL;
        CLEANUP(screen_done) struct screen screen = { 0 };
        struct wire_filter filter = { 0 };
        size_t cursor = 0;
        int r = once_scan(&snapshot);

        if (r != 0)
                return r;
        screen.status = once_status(snapshot);
        screen.ports = wire_ports(snapshot, &filter, SHOWN_PORTS, &cursor);
        if (!screen.status || !screen.ports)
                return view_no_memory();
        return show(view, &screen, false);
}

static int show_table(const struct view *view, uint64_t shown)
{
        CLEANUP(screen_done) struct screen screen = { 0 };
        int r = gather(view, &screen);

        if (r != 0)
                return r;
        if (shown > 0 && !view->term.terminal && !view->options->json)
                fputc('\n', view->term.out);
        r = show(view, &screen, view->term.terminal && !view->options->json);
        return view_flush(view) != 0 ? STATUS_FAILED : r;
}

struct live {
        const struct view *view;
        uint64_t shown;
};

/* A table is due at the start, if there is a scan to show, and after every scan; not for events. */
static int take(void *userdata, const json_t *parameters)
{
        struct live *live = userdata;
        uint64_t count = live->view->options->count;
        int r;

        if (field_object(parameters, "event") || !field_text(parameters, "scannedAt"))
                return 0;
        r = show_table(live->view, live->shown++);
        return r == 0 && live->shown == count ? VIEW_ENOUGH : r;
}

static int status_live(const struct view *view)
{
        struct live live = { .view = view };
        json_t *parameters = json_pack("{s:b}", "scans", 1);

        return parameters ? view_follow(view, parameters, take, &live) : view_no_memory();
}

int view_status(struct view *view)
{
        if (view->options->live)
                return status_live(view);
        return view->options->once ? status_of_scan(view) : status_of_daemon(view);
}
