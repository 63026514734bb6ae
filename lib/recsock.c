/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A socket is 25 to 40 bytes over IPv4. Its parts stand in one order, those that a bit says are
 * absent left out. The kernel gives cookies in the order of its first dump, so that the difference
 * from one to the next is short.
 */

#include "recsock.h"

#include <string.h>

#include "base.h"

#define QUEUE_MAX 2 /* more than the end-of-file waits, whatever it is */

/* What is recorded of sockrec.have. */
#define HAVE_MASK                                                                                  \
        (SOCKREC_CGROUP | SOCKREC_SHUTDOWN | SOCKREC_V6ONLY | SOCKREC_INFO | SOCKREC_OWNER |       \
         SOCKREC_MAPPED)
#define SHUTDOWN_MAX 3

static size_t address_len(uint8_t family)
{
        return family == ADDR_IPV6 ? 16 : family == ADDR_IPV4 ? 4 : 0;
}

void recsock_reduce(const struct sockrec *record, struct sockrec *ret_record)
{
        struct sockrec reduced = { .cookie = record->cookie,
                                   .netns = record->netns,
                                   .ifindex = record->ifindex,
                                   .uid = record->uid,
                                   .inode = record->inode,
                                   .local_port = record->local_port,
                                   .remote_port = record->remote_port,
                                   .state = record->state,
                                   .family = record->family,
                                   .have = record->have & HAVE_MASK };

        memcpy(reduced.local.bytes, record->local.bytes, address_len(record->family));
        memcpy(reduced.remote.bytes, record->remote.bytes, address_len(record->family));
        if (record->have & SOCKREC_CGROUP)
                reduced.cgroup_id = record->cgroup_id;
        if (record->have & SOCKREC_SHUTDOWN)
                reduced.shutdown = record->shutdown & SHUTDOWN_MAX;
        if (record->have & SOCKREC_V6ONLY)
                reduced.v6only = record->v6only;
        if (record->state == SOCK_LISTEN) {
                reduced.have &= ~(uint32_t)SOCKREC_INFO;
        } else {
                reduced.receive_queue = MIN(record->receive_queue, (uint32_t)QUEUE_MAX);
                reduced.timer = record->timer;
        }
        if (reduced.have & SOCKREC_INFO) {
                reduced.last_ack_recv_msec = record->last_ack_recv_msec;
                reduced.last_data_recv_msec = record->last_data_recv_msec;
        }
        *ret_record = reduced;
}

static bool same_place(const struct sockrec *a, const struct sockrec *b)
{
        return a->local_port == b->local_port && a->remote_port == b->remote_port &&
               a->family == b->family && a->netns == b->netns && a->ifindex == b->ifindex &&
               memcmp(&a->local, &b->local, sizeof(a->local)) == 0 &&
               memcmp(&a->remote, &b->remote, sizeof(a->remote)) == 0;
}

unsigned recsock_diff(const struct sockrec *before, const struct sockrec *after)
{
        const uint32_t flags = (before->have ^ after->have) & ~(uint32_t)SOCKREC_INFO;
        unsigned bits = after->have & SOCKREC_INFO ? RECSOCK_INFO : 0;

        if (before->receive_queue != after->receive_queue || before->timer != after->timer)
                bits |= RECSOCK_QUEUE;
        if (before->inode != after->inode)
                bits |= RECSOCK_INODE;
        if (before->uid != after->uid)
                bits |= RECSOCK_UID;
        if (before->cgroup_id != after->cgroup_id)
                bits |= RECSOCK_CGROUP;
        if (flags != 0 || before->shutdown != after->shutdown || before->v6only != after->v6only)
                bits |= RECSOCK_FLAGS;
        if (!same_place(before, after))
                bits |= RECSOCK_ALL;
        return bits;
}

static void put_info(struct recbuf *buf, const struct sockrec *record)
{
        recbuf_put(buf, record->last_ack_recv_msec);
        recbuf_put(buf, record->last_data_recv_msec);
}

static void get_info(struct recview *view, struct sockrec *record)
{
        record->last_ack_recv_msec = (uint32_t)recview_get(view, UINT32_MAX, "a socket's age");
        record->last_data_recv_msec = (uint32_t)recview_get(view, UINT32_MAX, "a socket's age");
}

static void put_queue(struct recbuf *buf, const struct sockrec *record)
{
        recbuf_put(buf, record->receive_queue | (unsigned)record->timer << 2);
}

static void get_queue(struct recview *view, struct sockrec *record)
{
        const unsigned both = (unsigned)recview_get(view, QUEUE_MAX | SOCK_TIMER_UNKNOWN << 2,
                                                    "a socket's queue or timer");

        if ((both & 3) > QUEUE_MAX || both >> 2 > SOCK_TIMER_UNKNOWN)
                recview_set_wrong(view, "a socket's queue or timer");
        record->receive_queue = both & 3;
        record->timer = (uint8_t)(both >> 2);
}

