/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The way every view talks to twmond: connect, call, and on failure one line that says what to do.
 * The smallest views, which have nothing to lay out, are here too.
 */

#include "view.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "field.h"
#include "verbs.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

#define ERROR_INVALID "io.twmon.Monitor.ConfigurationInvalid"
#define ERROR_DENIED  "io.twmon.Monitor.PermissionDenied"
#define ERROR_FULL    "io.twmon.Monitor.TooManyClients"
#define ERROR_LOOK    "io.twmon.Monitor.LookUnavailable"
#define ERROR_NONE    "io.twmon.Monitor.NoSuchAlert"
#define ERROR_PENDING "io.twmon.Monitor.NotRaised"
#define ERROR_METHOD  "org.varlink.service.MethodNotFound"

#define HINT_MAX 80 /* bytes */

#define LOOK_WAIT_SEC 3 /* in all, for a look that is refused because of too many */

int view_no_memory(void)
{
        text_complain("out of memory");
        return STATUS_FAILED;
}

const char *view_explain(int r)
{
        switch (-r) {
        case ETIMEDOUT:
                return "does not answer: nothing came within 5 s";
        case ECONNRESET:
                return "closed the connection";
        case EPROTO:
                return "sent what is not its protocol";
        default:
                return strerror(-r);
        }
}

/* What is to be typed ends its line, without a full stop that would be pasted with it. */
static void hint(const struct view *view, const char *text)
{
        const struct verb *verb = view->options->verb;
        char second[HINT_MAX];

        text_complain_lines(text);
        if (!verb || !(verb->options & OPTION_ONCE))
                return;
        snprintf(second, sizeof(second), "Or look once: twmonctl %s --once", verb->name);
        text_complain_lines(second);
}

/* connect() says of a file of another type that nobody listens. */
static bool is_no_socket(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && !S_ISSOCK(status.st_mode);
}

static void hint_start(const struct view *view, bool exists)
{
        char *text;

        if (!view->options->socket_path) {
                hint(view, exists ? "Start it: systemctl start twmond"
                                  : "Start it: systemctl start twmond\n"
                                    "Where it runs, its socket is gone: systemctl restart "
                                    "twmond.socket");
                return;
        }
        if (asprintf(&text, "Start it: twmond --socket %s", view->socket_path) < 0)
                return;
        hint(view, text);
        free(text);
}

static int complain_unreachable(const struct view *view, int r)
{
        const char *path = view->socket_path;
        bool absent = r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;

        if (absent && is_no_socket(path)) {
                text_complain("%s is not a socket.", path);
                hint(view, "Name the one of twmond with --socket.");
        } else if (absent) {
                text_complain("twmond is not running (%s %s).",
                              r == -ECONNREFUSED ? "nobody serves" : "no socket at", path);
                hint_start(view, r == -ECONNREFUSED);
        } else if (r == -EACCES || r == -EPERM) {
                text_complain("%s may not be opened: %s.", path, strerror(-r));
                hint(view, "Try as root, or name the right socket with --socket.");
        } else if (r == -ETIMEDOUT || r == -ECONNRESET || r == -EPROTO) {
                text_complain("twmond at %s %s.", path, view_explain(r));
                hint(view, r == -EPROTO ? "Is that its socket? See: systemctl status twmond"
                                        : "See: systemctl status twmond");
        } else {
                text_complain("%s: %s.", path, strerror(-r));
                hint(view, "See: systemctl status twmond");
        }
        return STATUS_UNREACHABLE;
}

int view_connect(const struct view *view, struct conn **ret_conn)
{
        int r = conn_open(view->socket_path, ret_conn);

        if (r == -ENOMEM)
                return view_no_memory();
        return r < 0 ? complain_unreachable(view, r) : 0;
}

static int complain_invalid(const struct reply *reply)
{
        const char *errors = field_text(reply->parameters, "errors");

        if (errors)
                text_complain_lines(errors);
        text_complain("the configuration is not valid; twmond keeps the one it has");
        return STATUS_FAILED;
}

/* Said instead of an answer, before the connection is closed. */
static bool is_full(const struct reply *reply)
{
        return reply->error && strcmp(reply->error, ERROR_FULL) == 0;
}

static int complain_look(const struct reply *reply)
{
        const char *reason = field_text(reply->parameters, "reason");
        char age[UNITS_TEXT_MAX];
        uint64_t sec = 0; /* nobody knows when */

        (void)field_count(reply->parameters, "retryAfterSec", &sec);
        text_complain("twmond cannot look at the sockets now%s%s; try again %s%s",
                      reason ? ": " : "", reason ? reason : "", sec > 0 ? "in " : "later",
                      sec > 0 ? field_show_age(reply->parameters, "retryAfterSec", NULL, age) : "");
        return STATUS_FAILED;
}

