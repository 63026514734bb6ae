/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a message of a dump costs here: from its bytes to the counts of its port and, for one in
 * CLOSE_WAIT, to its entry in the ledger. The kernel's own work is not in it. The messages are those
 * that Linux 6.18 sends to a process without privilege, in datagrams of 32 KiB; so is the order:
 * sockets of several ports as chance has it, the same at each scan.
 *
 *   bench-parse         nanoseconds per message, medians
 *   bench-parse KIND    messages of one kind, in bench_read(), and how many they were: for valgrind,
 *                       which counts instructions there (instructions.sh)
 *
 * Each datagram is copied to where the one before was, as the kernel does, before it is read: that
 * it lies in the cache then is as in a scan, and the copy is not in what is measured.
 */

#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "conf.h"
#include "diag.h"
#include "host.h"
#include "observe.h"
#include "prng.h"

#define SOCKETS        110000
#define CLOSE_WAIT_ONE 11 /* in so many sockets */
#define PORTS          8
#define FIRST_PORT     8000
#define ROUNDS         21
#define SEQ            1
#define PORTID         4711
#define CGROUP         4711
#define INFO_BYTES     288 /* tcp_info of Linux 6.18 */
#define MESSAGE_MAX    512
#define DATAGRAMS_MAX  2048

/* include/net/tcp_states.h, which is not exported. */
enum { KERNEL_TIME_WAIT = 6, KERNEL_CLOSE_WAIT = 8 };

enum kind { TIME_WAIT, CLOSE_WAIT, CLOSE_WAIT_INFO, MIXED, KIND_COUNT };

static const char *const kind_names[KIND_COUNT] = {
        [TIME_WAIT] = "time_wait",
        [CLOSE_WAIT] = "close_wait",
        [CLOSE_WAIT_INFO] = "close_wait_info",
        [MIXED] = "mixed",
};

/* A dump as it was sent. */
struct stream {
        char *bytes;
        size_t lengths[DATAGRAMS_MAX];
        size_t n; /* datagrams */
        uint64_t messages;
};

struct bench {
        struct conf *conf;
        struct observer *observer;
        uint64_t now_usec; /* virtual */
        uint64_t generation;
        int (*read)(struct diagmsg_reader *reader, const void *buf, size_t len);
        char buffer[DIAG_BUFFER_BYTES] __attribute__((aligned(8)));
};

static void put_attribute(struct nlmsghdr *nlh, uint16_t type, const void *data, uint16_t len)
{
        const struct nlattr attr = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
        char *at = (char *)nlh + nlh->nlmsg_len;

        memcpy(at, &attr, sizeof(attr));
        memcpy(at + NLA_HDRLEN, data, len);
        nlh->nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + len);
}

static void put_close_wait(struct nlmsghdr *nlh, struct inet_diag_msg *msg, bool info)
{
        static const uint32_t tcp_info[INFO_BYTES / sizeof(uint32_t)];
        const uint8_t shutdown = 1, sockopt[2] = { 0 };
        const uint64_t cgroup_id = CGROUP;

        msg->idiag_state = KERNEL_CLOSE_WAIT;
        msg->idiag_uid = 1001;
        msg->idiag_inode = msg->id.idiag_cookie[0] + 100000;
        msg->idiag_rqueue = 1;
        put_attribute(nlh, INET_DIAG_SHUTDOWN, &shutdown, sizeof(shutdown));
        put_attribute(nlh, INET_DIAG_CGROUP_ID, &cgroup_id, sizeof(cgroup_id));
        put_attribute(nlh, INET_DIAG_SOCKOPT, sockopt, sizeof(sockopt));
        if (info)
                put_attribute(nlh, INET_DIAG_INFO, tcp_info, sizeof(tcp_info));
}

static void put_time_wait(struct inet_diag_msg *msg, struct prng *prng)
{
        msg->idiag_state = KERNEL_TIME_WAIT;
        msg->idiag_timer = 3;
        msg->idiag_expires = (uint32_t)prng_below(prng, 60000);
}