/* Presence bits but for tcp_info, and the two small values that they announce. */
static void put_flags(struct recbuf *buf, const struct sockrec *record)
{
        recbuf_put(buf, record->have & ~(uint32_t)SOCKREC_INFO);
        recbuf_put(buf, record->shutdown | (unsigned)record->v6only << 2);
}

static void get_flags(struct recview *view, struct sockrec *record)
{
        const uint32_t have = (uint32_t)recview_get(view, HAVE_MASK, "a socket's flags");
        const unsigned both =
                (unsigned)recview_get(view, SHUTDOWN_MAX | 1 << 2, "a socket's flags");

        if (have & SOCKREC_INFO || have & ~(uint32_t)HAVE_MASK)
                recview_set_wrong(view, "a socket's flags");
        record->have = (record->have & SOCKREC_INFO) | have;
        record->shutdown = both & SHUTDOWN_MAX;
        record->v6only = both >> 2;
}

static void put_place(struct recbuf *buf, const struct sockrec *record)
{
        recbuf_put(buf, record->family);
        recbuf_put_bytes(buf, record->local.bytes, address_len(record->family));
        recbuf_put_bytes(buf, record->remote.bytes, address_len(record->family));
        recbuf_put(buf, record->local_port);
        recbuf_put(buf, record->remote_port);
        recbuf_put(buf, record->netns);
        recbuf_put(buf, record->ifindex);
}

static void get_address(struct recview *view, uint8_t family, struct sock_addr *ret_address)
{
        const size_t len = address_len(family);
        const void *bytes = recview_get_bytes(view, len, "a socket's address");

        memset(ret_address, 0, sizeof(*ret_address));
        if (bytes)
                memcpy(ret_address->bytes, bytes, len);
}

static void get_place(struct recview *view, struct sockrec *record)
{
        record->family = (uint8_t)recview_get(view, ADDR_IPV6, "a socket's family");
        get_address(view, record->family, &record->local);
        get_address(view, record->family, &record->remote);
        record->local_port = (uint16_t)recview_get(view, UINT16_MAX, "a socket's port");
        record->remote_port = (uint16_t)recview_get(view, UINT16_MAX, "a socket's port");
        record->netns = (uint32_t)recview_get(view, UINT32_MAX, "a socket's namespace");
        record->ifindex = (uint32_t)recview_get(view, UINT32_MAX, "a socket's interface");
}

void recsock_put_change(struct recbuf *buf, unsigned bits, const struct sockrec *record)
{
        recbuf_put(buf, bits);
        if (bits & RECSOCK_ALL)
                put_place(buf, record);
        if (bits & RECSOCK_FLAGS)
                put_flags(buf, record);
        if (bits & RECSOCK_QUEUE)
                put_queue(buf, record);
        if (bits & RECSOCK_INODE)
                recbuf_put(buf, record->inode);
        if (bits & RECSOCK_UID)
                recbuf_put(buf, record->uid);
        if (bits & RECSOCK_CGROUP)
                recbuf_put(buf, record->cgroup_id);
        if (bits & RECSOCK_INFO)
                put_info(buf, record);
}

unsigned recsock_get_change(struct recview *view, struct sockrec *record)
{
        const unsigned bits = (unsigned)recview_get(view, RECSOCK_MASK, "what changed of a socket");

        if (bits & RECSOCK_ALL)
                get_place(view, record);
        if (bits & RECSOCK_FLAGS)
                get_flags(view, record);
        if (bits & RECSOCK_QUEUE)
                get_queue(view, record);
        if (bits & RECSOCK_INODE)
                record->inode = (uint32_t)recview_get(view, UINT32_MAX, "a socket's inode");
        if (bits & RECSOCK_UID)
                record->uid = (uint32_t)recview_get(view, UINT32_MAX, "a socket's user");
        if (bits & RECSOCK_CGROUP)
                record->cgroup_id = recview_get(view, UINT64_MAX, "a socket's cgroup");
        if (bits & RECSOCK_INFO) {
                record->have |= SOCKREC_INFO;
                get_info(view, record);
        }
        return bits;
}

/* A socket in full is a change of everything that is not zero. */
void recsock_put(struct recbuf *buf, const struct sockrec *record, uint64_t previous)
{
        const struct sockrec nothing = { .cookie = record->cookie };

        recbuf_put_signed(buf, (int64_t)(record->cookie - previous));
        recsock_put_change(buf, recsock_diff(&nothing, record) | RECSOCK_ALL, record);
}

void recsock_get(struct recview *view, enum sock_state state, uint64_t previous,
                 struct sockrec *ret_record)
{
        struct sockrec record = { .state = (uint8_t)state };

        record.cookie = previous + (uint64_t)recview_get_signed(view, "a socket's cookie");
        if (!(recsock_get_change(view, &record) & RECSOCK_ALL))
                recview_set_wrong(view, "a new socket");
        *ret_record = record;
}

void recsock_drop_info(struct sockrec *record)
{
        record->have &= ~(uint32_t)SOCKREC_INFO;
        record->last_ack_recv_msec = record->last_data_recv_msec = 0;
}
