/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each wake-up of a client does one thing for it: answers one call, or builds one reply of a
 * stream. As long as there is more to do and the peer takes it, the client asks for EPOLLOUT, which
 * comes at once; so clients take turns in the loop, however much one of them has sent ahead. Calls
 * are answered in their order, and a stream is finished before the next call is looked at.
 *
 * A ListPorts for a few ports waits until their owners are known, before its first reply is built;
 * GetPort and ListDestinations wait for a look.
 *
 * While much is unsent nothing is read or built for that client: the peer that does not read fills
 * its own buffers, then the kernel's, then runs into the idle time. Only events are pushed
 * regardless of that, up to CONTROL_OUTPUT_MAX.
 *
 * A Watch never ends, so a call behind it could never be answered: it closes the connection. A lone
 * newline behind the NUL (echo in a shell) is no call.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "control-history.h"
#include "control-looks.h"
#include "control-methods.h"
#include "control-private.h"

static int queue_message(struct client *client, json_t *message)
{
        char *bytes;
        size_t len;
        int r;

        r = varlink_encode(message, VARLINK_REPLY_MAX, &bytes, &len);
        json_decref(message);
        if (r < 0)
                return r;
        client->control->untrimmed_bytes += len;
        return client_queue(client, bytes, len);
}

static int queue_copy(struct client *client, const char *bytes, size_t len)
{
        char *copy = malloc(len);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, bytes, len);
        client->control->untrimmed_bytes += len;
        return client_queue(client, copy, len);
}

static int queue_invalid(struct client *client, const char *reason)
{
        json_t *message = methods_message_invalid(reason);

        return message ? queue_message(client, message) : -ENOMEM;
}

static int answer(struct client *client, json_t *message)
{
        struct control *control = client->control;
        struct method_env env = {
                .ops = control->ops,
                .userdata = control->userdata,
                .toldlog = &control->toldlog,
                .uid = client->uid,
                .privileged = control_is_privileged(client->uid),
        };
        json_t *reply = NULL;
        int r;

        control_get_stats(control, &env.stats);
        r = methods_answer(&env, message, &client->stream, &reply);
        if (r < 0 || !reply)
                return r;
        return queue_message(client, reply);
}

static int serve_request(struct client *client)
{
        json_t *message;
        int r;

        r = varlink_buffer_next(&client->in, &message);
        client->asked = client->asked || r != VARLINK_AGAIN;
        switch (r) {
        case 0:
                r = answer(client, message);
                json_decref(message);
                return r;
        case VARLINK_AGAIN:
                client->backlog = false;
                return 0;
        case VARLINK_BAD_JSON:
                return queue_invalid(client, "not one JSON object: malformed, a key twice, too "
                                             "deep or not UTF-8");
        case VARLINK_TOO_LONG:
                client->closing = true;
                return queue_invalid(client, "longer than 65536 bytes");
        default:
                return r;
        }
}

static bool is_waiting(const struct client *client)
{
        return stream_wait_until(&client->stream, control_now(client->control)) > 0;
}

static int serve_ports(struct client *client)
{
        json_t *reply;
        int r;

        if (client_pending(client) >= CLIENT_LOW_WATER || is_waiting(client))
                return 0;

        r = answer_next_ports(&client->stream, &reply);
        return r < 0 ? r : queue_message(client, reply);
}

static int serve_look(struct client *client)
{
        json_t *reply;
        int r;

        if (is_waiting(client))
                return 0;

        r = client->stream.kind == STREAM_LOOK ? lookwait_reply(&client->stream, &reply)
                                               : historywait_reply(&client->stream, &reply);
        return r < 0 ? r : queue_message(client, reply);
}

static int queue_events(struct client *client)
{
        const struct toldlog_frame *frame;
        int r;

        while ((frame = toldlog_after(&client->control->toldlog, client->stream.after))) {
                client->stream.after = frame->sequence;
                r = queue_copy(client, frame->bytes, frame->len);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A client that watches has nothing to say any more. */
static int serve_watch(struct client *client)
{
        json_t *message = NULL;
        int r;

        if (client->backlog) {
                r = varlink_buffer_next(&client->in, &message);
                json_decref(message);
                if (r != VARLINK_AGAIN) {
                        client->control->dropped++;
                        client->closing = true;
                        stream_done(&client->stream);
                        return 0;
                }
                client->backlog = false;
        }
        return queue_events(client);
}

static int serve_step(struct client *client)
{
        if (client->closing)
                return 0;
        switch (client->stream.kind) {
        case STREAM_WATCH:
                return serve_watch(client);
        case STREAM_PORTS:
                return serve_ports(client);
        case STREAM_LOOK:
        case STREAM_HISTORY:
                return serve_look(client);
        case STREAM_NONE:
                if (client->backlog && client_pending(client) < CLIENT_LOW_WATER)
                        return serve_request(client);
                return 0;
        }
        return 0;
}

/* More can be done without another byte from the peer. */
static bool has_work(const struct client *client)
{
        if (client->closing)
                return false;
        if (client->stream.kind == STREAM_PORTS || client->stream.kind == STREAM_LOOK ||
            client->stream.kind == STREAM_HISTORY)
                return !is_waiting(client);
        return client->backlog;
}

static bool is_finished(const struct client *client)
{
        if (client_pending(client) > 0)
                return false;
        return client->closing ||
               (client->eof && !client->backlog && client->stream.kind == STREAM_NONE);
}

static int wait_for_more(struct client *client)
{
        uint32_t events = 0;

        if (!client->eof && !client->closing && client_has_room(client))
                events |= EPOLLIN;
        if (client_pending(client) > 0 || has_work(client))
                events |= EPOLLOUT;
        return sd_event_source_set_io_events(client->source, events);
}

/* After anything was queued: sends, keeps the limits and says what to wait for. */
static void settle(struct client *client, int r)
{
        if (r >= 0 && !client->dead) {
                r = client_send(client, control_now(client->control));
                if (r < 0) /* the peer is gone, which is its right */
                        control_close(client);
        }
        if (r == -ENOBUFS || r == -EMSGSIZE)
                control_drop(client);
        else if (r < 0 || is_finished(client))
                control_close(client);

        quota_output(client->control);
        if (!client->dead && wait_for_more(client) < 0)
                control_close(client);
}

void serve_client(struct client *client, bool hung_up)
{
        int r;

        r = client_send(client, control_now(client->control));
        if (r >= 0)
                r = serve_step(client);
        if (hung_up && (client->stream.kind == STREAM_WATCH || is_waiting(client)))
                control_close(client); /* it would be woken again and again */
        settle(client, r);
        quota_snapshots(client->control);
}

void serve_events(struct client *client)
{
        settle(client, queue_events(client));
}

void serve_again(struct client *client)
{
        settle(client, 0);
}

void serve_bytes(struct client *client, const char *bytes, size_t len)
{
        settle(client, queue_copy(client, bytes, len));
}
