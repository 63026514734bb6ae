/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end without a broken connection. Where the service manager keeps the listening socket, who
 * connects from now on waits in its backlog for the next daemon. A socket of our own goes at once:
 * those who have connected to it are let in, and nobody else finds it.
 *
 * Who was let in is answered. A call that waits for a look or for owners has a limit of its own and
 * ends by it, so it is only seen to that all of them together do not take for ever. What depends on
 * the peer has CONTROL_DRAIN_USEC: a first call that is on its way, for a client that has connected
 * will not have done so for nothing, and answers that it must read, since it last took some.
 *
 * Who has been answered and is silent, and who watches, is closed: both are between two messages,
 * and may come again. Where others are waited for for long, they are closed before, for a client
 * that asks again and again would never be silent at the right moment.
 */

#include <assert.h>
#include <sys/socket.h>

#include "base.h"
#include "control-looks.h"
#include "control-owners.h"
#include "control-private.h"

/* A call that comes at the last moment has its time, and its reply has. */
static_assert(CONTROL_DRAIN_MAX_USEC >= 2 * CONTROL_DRAIN_USEC + LOOKWAIT_USEC, "a look's time");
static_assert(CONTROL_DRAIN_MAX_USEC >= 2 * CONTROL_DRAIN_USEC + OWNERS_WAIT_USEC, "owners' time");

static bool has_unread(const struct client *client)
{
        char byte;

        return recv(client->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

/* What is missing is not the peer's, or was not until now. */
static bool is_waiting(const struct client *client)
{
        const struct stream *stream = &client->stream;

        if (stream->kind == STREAM_PORTS)
                return stream->owners && stream->cursor == 0 &&
                       client_pending(client) < CLIENT_LOW_WATER;
        return stream->kind == STREAM_LOOK || stream->kind == STREAM_HISTORY;
}

/* There is something to send, or to answer as soon as the peer takes it. */
static bool has_answers(const struct client *client)
{
        if (client_pending(client) > 0 || client->stream.kind == STREAM_PORTS)
                return true;
        if (client->stream.kind != STREAM_NONE || client->closing)
                return false;
        return client->backlog || (!client->eof && has_unread(client));
}

static bool is_coming(const struct client *client)
{
        return !client->asked && !client->eof && !client->closing;
}

/* Until when it is waited for; 0: it is owed nothing. */
static uint64_t owed_until(const struct client *client)
{
        const uint64_t began_usec = client->control->drain_began_usec;
        const uint64_t most_usec = began_usec + CONTROL_DRAIN_MAX_USEC;

        if (client->dead)
                return 0;
        if (is_waiting(client))
                return most_usec;
        if (has_answers(client))
                return MIN(MAX(client->active_usec, began_usec) + CONTROL_DRAIN_USEC, most_usec);
        return is_coming(client) ? began_usec + CONTROL_DRAIN_USEC : 0;
}

uint64_t drain_until(const struct control *control)
{
        uint64_t next = CONTROL_NEVER;

        if (!control->drained)
                return next;
        for (const struct client *c = control->clients; c; c = c->next) {
                const uint64_t until_usec = owed_until(c);

                if (until_usec > 0)
                        next = MIN(next, until_usec);
        }
        return next;
}

static void close_clients(struct control *control, uint64_t now_usec)
{
        for (struct client *c = control->clients; c; c = c->next)
                if (now_usec >= owed_until(c))
                        control_close(c);
}

void drain_check(struct control *control, uint64_t now_usec)
{
        bool owed = false;

        if (!control->drained)
                return;
        for (const struct client *c = control->clients; c && !owed; c = c->next)
                owed = now_usec < owed_until(c);
        if (!owed || now_usec >= control->drain_began_usec + CONTROL_DRAIN_USEC)
                close_clients(control, now_usec);
        if (owed)
                return;
        control->drained(control->userdata);
        control->drained = NULL;
}

/* Not one more than can have waited for it: new ones may come as fast as they are let in. */
static void close_listener(struct control *control, struct listener *listener)
{
        listener_unlink(listener);
        control_accept(control, listener->fd, LISTENER_BACKLOG + 1);
        listener_done(listener);
}

/* Those of the service manager stay: it holds them, and hands them to the next daemon. */
static void leave_listeners(struct control *control)
{
        size_t n = 0;

        for (size_t i = 0; i < control->n_listeners; i++) {
                struct listener *listener = &control->listeners[i];

                if (listener->path) {
                        close_listener(control, listener);
                        continue;
                }
                (void)sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
                control->listeners[n++] = *listener;
        }
        control->n_listeners = n;
}

void control_drain(struct control *control, void (*drained)(void *userdata))
{
        control_enter(control);
        control->ending = true;
        control->drained = drained;
        control->drain_began_usec = control_now(control);
        leave_listeners(control);
        control_leave(control);
}
