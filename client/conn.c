/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One call at a time, and a deadline for each: whoever answers may be slow, dead, or not twmond at
 * all. The deadline covers the whole reply, so that a byte now and then does not hold us for ever;
 * only between the replies of a stream may any time pass.
 *
 * connect() on a UNIX socket whose queue is full cannot be polled for, but it honours SO_SNDTIMEO;
 * so the socket connects blocking, under that limit, and is non-blocking from then on. Who has keys
 * to read meanwhile cannot wait, and has it non-blocking from the beginning.
 */

#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "varlink.h"

#define NO_DEADLINE UINT64_MAX

struct conn {
        int fd; /* conn_free() closes it */
        struct varlink_buffer input;
};

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

int conn_default_path(const char *runtime_dir, char **ret_path)
{
        char *path = strdup(CONN_SYSTEM_PATH), *user;

        if (!path)
                return -ENOMEM;
        if (runtime_dir && *runtime_dir && access(path, F_OK) < 0) {
                if (asprintf(&user, "%s/" CONN_USER_PATH, runtime_dir) < 0) {
                        free(path);
                        return -ENOMEM;
                }
                if (access(user, F_OK) == 0) {
                        free(path);
                        path = TAKE_PTR(user);
                } else
                        free(user);
        }
        *ret_path = path;
        return 0;
}

bool conn_path_fits(const char *path)
{
        return *path && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static int connect_to(int fd, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (!conn_path_fits(path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return 0;
}

static int connect_within(int fd, const char *path)
{
        struct timeval limit = { .tv_sec = CONN_TIMEOUT_USEC / USEC_PER_SEC };
        int flags, r;

        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
                return -errno;
        r = connect_to(fd, path);
        if (r < 0)
                return r;
        flags = fcntl(fd, F_GETFL);
        return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_by(int (*connect_fn)(int fd, const char *path), int flags, const char *path,
                   struct conn **ret_conn)
{
        CLEANUP(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        struct conn *conn;
        int r;

        if (fd < 0)
                return -errno;
        r = connect_fn(fd, path);
        if (r < 0)
                return r;
        conn = calloc(1, sizeof(*conn));
        if (!conn)
                return -ENOMEM;
        conn->fd = TAKE_FD(fd);
        varlink_buffer_init(&conn->input, VARLINK_REPLY_MAX);
        *ret_conn = conn;
        return 0;
}

int conn_open(const char *path, struct conn **ret_conn)
{
        return open_by(connect_within, 0, path, ret_conn);
}

int conn_open_at_once(const char *path, struct conn **ret_conn)
{
        return open_by(connect_to, SOCK_NONBLOCK, path, ret_conn);
}

struct conn *conn_free(struct conn *conn)
{
        if (!conn)
                return NULL;
        varlink_buffer_done(&conn->input);
        close(conn->fd);
        free(conn);
        return NULL;
}

static int wait_for(int fd, short events, uint64_t deadline_usec)
{
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = events };
                uint64_t now = now_usec();
                int timeout_msec = -1, n;

                if (deadline_usec != NO_DEADLINE) {
                        if (now >= deadline_usec)
                                return -ETIMEDOUT;
                        timeout_msec = (int)((deadline_usec - now) / USEC_PER_MSEC) + 1;
                }
                n = poll(&poll_fd, 1, timeout_msec);
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

static int send_all(struct conn *conn, const char *bytes, size_t len)
{
        uint64_t deadline_usec = now_usec() + CONN_TIMEOUT_USEC;

        while (len > 0) {
                ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
                int r;

                if (n >= 0) {
                        bytes += n;
                        len -= (size_t)n;
                        continue;
                }
                if (errno == EPIPE || errno == ECONNRESET)
                        return 0; /* conn_receive() finds what was said before, or the end */
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                r = wait_for(conn->fd, POLLOUT, deadline_usec);
                if (r < 0)
                        return r;
        }
        return 0;
}

int conn_send(struct conn *conn, const char *method, json_t *parameters, bool more)
{
        json_t *request = varlink_request(method, parameters, more);
        size_t len;
        char *bytes;
        int r;

        if (!request)
                return -ENOMEM;
        r = varlink_encode(request, VARLINK_REQUEST_MAX, &bytes, &len);
        json_decref(request);
        if (r < 0)
                return r;
        r = send_all(conn, bytes, len);
        free(bytes);
        return r;
}

/* What is there already. -EAGAIN: nothing. */
static int read_ready(struct conn *conn)
{
        size_t space;
        ssize_t n;
        char *data;
        int r;

        r = varlink_buffer_space(&conn->input, &data, &space);
        if (r < 0)
                return r;
        if (space == 0)
                return -EPROTO;
        n = recv(conn->fd, data, space, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
                return -ECONNRESET;
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        varlink_buffer_commit(&conn->input, (size_t)n);
        return 0;
}

static int read_some(struct conn *conn, uint64_t deadline_usec)
{
        int r = wait_for(conn->fd, POLLIN, deadline_usec);

        if (r == 0)
                r = read_ready(conn);
        return r == -EAGAIN ? 0 : r;
}

static int unpack(json_t *message, struct reply *ret_reply)
{
        json_t *parameters = json_object_get(message, "parameters");
        json_t *error = json_object_get(message, "error");

        if ((parameters && !json_is_object(parameters) && !json_is_null(parameters)) ||
            (error && !json_is_string(error) && !json_is_null(error)))
                return -EPROTO;
        *ret_reply = (struct reply){
                .message = message,
                .parameters = json_is_object(parameters) ? parameters : NULL,
                .error = json_string_value(error),
                .continues = json_is_true(json_object_get(message, "continues")),
        };
        return 0;
}

/* r: of varlink_buffer_next(), but VARLINK_AGAIN. */
static int finish(int r, json_t *message, struct reply *ret_reply)
{
        if (r != 0)
                return r < 0 ? r : -EPROTO;
        r = unpack(message, ret_reply);
        if (r < 0)
                json_decref(message);
        return r;
}

int conn_receive(struct conn *conn, bool patient, struct reply *ret_reply)
{
        uint64_t deadline_usec = patient ? NO_DEADLINE : now_usec() + CONN_TIMEOUT_USEC;
        json_t *message;
        int r;

        while ((r = varlink_buffer_next(&conn->input, &message)) == VARLINK_AGAIN) {
                if (deadline_usec == NO_DEADLINE && conn->input.len > 0)
                        deadline_usec = now_usec() + CONN_TIMEOUT_USEC;
                r = read_some(conn, deadline_usec);
                if (r < 0)
                        return r;
        }
        return finish(r, message, ret_reply);
}

int conn_take(struct conn *conn, struct reply *ret_reply)
{
        json_t *message;
        int r;

        while ((r = varlink_buffer_next(&conn->input, &message)) == VARLINK_AGAIN) {
                r = read_ready(conn);
                if (r < 0)
                        return r;
        }
        return finish(r, message, ret_reply);
}

int conn_fd(const struct conn *conn)
{
        return conn->fd;
}

int conn_call(struct conn *conn, const char *method, json_t *parameters, struct reply *ret_reply)
{
        int r = conn_send(conn, method, parameters, false);

        return r < 0 ? r : conn_receive(conn, false, ret_reply);
}

void reply_done(struct reply *reply)
{
        json_decref(reply->message);
        *reply = (struct reply){ 0 };
}
