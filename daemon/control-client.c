/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A client costs nothing but its struct while nothing is under way: both buffers are freed when
 * they are empty, so 128 idle clients hold no memory that one of them once needed.
 *
 * One read and one write per wake-up: the loop comes back as long as there is more, and serves the
 * others in between.
 */

#include "control-client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"
#include "control-history.h"
#include "control-looks.h"
#include "control-owners.h"
#include "control.h"

void stream_done(struct stream *stream)
{
        snapshot_unref(stream->snapshot);
        free((uint16_t *)stream->filter.ports);
        owners_free(stream->owners);
        lookwait_free(stream->look);
        historywait_free(stream->history);
        *stream = (struct stream){ .kind = STREAM_NONE };
}

uint64_t stream_wait_until(const struct stream *stream, uint64_t now_usec)
{
        return MAX(owners_wait_until(stream->owners, now_usec),
                   MAX(lookwait_until(stream->look, now_usec),
                       historywait_until(stream->history, now_usec)));
}

int client_new(int fd, uid_t uid, uint64_t now_usec, struct client **ret_client)
{
        struct client *client = calloc(1, sizeof(*client));

        if (!client)
                return -ENOMEM;

        client->fd = fd;
        client->uid = uid;
        client->active_usec = now_usec;
        varlink_buffer_init(&client->in, VARLINK_REQUEST_MAX);
        *ret_client = client;
        return 0;
}

static void output_done(struct client_output *out)
{
        free(out->data);
        *out = (struct client_output){ 0 };
}

struct client *client_free(struct client *client)
{
        if (!client)
                return NULL;

        sd_event_source_disable_unref(client->source);
        stream_done(&client->stream);
        output_done(&client->out);
        varlink_buffer_done(&client->in);
        (void)close(client->fd);
        free(client);
        return NULL;
}

static bool is_temporary(int error)
{
        return error == EAGAIN || error == EINTR;
}

int client_receive(struct client *client, uint64_t now_usec)
{
        size_t space;
        ssize_t n;
        char *data;
        int r;

        if (client->eof)
                return 0;
        r = varlink_buffer_space(&client->in, &data, &space);
        if (r < 0)
                return r;
        if (space == 0)
                return 0;

        n = recv(client->fd, data, space, MSG_DONTWAIT);
        if (n < 0)
                return is_temporary(errno) ? 0 : -errno;
        if (n == 0) {
                client->eof = true;
                return 0;
        }
        varlink_buffer_commit(&client->in, (size_t)n);
        client->backlog = true;
        client->active_usec = now_usec;
        return 0;
}

int client_send(struct client *client, uint64_t now_usec)
{
        struct client_output *out = &client->out;
        ssize_t n;

        if (client_pending(client) == 0)
                return 0;

        n = send(client->fd, out->data + out->sent, out->len - out->sent,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return is_temporary(errno) ? 0 : -errno;

        client->active_usec = now_usec;
        out->sent += (size_t)n;
        if (out->sent == out->len)
                output_done(out);
        return 0;
}

/* Appends behind what waits; what was sent makes room. */
static int output_append(struct client_output *out, const char *bytes, size_t len)
{
        size_t waiting = out->len - out->sent;
        char *data;

        memmove(out->data, out->data + out->sent, waiting);
        out->len = waiting;
        out->sent = 0;

        data = realloc(out->data, waiting + len);
        if (!data)
                return -ENOMEM;
        memcpy(data + waiting, bytes, len);
        out->data = data;
        out->len = waiting + len;
        return 0;
}

int client_queue(struct client *client, char *bytes, size_t len)
{
        int r;

        assert(len > 0);
        if (client_pending(client) == 0) {
                client->out = (struct client_output){ .data = bytes, .len = len };
                return 0;
        }

        if (len > CONTROL_OUTPUT_MAX - client_pending(client))
                r = -ENOBUFS;
        else
                r = output_append(&client->out, bytes, len);
        free(bytes);
        return r;
}

size_t client_pending(const struct client *client)
{
        return client->out.len - client->out.sent;
}

bool client_has_room(const struct client *client)
{
        return client->in.len <= client->in.max;
}
