/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sock_diag bytes: requests as the kernel expects them, messages of every wrong shape. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "fixture.h"

#include "diagmsg.h"

#define SEQ    77
#define PORTID 4242

/* A datagram under construction. */
struct datagram {
        char bytes[4096] __attribute__((aligned(8)));
        size_t len;
        struct nlmsghdr *nlh;
};

static struct inet_diag_msg *begin_socket(struct datagram *d, uint8_t family, uint8_t state)
{
        struct inet_diag_msg *msg;

        d->nlh = (struct nlmsghdr *)(d->bytes + d->len);
        memset(d->nlh, 0, NLMSG_SPACE(sizeof(*msg)));
        *d->nlh = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(*msg)),
                                     .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                     .nlmsg_flags = NLM_F_MULTI,
                                     .nlmsg_seq = SEQ,
                                     .nlmsg_pid = PORTID };
        msg = NLMSG_DATA(d->nlh);
        msg->idiag_family = family;
        msg->idiag_state = state;
        msg->id.idiag_sport = htons(7865);
        msg->id.idiag_dport = htons(40001);
        msg->id.idiag_cookie[0] = 0x11223344;
        msg->id.idiag_cookie[1] = 0x55667788;
        d->len += NLMSG_SPACE(sizeof(*msg));
        return msg;
}

static struct nlattr *put_attribute(struct datagram *d, uint16_t type, const void *value,
                                    size_t len)
{
        struct nlattr *attr = (struct nlattr *)(d->bytes + d->len);

        *attr = (struct nlattr){ .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
        memcpy((char *)attr + NLA_HDRLEN, value, len);
        d->len += NLA_ALIGN(attr->nla_len);
        d->nlh->nlmsg_len = (uint32_t)(d->bytes + d->len - (char *)d->nlh);
        return attr;
}

static void put_done(struct datagram *d, int error)
{
        d->nlh = (struct nlmsghdr *)(d->bytes + d->len);
        *d->nlh = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(error)),
                                     .nlmsg_type = NLMSG_DONE,
                                     .nlmsg_flags = NLM_F_MULTI,
                                     .nlmsg_seq = SEQ,
                                     .nlmsg_pid = PORTID };
        memcpy(NLMSG_DATA(d->nlh), &error, sizeof(error));
        d->len += NLMSG_SPACE(sizeof(error));
}

struct seen {
        size_t n;
        struct sockrec last;
        int stop;
};

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct seen *seen = userdata;

        seen->n++;
        seen->last = *record;
        return seen->stop;
}

static struct diagmsg_reader reader_for(struct seen *seen)
{
        return (struct diagmsg_reader){ .seq = SEQ,
                                        .portid = PORTID,
                                        .sink = { .fn = on_socket, .userdata = seen } };
}

/* Reads from an exactly sized heap copy, so that the sanitizer sees any step beyond it. */
static int read_copy(struct diagmsg_reader *reader, const struct datagram *d, size_t len)
{
        char *copy = malloc(len ? len : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, d->bytes, len);
        r = diagmsg_read(reader, copy, len);
        free(copy);
        return r;
}

static int parse_last(const struct datagram *d, struct sockrec *ret)
{
        return diagmsg_parse(NLMSG_DATA(d->nlh), d->nlh->nlmsg_len - NLMSG_HDRLEN, ret);
}

static void test_request_one_walk(void **state)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(8)));
        const struct diag_request request = {
                .form = DIAG_BOTH, .states = SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT)
        };
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
        const struct inet_diag_req *body = NLMSG_DATA(nlh);

        (void)state;
        assert_int_equal(diagmsg_request(&request, SEQ, buf), NLMSG_LENGTH(sizeof(*body)));
        assert_int_equal(nlh->nlmsg_type, TCPDIAG_GETSOCK);
        assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
        assert_int_equal(nlh->nlmsg_seq, SEQ);
        assert_int_equal(body->idiag_family, AF_UNSPEC);
        assert_int_equal(body->idiag_states, 1 << 6 | 1 << 8);
        assert_int_equal(body->idiag_ext, 0);
}