static int complain_alert(const struct reply *reply, const char *why)
{
        const char *key = field_text(reply->parameters, "key");

        text_complain("%s %s; see: twmonctl alerts", key ? key : "the alert", why);
        return STATUS_FAILED;
}

static int complain_error(const struct reply *reply)
{
        char *details = NULL;

        if (strcmp(reply->error, ERROR_INVALID) == 0)
                return complain_invalid(reply);
        if (strcmp(reply->error, ERROR_DENIED) == 0) {
                text_complain("only root and the user that twmond runs as may do that.");
                text_complain_lines("Try: sudo twmonctl ...");
                return STATUS_FAILED;
        }
        if (is_full(reply)) {
                text_complain("twmond has too many clients at the moment; try again");
                return STATUS_UNREACHABLE;
        }
        if (strcmp(reply->error, ERROR_LOOK) == 0)
                return complain_look(reply);
        if (strcmp(reply->error, ERROR_NONE) == 0)
                return complain_alert(reply, "is neither raised nor pending");
        if (strcmp(reply->error, ERROR_PENDING) == 0)
                return complain_alert(reply, "is pending still, and was told to nobody");
        if (strcmp(reply->error, ERROR_METHOD) == 0) {
                text_complain("this twmond does not know how: is it older than twmonctl?");
                return STATUS_FAILED;
        }
        if (reply->parameters)
                details = json_dumps(reply->parameters, JSON_COMPACT);
        text_complain("twmond answered %s%s%s", reply->error, details ? " " : "",
                      details ? details : "");
        free(details);
        return STATUS_FAILED;
}

/* A result of conn.h, and the reply if there is one, to an exit status. */
static int settle(const struct view *view, int r, struct reply *reply, struct reply *ret_reply)
{
        if (r == -ENOMEM)
                return view_no_memory();
        if (r == -EMSGSIZE) {
                text_complain("the request is too large");
                return STATUS_FAILED;
        }
        if (r < 0)
                return complain_unreachable(view, r);
        if (reply->error) {
                r = complain_error(reply);
                reply_done(reply);
                return r;
        }
        *ret_reply = *reply;
        return 0;
}

int view_call(const struct view *view, struct conn *conn, const char *method, json_t *parameters,
              struct reply *ret_reply)
{
        struct reply reply = { 0 };
        int r = conn_call(conn, method, parameters, &reply);

        return settle(view, r, &reply, ret_reply);
}

int view_call_alert(const struct view *view, struct conn *conn, const char *method,
                    json_t *parameters, bool *ret_gone, struct reply *ret_reply)
{
        struct reply reply = { 0 };
        int r = conn_call(conn, method, parameters, &reply);

        *ret_gone =
                r == 0 && reply.error &&
                (strcmp(reply.error, ERROR_NONE) == 0 || strcmp(reply.error, ERROR_PENDING) == 0);
        return settle(view, r, &reply, ret_reply);
}

/* In that many seconds it may be answered. 0: it is, or nobody knows. */
static unsigned retry_sec(const struct reply *reply)
{
        uint64_t sec;

        if (!reply->error || strcmp(reply->error, ERROR_LOOK) != 0 ||
            !field_count(reply->parameters, "retryAfterSec", &sec) || sec > LOOK_WAIT_SEC)
                return 0;
        return (unsigned)sec;
}

int view_call_look(const struct view *view, struct conn *conn, const char *method,
                   json_t *parameters, struct reply *ret_reply)
{
        struct reply reply = { 0 };
        unsigned waited = 0, sec;
        int r;

        while ((r = conn_call(conn, method, json_incref(parameters), &reply)) == 0 &&
               (sec = retry_sec(&reply)) > 0 && waited + sec <= LOOK_WAIT_SEC) {
                reply_done(&reply);
                sleep(sec);
                waited += sec;
        }
        json_decref(parameters);
        return settle(view, r, &reply, ret_reply);
}

int view_send(const struct view *view, struct conn *conn, const char *method, json_t *parameters)
{
        int r = conn_send(conn, method, parameters, true);

        return r < 0 ? settle(view, r, NULL, NULL) : 0;
}

int view_receive(const struct view *view, struct conn *conn, bool patient, struct reply *ret_reply)
{
        struct reply reply = { 0 };
        int r = conn_receive(conn, patient, &reply);

        return settle(view, r, &reply, ret_reply);
}

