/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is asked, and when. twmond's status is small and tells whether there was a scan: only then
 * ports and alerts have changed, and so has what the page shows. How ports went before is asked once
 * for each that is on the screen, so that their curves need not grow first. One question at a time;
 * those for which somebody waits go first.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "netns.h"
#include "top.h"

#define STATUS_EVERY_USEC  USEC_PER_SEC
#define HISTORY_SEC        (TOPTRAIL_STEPS * TOPTRAIL_STEP_SEC)
#define HISTORY_POINTS     400 /* more than there are at 10s, so that none is put together */
#define LOOK_AGAIN_SEC     5   /* where twmond refuses one and does not say when to ask again */
#define LOOK_AGAIN_SEC_MAX 60

static const char *const methods[TOP_ASKS] = {
        [TOP_ASK_COUNTS] = "io.twmon.Monitor.ListPorts",
        [TOP_ASK_LOOK] = "io.twmon.Monitor.GetPort",
        [TOP_ASK_STATUS] = "io.twmon.Monitor.GetStatus",
        [TOP_ASK_PORTS] = "io.twmon.Monitor.ListPorts",
        [TOP_ASK_ALERTS] = "io.twmon.Monitor.ListAlerts",
        [TOP_ASK_HISTORY] = "io.twmon.Monitor.GetHistory",
};

void top_ask_page(struct top *top)
{
        top->due_usec[TOP_ASK_COUNTS] = 0;
        top->due_usec[TOP_ASK_LOOK] = 0;
}

void top_ask_all(struct top *top)
{
        for (enum top_ask i = 0; i < TOP_ASKS; i++)
                top->due_usec[i] = 0;
}

/* ---- asking ---- */

/* A row on the screen whose past is not known; NULL: none. */
static const struct topmodel_row *find_unseeded(const struct top *top)
{
        const struct topmodel *model = &top->model;
        const size_t end = MIN(model->n, model->first + top_list_rows(top));

        if (model->seen_sec == 0)
                return NULL;
        for (size_t i = model->first; i < end; i++)
                if (!model->rows[i].seeded)
                        return &model->rows[i];
        return NULL;
}

static bool is_wanted(const struct top *top, enum top_ask ask, uint64_t now_usec)
{
        switch (ask) {
        case TOP_ASK_COUNTS:
        case TOP_ASK_LOOK:
                return top->mode == TOP_PAGE && now_usec >= top->due_usec[ask];
        case TOP_ASK_STATUS:
        case TOP_ASK_PORTS:
        case TOP_ASK_ALERTS:
                return now_usec >= top->due_usec[ask];
        case TOP_ASK_HISTORY:
                return find_unseeded(top) != NULL;
        case TOP_ASKS:
                break;
        }
        return false;
}

/* NULL: there are none, or no memory. */
static json_t *parameters_of(const struct top *top, enum top_ask ask)
{
        switch (ask) {
        case TOP_ASK_COUNTS:
                return json_pack("{s:[i]}", "ports", (int)top->asked_port);
        case TOP_ASK_LOOK:
                return json_pack("{s:i}", "port", (int)top->asked_port);
        case TOP_ASK_PORTS:
                return json_pack("{s:i}", "limit", TOPMODEL_ROWS_MAX);
        case TOP_ASK_HISTORY:
                return json_pack("{s:i, s:i, s:i}", "port", (int)top->asked_port, "sinceSec",
                                 HISTORY_SEC, "points", HISTORY_POINTS);
        case TOP_ASK_STATUS:
        case TOP_ASK_ALERTS:
        case TOP_ASKS:
                break;
        }
        return NULL;
}

static void ask(struct top *top, enum top_ask what, uint64_t now_usec)
{
        top->asked = what;
        if (what == TOP_ASK_HISTORY)
                top->asked_port = find_unseeded(top)->port;
        else
                top->asked_port = top->page.port;
        top->due_usec[what] = what == TOP_ASK_STATUS ? now_usec + STATUS_EVERY_USEC : TOPLINK_NEVER;
        toplink_ask(&top->link, methods[what], parameters_of(top, what), now_usec);
}

/* ---- answers ---- */

static bool is_same(const json_t *one, const json_t *other, const char *name)
{
        const json_t *a = json_object_get(one, name), *b = json_object_get(other, name);

        return a == b || (a && b && json_equal(a, b));
}

static void take_status(struct top *top, json_t *parameters)
{
        const bool news = !top->status || !is_same(top->status, parameters, "scans") ||
                          !is_same(top->status, parameters, "scannedAt");

        json_decref(top->status);
        top->status = json_incref(parameters);
        if (!news)
                return;
        top->due_usec[TOP_ASK_PORTS] = 0;
        top->due_usec[TOP_ASK_ALERTS] = 0;
        top_ask_page(top);
}