static void test_request_by_family(void **state)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(8)));
        const struct diag_request request = { .form = DIAG_IPV6,
                                              .states = SOCK_MASK(SOCK_SYN_RECV) |
                                                        SOCK_MASK(SOCK_BOUND),
                                              .info = true };
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
        const struct inet_diag_req_v2 *body = NLMSG_DATA(nlh);

        (void)state;
        assert_int_equal(diagmsg_request(&request, SEQ, buf), NLMSG_LENGTH(sizeof(*body)));
        assert_int_equal(nlh->nlmsg_type, SOCK_DIAG_BY_FAMILY);
        assert_int_equal(body->sdiag_family, AF_INET6);
        assert_int_equal(body->sdiag_protocol, IPPROTO_TCP);
        assert_int_equal(body->idiag_states, 1 << 3 | 1 << 12 | 1 << 13);
        assert_int_equal(body->idiag_ext, 1 << (INET_DIAG_INFO - 1));
}

static struct inet_diag_req_v2 request_one(const struct sockrec *record)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(8)));
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
        struct inet_diag_req_v2 body;

        assert_int_equal(diagmsg_request_one(record, SEQ, buf), NLMSG_LENGTH(sizeof(body)));
        assert_int_equal(nlh->nlmsg_type, SOCK_DIAG_BY_FAMILY);
        assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST);
        assert_int_equal(nlh->nlmsg_seq, SEQ);
        memcpy(&body, NLMSG_DATA(nlh), sizeof(body));
        assert_int_equal(body.sdiag_protocol, IPPROTO_TCP);
        assert_int_equal(body.idiag_ext, 1 << (INET_DIAG_INFO - 1));
        return body;
}

/* The socket's own message, read and asked for again: the same addresses, as the kernel has them. */
static void test_request_of_a_socket(void **state)
{
        static const uint32_t addresses[][4] = {
                { 0x0100007f, 0, 0, 0 },
                { 0xb80d0120, 1, 2, 3 },
                { 0, 0, 0xffff0000, 0x0100007f }, /* ::ffff:127.0.0.1 */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
                struct datagram d = { .len = 0 };
                struct inet_diag_msg *msg = begin_socket(&d, i == 0 ? AF_INET : AF_INET6, 8);
                struct inet_diag_req_v2 body;
                struct sockrec record;

                memcpy(msg->id.idiag_src, addresses[i], sizeof(addresses[i]));
                memcpy(msg->id.idiag_dst, addresses[i], sizeof(addresses[i]));
                msg->id.idiag_if = 3;
                assert_int_equal(parse_last(&d, &record), 0);
                body = request_one(&record);
                assert_int_equal(body.sdiag_family, msg->idiag_family);
                assert_memory_equal(&body.id, &msg->id, sizeof(body.id));
        }
}

/* Runs a filter as inet_diag_bc_run() does. */
static bool accepts(const struct inet_diag_bc_op *op, int len, uint16_t sport, uint16_t dport)
{
        while (len > 0) {
                bool yes = true;
                int step;

                switch (op->code) {
                case INET_DIAG_BC_JMP:
                        yes = false;
                        break;
                case INET_DIAG_BC_S_GE:
                        yes = sport >= op[1].no;
                        break;
                case INET_DIAG_BC_S_LE:
                        yes = sport <= op[1].no;
                        break;
                case INET_DIAG_BC_D_GE:
                        yes = dport >= op[1].no;
                        break;
                case INET_DIAG_BC_D_LE:
                        yes = dport <= op[1].no;
                        break;
                default:
                        fail_msg("operator %d", op->code);
                }
                step = yes ? op->yes : op->no;
                assert_true(step >= 4 && step % 4 == 0 && step <= len + 4);
                len -= step;
                op += step / 4;
        }
        return len == 0;
}

static void check_filter(enum diag_form form, size_t body_len, uint16_t port)
{
        char buf[DIAGMSG_REQUEST_MAX] __attribute__((aligned(8)));
        const struct diag_request request = { .form = form, .states = 1, .port = port };
        const size_t len = diagmsg_request(&request, SEQ, buf);
        const struct nlattr *attr = (const struct nlattr *)(buf + NLMSG_LENGTH(body_len));
        const struct inet_diag_bc_op *program = (const void *)((const char *)attr + NLA_HDRLEN);
        const int program_len = attr->nla_len - NLA_HDRLEN;
        const uint16_t below = (uint16_t)(port - 1), above = (uint16_t)(port + 1);

        assert_in_range(len, 1, sizeof(buf));
        assert_int_equal(len, NLMSG_LENGTH(body_len) + attr->nla_len);
        assert_int_equal(attr->nla_type, INET_DIAG_REQ_BYTECODE);
        assert_true(accepts(program, program_len, port, below));
        assert_true(accepts(program, program_len, above, port));
        assert_true(accepts(program, program_len, port, port));
        assert_false(accepts(program, program_len, above, below));
        assert_false(accepts(program, program_len, below, above));
        assert_false(accepts(program, program_len, below, below));
        assert_false(accepts(program, program_len, above, above));
}