/* On a terminal even the characters of other scripts are escaped: JSON text is never raw. */
size_t view_json_line_flags(const struct view *view)
{
        return JSON_COMPACT | (view->term.terminal ? JSON_ENSURE_ASCII : 0);
}

int view_print_json(const struct view *view, const json_t *value)
{
        bool pretty = view->term.terminal && !view->options->live;
        size_t flags = pretty ? JSON_INDENT(2) | JSON_ENSURE_ASCII : view_json_line_flags(view);
        char *text = value ? json_dumps(value, flags) : strdup("{}");

        if (!text)
                return view_no_memory();
        fprintf(view->term.out, "%s\n", text);
        free(text);
        return 0;
}

int view_flush(const struct view *view)
{
        return fflush(view->term.out) != 0 || ferror(view->term.out) ? STATUS_FAILED : 0;
}

static void on_interrupt(int signal_number)
{
        (void)signal_number;
        _exit(STATUS_DONE);
}

static int take_replies(const struct view *view, struct conn *conn,
                        int (*take)(void *userdata, const json_t *parameters), void *userdata)
{
        bool patient = false, more = true;
        int r = 0;

        while (r == 0 && more) {
                struct reply reply;

                r = view_receive(view, conn, patient, &reply);
                if (r != 0)
                        return r;
                r = take(userdata, reply.parameters);
                more = reply.continues;
                patient = true; /* the first reply comes at once, the others when they do */
                reply_done(&reply);
        }
        return r == 0 ? complain_unreachable(view, -ECONNRESET) : r;
}

int view_follow(const struct view *view, json_t *parameters,
                int (*take)(void *userdata, const json_t *parameters), void *userdata)
{
        struct sigaction action = { .sa_handler = on_interrupt };
        CLEANUP(conn_freep) struct conn *conn = NULL;
        int r;

        sigaction(SIGINT, &action, NULL);
        r = view_connect(view, &conn);
        if (r != 0) {
                json_decref(parameters);
                return r;
        }
        r = view_send(view, conn, "io.twmon.Monitor.Watch", parameters);
        if (r == 0)
                r = take_replies(view, conn, take, userdata);
        return r == VIEW_ENOUGH ? STATUS_DONE : r;
}

uint64_t view_wall_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

bool view_age_of(const json_t *object, const char *name, uint64_t *ret_age_usec)
{
        const char *at = field_text(object, name);
        uint64_t then_usec, now_usec = view_wall_usec();

        if (!at || field_parse_time(at, &then_usec) < 0)
                return false;
        *ret_age_usec = now_usec > then_usec ? now_usec - then_usec : 0;
        return true;
}

int view_reload(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        struct reply reply;
        int r;

        r = view_connect(view, &conn);
        if (r == 0)
                r = view_call(view, conn, "io.twmon.Monitor.Reload", NULL, &reply);
        if (r != 0)
                return r;
        if (view->options->json)
                r = view_print_json(view, reply.parameters);
        else
                term_say(&view->term, PAINT_NONE, "twmond has read its configuration again.");
        reply_done(&reply);
        return r;
}

/* Both versions; a daemon that is not there is an answer here, not a failure. */
int view_version(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        struct reply reply = { 0 };
        const char *daemon = NULL, *why = "no version";
        json_t *versions;
        int r;

        r = conn_open(view->socket_path, &conn);
        if (r == 0)
                r = conn_call(conn, "io.twmon.Monitor.GetStatus", NULL, &reply);
        if (r < 0)
                why = view_explain(r);
        else if (is_full(&reply))
                why = "has too many clients at the moment";
        else
                daemon = field_text(reply.parameters, "version");
        if (view->options->json) {
                versions = json_pack("{s:s, s:s?}", "twmonctl", TWMON_VERSION, "twmond", daemon);
                r = versions ? view_print_json(view, versions) : view_no_memory();
                json_decref(versions);
        } else {
                term_say(&view->term, PAINT_NONE, "twmonctl " TWMON_VERSION);
                if (daemon)
                        term_say(&view->term, PAINT_NONE, "twmond %s", daemon);
                else
                        term_say(&view->term, PAINT_NONE, "twmond unknown (%s: %s)",
                                 view->socket_path, why);
                r = 0;
        }
        reply_done(&reply);
        return r;
}

int view_help(struct view *view)
{
        verbs_print_help(view->term.out, view->options->topic);
        return STATUS_DONE;
}
