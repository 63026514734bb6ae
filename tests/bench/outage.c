/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Healthy hosts that are interrupted: restarts, sleep, stopped watchers, clocks that jump. */

#include "base.h"
#include "catalogue.h"
#include "flow.h"
#include "pool.h"

#define APP_UID    1001
#define APP_CGROUP 7200

/* Connections served, and closed within seconds. */
static struct flow serve(size_t process, uint64_t gap_usec)
{
        return (struct flow){ .port = { .side = SIDE_LOCAL, .port = 8080 },
                              .process = process,
                              .gap_usec = gap_usec,
                              .stage = STAGE_EOF_UNREAD,
                              .dwell_min_usec = USEC_PER_SEC,
                              .dwell_max_usec = 10 * USEC_PER_SEC,
                              .idle_max_usec = 60 * USEC_PER_SEC };
}

static struct pool_plan keep_alive(size_t process, size_t places)
{
        return (struct pool_plan){ .port = { .side = SIDE_REMOTE, .port = 5432 },
                                   .process = process,
                                   .places = places,
                                   .gap_usec = USEC_PER_SEC,
                                   .rush_permille = 5,
                                   .serve_min_usec = 2 * USEC_PER_MSEC,
                                   .serve_max_usec = 200 * USEC_PER_MSEC,
                                   .peer_timeout_usec = 30 * USEC_PER_SEC,
                                   .keep_usec = 5 * USEC_PER_MIN,
                                   .tick_usec = 10 * USEC_PER_SEC };
}

static size_t add_worker(struct host *host)
{
        return host_add_process(host, &(struct process){ .unit = "app.service",
                                                         .uid = APP_UID,
                                                         .cgroup_id = APP_CGROUP,
                                                         .fd_limit = 16384 });
}

static void add_round(struct host *host, size_t first, size_t n, uint64_t at_usec)
{
        const uint64_t pause_usec = prng_between(&host->prng, 30, 300) * USEC_PER_SEC;

        for (size_t i = 0; i < n; i++)
                host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                                    .at_usec = at_usec + i * pause_usec,
                                                    .process = first + i });
}

void build_rolling(struct host *host, const struct kind *kind, unsigned run)
{
        static const size_t workers[] = { 4, 6, 8, 12, 16 };
        static const size_t places[] = { 5, 8, 16 };
        static const uint64_t gap_msec[] = { 200, 1000, 5000 };
        const size_t n = PICK(workers, run);
        size_t first = 0;

        (void)kind;
        host->watch_usec += USEC_PER_HOUR;
        host->end_usec = host->watch_usec + 8 * USEC_PER_HOUR;
        for (size_t i = 0; i < n; i++) {
                const size_t process = add_worker(host);
                struct flow flow = serve(process, PICK(gap_msec, run) * USEC_PER_MSEC);
                const struct pool_plan pool = keep_alive(process, PICK(places, run));

                flow.dwell_max_usec = 20 * USEC_PER_SEC;
                flow_add(host, &flow);
                pool_add(host, &pool);
                if (i == 0)
                        first = process;
        }
        for (unsigned round = 0; round < 3; round++)
                add_round(host, first, n,
                          host->watch_usec + prng_between(&host->prng, 10, 90) * USEC_PER_MIN +
                                  round * 2 * USEC_PER_HOUR);
}

static size_t add_app(struct host *host, unsigned run)
{
        static const uint64_t gap_msec[] = { 200, 500, 2000 };
        static const size_t places[] = { 5, 8, 16, 32 };
        const size_t process = add_worker(host);
        const struct flow flow = serve(process, PICK(gap_msec, run) * USEC_PER_MSEC);
        const struct pool_plan pool = keep_alive(process, PICK(places, run));

        flow_add(host, &flow);
        pool_add(host, &pool);
        add_background(host);
        return process;
}

/* Three times; each time a wave of peers has gone, and is worked off in 1 to 30 s. */
void build_outage(struct host *host, const struct kind *kind, unsigned run)
{
        static const size_t gone[] = { 50, 200, 500, 2000 };
        const enum mark_kind how = *(const enum mark_kind *)kind->plan;
        const size_t process = add_app(host, run);
        uint64_t at_usec = HOST_BEGIN_USEC;

        host->end_usec = HOST_BEGIN_USEC + 12 * USEC_PER_HOUR;
        for (unsigned i = 0; i < 3; i++) {
                struct mark mark = { .kind = how,
                                     .process = process,
                                     .port = { .side = SIDE_LOCAL, .port = 8080 },
                                     .count = PICK(gone, run + i) };

                at_usec += prng_between(&host->prng, 20, 60) * USEC_PER_MIN;
                mark.at_usec = at_usec + prng_below(&host->prng, 10 * USEC_PER_SEC);
                mark.shift_usec = (int64_t)(prng_between(&host->prng, 10, 180) * USEC_PER_MIN);
                mark.handle_usec = prng_between(&host->prng, 1, 30) * USEC_PER_SEC / mark.count;
                host_add_mark(host, &mark);
                if (how == MARK_UNWATCHED)
                        at_usec += (uint64_t)mark.shift_usec;
        }
}

void build_clock(struct host *host, const struct kind *kind, unsigned run)
{
        static const int64_t hours[] = { 1, -1, 24, -24, -720, 8760, -8760, 720 };

        (void)kind;
        (void)add_app(host, run);
        host->end_usec = HOST_BEGIN_USEC + 6 * USEC_PER_HOUR;
        for (unsigned i = 0; i < 4; i++)
                host_add_mark(host,
                              &(struct mark){ .kind = MARK_CLOCK_SET,
                                              .at_usec = HOST_BEGIN_USEC +
                                                         prng_below(&host->prng, 6 * USEC_PER_HOUR),
                                              .shift_usec = PICK(hours, run + 3 * i) *
                                                            (int64_t)USEC_PER_HOUR });
}
