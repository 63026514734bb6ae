/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end without a broken connection. Where the service manager keeps the listening socket, who
 * connects from now on waits in its backlog for the next daemon. Who was let in is answered: what
 * was asked, what has been sent and not been read yet, and a first call that is on its way, for a
 * client that has connected will not have done so for nothing. Who has been answered and is silent,
 * and who watches, is closed: both are between two messages, and may come again.
 */

#include <sys/socket.h>

#include "control-private.h"

static bool has_unread(const struct client *client)
{
        char byte;

        return recv(client->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

static bool is_owed(const struct client *client)
{
        if (client->dead)
                return false;
        if (client_pending(client) > 0)
                return true;
        switch (client->stream.kind) {
        case STREAM_WATCH:
                return false;
        case STREAM_PORTS:
        case STREAM_LOOK:
                return true;
        case STREAM_NONE:
                break;
        }
        if (client->eof || client->closing)
                return client->backlog;
        return !client->asked || client->backlog || has_unread(client);
}

void drain_check(struct control *control, uint64_t now_usec)
{
        if (!control->drained)
                return;
        for (const struct client *c = control->clients; c && now_usec < control->drain_until_usec;
             c = c->next)
                if (is_owed(c))
                        return;
        control->drained(control->userdata);
        control->drained = NULL;
        control->drain_until_usec = CONTROL_NEVER;
}

void control_drain(struct control *control, void (*drained)(void *userdata))
{
        control_enter(control);
        for (size_t i = 0; i < control->n_listeners; i++) {
                struct listener *listener = &control->listeners[i];

                if (listener->path) /* nobody will accept later what waits for us now */
                        control_accept(control, listener->fd);
                (void)sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
        }
        control->drained = drained;
        control->drain_until_usec = control_now(control) + CONTROL_DRAIN_USEC;
        control_leave(control);
}
