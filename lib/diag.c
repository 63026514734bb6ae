/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel fills a dump's datagrams while we read them, so reading slowly loses nothing; what can
 * go wrong is that the table moves under it (NLM_F_DUMP_INTR), that memory is short (ENOBUFS) or
 * that a datagram does not fit. Each of these makes the dump DIAG_INTERRUPTED: what was seen is
 * real, but may not be all.
 *
 * One walk of the kernel's table serves both families with the legacy request that ss(8) uses; a
 * kernel that refuses it gets one request per family from then on. A socket with an unfinished dump
 * answers EBUSY to the next one, therefore it is thrown away instead of being drained.
 */

#include "diag.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include "base.h"

struct diag {
        struct mnl_socket *socket; /* NULL: to be opened by the next dump */
        uint32_t seq;
        bool by_family; /* the one-walk request was refused */
        char buffer[DIAG_BUFFER_BYTES] __attribute__((aligned(8)));
};

static void close_socket(struct diag *diag)
{
        if (diag->socket)
                (void)mnl_socket_close(diag->socket);
        diag->socket = NULL;
}

static int open_socket(struct diag *diag)
{
        const struct timeval timeout = { .tv_sec = DIAG_TIMEOUT_SEC };

        diag->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        if (!diag->socket)
                return -errno;
        if (mnl_socket_bind(diag->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            setsockopt(mnl_socket_get_fd(diag->socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
                       sizeof(timeout)) < 0) {
                int r = -errno;

                close_socket(diag);
                return r;
        }
        return 0;
}

int diag_new(struct diag **ret_diag)
{
        struct diag *diag = calloc(1, sizeof(*diag));
        int r;

        if (!diag)
                return -ENOMEM;
        r = open_socket(diag);
        if (r < 0) {
                free(diag);
                return r;
        }
        *ret_diag = diag;
        return 0;
}

struct diag *diag_free(struct diag *diag)
{
        if (diag)
                close_socket(diag);
        free(diag);
        return NULL;
}

static int send_bytes(struct diag *diag, const char *buf, size_t len)
{
        for (unsigned i = 0; i < DIAG_EINTR_MAX; i++) {
                if (mnl_socket_sendto(diag->socket, buf, len) >= 0)
                        return 0;
                if (errno != EINTR)
                        return -errno;
        }
        return -EINTR;
}

static int send_request(struct diag *diag, const struct diag_request *request)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(4)));

        return send_bytes(diag, buf, diagmsg_request(request, ++diag->seq, buf));
}

/* Bytes of the next datagram, or -errno; *ret_lost: part of the dump was lost with it. */
static ssize_t receive(struct diag *diag, unsigned *eintr, bool *ret_lost)
{
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(diag->socket, diag->buffer, sizeof(diag->buffer));

                if (n >= 0)
                        return n;
                if (errno == EINTR && ++*eintr < DIAG_EINTR_MAX)
                        continue;
                /* out of buffers, longer than 32 KiB, overdue, or signals without end */
                *ret_lost =
                        errno == ENOBUFS || errno == ENOSPC || errno == EAGAIN || errno == EINTR;
                return -errno;
        }
}

static int read_dump(struct diag *diag, struct diagmsg_reader *reader, struct diag_stats *stats)
{
        unsigned eintr = 0;

        for (;;) {
                bool lost = false;
                ssize_t n = receive(diag, &eintr, &lost);
                int r;

                if (n < 0)
                        return lost ? DIAG_INTERRUPTED : (int)n;
                if (n == 0)
                        return DIAG_INTERRUPTED;
                stats->bytes += (uint64_t)n;
                r = diagmsg_read(reader, diag->buffer, (size_t)n);
                if (r == DIAGMSG_DONE)
                        return reader->interrupted ? DIAG_INTERRUPTED : 0;
                if (r < 0)
                        return r;
        }
}

static int dump_form(struct diag *diag, const struct diag_request *request,
                     struct diagmsg_reader *reader, struct diag_stats *stats)
{
        int r = 0;

