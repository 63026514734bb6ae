/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A dump is a row of datagrams, each a row of netlink messages: one struct inet_diag_msg with
 * attributes per socket, NLMSG_DONE at the very end. Everything is checked before it is cast:
 * libmnl's iterators check that a message or attribute lies within the buffer, not that a payload
 * covers its own fixed header.
 *
 * Nothing is allocated, and nothing is copied but into one struct on the stack, of which whoever
 * takes the socket is given a pointer: one indirect call for each.
 *
 * Nine in ten sockets of a busy host are in TIME_WAIT, and all that is asked of those is two ports
 * and a time. They stand in the fixed part. What stands behind it, a mark for whoever has
 * CAP_NET_ADMIN, is not looked at. What there is to check for them are two lengths, two numbers, a
 * family and a state: where all of these bytes are those of another one that was checked, and they
 * nearly always are, to compare them is enough. They are gathered in a block on the stack and handed
 * over many at a time, so that neither loop has the other one's code and data push its own out of the
 * processor's first caches. A million of them cost the kernel's time and hardly any of ours.
 */

#include "diagmsg.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "base.h"
#include "diagmsg-private.h"

#define WAITS_MAX 128 /* in a block: 1 KiB */

/* What a message begins with: the same for every socket of a sort. */
struct head {
        struct nlmsghdr header;
        uint8_t family;
        uint8_t state;
        uint8_t timer;
        uint8_t retransmits;
};

static_assert(sizeof(struct head) == sizeof(struct nlmsghdr) + 4, "a head has no holes");
static_assert(offsetof(struct inet_diag_msg, id) == 4, "nor is there more before the ports");

/* What of a buffer is not read yet. */
struct rest {
        const char *at;
        size_t len;
};

/* The sockets in TIME_WAIT that have been read and not yet handed over. */
struct waits {
        size_t n;
        struct head head; /* of the last one; a length of UINT32_MAX: none yet */
        struct sock_wait items[WAITS_MAX];
};

static bool is_mapped(const uint32_t addr[4])
{
        return addr[0] == 0 && addr[1] == 0 && addr[2] == htonl(0xffff);
}

static bool is_any(const uint32_t addr[4])
{
        return (addr[0] | addr[1] | addr[2] | addr[3]) == 0;
}

/* Its local address alone says what it is: what a connect() that failed left as remote is nothing. */
static bool is_without_peer(const struct sockrec *record)
{
        return record->state == SOCK_LISTEN || record->state == SOCK_CLOSE ||
               record->state == SOCK_BOUND;
}

/* A dual-stack socket talking IPv4 is folded onto IPv4, as DESIGN's "v4-mapped" demands. */
static int set_addresses(const struct inet_diag_msg *msg, struct sockrec *record)
{
        const struct inet_diag_sockid *id = &msg->id;
        bool is_peer_ipv4;

        if (msg->idiag_family == AF_INET) {
                record->family = ADDR_IPV4;
                memcpy(record->local.bytes, id->idiag_src, 4);
                memcpy(record->remote.bytes, id->idiag_dst, 4);
                return 0;
        }
        if (msg->idiag_family != AF_INET6)
                return -EBADMSG;
        is_peer_ipv4 = is_mapped(id->idiag_dst) || is_any(id->idiag_dst);
        if (is_mapped(id->idiag_src) && (is_peer_ipv4 || is_without_peer(record))) {
                record->family = ADDR_IPV4;
                record->have |= SOCKREC_MAPPED;
                memcpy(record->local.bytes, &id->idiag_src[3], 4);
                if (is_peer_ipv4)
                        memcpy(record->remote.bytes, &id->idiag_dst[3], 4);
                return 0;
        }
        record->family = ADDR_IPV6;
        memcpy(record->local.bytes, id->idiag_src, 16);
        memcpy(record->remote.bytes, id->idiag_dst, 16);
        return 0;
}

/*
 * TIME_WAIT, and FIN_WAIT2 after close(), live on as mini-sockets: they report timer 3
 * (inet_twsk_diag_fill() in net/ipv4/inet_diag.c), and uid and inode 0 because they have neither.
 * That saves a branch that would be guessed wrong for every other socket in CLOSE_WAIT.
 */
static int set_fixed_part(const struct inet_diag_msg *msg, struct sockrec *record)
{
        static const struct sockrec nothing; /* copied in fewer cycles than zeros are written */

        if (msg->idiag_state == 0 || msg->idiag_state >= ARRAY_SIZE(state_of_kernel))
                return -EBADMSG;
        *record = nothing;
        record->state = state_of_kernel[msg->idiag_state];
        record->timer = MIN(msg->idiag_timer, SOCK_TIMER_UNKNOWN);
        record->retransmits = msg->idiag_retrans;
        record->cookie = msg->id.idiag_cookie[0] | (uint64_t)msg->id.idiag_cookie[1] << 32;
        record->ifindex = msg->id.idiag_if;
        record->local_port = ntohs(msg->id.idiag_sport);
        record->remote_port = ntohs(msg->id.idiag_dport);
        record->expires_msec = msg->idiag_expires;
        record->receive_queue = msg->idiag_rqueue;
        record->send_queue = msg->idiag_wqueue;
        record->uid = msg->idiag_uid;
        record->inode = msg->idiag_inode;
        record->have = record->timer == SOCK_TIMER_TIME_WAIT ? SOCKREC_MINI : SOCKREC_OWNER;
        return set_addresses(msg, record);
}

