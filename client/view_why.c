/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl why: asks twmond for everything about a port, and with --try bind() itself as well. What
 * bind() says is an answer, too: with --try a twmond that does not answer is complained of, and no
 * failure, unless there was no socket to try it with. Where trying would tell nothing, or might do
 * harm, that is said, and twmond's answer is all there is.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "trybind.h"
#include "view.h"
#include "why.h"

/* The caller frees. 0, or an exit status. */
static int ask(const struct view *view, json_t **ret_parameters)
{
        const struct cmdline *options = view->options;
        CLEANUP(conn_freep) struct conn *conn = NULL;
        struct reply reply;
        json_t *parameters;
        int r;

        r = view_connect(view, &conn);
        if (r != 0)
                return r;
        parameters = json_pack("{s:i, s:s*}", "port", (int)options->ports[0], "address",
                               options->address[0] ? options->address : NULL);
        if (!parameters)
                return view_no_memory();
        r = view_call_look(view, conn, "io.twmon.Monitor.GetPort", parameters, &reply);
        if (r != 0)
                return r;
        *ret_parameters = reply.parameters ? json_incref(reply.parameters) : json_object();
        reply_done(&reply);
        return *ret_parameters ? 0 : view_no_memory();
}

static void hint_try(const struct view *view)
{
        const struct cmdline *options = view->options;
        char line[96];

        snprintf(line, sizeof(line), "Or let bind() answer: twmonctl why %u%s%s --try",
                 options->ports[0], options->address[0] ? " " : "", options->address);
        text_complain_lines(line);
}

static int print(const struct view *view, const struct why *why)
{
        if (view->options->json)
                return view_print_json(view, why->reply);
        return why_print(why) < 0 ? view_no_memory() : 0;
}

/* Tries what may be tried, and puts what was found into the reply. 0 or -ENOMEM. */
static int try_bind(struct why *why, struct trybinds *tries, json_t *reply)
{
        const struct trybind_question question = {
                .port = why->port,
                .address = why->address,
                .known = why->asked ? reply : NULL,
        };
        const char *objection = trybind_objection(question.known, netns_id("/proc"));
        int r;

        if (objection) {
                text_complain("%s", objection);
                why->objected = true;
                return 0;
        }
        why->saw_listener = trybind_has_listener(reply);
        trybind_port(&question, tries);
        why->tries = tries;
        r = trybind_merge(tries, reply);
        return r < 0 ? r : why_advise(reply, tries);
}

/* asked: 0, or the exit status of what went wrong. */
static int answer(const struct view *view, int asked, json_t *reply)
{
        const struct cmdline *options = view->options;
        struct trybinds tries;
        struct why why = {
                .term = &view->term,
                .reply = reply,
                .port = options->ports[0],
                .address = options->address,
                .asked = asked == 0,
        };
        int r;

        if (options->try_bind && try_bind(&why, &tries, reply) < 0)
                return view_no_memory();
        r = print(view, &why);
        return r == 0 && why.tries && !tries.items[0].plain.tried ? asked : r;
}

int view_why(struct view *view)
{
        const struct cmdline *options = view->options;
        json_t *reply = NULL;
        int asked = ask(view, &reply), r;

        if (asked != 0 && !options->try_bind) {
                hint_try(view);
                return asked;
        }
        if (!reply)
                reply = json_pack("{s:i}", "port", (int)options->ports[0]);
        if (!reply)
                return view_no_memory();
        r = answer(view, asked, reply);
        json_decref(reply);
        return r;
}