/* Half of the sockets are a server's, half those of a client of other hosts' servers. */
static size_t put_socket(enum kind kind, uint32_t cookie, struct prng *prng, char *buf)
{
        struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
        struct inet_diag_msg *msg = NLMSG_DATA(nlh);
        const uint16_t service = htons((uint16_t)(FIRST_PORT + prng_below(prng, PORTS)));
        const uint16_t other = htons((uint16_t)prng_between(prng, 32768, 60999));
        const bool served = prng_below(prng, 2) == 0;

        memset(buf, 0, MESSAGE_MAX);
        *nlh = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(*msg)),
                                  .nlmsg_type = TCPDIAG_GETSOCK,
                                  .nlmsg_flags = NLM_F_MULTI,
                                  .nlmsg_seq = SEQ,
                                  .nlmsg_pid = PORTID };
        msg->idiag_family = AF_INET;
        msg->id.idiag_sport = served ? service : other;
        msg->id.idiag_dport = served ? other : service;
        msg->id.idiag_src[0] = htonl(0x0a000001);
        msg->id.idiag_dst[0] = htonl(0x0a000100 + (uint32_t)prng_below(prng, 200));
        msg->id.idiag_cookie[0] = cookie;
        if (kind == TIME_WAIT)
                put_time_wait(msg, prng);
        else
                put_close_wait(nlh, msg, kind == CLOSE_WAIT_INFO);
        return nlh->nlmsg_len;
}

static enum kind choose(enum kind kind, struct prng *prng)
{
        if (kind != MIXED)
                return kind;
        return prng_below(prng, CLOSE_WAIT_ONE) == 0 ? CLOSE_WAIT : TIME_WAIT;
}

static void fill(struct stream *stream, enum kind kind)
{
        const size_t share = kind == CLOSE_WAIT || kind == CLOSE_WAIT_INFO ? CLOSE_WAIT_ONE : 1;
        char message[MESSAGE_MAX] __attribute__((aligned(8)));
        struct prng prng = { 1 };
        size_t at = 0;

        stream->messages = SOCKETS / share;
        stream->bytes = bench_alloc((size_t)DATAGRAMS_MAX * DIAG_BUFFER_BYTES);
        for (uint32_t i = 0; i < stream->messages; i++) {
                const size_t len = put_socket(choose(kind, &prng), i + 1, &prng, message);

                if (stream->n == 0 || stream->lengths[stream->n - 1] + len > DIAG_BUFFER_BYTES)
                        stream->lengths[stream->n++] = 0;
                memcpy(stream->bytes + at, message, len);
                at += len;
                stream->lengths[stream->n - 1] += len;
        }
}

static uint64_t now_nsec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* As look.c's. */
static int on_socket(const struct sockrec *record, void *userdata)
{
        return observer_socket(userdata, record);
}

static int on_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        return observer_waits(userdata, waits, n);
}

int bench_read(struct diagmsg_reader *reader, const void *buf, size_t len);

/* What is counted: valgrind knows it by its name. */
__attribute__((noinline)) int bench_read(struct diagmsg_reader *reader, const void *buf, size_t len)
{
        return diagmsg_read(reader, buf, len);
}

/* All datagrams of a dump: nanoseconds, without the copies; -errno. */
static int64_t read_stream(struct bench *bench, const struct stream *stream)
{
        struct diagmsg_reader reader = {
                .seq = SEQ,
                .portid = PORTID,
                .sink = { .fn = on_socket, .waits_fn = on_waits, .userdata = bench->observer },
        };
        uint64_t taken_nsec = 0;
        size_t at = 0;

        for (size_t i = 0; i < stream->n; i++) {
                uint64_t began_nsec;
                int r;

                memcpy(bench->buffer, stream->bytes + at, stream->lengths[i]);
                at += stream->lengths[i];
                began_nsec = now_nsec();
                r = bench->read(&reader, bench->buffer, stream->lengths[i]);
                taken_nsec += now_nsec() - began_nsec;
                if (r < 0)
                        return r;
        }
        return reader.messages == stream->messages && !reader.interrupted ? (int64_t)taken_nsec
                                                                          : -EBADMSG;
}

