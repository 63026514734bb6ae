/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connections have numbers, and addresses and ports follow from the number, so that nothing has to be
 * kept: connection n of a net goes from 127.net.s.2 to 127.net.s.1, where s = n / TIME_WAIT_PER_SERVER, each
 * server on a port of its own. The server's end closes first.
 *
 * Renewing needs a packet for each. The peer's end is gone, so to the kernel's answer there comes a
 * reset, which ends a TIME_WAIT socket unless tcp_rfc1337 is set.
 */

#include "timewait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"

#define FIRST_CLIENT_PORT 32768
#define FIRST_SERVER_PORT 8000
#define BACKLOG           16
#define SERVER_HOST       1
#define CLIENT_HOST       2
#define BATCH             64 /* packets in one system call */
#define TCP_HEADER_WORDS  (sizeof(struct tcphdr) / 4)

struct packet {
        struct iphdr ip;
        struct tcphdr tcp;
};

static struct sockaddr_in address_of(const struct time_wait *part, size_t number, bool client)
{
        const size_t server = number / TIME_WAIT_PER_SERVER;
        const size_t port = client ? FIRST_CLIENT_PORT + number % TIME_WAIT_PER_SERVER
                                   : FIRST_SERVER_PORT + server;

        return (struct sockaddr_in){
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t)port),
                .sin_addr.s_addr =
                        htonl((uint32_t)(IN_LOOPBACKNET << 24 | (unsigned)part->net << 16 |
                                         server << 8 | (client ? CLIENT_HOST : SERVER_HOST))),
        };
}

static int serve(const struct sockaddr_in *address)
{
        CLEANUP(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
            listen(fd, BACKLOG) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int add_socket(int server, const struct sockaddr_in *to, const struct sockaddr_in *from)
{
        CLEANUP(close_fdp) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CLEANUP(close_fdp) int accepted = -1;

        if (client < 0 || bind(client, (const struct sockaddr *)from, sizeof(*from)) < 0 ||
            connect(client, (const struct sockaddr *)to, sizeof(*to)) < 0)
                return -errno;
        accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        return accepted < 0 ? -errno : 0; /* closes: accepted first, then client */
}

int time_wait_listen(struct time_wait *part)
{
        for (size_t number = 0; number < part->count; number += TIME_WAIT_PER_SERVER) {
                const struct sockaddr_in address = address_of(part, number, false);
                const int fd = serve(&address);

                if (fd < 0)
                        return fd;
                part->servers[number / TIME_WAIT_PER_SERVER] = fd;
        }
        return 0;
}

int time_wait_make(const struct time_wait *part)
{
        const size_t end = part->first + part->count;
        int r = 0;

        for (size_t number = part->first; number < end && r == 0; number++) {
                const struct sockaddr_in to = address_of(part, number, false);
                const struct sockaddr_in from = address_of(part, number, true);

                r = add_socket(part->servers[number / TIME_WAIT_PER_SERVER], &to, &from);
        }
        return r;
}

static uint16_t tcp_checksum(const struct packet *packet)
{
        uint16_t words[2 * TCP_HEADER_WORDS];
        uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(packet->tcp));

        memcpy(words, &packet->tcp, sizeof(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                sum += words[i];
        sum += (packet->ip.saddr >> 16) + (packet->ip.saddr & 0xffff);
        sum += (packet->ip.daddr >> 16) + (packet->ip.daddr & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        return (uint16_t) ~(sum + (sum >> 16));
}

/* An acknowledgement of what was never sent. The kernel fills in the checksum of the IP header. */
static struct packet stray(const struct sockaddr_in *from, const struct sockaddr_in *to)
{
        struct packet packet = {
                .ip = { .version = IPVERSION,
                        .ihl = sizeof(struct iphdr) / 4,
                        .tot_len = htons(sizeof(packet)),
                        .ttl = IPDEFTTL,
                        .protocol = IPPROTO_TCP,
                        .saddr = from->sin_addr.s_addr,
                        .daddr = to->sin_addr.s_addr },
                .tcp = { .source = from->sin_port,
                         .dest = to->sin_port,
                         .doff = TCP_HEADER_WORDS,
                         .ack = 1,
                         .window = htons(1) },
        };

        packet.tcp.check = tcp_checksum(&packet);
        return packet;
}

/* At most BATCH packets, from this number on. */
static int send_strays(int fd, const struct time_wait *part, size_t number, size_t n)
{
        struct packet packets[BATCH];
        struct sockaddr_in to[BATCH];
        struct iovec data[BATCH];
        struct mmsghdr messages[BATCH] = { 0 };

        for (size_t i = 0; i < n; i++) {
                const struct sockaddr_in from = address_of(part, number + i, true);

                to[i] = address_of(part, number + i, false);
                packets[i] = stray(&from, &to[i]);
                data[i] = (struct iovec){ .iov_base = &packets[i], .iov_len = sizeof(packets[i]) };
                messages[i].msg_hdr = (struct msghdr){ .msg_name = &to[i],
                                                       .msg_namelen = sizeof(to[i]),
                                                       .msg_iov = &data[i],
                                                       .msg_iovlen = 1 };
        }
        for (size_t sent = 0; sent < n;) {
                const int r = sendmmsg(fd, messages + sent, (unsigned)(n - sent), 0);

                if (r < 0)
                        return -errno;
                sent += (size_t)r;
        }
        return 0;
}

int time_wait_renew(const struct time_wait *part)
{
        const size_t end = part->first + part->count;
        CLEANUP(close_fdp) int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
        int r = fd < 0 ? -errno : 0;

        for (size_t number = part->first; number < end && r == 0; number += BATCH)
                r = send_strays(fd, part, number, MIN(end - number, (size_t)BATCH));
        return r;
}