static void set_tcp_info(const char *info, size_t len, struct sockrec *record)
{
        const size_t needed = offsetof(struct tcp_info, tcpi_last_ack_recv) + sizeof(uint32_t);

        if (len < needed)
                return; /* an older kernel's shorter struct: absent */
        memcpy(&record->last_ack_recv_msec, info + offsetof(struct tcp_info, tcpi_last_ack_recv),
               sizeof(uint32_t));
        memcpy(&record->last_data_recv_msec, info + offsetof(struct tcp_info, tcpi_last_data_recv),
               sizeof(uint32_t));
        record->have |= SOCKREC_INFO;
}

/*
 * 0, or -EBADMSG when a known attribute is shorter than its type. Its own length has been checked.
 * What libmnl would say of it is a call each, and there are four attributes to a million sockets.
 */
static int set_attribute(const struct nlattr *attr, struct sockrec *record)
{
        const size_t len = attr->nla_len - MNL_ATTR_HDRLEN;
        const void *payload = (const char *)attr + MNL_ATTR_HDRLEN;

        switch (attr->nla_type & NLA_TYPE_MASK) {
        case INET_DIAG_SHUTDOWN:
                if (len < sizeof(uint8_t))
                        return -EBADMSG;
                record->shutdown = *(const uint8_t *)payload;
                record->have |= SOCKREC_SHUTDOWN;
                return 0;
        case INET_DIAG_SKV6ONLY:
                if (len < sizeof(uint8_t))
                        return -EBADMSG;
                record->v6only = *(const uint8_t *)payload != 0;
                record->have |= SOCKREC_V6ONLY;
                return 0;
        case INET_DIAG_CGROUP_ID:
                if (len < sizeof(uint64_t))
                        return -EBADMSG;
                memcpy(&record->cgroup_id, payload, sizeof(uint64_t));
                record->have |= SOCKREC_CGROUP;
                return 0;
        case INET_DIAG_INFO:
                set_tcp_info(payload, len, record);
                return 0;
        default: /* attributes of newer kernels */
                return 0;
        }
}

/* What stands behind the fixed part. */
static int set_attributes(const char *at, size_t left, struct sockrec *record)
{
        while (left >= sizeof(struct nlattr)) {
                const struct nlattr *attr = (const struct nlattr *)at;
                size_t step;
                int r;

                if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
                        return -EBADMSG;
                r = set_attribute(attr, record);
                if (r < 0)
                        return r;
                step = MNL_ALIGN(attr->nla_len);
                if (step >= left)
                        break;
                at += step;
                left -= step;
        }
        return 0;
}

/* As diagmsg_parse(), but what is in *record after an error means nothing. */
static inline int parse(const void *payload, size_t len, struct sockrec *record)
{
        const struct inet_diag_msg *msg = payload;
        const size_t fixed = MNL_ALIGN(sizeof(*msg));
        int r;

        if (len < sizeof(*msg))
                return -EBADMSG;
        r = set_fixed_part(msg, record);
        if (r < 0 || len <= fixed || record->state == SOCK_TIME_WAIT)
                return r;
        return set_attributes((const char *)payload + fixed, len - fixed, record);
}

int diagmsg_parse(const void *payload, size_t len, struct sockrec *ret_record)
{
        struct sockrec record;
        int r = parse(payload, len, &record);

        if (r == 0)
                *ret_record = record;
        return r;
}

/* The error of NLMSG_ERROR and of NLMSG_DONE: an int at the payload's start, 0 or -errno. */
static int embedded_error(const struct nlmsghdr *nlh)
{
        int error;

        if (mnl_nlmsg_get_payload_len(nlh) < sizeof(error))
                return 0;
        memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
        return error < 0 ? MAX(error, -4095) : 0;
}

static int damaged(struct diagmsg_reader *reader)
{
        reader->malformed++;
        reader->interrupted = true;
        return 0;
}

static int read_control(struct diagmsg_reader *reader, const struct nlmsghdr *nlh)
{
        int r;

        switch (nlh->nlmsg_type) {
        case NLMSG_DONE:
                r = embedded_error(nlh);
                return r < 0 ? r : DIAGMSG_DONE;
        case NLMSG_ERROR:
                r = embedded_error(nlh);
                return r < 0 ? r : -EPROTO; /* an ack that nobody asked for */
        case NLMSG_NOOP:
                return 0;
        case NLMSG_OVERRUN:
                reader->interrupted = true;
                return 0;
        default: /* there are no others */
                return damaged(reader);
        }
}

