/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The programs of `make demo`: one with the bug that twmon finds, and the ones around it.
 *
 * Its help says which there are.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

static const char help[] =
        "demo-leaky up             brings up the loopback interface of a new network namespace\n"
        "demo-leaky serve PORT     a server that never closes what its clients have closed; SIGUSR1\n"
        "                          mends it: everything is closed, now and from then on\n"
        "demo-leaky visit PORT N   N clients that connect, say hello, and leave\n"
        "demo-leaky churn PORT MS  a healthy service and its client: a connection every MS\n"
        "                          milliseconds, which the client closes first and so keeps in\n"
        "                          TIME_WAIT for 60 s\n"
        "demo-leaky hear PATH      takes what is sent to a journal's socket, and forgets it\n"
        "\n"
        "make demo shows them at work.\n";

static volatile sig_atomic_t mended;

static void on_mend(int signal_number)
{
        (void)signal_number;
        mended = 1;
}

_Noreturn static void die(const char *what)
{
        fprintf(stderr, "demo-leaky: %s: %s\n", what, strerror(errno));
        exit(1);
}

static struct sockaddr_in loopback(unsigned port)
{
        return (struct sockaddr_in){ .sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int tcp_socket(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                die("socket");
        return fd;
}

static int tcp_listen(unsigned port)
{
        struct sockaddr_in address = loopback(port);
        int fd = tcp_socket();

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, CONNECTIONS_MAX) < 0)
                die("listen");
        return fd;
}

static int tcp_connect(unsigned port)
{
        struct sockaddr_in address = loopback(port);
        int fd = tcp_socket();

        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die("connect");
        return fd;
}

static int bring_up(void)
{
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                die("lo up");
        return 0;
}

/* The bug: recv() returns 0, the client has gone; fds[0] is the listener. */
static void read_without_closing(struct pollfd *fd)
{
        char buf[256];

        if (recv(fd->fd, buf, sizeof(buf), 0) <= 0)
                fd->events = 0; /* where close() belongs */
}

_Noreturn static void serve(unsigned port)
{
        struct pollfd fds[1 + CONNECTIONS_MAX] = { { .fd = tcp_listen(port), .events = POLLIN } };
        struct sigaction mend = { .sa_handler = on_mend };
        nfds_t n = 1;

        (void)sigaction(SIGUSR1, &mend, NULL);
        for (;;) {
                int ready = poll(fds, n, -1);

                while (mended && n > 1)
                        (void)close(fds[--n].fd);
                if (ready <= 0)
                        continue;
                for (nfds_t i = 1; i < n; i++)
                        if (fds[i].revents & POLLIN)
                                read_without_closing(&fds[i]);
                if (fds[0].revents & POLLIN && n < 1 + CONNECTIONS_MAX)
                        fds[n++] = (struct pollfd){ .fd = accept(fds[0].fd, NULL, NULL),
                                                    .events = POLLIN };
        }
}

static int visit(unsigned port, unsigned clients)
{
        for (unsigned i = 0; i < clients; i++) {
                int fd = tcp_connect(port);

                if (send(fd, "hello\n", 6, MSG_NOSIGNAL) < 0)
                        die("send");
                (void)close(fd);
        }
        return 0;
}

_Noreturn static void churn(unsigned port, unsigned pause_msec)
{
        const struct timespec pause = { .tv_sec = pause_msec / 1000,
                                        .tv_nsec = pause_msec % 1000 * 1000000L };
        int listener = tcp_listen(port);

        for (;;) {
                int client = tcp_connect(port);
                int server = accept(listener, NULL, NULL);

                (void)close(client);
                (void)close(server);
                (void)nanosleep(&pause, NULL);
        }
}

_Noreturn static void hear(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char buf[1];

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die(path);
        for (;;)
                (void)recv(fd, buf, sizeof(buf), 0);
}

int main(int argc, char **argv)
{
        const char *verb = argc > 1 ? argv[1] : "";
        unsigned first = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
        unsigned second = argc > 3 ? (unsigned)atoi(argv[3]) : 0;

        if (strcmp(verb, "up") == 0)
                return bring_up();
        if (strcmp(verb, "serve") == 0 && first > 0)
                serve(first);
        if (strcmp(verb, "visit") == 0 && first > 0)
                return visit(first, second);
        if (strcmp(verb, "churn") == 0 && first > 0)
                churn(first, second);
        if (strcmp(verb, "hear") == 0 && argc > 2)
                hear(argv[2]);
        if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0)
                return fputs(help, stdout) < 0 || fflush(stdout) != 0;
        fputs(help, stderr);
        return 2;
}