static void show_listeners(struct observer *observer)
{
        observer_begin_listeners(observer);
        for (uint16_t i = 0; i < PORTS; i++)
                observer_listener(observer, &(struct sockrec){ .state = SOCK_LISTEN,
                                                               .local_port = FIRST_PORT + i });
        observer_end_listeners(observer, true);
}

/* One scan of it; nanoseconds in its messages, -errno. */
static int64_t scan(struct bench *bench, const struct stream *stream)
{
        const struct scan_request request = { .generation = ++bench->generation,
                                              .now_usec = bench->now_usec += 10 * USEC_PER_SEC,
                                              .rules = bench->conf->rules };
        const struct scan_outcome outcome = { .sockets_whole = true };
        struct snapshot *snapshot;
        int64_t taken_nsec;
        bool info;
        int r;

        observer_begin(bench->observer, &request);
        show_listeners(bench->observer);
        (void)observer_plan(bench->observer, &info);
        observer_begin_sockets(bench->observer);
        taken_nsec = read_stream(bench, stream);
        r = observer_finish(bench->observer, &outcome, &snapshot);
        if (r < 0)
                return r;
        snapshot_unref(snapshot);
        return taken_nsec;
}

static int compare(const void *a, const void *b)
{
        const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* Of sockets that the ledger knows already: picoseconds per message, the median; -errno. */
static int64_t measure(struct bench *bench, const struct stream *stream)
{
        int64_t taken_nsec[ROUNDS];

        for (int round = -1; round < ROUNDS; round++) {
                const int64_t r = scan(bench, stream);

                if (r < 0)
                        return r;
                if (round >= 0)
                        taken_nsec[round] = r;
        }
        qsort(taken_nsec, ROUNDS, sizeof(*taken_nsec), compare);
        return taken_nsec[ROUNDS / 2] * 1000 / (int64_t)stream->messages;
}

/* For valgrind: the sockets become known first, outside of bench_read(). */
static int64_t count(struct bench *bench, const struct stream *stream)
{
        int64_t r = scan(bench, stream);

        bench->read = bench_read;
        if (r >= 0)
                r = scan(bench, stream);
        if (r >= 0)
                printf("%" PRIu64 "\n", stream->messages);
        return r;
}

static int64_t run(struct bench *bench, enum kind kind, bool counting)
{
        struct stream stream = { .n = 0 };
        int64_t r;

        fill(&stream, kind);
        bench->read = diagmsg_read;
        r = observer_new(&bench->observer);
        if (r == 0)
                r = counting ? count(bench, &stream) : measure(bench, &stream);
        bench->observer = observer_free(bench->observer);
        free(stream.bytes);
        if (r >= 0 && !counting)
                printf("%-16s %6.1f ns per message\n", kind_names[kind], (double)r / 1000);
        return r;
}

int main(int argc, char **argv)
{
        static struct bench bench;
        int64_t r = conf_new_default(&bench.conf);
        bool known = argc == 1;

        bench.now_usec = USEC_PER_DAY;
        for (enum kind kind = 0; kind < KIND_COUNT && r >= 0; kind++) {
                if (argc > 1 && strcmp(argv[1], kind_names[kind]) != 0)
                        continue;
                known = true;
                r = run(&bench, kind, argc > 1);
        }
        conf_unref(bench.conf);
        if (r < 0)
                fprintf(stderr, "bench-parse: %s\n", strerror((int)-r));
        else if (!known)
                fprintf(stderr, "bench-parse: unknown kind: %s\n", argv[1]);
        return r < 0 || !known ? 2 : 0;
}
