/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rules are the built-in ones: a broken configuration must not hide what the kernel says, and
 * one scan judges nothing anyway. Ages are the kernel's lower bounds, so "stuck" is one too.
 */

#include "once.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "conf.h"
#include "look.h"
#include "owner.h"
#include "term.h"
#include "units.h"
#include "view.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

#define SUMMARY_MAX 320

static uint64_t read_clock(clockid_t id)
{
        struct timespec now;

        clock_gettime(id, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static int scan(const struct rules *rules, struct snapshot **ret_snapshot)
{
        uint64_t cpu_usec = read_clock(CLOCK_THREAD_CPUTIME_ID);
        struct scan_request request = {
                .generation = 1,
                .now_usec = read_clock(CLOCK_MONOTONIC),
                .now_wall_usec = view_wall_usec(),
                .rules = rules,
                .date_new = true,
        };
        struct snapshot *snapshot;
        int r;

        r = look_once(&request, &snapshot);
        if (r < 0)
                return r;
        snapshot->end_usec = read_clock(CLOCK_MONOTONIC);
        snapshot->cost.wall_usec = snapshot->end_usec - request.now_usec;
        snapshot->cost.cpu_usec = read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu_usec;
        *ret_snapshot = snapshot;
        return 0;
}

static int complain(const char *why)
{
        text_complain("cannot look at this host's sockets: %s", why);
        return STATUS_UNREACHABLE;
}

int once_scan(struct snapshot **ret_snapshot)
{
        CLEANUP(snapshot_unrefp) struct snapshot *snapshot = NULL;
        struct conf *conf;
        int r;

        r = conf_new_default(&conf);
        if (r < 0)
                return view_no_memory();
        r = scan(conf->rules, &snapshot);
        conf_unref(conf);
        if (r == -ENOMEM)
                return view_no_memory();
        if (r < 0)
                return complain(strerror(-r));
        if (snapshot->result == SCAN_FAILED)
                return complain(snapshot->error_text[0] ? snapshot->error_text
                                                        : strerror(-snapshot->error));
        *ret_snapshot = TAKE_PTR(snapshot);
        return 0;
}

const struct owner *once_find_owner(void *userdata, const struct port_key *port)
{
        struct once_owner *once = userdata;
        const struct port_row *row = snapshot_find(once->snapshot, port);

        if (!row || !row->witness.known)
                return NULL;
        owner_find("/proc", "/sys/fs/cgroup", &row->witness, &once->owner);
        return &once->owner;
}

json_t *once_without_rates(json_t *parameters)
{
        static const char *const names[] = { "leak", "ratePerMin", "rateErrorPerMin", "etaSec" };
        json_t *ports = json_object_get(parameters, "ports"), *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                for (size_t n = 0; n < ARRAY_SIZE(names); n++)
                        (void)json_object_del(port, names[n]);
        }
        return parameters;
}

static void count_rows(const struct snapshot *snapshot, size_t *ret_ports, uint64_t *ret_stuck)
{
        *ret_ports = 0;
        *ret_stuck = 0;
        for (size_t i = 0; i < snapshot->n_rows; i++) {
                *ret_ports += snapshot->rows[i].count[SOCK_CLOSE_WAIT] > 0;
                *ret_stuck += snapshot->rows[i].stuck;
        }
}

static void summarize(const struct snapshot *snapshot, char buf[static SUMMARY_MAX])
{
        uint64_t close_wait = snapshot->total[SOCK_CLOSE_WAIT], stuck;
        size_t ports;
        int n;

        count_rows(snapshot, &ports, &stuck);
        n = snprintf(buf, SUMMARY_MAX,
                     "One scan, no history: %" PRIu64 " connection%s in CLOSE_WAIT on %zu port%s",
                     close_wait, close_wait == 1 ? "" : "s", ports, ports == 1 ? "" : "s");
        if (stuck > 0)
                n += snprintf(buf + n, SUMMARY_MAX - (size_t)n,
                              " (at least %" PRIu64 " of them for long)", stuck);
        snprintf(buf + n, SUMMARY_MAX - (size_t)n,
                 ", %" PRIu64 " in TIME_WAIT. Only twmond can tell whether any leak.",
                 snapshot->total[SOCK_TIME_WAIT]);
}

json_t *once_status(const struct snapshot *snapshot)
{
        char summary[SUMMARY_MAX];
        json_t *status = json_object();
        int r = 0;

        summarize(snapshot, summary);
        r |= json_object_set_new(status, "version", json_string(TWMON_VERSION));
        r |= json_object_set_new(status, "verdict", json_string("unknown"));
        r |= json_object_set_new(status, "summary", json_string(summary));
        r |= json_object_set_new(status, "scannedAt", wire_time(snapshot->counts_wall_usec));
        r |= json_object_set_new(status, "partial",
                                 json_boolean(snapshot->result != SCAN_COMPLETE));
        if (snapshot->error_text[0])
                r |= json_object_set_new(status, "scanError", wire_line(snapshot->error_text));
        r |= json_object_set_new(status, "totals", wire_totals(snapshot));
        r |= json_object_set_new(status, "cost", wire_cost(snapshot));
        r |= wire_put_host(status, &snapshot->host);
        if (r < 0) {
                json_decref(status);
                return NULL;
        }
        return status;
}
