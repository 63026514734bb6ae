/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The floor: one dump of the kernel's TCP sockets, thrown away. Nothing here is shared with lib/diag*,
 * which is what it is held against. The request is the one that twmond makes: the legacy type, both
 * address families in one walk, a mask of states, 32 KiB at a time.
 *
 * No message is looked at. The first header of a datagram tells an error, and the last 20 bytes are
 * those of the dump's last message when it is there; else they belong to a socket's message, which
 * would have to hold our sequence number and port at the very places.
 *
 *     bench-floor STATES EXTENSIONS [no-capabilities]
 *
 * Prints what the dump took, as JSON: CPU of this thread on its own clock, without the program's
 * start; bytes; the time it took.
 */

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (32 * 1024)
#define TIMEOUT_SEC  10
#define SEQUENCE     0x7477u
#define LISTENERS    (1u << 10) /* of the kernel's TCP states */
#define NSEC_PER_SEC UINT64_C(1000000000)

/* The last message: a header and the dump's own result. */
struct done {
        struct nlmsghdr header;
        int result;
};

struct request {
        struct nlmsghdr header;
        struct inet_diag_req dump;
};

struct options {
        int fd;
        uint32_t port; /* netlink's name for our socket */
        uint32_t states;
        uint8_t extensions;
};

struct cost {
        uint64_t cpu_nsec;
        uint64_t wall_nsec;
        uint64_t bytes;
};

static uint64_t clock_nsec(clockid_t clock)
{
        struct timespec now;

        (void)clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* As the shipped service runs: whatever the user id. */
static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int open_socket(uint32_t *ret_port)
{
        const struct timeval timeout = { .tv_sec = TIMEOUT_SEC };
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        socklen_t len = sizeof(address);
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        *ret_port = address.nl_pid;
        return fd;
}

static int ask(int fd, uint32_t states, uint8_t extensions)
{
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        const struct request request = {
                .header = { .nlmsg_len = sizeof(request),
                            .nlmsg_type = TCPDIAG_GETSOCK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                            .nlmsg_seq = SEQUENCE },
                .dump = { .idiag_family = AF_UNSPEC,
                          .idiag_ext = extensions,
                          .idiag_states = states },
        };

        if (sendto(fd, &request, sizeof(request), 0, (const struct sockaddr *)&kernel,
                   sizeof(kernel)) < 0)
                return -errno;
        return 0;
}

static bool is_done(const char *end, uint32_t port)
{
        struct done done;

        memcpy(&done, end - sizeof(done), sizeof(done));
        return done.header.nlmsg_type == NLMSG_DONE && done.header.nlmsg_len == sizeof(done) &&
               done.header.nlmsg_seq == SEQUENCE && done.header.nlmsg_pid == port;
}

static bool is_error(const char *buffer)
{
        struct nlmsghdr header;

        memcpy(&header, buffer, sizeof(header));
        return header.nlmsg_type == NLMSG_ERROR;
}

/* Until the last message; adds to *bytes. */
static int throw_away(int fd, char *buffer, uint32_t port, uint64_t *bytes)
{
        for (;;) {
                const ssize_t n = recv(fd, buffer, BUFFER_BYTES, MSG_TRUNC);

                if (n < 0)
                        return -errno;
                if (n < (ssize_t)sizeof(struct done) || n > BUFFER_BYTES || is_error(buffer))
                        return -EBADMSG;
                *bytes += (uint64_t)n;
                if (is_done(buffer + n, port))
                        return 0;
        }
}

static int dump(const struct options *options, uint32_t states, struct cost *cost)
{
        static char buffer[BUFFER_BYTES];
        const uint64_t began_nsec = clock_nsec(CLOCK_MONOTONIC);
        const uint64_t cpu_nsec = clock_nsec(CLOCK_THREAD_CPUTIME_ID);
        int r = ask(options->fd, states, options->extensions);

        cost->bytes = 0;
        if (r == 0)
                r = throw_away(options->fd, buffer, options->port, &cost->bytes);
        cost->cpu_nsec = clock_nsec(CLOCK_THREAD_CPUTIME_ID) - cpu_nsec;
        cost->wall_nsec = clock_nsec(CLOCK_MONOTONIC) - began_nsec;
        return r;
}

/* A dump of the listeners comes first, so that no page is touched for the first time in what counts. */
static int measure(struct options *options)
{
        struct cost cost;
        int r = open_socket(&options->port);

        options->fd = r;
        if (r >= 0)
                r = dump(options, LISTENERS, &cost);
        if (r == 0)
                r = dump(options, options->states, &cost);
        if (r == 0)
                printf("{\"cpuNsec\": %" PRIu64 ", \"wallNsec\": %" PRIu64 ", \"bytes\": %" PRIu64
                       "}\n",
                       cost.cpu_nsec, cost.wall_nsec, cost.bytes);
        return r;
}

int main(int argc, char *argv[])
{
        const bool drop = argc == 4 && strcmp(argv[3], "no-capabilities") == 0;
        struct options options = { .fd = -1 };
        int r = 0;

        if (argc != 3 && !drop) {
                fprintf(stderr, "usage: bench-floor STATES EXTENSIONS [no-capabilities]\n");
                return 2;
        }
        options.states = (uint32_t)strtoul(argv[1], NULL, 0);
        options.extensions = (uint8_t)strtoul(argv[2], NULL, 0);
        if (drop)
                r = drop_capabilities();
        if (r == 0)
                r = measure(&options);
        if (r < 0)
                fprintf(stderr, "bench-floor: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
