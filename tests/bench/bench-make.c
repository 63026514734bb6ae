/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes very many TCP sockets in the network namespace that it is started in, says "ready", and holds
 * them until its standard input ends:
 *
 *     bench-make close-wait SOCKETS PORT    PORT and those after it, one for each 12,500
 *     bench-make established SOCKETS PORT   likewise; both ends count
 *     bench-make time-wait SOCKETS NET      in 127.NET.0.0/16; see timewait.h
 *
 * TIME_WAIT sockets last a minute, whatever holds them. A line on standard input renews them; "ready"
 * says that it is done. All processors share the work.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "crowd.h"
#include "timewait.h"

#define WORKERS_MAX 16
#define LINE_BYTES  16

typedef int (*work_fn)(const struct time_wait *part);

static int failed(int error)
{
        fprintf(stderr, "bench-make: %s\n", strerror(-error));
        return 1;
}

static void say_ready(void)
{
        puts("ready");
        fflush(stdout);
}

/* Whether a line came: false at the end. */
static bool next_line(void)
{
        char line[LINE_BYTES];

        return fgets(line, sizeof(line), stdin) != NULL;
}

static pid_t start_worker(work_fn work, const struct time_wait *part)
{
        const pid_t parent = getpid();
        const pid_t pid = fork();

        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(getppid() == parent ? -work(part) : ECHILD);
        }
        return pid;
}

/* 0 or -errno, which fits into a status: no errno is above 255. */
static int wait_for_worker(pid_t pid)
{
        int status;

        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Divided by servers, so that no two workers listen at the same place. */
static int share(work_fn work, const struct time_wait *all)
{
        const size_t servers = (all->count + TIME_WAIT_PER_SERVER - 1) / TIME_WAIT_PER_SERVER;
        const size_t processors = (size_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
        const size_t workers = MIN(MIN(processors, servers), (size_t)WORKERS_MAX);
        pid_t pids[WORKERS_MAX];
        int r = 0;

        for (size_t i = 0; i < workers; i++) {
                const size_t first = servers * i / workers * TIME_WAIT_PER_SERVER;
                const size_t end = servers * (i + 1) / workers * TIME_WAIT_PER_SERVER;
                struct time_wait part = *all;

                part.first = first;
                part.count = MIN(end, all->count) - first;

                pids[i] = start_worker(work, &part);
        }
        for (size_t i = 0; i < workers; i++) {
                const int worked = wait_for_worker(pids[i]);

                r = MIN(r, worked);
        }
        return r;
}

/* Those that were made first are renewed at once: the last ones come much later. */
static int hold_time_wait(struct time_wait *all)
{
        int r = time_wait_listen(all);

        if (r == 0)
                r = share(time_wait_make, all);
        if (r < 0)
                return failed(r);
        do {
                r = share(time_wait_renew, all);
                if (r < 0)
                        return failed(r);
                say_ready();
        } while (next_line());
        return 0;
}

static int hold_crowd(const struct crowd_order *order)
{
        struct crowd crowd;
        int r = crowd_make(order, &crowd);

        if (r < 0)
                return failed(r);
        say_ready();
        while (next_line())
                continue;
        crowd_end(&crowd);
        return 0;
}

static int usage(void)
{
        fputs("usage: bench-make close-wait|established SOCKETS PORT\n"
              "       bench-make time-wait SOCKETS NET\n",
              stderr);
        return 2;
}

static bool read_number(const char *text, uintmax_t min, uintmax_t max, uintmax_t *ret_number)
{
        char *end;
        const uintmax_t number = strtoumax(text, &end, 10);

        if (end == text || *end != '\0' || number < min || number > max)
                return false;
        *ret_number = number;
        return true;
}

int main(int argc, char *argv[])
{
        uintmax_t sockets, where;
        enum crowd_kind kind;

        if (argc != 4 || !read_number(argv[2], 1, TIME_WAIT_PER_NET, &sockets))
                return usage();
        if (strcmp(argv[1], "time-wait") == 0) {
                if (!read_number(argv[3], TIME_WAIT_NET_MIN, TIME_WAIT_NET_MAX, &where))
                        return usage();
                return hold_time_wait(
                        &(struct time_wait){ .net = (uint8_t)where, .count = sockets });
        }
        kind = strcmp(argv[1], "established") == 0 ? CROWD_ESTABLISHED : CROWD_CLOSE_WAIT;
        if ((kind == CROWD_CLOSE_WAIT && strcmp(argv[1], "close-wait") != 0) ||
            !read_number(argv[3], 1, UINT16_MAX - CROWD_HOLDERS_MAX, &where))
                return usage();
        return hold_crowd(
                &(struct crowd_order){ .kind = kind, .sockets = sockets, .port = (uint16_t)where });
}
