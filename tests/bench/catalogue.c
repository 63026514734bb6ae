/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table. What a kind's name does not say is: local, `unclosed`, some light traffic beside it.
 * Seeds come from the name and the number of the run, so that a kind more changes no other.
 *
 * The last two groups are beyond the list: hosts that are hard to tell, or hard to see. Nothing is
 * demanded there; what happens is shown.
 */

#include "catalogue.h"

#include <string.h>

#include "base.h"
#include "flow.h"
#include "pool.h"

#define MIN_1  USEC_PER_MIN
#define MIN_10 (10 * USEC_PER_MIN)
#define SEC_1  USEC_PER_SEC

#define LEAK(...)                                                                                  \
        .leaks = true, .build = build_leak, .plan = &(const struct leak_plan)                      \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }
#define STALL(at)                                                                                  \
        .leaks = true, .build = build_stall, .plan = &(const enum close_wait_stage)                \
        {                                                                                          \
                at                                                                                 \
        }
#define POOLS(...)                                                                                 \
        .build = build_pools, .plan = &(const struct pools_plan)                                   \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }
#define OUTAGE(how)                                                                                \
        .build = build_outage, .plan = &(const enum mark_kind)                                     \
        {                                                                                          \
                how                                                                                \
        }
#define SLOW(tail)                                                                                 \
        .build = build_slow, .plan = &(const bool)                                                 \
        {                                                                                          \
                tail                                                                               \
        }

#define BEYOND             .beyond = true,
#define BEYOND_HEALTHY(by) .beyond = true, .build = by
#define BEYOND_LEAK(by)    .beyond = true, .leaks = true, .build = by

#define LOCAL(at)  .side = SIDE_LOCAL, .stage = STAGE_##at
#define REMOTE(at) .side = SIDE_REMOTE, .stage = STAGE_##at