static int read_socket(struct diagmsg_reader *reader, const struct nlmsghdr *nlh)
{
        struct sockrec record;

        if (parse((const char *)nlh + MNL_NLMSG_HDRLEN, nlh->nlmsg_len - MNL_NLMSG_HDRLEN,
                  &record) < 0)
                return damaged(reader);
        reader->messages++;
        return reader->sink.fn(&record, reader->sink.userdata);
}

static int hand_over(struct diagmsg_reader *reader, struct waits *waits)
{
        const size_t n = waits->n;

        waits->n = 0;
        reader->messages += n;
        return n > 0 ? reader->sink.waits_fn(waits->items, n, reader->sink.userdata) : 0;
}

/* Of those with such a local port everything is wanted. */
static bool is_wanted_whole(const struct port_set *whole, const struct inet_diag_msg *msg)
{
        return whole && port_set_has(whole, ntohs(msg->id.idiag_sport));
}

/* One of which no more is wanted, and with nothing in it to be refused. */
static bool is_plain_wait(const struct diagmsg_sink *sink, const struct nlmsghdr *nlh,
                          const struct inet_diag_msg *msg)
{
        return sink->waits_fn && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(*msg)) &&
               msg->idiag_state == KERN_TIME_WAIT &&
               (msg->idiag_family == AF_INET || msg->idiag_family == AF_INET6) &&
               !is_wanted_whole(sink->whole, msg);
}

static struct sock_wait wait_of(const struct inet_diag_msg *msg)
{
        return (struct sock_wait){ .local_port = ntohs(msg->id.idiag_sport),
                                   .remote_port = ntohs(msg->id.idiag_dport),
                                   .expires_msec = msg->idiag_expires };
}

/* There is room in waits for one. */
static int read_message(struct diagmsg_reader *reader, const struct nlmsghdr *nlh,
                        struct waits *waits)
{
        const void *payload = (const char *)nlh + MNL_NLMSG_HDRLEN;

        if (nlh->nlmsg_seq != reader->seq || nlh->nlmsg_pid != reader->portid) {
                reader->foreign++;
                return 0;
        }
        if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
                reader->interrupted = true;
        if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
                return read_control(reader, nlh);
        if (!is_plain_wait(&reader->sink, nlh, payload))
                return read_socket(reader, nlh);
        memcpy(&waits->head, nlh, sizeof(waits->head));
        waits->items[waits->n++] = wait_of(payload);
        return 0;
}

static void move_on(struct rest *rest, size_t len)
{
        const size_t step = MIN(MNL_ALIGN(len), rest->len);

        rest->at += step;
        rest->len -= step;
}

/*
 * Messages that begin with the same bytes as one that was found plain are so, too, as long as they
 * lie within the buffer: as many of them as follow, or as there is room for.
 */
static void read_alike(const struct port_set *whole, struct waits *waits, struct rest *rest)
{
        const struct head head = waits->head;
        struct rest left = *rest;
        size_t n = waits->n;

        while (n < WAITS_MAX && left.len >= head.header.nlmsg_len &&
               memcmp(left.at, &head, sizeof(head)) == 0) {
                const struct inet_diag_msg *msg =
                        (const struct inet_diag_msg *)(left.at + MNL_NLMSG_HDRLEN);

                if (is_wanted_whole(whole, msg))
                        break;
                waits->items[n++] = wait_of(msg);
                move_on(&left, head.header.nlmsg_len);
        }
        waits->n = n;
        *rest = left;
}

static int read_messages(struct diagmsg_reader *reader, const void *buf, size_t len,
                         struct waits *waits)
{
        struct rest rest = { buf, len };

        while (rest.len >= sizeof(struct nlmsghdr)) {
                const struct nlmsghdr *nlh = (const struct nlmsghdr *)rest.at;
                int r;

                if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > rest.len)
                        break;
                r = read_message(reader, nlh, waits);
                if (r != 0)
                        return r;
                move_on(&rest, nlh->nlmsg_len);
                read_alike(reader->sink.whole, waits, &rest);
                r = waits->n == WAITS_MAX ? hand_over(reader, waits) : 0;
                if (r < 0)
                        return r;
        }
        return rest.len > 0 ? damaged(reader)
                            : 0; /* a length that lies: the next cannot be found */
}

int diagmsg_read(struct diagmsg_reader *reader, const void *buf, size_t len)
{
        struct waits waits;
        int r, handed;

        waits.n = 0;
        waits.head.header.nlmsg_len = UINT32_MAX;
        r = read_messages(reader, buf, len, &waits);
        handed = r >= 0 ? hand_over(reader, &waits) : 0; /* nothing after an error */
        return handed < 0 ? handed : r;
}