static void test_request_for_one_port(void **state)
{
        static const uint16_t ports[] = { 1, 80, 7865, 65535 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
                check_filter(DIAG_BOTH, sizeof(struct inet_diag_req), ports[i]);
                check_filter(DIAG_IPV4, sizeof(struct inet_diag_req_v2), ports[i]);
                check_filter(DIAG_IPV6, sizeof(struct inet_diag_req_v2), ports[i]);
        }
}

static void test_every_state_is_distinguished(void **state)
{
        static const enum sock_state expected[] = {
                [1] = SOCK_ESTABLISHED, [2] = SOCK_SYN_SENT,   [3] = SOCK_SYN_RECV,
                [4] = SOCK_FIN_WAIT1,   [5] = SOCK_FIN_WAIT2,  [6] = SOCK_TIME_WAIT,
                [7] = SOCK_CLOSE,       [8] = SOCK_CLOSE_WAIT, [9] = SOCK_LAST_ACK,
                [10] = SOCK_LISTEN,     [11] = SOCK_CLOSING,   [12] = SOCK_SYN_RECV,
                [13] = SOCK_BOUND,
        };
        (void)state;
        for (unsigned kernel = 0; kernel < 256; kernel++) {
                struct datagram d = { .len = 0 };
                struct sockrec record;
                int r;

                begin_socket(&d, AF_INET, (uint8_t)kernel);
                r = parse_last(&d, &record);
                if (kernel == 0 || kernel >= ARRAY_SIZE(expected)) {
                        assert_int_equal(r, -EBADMSG);
                } else {
                        assert_int_equal(r, 0);
                        assert_int_equal(record.state, expected[kernel]);
                }
        }
}

static void test_close_wait_socket(void **state)
{
        struct datagram d = { .len = 0 };
        struct inet_diag_msg *msg = begin_socket(&d, AF_INET, 8);
        const uint64_t cgroup = 4711;
        const uint8_t shutdown_bits = 1;
        struct sockrec record;

        (void)state;
        msg->id.idiag_src[0] = inet_addr("127.0.0.1");
        msg->id.idiag_dst[0] = inet_addr("10.1.2.3");
        msg->idiag_rqueue = 1;
        msg->idiag_uid = 33;
        msg->idiag_inode = 99;
        put_attribute(&d, INET_DIAG_SHUTDOWN, &shutdown_bits, 1);
        put_attribute(&d, INET_DIAG_CGROUP_ID, &cgroup, sizeof(cgroup));
        put_attribute(&d, 900, "future", 6);
        assert_int_equal(parse_last(&d, &record), 0);
        assert_int_equal(record.have, SOCKREC_OWNER | SOCKREC_SHUTDOWN | SOCKREC_CGROUP);
        assert_int_equal(record.cookie, UINT64_C(0x5566778811223344));
        assert_int_equal(record.cgroup_id, 4711);
        assert_int_equal(record.local_port, 7865);
        assert_int_equal(record.remote_port, 40001);
        assert_int_equal(record.uid, 33);
        assert_int_equal(record.inode, 99);
        assert_int_equal(record.receive_queue, 1);
        assert_int_equal(record.family, ADDR_IPV4);
        assert_memory_equal(record.remote.bytes, "\x0a\x01\x02\x03", 4);
}

