/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl events: what twmond still knows of, the newest last. Of a key twmond looks for itself;
 * of a port the events are chosen here, for one may have several alerts.
 */

#include <inttypes.h>

#include "eventline.h"
#include "field.h"
#include "view.h"

/* Takes the first ones out of the reply, until those that are left are wanted. */
static int choose(const struct cmdline *options, json_t *parameters)
{
        json_t *events = field_array(parameters, "events");

        for (size_t i = json_array_size(events); i > 0; i--)
                if (!choice_fits(&options->choice,
                                 field_object(json_array_get(events, i - 1), "alert")))
                        (void)json_array_remove(events, i - 1);
        if (options->last == 0 || json_array_size(events) <= options->last)
                return 0;
        while (json_array_size(events) > options->last)
                (void)json_array_remove(events, 0);
        return json_object_set_new(parameters, "truncated", json_true());
}

static void say_none(const struct view *view)
{
        const struct choice *choice = &view->options->choice;
        char text[CHOICE_TEXT_MAX];

        if (choice_is_empty(choice))
                term_say(&view->term, PAINT_NONE, "No event is known.");
        else
                term_say(&view->term, PAINT_NONE, "No event of %s is known.",
                         choice_text(choice, text));
}

static void print_events(const struct view *view, const json_t *parameters)
{
        json_t *events = field_array(parameters, "events"), *event;
        uint64_t lost;
        size_t i;

        if (field_count(parameters, "lost", &lost) && lost > 0)
                term_say(&view->term, PAINT_WARNING,
                         "%" PRIu64 " event%s made room before the journal had taken %s.", lost,
                         lost == 1 ? "" : "s", lost == 1 ? "it" : "them");
        if (field_true(parameters, "truncated") && view->options->last == 0)
                term_say(&view->term, PAINT_NONE, "There are earlier ones that did not fit.");
        json_array_foreach(events, i, event) eventline_say(&view->term, event, true);
        if (i == 0)
                say_none(view);
}

static json_t *make_parameters(const struct cmdline *options)
{
        const struct choice *choice = &options->choice;
        const bool all = options->last == 0 || choice->side || choice->port > 0;
        json_t *parameters = json_pack("{s:s*}", "key", choice->key);

        if (parameters && !all &&
            json_object_set_new(parameters, "limit", json_integer((json_int_t)options->last)) < 0) {
                json_decref(parameters);
                return NULL;
        }
        return parameters;
}

int view_events(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        struct reply reply;
        int r;

        parameters = make_parameters(view->options);
        if (!parameters)
                return view_no_memory();
        r = view_connect(view, &conn);
        if (r != 0) {
                json_decref(parameters);
                return r;
        }
        r = view_call(view, conn, "io.twmon.Monitor.ListEvents", parameters, &reply);
        if (r != 0)
                return r;
        if (choose(view->options, reply.parameters) < 0)
                r = view_no_memory();
        else if (view->options->json)
                r = view_print_json(view, reply.parameters);
        else
                print_events(view, reply.parameters);
        reply_done(&reply);
        return r;
}
