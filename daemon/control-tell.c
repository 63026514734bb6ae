/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the daemon has to say, handed to the clients that it concerns: events and scans to those
 * that watch, owners and looks to those whose reply waits for them. What is the same for all is encoded once.
 */

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "control-answers.h"
#include "control-looks.h"
#include "control-owners.h"
#include "control-private.h"

/* The finished bytes of a Watch reply. */
static int encode_watch(struct control *control, uint64_t sequence, const struct event *event,
                        struct toldlog_frame *ret_frame)
{
        struct toldlog_frame frame = { .sequence = sequence };
        struct control_view view;
        json_t *reply;
        int r;

        control->ops->view(control->userdata, &view);
        reply = answer_watch_event(&view, sequence, event, 0);
        if (!reply)
                return -ENOMEM;
        r = varlink_encode(reply, VARLINK_REPLY_MAX, &frame.bytes, &frame.len);
        json_decref(reply);
        if (r >= 0)
                *ret_frame = frame;
        return r;
}

/* An event that finds no memory is missing from the sequence, which shows. */
void control_tell_event(struct control *control, const struct event *event)
{
        struct toldlog_frame frame;

        if (encode_watch(control, event->sequence, event, &frame) < 0)
                return;
        control_enter(control);
        toldlog_add(&control->toldlog, frame.sequence, frame.bytes, frame.len);
        for (struct client *c = control->clients; c; c = c->next)
                if (!c->dead && c->stream.kind == STREAM_WATCH)
                        serve_events(c);
        control_leave(control);
}

void control_tell_owner(struct control *control, const struct owner_answer *answer)
{
        control_enter(control);
        for (struct client *c = control->clients; c; c = c->next) {
                if (c->dead || !c->stream.owners)
                        continue;
                owners_answer(c->stream.owners, answer);
                serve_again(c);
        }
        control_leave(control);
}

void control_tell_look(struct control *control, struct look_answer *answer)
{
        control_enter(control);
        for (struct client *c = control->clients; c; c = c->next) {
                if (c->dead || !c->stream.look)
                        continue;
                lookwait_answer(c->stream.look, answer);
                serve_again(c);
        }
        control_leave(control);
}

void control_tell_history(struct control *control)
{
        control_enter(control);
        for (struct client *c = control->clients; c; c = c->next)
                if (!c->dead && c->stream.history)
                        serve_again(c);
        control_leave(control);
}

void control_tell_scan(struct control *control)
{
        struct toldlog_frame frame = { .bytes = NULL };

        control_enter(control);
        for (struct client *c = control->clients; c; c = c->next) {
                if (c->dead || c->stream.kind != STREAM_WATCH || !c->stream.scans)
                        continue;
                if (!frame.bytes &&
                    encode_watch(control, toldlog_newest(&control->toldlog), NULL, &frame) < 0)
                        break;
                serve_bytes(c, frame.bytes, frame.len);
        }
        free(frame.bytes);
        quota_snapshots(control);
        control_leave(control);
}

void tell_waiting(struct control *control)
{
        for (struct client *c = control->clients; c; c = c->next)
                if (!c->dead && (c->stream.owners || c->stream.look || c->stream.history))
                        serve_again(c);
}

uint64_t tell_waiting_until(const struct control *control)
{
        uint64_t next = CONTROL_NEVER;

        for (const struct client *c = control->clients; c; c = c->next) {
                const uint64_t until_usec =
                        c->dead ? 0 : stream_wait_until(&c->stream, control_now(control));

                if (until_usec > 0)
                        next = MIN(next, until_usec);
        }
        return next;
}
