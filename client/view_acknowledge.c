/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twmonctl acknowledge: of a port, twmond is asked first which alerts it has there. */

#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "notes.h"
#include "view.h"

static json_t *make_parameters(const struct cmdline *options, const char *key)
{
        return json_pack("{s:s, s:s*, s:b}", "key", key, "comment", options->comment, "undo",
                         options->undo);
}

static void say(const struct view *view, const json_t *alert)
{
        const char *kind = field_text(alert, "kind"), *severity = field_text(alert, "severity");
        char *owner = notes_owner_name(field_object(alert, "owner"));
        char port[UNITS_TEXT_MAX];

        term_say(&view->term, PAINT_NONE, "%s: %s (%s) of %s%s%s",
                 view->options->undo ? "no longer acknowledged" : "acknowledged",
                 kind ? kind : FIELD_UNKNOWN, severity ? severity : FIELD_UNKNOWN,
                 field_show_port(alert, port), owner ? ", " : "", owner ? owner : "");
        free(owner);
}

static int acknowledge(const struct view *view, struct conn *conn, const char *key, bool *ret_gone)
{
        json_t *parameters = make_parameters(view->options, key);
        struct reply reply;
        int r;

        *ret_gone = false;
        if (!parameters)
                return view_no_memory();
        r = view_call_alert(view, conn, "io.twmon.Monitor.Acknowledge", parameters, ret_gone,
                            &reply);
        if (r != 0)
                return r;
        if (view->options->json)
                r = view_print_json(view, reply.parameters);
        else
                say(view, field_object(reply.parameters, "alert"));
        reply_done(&reply);
        return r;
}

static bool is_raised(const json_t *alert)
{
        const char *state = field_text(alert, "state");

        return state && strcmp(state, "raised") == 0;
}

/* There is something to do about it. */
static bool is_meant(const struct cmdline *options, const json_t *alert)
{
        return is_raised(alert) && choice_fits(&options->choice, alert) &&
               (!options->undo || field_object(alert, "acknowledged"));
}

/* One that cannot be, because it has just cleared, keeps none of the others from it. */
static int acknowledge_all(const struct view *view, struct conn *conn, json_t *alerts)
{
        const struct cmdline *options = view->options;
        char text[CHOICE_TEXT_MAX];
        int status = STATUS_DONE;
        bool found = false;
        json_t *alert;
        size_t i;

        json_array_foreach(alerts, i, alert)
        {
                const char *key = field_text(alert, "key");
                bool gone;
                int r;

                if (!key || !is_meant(options, alert))
                        continue;
                found = true;
                r = acknowledge(view, conn, key, &gone);
                if (r != 0 && !gone)
                        return r;
                status = gone ? STATUS_FAILED : status;
        }
        if (found)
                return status;
        text_complain("no alert of %s is %s; see: twmonctl alerts",
                      choice_text(&options->choice, text),
                      options->undo ? "acknowledged" : "raised");
        return STATUS_FAILED;
}

/* Raised ones come first: where the last one is pending, none of them is missing. */
static void complain_truncated(const json_t *parameters)
{
        json_t *alerts = field_array(parameters, "alerts");
        const size_t n = json_array_size(alerts);

        if (n > 0 && field_true(parameters, "truncated") &&
            is_raised(json_array_get(alerts, n - 1)))
                text_complain("only the worst %zu alerts were looked at; name others by their KEY",
                              n);
}

int view_acknowledge(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        struct reply reply;
        bool gone;
        int r;

        r = view_connect(view, &conn);
        if (r == 0 && view->options->choice.key)
                return acknowledge(view, conn, view->options->choice.key, &gone);
        if (r == 0)
                r = view_call(view, conn, "io.twmon.Monitor.ListAlerts", NULL, &reply);
        if (r != 0)
                return r;
        complain_truncated(reply.parameters);
        r = acknowledge_all(view, conn, field_array(reply.parameters, "alerts"));
        reply_done(&reply);
        return r;
}
