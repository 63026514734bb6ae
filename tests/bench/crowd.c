/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each holder listens, connects to itself and accepts. Where it then closes the client's end, what it
 * keeps is in CLOSE_WAIT. The clients' ends linger in FIN_WAIT2 for tcp_fin_timeout, which is set to
 * its least in the namespace, so that they are gone before anything is measured. Where it keeps both,
 * they are ESTABLISHED, and end with a reset, so that no TIME_WAIT is left behind.
 */

#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

#define FDS_ELSE    64 /* descriptors of a holder that are no sockets of the crowd */
#define BACKLOG     64
#define CLIENT_PORT 32768 /* of the first client; each holder's have an address of their own */
#define LINGER_SEC  5 /* of the clients' ends: tcp_fin_timeout, and the kernel's coarse timers */
#define FIN_TIMEOUT "/proc/sys/net/ipv4/tcp_fin_timeout"

static int loopback_up(void)
{
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        CLEANUP(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return -errno;
        return 0;
}

/* Of this namespace. Without it the clients' ends would linger for a minute. */
static int shorten_fin_timeout(void)
{
        CLEANUP(close_fdp) int fd = open(FIN_TIMEOUT, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;
}

int crowd_enter(void)
{
        int r;

        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return -errno;
        r = loopback_up();
        return r < 0 ? r : shorten_fin_timeout();
}

static int serve(const struct sockaddr_in *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
            listen(fd, BACKLOG) < 0)
                return -errno;
        return fd;
}

static int reset_at_close(int fd)
{
        const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

        return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ? -errno : 0;
}

/*
 * One more connection, whose descriptors stay open: the server's, and of ESTABLISHED both. A client's
 * port is never used again: where its own end is gone, the kernel would give it to another, whose SYN
 * ends the server's.
 */
static int add_connection(int server, const struct sockaddr_in *address, size_t number,
                          enum crowd_kind kind)
{
        const struct sockaddr_in from = { .sin_family = AF_INET,
                                          .sin_port = htons((uint16_t)(CLIENT_PORT + number)),
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK +
                                                                   ntohs(address->sin_port)) };
        CLEANUP(close_fdp) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int accepted, r;

        if (client < 0 || bind(client, (const struct sockaddr *)&from, sizeof(from)) < 0 ||
            connect(client, (const struct sockaddr *)address, sizeof(*address)) < 0)
                return -errno;
        accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        if (accepted < 0)
                return -errno;
        if (kind == CROWD_CLOSE_WAIT)
                return 0;
        r = reset_at_close(accepted);
        return r < 0 ? r : reset_at_close(TAKE_FD(client));
}

/* The holder's life: says 0 or what went wrong, and then keeps what it has until it is killed. */
_Noreturn static void hold(const struct crowd_order *order, int ready)
{
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_port = htons(order->port),
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const size_t per_connection = order->kind == CROWD_ESTABLISHED ? 2 : 1;
        const int server = serve(&address);
        int r = MIN(server, 0);

        for (size_t i = 0; i < order->sockets / per_connection && r == 0; i++)
                r = add_connection(server, &address, i, order->kind);
        if (write(ready, &r, sizeof(r)) != sizeof(r) || r < 0)
                _exit(1);
        for (;;)
                pause();
}

/* How many sockets one process may hold. */
static int raise_limit(size_t *ret_sockets)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (limit.rlim_cur <= FDS_ELSE)
                return -EMFILE;
        *ret_sockets = MIN(limit.rlim_cur - FDS_ELSE, (rlim_t)CROWD_PER_HOLDER_MAX);
        return 0;
}

static int start_holder(struct crowd *crowd, const struct crowd_order *share, int ready)
{
        const pid_t parent = getpid();
        const pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1); /* it has died meanwhile */
                hold(share, ready);
        }
        crowd->holders[crowd->n++] = pid;
        return 0;
}

/* Each holder says one number; the end of the pipe before that means that one has died. */
static int wait_until_ready(const struct crowd *crowd, int ready)
{
        for (size_t i = 0; i < crowd->n; i++) {
                int r;

                if (read(ready, &r, sizeof(r)) != sizeof(r))
                        return -ECHILD;
                if (r < 0)
                        return r;
        }
        (void)sleep(LINGER_SEC);
        return 0;
}

static int start_all(struct crowd *crowd, const struct crowd_order *order, size_t per_holder,
                     int ready)
{
        struct crowd_order share = *order;
        size_t left = order->sockets;
        int r = 0;

        if ((left + per_holder - 1) / per_holder > CROWD_HOLDERS_MAX)
                return -E2BIG;
        while (left > 0 && r == 0) {
                share.sockets = MIN(left, per_holder);
                r = start_holder(crowd, &share, ready);
                left -= share.sockets;
                share.port++;
        }
        return r;
}

int crowd_make(const struct crowd_order *order, struct crowd *ret_crowd)
{
        struct crowd crowd = { .n = 0 };
        size_t per_holder = CROWD_PER_HOLDER_MAX;
        int ready[2];
        int r = raise_limit(&per_holder);

        if (r < 0)
                return r;
        if (pipe2(ready, O_CLOEXEC) < 0)
                return -errno;
        r = start_all(&crowd, order, per_holder, ready[1]);
        (void)close(ready[1]);
        if (r == 0)
                r = wait_until_ready(&crowd, ready[0]);
        (void)close(ready[0]);
        if (r < 0)
                crowd_end(&crowd);
        else
                *ret_crowd = crowd;
        return r;
}

void crowd_end(struct crowd *crowd)
{
        for (size_t i = 0; i < crowd->n; i++)
                (void)kill(crowd->holders[i], SIGKILL);
        for (size_t i = 0; i < crowd->n; i++)
                (void)waitpid(crowd->holders[i], NULL, 0);
        crowd->n = 0;
}