        if (!diag->socket)
                r = open_socket(diag);
        if (r == 0)
                r = send_request(diag, request);
        if (r == 0) {
                reader->seq = diag->seq;
                reader->portid = mnl_socket_get_portid(diag->socket);
                r = read_dump(diag, reader, stats);
        }
        if (r != 0)
                close_socket(diag);
        stats->messages += reader->messages;
        stats->malformed += reader->malformed;
        return r;
}

/* What a kernel says that does not know the request, as opposed to one that failed to serve it. */
static bool is_refusal(int r)
{
        return r == -EINVAL || r == -EOPNOTSUPP || r == -ENOENT || r == -EPROTONOSUPPORT;
}

/* request: of any form; the one that this kernel knows is taken. */
static int dump(struct diag *diag, const struct diag_request *request,
                const struct diagmsg_sink *sink, struct diag_stats *stats)
{
        static const enum diag_form families[] = { DIAG_IPV4, DIAG_IPV6 };
        struct diag_request form = *request;
        bool interrupted = false;

        if (!diag->by_family) {
                struct diagmsg_reader reader = { .sink = *sink };
                int r;

                form.form = DIAG_BOTH;
                r = dump_form(diag, &form, &reader, stats);
                if (!is_refusal(r) || reader.messages > 0)
                        return r;
        }
        for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
                struct diagmsg_reader reader = { .sink = *sink };
                int r;

                form.form = families[i];
                r = dump_form(diag, &form, &reader, stats);
                if (r < 0)
                        return r;
                interrupted |= r == DIAG_INTERRUPTED;
        }
        diag->by_family = true; /* it can, and the one-walk request did not */
        return interrupted ? DIAG_INTERRUPTED : 0;
}

int diag_dump(struct diag *diag, uint32_t states, bool info, const struct diagmsg_sink *sink,
              struct diag_stats *stats)
{
        const struct diag_request request = { .states = states, .info = info };

        return dump(diag, &request, sink, stats);
}

int diag_dump_port(struct diag *diag, uint16_t port, const struct diagmsg_sink *sink,
                   struct diag_stats *stats)
{
        const struct diag_request request = { .states = SOCK_MASK(SOCK_STATE_COUNT) - 1,
                                              .info = true,
                                              .port = port };

        assert(port != 0);
        return dump(diag, &request, sink, stats);
}

static int keep_record(const struct sockrec *record, void *userdata)
{
        struct sockrec *kept = userdata;

        *kept = *record;
        return 0;
}

/*
 * The kernel has answered before the question's system call was over. -ENOENT is its answer alone:
 * whatever receiving fails with is -EIO, or worse.
 */
static int read_answer(struct diag *diag, struct sockrec *ret_record)
{
        struct sockrec record = { 0 };
        struct diagmsg_reader reader = {
                .seq = diag->seq,
                .portid = mnl_socket_get_portid(diag->socket),
                .sink = { .fn = keep_record, .userdata = &record },
        };
        unsigned eintr = 0;

        for (unsigned i = 0; i <= DIAG_STALE_MAX; i++) {
                bool lost;
                const ssize_t n = receive(diag, &eintr, &lost);
                const int r =
                        n > 0 ? diagmsg_read(&reader, diag->buffer, (size_t)n) : MIN((int)n, -EIO);

                if (r < 0 || reader.malformed > 0)
                        return r < 0 ? r : -EBADMSG;
                if (reader.messages > 0) {
                        *ret_record = record;
                        return 0;
                }
        }
        return -EBADMSG;
}

int diag_ask(struct diag *diag, const struct sockrec *record, struct sockrec *ret_record)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(4)));
        int r = diag->socket ? 0 : open_socket(diag);

        if (r == 0)
                r = send_bytes(diag, buf, diagmsg_request_one(record, ++diag->seq, buf));
        if (r == 0)
                r = read_answer(diag, ret_record);
        if (r < 0 && r != -ENOENT)
                close_socket(diag);
        return r;
}

bool diag_lists_bound(void)
{
        struct utsname names;
        unsigned major, minor;

        return uname(&names) == 0 && sscanf(names.release, "%5u.%5u", &major, &minor) == 2 &&
               (major > 6 || (major == 6 && minor >= 8));
}