/* clang-format off */
const struct kind kinds[] = {
        { "leak-10min", "one socket in ten minutes", 12,
          LEAK(MIN_10, LOCAL(UNCLOSED)) },
        { "leak-10min-remote", "the same, outgoing", 6,
          LEAK(MIN_10, REMOTE(UNCLOSED)) },
        { "leak-10min-eof-unread", "the same, forgotten before end-of-file", 4,
          LEAK(MIN_10, LOCAL(EOF_UNREAD)) },
        { "leak-10min-remote-eof-unread", "the same, outgoing", 4,
          LEAK(MIN_10, REMOTE(EOF_UNREAD)) },
        { "leak-1min", "one socket a minute", 12, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNCLOSED)) },
        { "leak-1min-eof-unread", "the same, forgotten before end-of-file", 8, .per_minute = true,
          LEAK(MIN_1, LOCAL(EOF_UNREAD)) },
        { "leak-1min-unread", "the same, with data that nobody reads", 6, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNREAD)) },
        { "leak-1min-unaccepted", "nobody accepts; a peer a minute gives up", 6, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNACCEPTED)) },
        { "leak-1min-remote", "one outgoing socket a minute", 8, .per_minute = true,
          LEAK(MIN_1, REMOTE(UNCLOSED)) },
        { "leak-1min-remote-eof-unread", "the same, forgotten before end-of-file", 6,
          .per_minute = true, LEAK(MIN_1, REMOTE(EOF_UNREAD)) },
        { "leak-1min-remote-unread", "the same, with data that nobody reads", 4, .per_minute = true,
          LEAK(MIN_1, REMOTE(UNREAD)) },
        { "leak-1min-beside-pool", "outgoing, to a port that a healthy pool uses", 6,
          .per_minute = true, LEAK(MIN_1, REMOTE(UNCLOSED), .beside_pool = true) },
        { "leak-1min-running", "for hours already when the watching starts", 6, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNCLOSED), BEGINS_BEFORE) },
        { "leak-1min-deploy", "from a restart on, whose sockets went at once", 10,
          .per_minute = true, LEAK(MIN_1, LOCAL(UNCLOSED), BEGINS_WITH_DEPLOY) },
        { "leak-1min-reuseport", "spread over several workers of one unit", 8, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNCLOSED), .workers = true) },
        { "leak-1min-restarted", "mended by a restart, hours later", 6, .per_minute = true,
          LEAK(MIN_1, LOCAL(UNCLOSED), .restarted = true) },
        { "leak-day-night", "one a minute by day, hardly any by night", 4,
          LEAK(MIN_1, LOCAL(UNCLOSED), .day_night = true) },
        { "leak-batch", "ten at once, every ten minutes", 4,
          LEAK(MIN_10, LOCAL(UNCLOSED), .at_once = 10) },
        { "leak-1s", "one a second, until no descriptor is left", 8,
          LEAK(SEC_1, LOCAL(UNCLOSED)) },
        { "leak-1s-64k", "the same with 65536 descriptors", 4,
          LEAK(SEC_1, LOCAL(UNCLOSED), .fd_limit = 65536) },
        { "leak-1s-remote", "one outgoing socket a second", 4,
          LEAK(SEC_1, REMOTE(UNCLOSED)) },
        { "leak-1pct", "one in a hundred of 100 to 1000 requests a second", 12,
          LEAK(0, LOCAL(UNCLOSED), .traffic = TRAFFIC_HEAVY) },
        { "leak-1pct-slow", "one in a hundred, the others close after 2 to 20 s", 4,
          LEAK(0, LOCAL(UNCLOSED), .traffic = TRAFFIC_SLOW, .fd_limit = 65536) },
        { "stall-unaccepted", "no accept() for 3 to 30 min", 6, STALL(STAGE_UNACCEPTED) },
        { "stall-unread", "workers hang for 3 to 30 min, requests wait", 6, STALL(STAGE_UNREAD) },
        { "stall-eof-unread", "the same, idle connections wait", 6, STALL(STAGE_EOF_UNREAD) },

        { "burst-10k", "10,000 closes at once, worked off at 200 to 5000/s", 8,
          .build = build_burst },
        { "slow-close", "2 to 20 s in CLOSE_WAIT", 8, SLOW(false) },
        { "slow-close-tail", "the same, and one in twenty up to 45 s", 4, SLOW(true) },
        { "pool-lifo", "keep-alive pool, last in first out", 8, POOLS(.fifo = false) },
        { "pool-fifo", "keep-alive pool, first in first out", 8, POOLS(.fifo = true) },
        { "pool-lifo-running", "the same, for hours when the watching starts", 8,
          POOLS(.fifo = false, .running = true) },
        { "pool-fifo-running", "the same", 8, POOLS(.fifo = true, .running = true) },
        { "pool-several", "several processes' pools to one port", 8, POOLS(.several = true) },
        { "nightly-batch", "30 to 90 min of traffic, 5 to 50 s in CLOSE_WAIT", 8,
          .build = build_batch },
        { "rolling-restart", "workers with pools, restarted one after another", 8,
          .build = build_rolling },
        { "load-test", "a ramp to thousands of requests a second and down", 8,
          .build = build_load_test },
        { "busy-web", "100 to 1000 requests a second", 6, .build = build_web },
        { "quiet", "a web server and a small pool for a day", 4, .build = build_quiet },
        { "suspend-resume", "the machine sleeps for 10 min to 3 h", 6, OUTAGE(MARK_SUSPENDED) },
        { "machine-held", "a virtual machine is held, its clocks run on", 6, OUTAGE(MARK_HELD) },
        { "watcher-stopped", "no scans for 10 min to 3 h, the host runs on", 6,
          OUTAGE(MARK_UNWATCHED) },
        { "clock-step", "the wall clock jumps by an hour to a year", 6, .build = build_clock },

        { "leak-30min", "one socket in half an hour, for a day", 6,
          BEYOND LEAK(30 * MIN_1, LOCAL(UNCLOSED), .hours = 24) },
        { "leak-30min-remote", "the same, outgoing, forgotten before end-of-file", 6,
          BEYOND LEAK(30 * MIN_1, REMOTE(EOF_UNREAD), .hours = 24) },
        { "leak-1h", "one socket an hour, for a day", 6,
          BEYOND LEAK(60 * MIN_1, LOCAL(UNCLOSED), .hours = 24) },
        { "leak-by-threes", "three together every 20 min", 6,
          BEYOND LEAK(20 * MIN_1, LOCAL(UNCLOSED), .at_once = 3, .hours = 10) },
        { "leak-half", "a finalizer closes every other one after 2 to 20 min", 8,
          BEYOND_LEAK(build_leak_half) },
        { "leak-after-jobs", "on a port that has had slow jobs all day", 8,
          BEYOND_LEAK(build_leak_after_jobs) },
        { "leak-rolling", "4 workers that leak, each restarted every 2 h", 8,
          BEYOND_LEAK(build_leak_rolling) },
        { "leak-crash-loop", "restarted every 5 to 14 min, and leaks each time", 8,
          BEYOND_LEAK(build_leak_crash_loop) },
        { "leak-keepalive", "200 old sockets at the first scan, peers answer probes", 8,
          BEYOND_LEAK(build_leak_keepalive) },
        { "leak-ceases", "it ends after an hour, what it has left stays", 8,
          BEYOND_LEAK(build_leak_ceases) },

        { "report-server", "jobs go on for 1 to 8 min after the client has left", 8,
          BEYOND_HEALTHY(build_reports) },
        { "collector-closes", "a garbage collector closes what was forgotten", 6,
          BEYOND_HEALTHY(build_collector) },
        { "reaper-5min", "a thread closes idle connections every 5 min", 6,
          BEYOND_HEALTHY(build_reaper) },
        { "burst-10k-lifo", "10,000 closes, the last one first, for up to 3 min", 6,
          BEYOND_HEALTHY(build_burst_lifo) },
        { "proxy-pool-200", "an upstream pool, evicted after 10 min", 8,
          BEYOND_HEALTHY(build_proxy) },
        { "pool-unevicted", "8 to 50 members wait for the morning", 8,
          BEYOND_HEALTHY(build_unevicted) },
        { "batch-forgets", "30 to 300 connections closed by exit alone", 8,
          BEYOND_HEALTHY(build_forgetful_batch) },
        { "server-pauses", "nothing runs for 30 to 100 s", 8,
          BEYOND_HEALTHY(build_pauses) },
        { "redeploy-40", "40 services with pools to each other, within minutes", 6,
          BEYOND_HEALTHY(build_redeploy) },
};
/* clang-format on */
const size_t n_kinds = ARRAY_SIZE(kinds);