/* Not where other sockets would be seen than those that twmond sees, or might be. */
static void look_for_peers(struct top *top, const json_t *look)
{
        const uint64_t ours = netns_id("/proc");
        struct toppeers *peers = NULL;
        uint64_t theirs;

        if (ours > 0 && field_count(look, "netns", &theirs) && theirs == ours)
                peers = calloc(1, sizeof(*peers));
        if (peers) {
                peers->remote = top->page.remote;
                peers->port = top->page.port;
                if (toppeers_look(peers) < 0) {
                        free(peers);
                        peers = NULL;
                }
        }
        toppage_take_peers(&top->page, peers);
}

static void take_look(struct top *top, json_t *parameters)
{
        toppage_take_look(&top->page, parameters);
        look_for_peers(top, parameters);
}

static int take(struct top *top, json_t *parameters)
{
        const bool of_page = top->mode == TOP_PAGE && top->asked_port == top->page.port;

        switch (top->asked) {
        case TOP_ASK_COUNTS:
                if (of_page)
                        toppage_take_counts(&top->page, parameters);
                break;
        case TOP_ASK_LOOK:
                if (of_page)
                        take_look(top, parameters);
                break;
        case TOP_ASK_STATUS:
                take_status(top, parameters);
                break;
        case TOP_ASK_PORTS:
                return topmodel_take_ports(&top->model, parameters);
        case TOP_ASK_ALERTS:
                topmodel_take_alerts(&top->model, parameters);
                break;
        case TOP_ASK_HISTORY:
                topmodel_take_history(&top->model, top->asked_port, parameters);
                break;
        case TOP_ASKS:
                break;
        }
        return 0;
}

/* Too many looks at the moment, say: the page tells so, and asks again when there is hope. */
static void take_refusal(struct top *top, const struct reply *reply, uint64_t now_usec)
{
        const char *reason = field_text(reply->parameters, "reason");
        uint64_t sec;

        if (!field_count(reply->parameters, "retryAfterSec", &sec) || sec == 0)
                sec = LOOK_AGAIN_SEC;
        sec = MIN(sec, (uint64_t)LOOK_AGAIN_SEC_MAX);
        top->due_usec[TOP_ASK_LOOK] = now_usec + sec * USEC_PER_SEC;
        snprintf(top->page.trouble, sizeof(top->page.trouble),
                 "twmond does not look at the sockets now%s%s; this tries again in %us.",
                 reason ? ": " : "", reason ? reason : "", (unsigned)sec);
}

/* Whatever else it does not answer is told, and asked again in a moment. */
static void take_error(struct top *top, const struct reply *reply, uint64_t now_usec)
{
        if (top->asked == TOP_ASK_HISTORY)
                topmodel_take_history(&top->model, top->asked_port, NULL);
        else if (top->asked == TOP_ASK_LOOK)
                take_refusal(top, reply, now_usec);
        else {
                snprintf(top->trouble, sizeof(top->trouble), "twmond answered %s", reply->error);
                top->due_usec[top->asked] = now_usec + TOPLINK_RETRY_USEC;
        }
        if (strcmp(reply->error, "io.twmon.Monitor.TooManyClients") == 0) {
                snprintf(top->trouble, sizeof(top->trouble), "twmond has too many clients");
                toplink_drop(&top->link, 0, now_usec);
        }
}

static int take_answer(struct top *top, uint64_t now_usec)
{
        struct reply reply;
        int r = 0;

        if (toplink_take(&top->link, now_usec, &reply) != 0)
                return 0;
        if (reply.error) {
                take_error(top, &reply, now_usec);
        } else {
                top->answered_usec = now_usec;
                top->trouble[0] = '\0';
                r = take(top, reply.parameters);
        }
        reply_done(&reply);
        return r;
}

int top_step(struct top *top, uint64_t now_usec)
{
        const bool away = !top->link.conn;
        int r = take_answer(top, now_usec);

        if (r < 0)
                return r;
        toplink_tick(&top->link, now_usec);
        if (away && top->link.conn) {
                topmodel_forget_history(&top->model);
                top_ask_all(top);
        }
        for (enum top_ask i = 0; i < TOP_ASKS && toplink_is_idle(&top->link); i++)
                if (is_wanted(top, i, now_usec))
                        ask(top, i, now_usec);
        return 0;
}

uint64_t top_due(const struct top *top)
{
        uint64_t due = toplink_due(&top->link);

        if (!toplink_is_idle(&top->link))
                return due;
        for (enum top_ask i = 0; i < TOP_ASKS; i++)
                if (i != TOP_ASK_HISTORY && (top->mode == TOP_PAGE || i >= TOP_ASK_STATUS))
                        due = MIN(due, top->due_usec[i]);
        return due;
}
