/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every view shares: exit statuses, the connection with its complaints, JSON output; and the
 * views, one per verb. A function that returns "an exit status" has said on stderr what was wrong.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmdline.h"
#include "conn.h"
#include "term.h"

enum {
        STATUS_DONE = 0,
        STATUS_RAISED = 1, /* twmonctl status: at least one alert is raised */
        STATUS_FAILED = 1, /* an error reply, output that cannot be written, no memory */
        STATUS_USAGE = 2,
        STATUS_UNREACHABLE = 3, /* no twmond, or it went away, or it does not answer */
};

struct view {
        const struct cmdline *options;
        const char *socket_path;
        struct term term; /* standard output */
};

int view_status(struct view *view);
int view_ports(struct view *view);
int view_top(struct view *view);
int view_why(struct view *view);
int view_history(struct view *view);
int view_report(struct view *view);
int view_destinations(struct view *view);
int view_alerts(struct view *view);
int view_check(struct view *view); /* an exit status of plugin.h */
int view_acknowledge(struct view *view);
int view_events(struct view *view);
int view_watch(struct view *view);
int view_replay(struct view *view);
int view_metrics(struct view *view);
int view_reload(struct view *view);
int view_complete(struct view *view);
int view_version(struct view *view);
int view_help(struct view *view);

/* Each returns an exit status, 0 for success. */
int view_connect(const struct view *view, struct conn **ret_conn);
int view_call(const struct view *view, struct conn *conn, const char *method, json_t *parameters,
              struct reply *ret_reply);
/* The same of a method that looks for itself: where too much is asked for, asks again in a moment. */
int view_call_look(const struct view *view, struct conn *conn, const char *method,
                   json_t *parameters, struct reply *ret_reply);
/* The same of a method about one alert. *ret_gone: it failed because that is not raised. */
int view_call_alert(const struct view *view, struct conn *conn, const char *method,
                    json_t *parameters, bool *ret_gone, struct reply *ret_reply);
/* Asks for a stream. Takes over parameters. */
int view_send(const struct view *view, struct conn *conn, const char *method, json_t *parameters);
/* The next reply of a stream; conn_receive(). An error reply is a failure. */
int view_receive(const struct view *view, struct conn *conn, bool patient, struct reply *ret_reply);
int view_no_memory(void);

#define VIEW_ENOUGH (-1)
/*
 * Calls Watch, taking over parameters, and hands every reply to take() until that returns something
 * else than 0: VIEW_ENOUGH, which is success, or an exit status. Ctrl-C ends the process, and is a
 * success too. Not that twmond goes away.
 */
int view_follow(const struct view *view, json_t *parameters,
                int (*take)(void *userdata, const json_t *parameters), void *userdata);

/* What became of a connection, in words; r is a result of conn.h. */
const char *view_explain(int r);

/* --json: indented on a terminal, compact and on one line elsewhere. NULL counts as {}. */
int view_print_json(const struct view *view, const json_t *value);
/*
 * Writes the output out. 0, or STATUS_FAILED where any of it was lost, now or earlier: a terminal's
 * lines are written one by one, so that fflush() alone would not know. main() says so.
 */
int view_flush(const struct view *view);
/* Flags for json_dumps() that give one safe line. */
size_t view_json_line_flags(const struct view *view);

uint64_t view_wall_usec(void);
/* How long ago the time in that member was; 0: just now, or ahead of the clock. False: unknown. */
bool view_age_of(const json_t *object, const char *name, uint64_t *ret_age_usec);