static void test_mapped_address_is_folded(void **state)
{
        struct datagram d = { .len = 0 };
        struct inet_diag_msg *msg = begin_socket(&d, AF_INET6, 8);
        struct sockrec record;

        (void)state;
        inet_pton(AF_INET6, "::ffff:127.0.0.1", msg->id.idiag_src);
        inet_pton(AF_INET6, "::ffff:10.1.2.3", msg->id.idiag_dst);
        assert_int_equal(parse_last(&d, &record), 0);
        assert_int_equal(record.family, ADDR_IPV4);
        assert_true(record.have & SOCKREC_MAPPED);
        assert_memory_equal(record.local.bytes, "\x7f\x00\x00\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
        assert_memory_equal(record.remote.bytes, "\x0a\x01\x02\x03", 4);
}

/* What connect(::1) leaves in a socket that is bound to an IPv4 address, and fails. */
static void test_mapped_address_without_a_peer(void **state)
{
        static const uint8_t states[] = { 7, 10, 13 }; /* CLOSE, LISTEN, BOUND_INACTIVE */
        static const char *const locals[] = { "::ffff:127.0.0.1", "::ffff:0.0.0.0" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(states) * ARRAY_SIZE(locals); i++) {
                struct datagram d = { .len = 0 };
                struct inet_diag_msg *msg = begin_socket(&d, AF_INET6, states[i / 2]);
                struct sockrec record;

                inet_pton(AF_INET6, locals[i % 2], msg->id.idiag_src);
                inet_pton(AF_INET6, "::1", msg->id.idiag_dst);
                assert_int_equal(parse_last(&d, &record), 0);
                assert_int_equal(record.family, ADDR_IPV4);
                assert_true(record.have & SOCKREC_MAPPED);
                assert_memory_equal(record.local.bytes,
                                    i % 2 == 0 ? "\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0"
                                               : "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                                    16);
                assert_memory_equal(record.remote.bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
        }
}

static void test_real_ipv6_is_not_folded(void **state)
{
        struct datagram d = { .len = 0 };
        struct inet_diag_msg *msg = begin_socket(&d, AF_INET6, 8);
        struct sockrec record;

        (void)state;
        inet_pton(AF_INET6, "2001:db8::1", msg->id.idiag_src);
        inet_pton(AF_INET6, "::1", msg->id.idiag_dst);
        assert_int_equal(parse_last(&d, &record), 0);
        assert_int_equal(record.family, ADDR_IPV6);
        assert_false(record.have & SOCKREC_MAPPED);
}

static void test_mini_socket_has_no_owner(void **state)
{
        struct datagram d = { .len = 0 };
        struct inet_diag_msg *msg = begin_socket(&d, AF_INET, 5);
        struct sockrec record;

        (void)state;
        msg->idiag_timer = 3;
        msg->idiag_expires = 58000;
        assert_int_equal(parse_last(&d, &record), 0);
        assert_int_equal(record.state, SOCK_FIN_WAIT2); /* not TIME_WAIT */
        assert_int_equal(record.have, SOCKREC_MINI);
        assert_int_equal(record.expires_msec, 58000);
}

static void test_tcp_info(void **state)
{
        struct datagram d = { .len = 0 };
        struct tcp_info info = { .tcpi_last_ack_recv = 20000, .tcpi_last_data_recv = 30000 };
        struct sockrec record;

        (void)state;
        begin_socket(&d, AF_INET, 8);
        put_attribute(&d, INET_DIAG_INFO, &info, sizeof(info));
        assert_int_equal(parse_last(&d, &record), 0);
        assert_true(record.have & SOCKREC_INFO);
        assert_int_equal(record.last_ack_recv_msec, 20000);
        assert_int_equal(record.last_data_recv_msec, 30000);
}

/* An old kernel's shorter tcp_info is absent, not an error and not zero. */
static void test_short_tcp_info_is_absent(void **state)
{
        struct datagram d = { .len = 0 };
        char info[20] = { 0 };
        struct sockrec record;

        (void)state;
        begin_socket(&d, AF_INET, 8);
        put_attribute(&d, INET_DIAG_INFO, info, sizeof(info));
        assert_int_equal(parse_last(&d, &record), 0);
        assert_false(record.have & SOCKREC_INFO);
}

static void test_unknown_family(void **state)
{
        struct datagram d = { .len = 0 };
        struct sockrec record;

        (void)state;
        begin_socket(&d, AF_UNIX, 8);
        assert_int_equal(parse_last(&d, &record), -EBADMSG);
}

static void test_output_untouched_on_failure(void **state)
{
        struct datagram d = { .len = 0 };
        struct sockrec record, before;

        (void)state;
        memset(&record, 0x5a, sizeof(record));
        before = record;
        begin_socket(&d, AF_INET, 99);
        assert_int_equal(parse_last(&d, &record), -EBADMSG);
        assert_memory_equal(&record, &before, sizeof(record));
}

static void test_attributes_that_lie(void **state)
{
        static const uint16_t lengths[] = { 0, 1, 3, 5, 12, 13, 200, 65535 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct datagram d = { .len = 0 };
                struct seen seen = { 0 };
                struct diagmsg_reader reader = reader_for(&seen);
                const uint32_t half = 1;

                begin_socket(&d, AF_INET, 8);
                put_attribute(&d, INET_DIAG_CGROUP_ID, &half, sizeof(half))->nla_len = lengths[i];
                assert_int_equal(read_copy(&reader, &d, d.len), 0);
                assert_int_equal(reader.malformed, 1);
                assert_true(reader.interrupted); /* so the scan is partial, not silently short */
                assert_int_equal(seen.n, 0);
        }
}

static void test_whole_dump(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        begin_socket(&d, AF_INET, 8);
        begin_socket(&d, AF_INET6, 6);
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        d.len = 0;
        put_done(&d, 0);
        assert_int_equal(read_copy(&reader, &d, d.len), DIAGMSG_DONE);
        assert_int_equal(seen.n, 2);
        assert_int_equal(reader.messages, 2);
        assert_false(reader.interrupted);
}

/* Cut at every byte: nothing is read beyond, and a cut inside a message is noticed. */
static void test_truncated_at_every_byte(void **state)
{
        struct datagram d = { .len = 0 };
        const uint64_t cgroup = 1;
        size_t first;

        (void)state;
        begin_socket(&d, AF_INET, 8);
        put_attribute(&d, INET_DIAG_CGROUP_ID, &cgroup, sizeof(cgroup));
        first = d.len;
        begin_socket(&d, AF_INET, 8);
        for (size_t len = 0; len <= d.len; len++) {
                struct seen seen = { 0 };
                struct diagmsg_reader reader = reader_for(&seen);
                const bool whole = len == 0 || len == first || len == d.len;

                assert_int_equal(read_copy(&reader, &d, len), 0);
                assert_int_equal(reader.interrupted, !whole);
                assert_int_equal(seen.n, (len >= first) + (len == d.len));
        }
}

static void test_message_of_every_length(void **state)
{
        (void)state;
        for (uint32_t claimed = 0; claimed < 300; claimed++) {
                struct datagram d = { .len = 0 };
                struct seen seen = { 0 };
                struct diagmsg_reader reader = reader_for(&seen);

                begin_socket(&d, AF_INET, 8);
                d.nlh->nlmsg_len = claimed;
                assert_int_equal(read_copy(&reader, &d, d.len), 0);
                if (claimed != d.len)
                        assert_true(reader.interrupted);
                else
                        assert_int_equal(seen.n, 1);
        }
}

static void test_foreign_messages_are_left_out(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        begin_socket(&d, AF_INET, 8);
        d.nlh->nlmsg_seq = SEQ - 1;
        begin_socket(&d, AF_INET, 8);
        d.nlh->nlmsg_pid = PORTID + 1;
        put_done(&d, 0);
        d.nlh->nlmsg_seq = SEQ - 1; /* the end of an older dump does not end this one */
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        assert_int_equal(seen.n, 0);
        assert_int_equal(reader.foreign, 3);
}

static void test_interrupted_flag(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        begin_socket(&d, AF_INET, 8);
        put_done(&d, 0);
        d.nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
        assert_int_equal(read_copy(&reader, &d, d.len), DIAGMSG_DONE);
        assert_true(reader.interrupted);
        assert_int_equal(seen.n, 1);
}

static void test_errors_are_handed_through(void **state)
{
        static const struct {
                uint16_t type;
                int error;
                int expected;
        } cases[] = {
                { NLMSG_ERROR, -ENOENT, -ENOENT }, { NLMSG_DONE, -ENOENT, -ENOENT },
                { NLMSG_ERROR, 0, -EPROTO },       { NLMSG_ERROR, 5, -EPROTO },
                { NLMSG_ERROR, INT32_MIN, -4095 }, { NLMSG_DONE, 7, DIAGMSG_DONE },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct datagram d = { .len = 0 };
                struct seen seen = { 0 };
                struct diagmsg_reader reader = reader_for(&seen);

                put_done(&d, cases[i].error);
                d.nlh->nlmsg_type = cases[i].type;
                assert_int_equal(read_copy(&reader, &d, d.len), cases[i].expected);
        }
}

static void test_sink_stops_the_dump(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { .stop = -ENOMEM };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        begin_socket(&d, AF_INET, 8);
        begin_socket(&d, AF_INET, 8);
        assert_int_equal(read_copy(&reader, &d, d.len), -ENOMEM);
        assert_int_equal(seen.n, 1);
}

static void test_overrun_and_noop(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        put_done(&d, 0);
        d.nlh->nlmsg_type = NLMSG_NOOP;
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        assert_false(reader.interrupted);
        d.nlh->nlmsg_type = NLMSG_OVERRUN;
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        assert_true(reader.interrupted);
}

static void test_unknown_control_message(void **state)
{
        struct datagram d = { .len = 0 };
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);

        (void)state;
        begin_socket(&d, AF_INET, 8);
        d.nlh->nlmsg_type = NLMSG_MIN_TYPE - 1;
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        assert_int_equal(seen.n, 0);
        assert_int_equal(reader.malformed, 1);
        assert_true(reader.interrupted);
}

/* The struct on the stack is the same for all. */
static void test_nothing_is_left_of_the_socket_before(void **state)
{
        const uint8_t shutdown = 1;
        const uint64_t cgroup_id = UINT64_MAX;
        const uint32_t info[64] = { [12] = 5, [13] = 6, [14] = 7, [15] = 8 };
        struct datagram d = { .len = 0 };
        struct inet_diag_msg *msg = begin_socket(&d, AF_INET6, 8);
        struct seen seen = { 0 };
        struct diagmsg_reader reader = reader_for(&seen);
        struct sockrec alone;

        (void)state;
        memset(&msg->id, 0xff, sizeof(msg->id));
        msg->idiag_uid = msg->idiag_inode = UINT32_MAX;
        put_attribute(&d, INET_DIAG_SHUTDOWN, &shutdown, sizeof(shutdown));
        put_attribute(&d, INET_DIAG_SKV6ONLY, &shutdown, sizeof(shutdown));
        put_attribute(&d, INET_DIAG_CGROUP_ID, &cgroup_id, sizeof(cgroup_id));
        put_attribute(&d, INET_DIAG_INFO, info, sizeof(info));
        begin_socket(&d, AF_INET, 6)->idiag_timer = 3;
        assert_int_equal(parse_last(&d, &alone), 0);
        assert_int_equal(alone.have, SOCKREC_MINI);
        assert_int_equal(read_copy(&reader, &d, d.len), 0);
        assert_int_equal(seen.n, 2);
        assert_memory_equal(&seen.last, &alone, sizeof(alone));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request_one_walk),
                cmocka_unit_test(test_request_by_family),
                cmocka_unit_test(test_request_of_a_socket),
                cmocka_unit_test(test_request_for_one_port),
                cmocka_unit_test(test_every_state_is_distinguished),
                cmocka_unit_test(test_close_wait_socket),
                cmocka_unit_test(test_mapped_address_is_folded),
                cmocka_unit_test(test_mapped_address_without_a_peer),
                cmocka_unit_test(test_real_ipv6_is_not_folded),
                cmocka_unit_test(test_mini_socket_has_no_owner),
                cmocka_unit_test(test_tcp_info),
                cmocka_unit_test(test_short_tcp_info_is_absent),
                cmocka_unit_test(test_unknown_family),
                cmocka_unit_test(test_output_untouched_on_failure),
                cmocka_unit_test(test_attributes_that_lie),
                cmocka_unit_test(test_whole_dump),
                cmocka_unit_test(test_truncated_at_every_byte),
                cmocka_unit_test(test_message_of_every_length),
                cmocka_unit_test(test_foreign_messages_are_left_out),
                cmocka_unit_test(test_interrupted_flag),
                cmocka_unit_test(test_errors_are_handed_through),
                cmocka_unit_test(test_sink_stops_the_dump),
                cmocka_unit_test(test_overrun_and_noop),
                cmocka_unit_test(test_unknown_control_message),
                cmocka_unit_test(test_nothing_is_left_of_the_socket_before),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