unsigned kinds_runs(bool beyond)
{
        unsigned runs = 0;

        for (size_t i = 0; i < n_kinds; i++)
                if (kinds[i].beyond == beyond)
                        runs += kinds[i].runs;
        return runs;
}

const struct kind *kind_find(const char *name)
{
        for (size_t i = 0; i < n_kinds; i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return &kinds[i];
        return NULL;
}

static uint64_t seed_of(const struct kind *kind, unsigned run)
{
        uint64_t seed = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

        for (const char *c = kind->name; *c; c++)
                seed = (seed ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
        return seed + run;
}

struct host *kind_build(const struct kind *kind, unsigned run)
{
        struct host *host = host_new(seed_of(kind, run));

        kind->build(host, kind, run);
        return host;
}

void add_background(struct host *host)
{
        const struct process web = { .unit = "nginx.service", .uid = 33, .fd_limit = 65536 };
        const struct process app = { .unit = "sessions.service", .uid = 999 };

        flow_add(host, &(struct flow){ .port = { .side = SIDE_LOCAL, .port = 443 },
                                       .process = host_add_process(host, &web),
                                       .gap_usec = 20 * USEC_PER_MSEC,
                                       .stage = STAGE_EOF_UNREAD,
                                       .dwell_min_usec = USEC_PER_MSEC / 10,
                                       .dwell_max_usec = 50 * USEC_PER_MSEC,
                                       .idle_max_usec = 65 * USEC_PER_SEC });
        pool_add(host, &(struct pool_plan){ .port = { .side = SIDE_REMOTE, .port = 11211 },
                                            .process = host_add_process(host, &app),
                                            .places = 6,
                                            .gap_usec = 2 * USEC_PER_SEC,
                                            .rush_permille = 20,
                                            .serve_min_usec = USEC_PER_MSEC,
                                            .serve_max_usec = 20 * USEC_PER_MSEC,
                                            .peer_timeout_usec = 60 * USEC_PER_SEC,
                                            .keep_usec = 5 * USEC_PER_MIN,
                                            .tick_usec = 10 * USEC_PER_SEC });
}
