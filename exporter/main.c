/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmon-exporter: who comes over HTTP for metrics waits in the server's list, this thread asks twmond for
 * all of them, and they are answered together. It ends with SIGTERM or SIGINT.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "address.h"
#include "arguments.h"
#include "ask.h"
#include "base.h"
#include "conn.h"
#include "server.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

#define STATUS_FAILED 1
#define STATUS_USAGE  2

struct exporter {
        struct server *server;
        const char *socket_path;
        bool away; /* twmond did not answer the last time, which was said */
};

static int fail(const char *what, int error)
{
        fprintf(stderr, "twmon-exporter: %s: %s\n", what, strerror(-error));
        return STATUS_FAILED;
}

/* Once, not for every scrape. */
static void say_whether_away(struct exporter *exporter, bool away, const char *why)
{
        if (away && !exporter->away)
                fprintf(stderr, "twmon-exporter: no answer from twmond at %s: %s; twmon_up is 0\n",
                        exporter->socket_path, why);
        else if (!away && exporter->away)
                fprintf(stderr, "twmon-exporter: twmond answers again\n");
        exporter->away = away;
}

static void serve_format(struct exporter *exporter, enum openmetrics_format format)
{
        char error[ASK_ERROR_MAX] = "";
        char *text = NULL;
        int r = ask_metrics(exporter->socket_path, format, &text, error);

        if (r >= 0)
                say_whether_away(exporter, r == ASK_AWAY, error);
        server_answer(exporter->server, format, text, r == ASK_AWAY);
}

static void serve_waiting(struct exporter *exporter)
{
        const unsigned formats = server_begin(exporter->server);

        for (enum openmetrics_format format = 0; format <= OPENMETRICS_PROMETHEUS; format++)
                if (formats & 1U << format)
                        serve_format(exporter, format);
}

static int loop(struct exporter *exporter, int signal_fd)
{
        struct pollfd fds[] = {
                { .fd = signal_fd, .events = POLLIN },
                { .fd = server_fd(exporter->server), .events = POLLIN },
        };

        for (;;) {
                const int timeout_msec = server_look(exporter->server);

                if (poll(fds, ARRAY_SIZE(fds), timeout_msec) < 0 && errno != EINTR)
                        return fail("poll", -errno);
                if (fds[0].revents)
                        return EXIT_SUCCESS;
                if (fds[1].revents)
                        serve_waiting(exporter);
        }
}

/* Before there is another thread, which is then not interrupted by them. */
static int open_signals(void)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        (void)signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* That of the service manager, where it passes one. Says what is wrong. */
static int open_listening(const struct arguments *arguments, int *ret_fd)
{
        char text[ADDRESS_PRINT_MAX], what[ADDRESS_PRINT_MAX + 16];
        int r;

        if (sd_listen_fds(1) > 0) {
                if (!address_is_listening(SD_LISTEN_FDS_START))
                        return fail("the socket that was passed", -ENOTSOCK), -ENOTSOCK;
                *ret_fd = SD_LISTEN_FDS_START;
                return 0;
        }
        r = address_listen(&arguments->listen, ret_fd);
        if (r < 0) {
                snprintf(what, sizeof(what), "listening on %s",
                         address_show(&arguments->listen, text));
                fail(what, r);
        }
        return r;
}

static int run(const struct arguments *arguments)
{
        struct exporter exporter = { .socket_path = arguments->socket ? arguments->socket
                                                                      : CONN_SYSTEM_PATH };
        CLEANUP(close_fdp) int signal_fd = open_signals();
        char text[ADDRESS_PRINT_MAX];
        int fd, r;

        if (signal_fd < 0)
                return fail("signals", signal_fd);
        r = open_listening(arguments, &fd);
        if (r < 0)
                return STATUS_FAILED;
        (void)address_print(fd, text);
        r = server_new(fd, &exporter.server);
        if (r < 0)
                return fail("serving HTTP", r);
        fprintf(stderr, "twmon-exporter: http://%s/metrics\n", text);
        (void)sd_notify(0, "READY=1");
        r = loop(&exporter, signal_fd);
        (void)sd_notify(0, "STOPPING=1");
        server_free(exporter.server);
        return r;
}

int main(int argc, char **argv)
{
        struct arguments arguments;

        if (arguments_parse(argc, argv, &arguments) < 0)
                return STATUS_USAGE;
        switch (arguments.action) {
        case ARGUMENTS_VERSION:
                puts("twmon-exporter " TWMON_VERSION);
                return EXIT_SUCCESS;
        case ARGUMENTS_HELP:
                arguments_print_help(stdout);
                return EXIT_SUCCESS;
        case ARGUMENTS_RUN:
                break;
        }
        return run(&arguments);
}
