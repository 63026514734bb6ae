/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts without a fault, whose traffic looks like one at times. */

#include "base.h"
#include "catalogue.h"
#include "flow.h"
#include "pool.h"

#define APP_UID     1001
#define POOL_CGROUP 7100
#define WARM_HOURS  3
#define LATE        5 /* permille of the scans, where the machine is busy */

static void last(struct host *host, unsigned hours)
{
        host->end_usec = host->watch_usec + hours * USEC_PER_HOUR;
}

static size_t add_app(struct host *host, uint64_t fd_limit)
{
        return host_add_process(
                host,
                &(struct process){ .unit = "app.service", .uid = APP_UID, .fd_limit = fd_limit });
}

static struct flow app_flow(struct host *host, uint64_t fd_limit)
{
        return (struct flow){ .port = { .side = SIDE_LOCAL, .port = 8080 },
                              .process = add_app(host, fd_limit),
                              .stage = STAGE_EOF_UNREAD,
                              .idle_max_usec = 30 * USEC_PER_SEC };
}

/* Steady; in rushes; by day and night. */
static void shape_traffic(struct pool_plan *plan, unsigned run)
{
        switch (run % 3) {
        case 0:
                plan->rush_permille = 2;
                break;
        case 1:
                plan->rush_permille = 50;
                plan->profile = (struct profile){ .low_permille = 50,
                                                  .from_usec = HOST_BEGIN_USEC,
                                                  .hold_usec = 2 * USEC_PER_MIN,
                                                  .period_usec = (7 + run) * USEC_PER_MIN };
                break;
        default:
                plan->rush_permille = 10;
                plan->profile = (struct profile){ .low_permille = 10,
                                                  .from_usec = HOST_BEGIN_USEC -
                                                               run * 5 % 24 * USEC_PER_HOUR,
                                                  .rise_usec = 5 * USEC_PER_HOUR,
                                                  .hold_usec = 6 * USEC_PER_HOUR,
                                                  .fall_usec = 5 * USEC_PER_HOUR,
                                                  .period_usec = 24 * USEC_PER_HOUR };
        }
}

static struct pool_plan plan_pool(const struct pools_plan *plan, unsigned run)
{
        static const size_t places[] = { 5, 8, 10, 16, 24, 32, 48, 64 };
        static const uint64_t gap_msec[] = { 100, 1000, 5000, 500, 20000, 2000, 300 };
        static const uint64_t timeout_sec[] = { 5, 15, 30, 60, 75 };
        static const uint64_t keep_sec[] = { 600, 300, 600, 120, 600 };
        struct pool_plan pool = { .port = { .side = SIDE_REMOTE, .port = 9200 },
                                  .places = PICK(places, run),
                                  .fifo = plan->fifo,
                                  .take_fresh = run / 2 % 2,
                                  .gap_usec = PICK(gap_msec, run) * USEC_PER_MSEC,
                                  .serve_min_usec = 5 * USEC_PER_MSEC,
                                  .serve_max_usec = 200 * USEC_PER_MSEC,
                                  .peer_timeout_usec = PICK(timeout_sec, run) * USEC_PER_SEC,
                                  .keep_usec = PICK(keep_sec, run) * USEC_PER_SEC,
                                  .tick_usec = (1 + run % 4 * 10) * USEC_PER_SEC };

        shape_traffic(&pool, run);
        return pool;
}

void build_pools(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned hours[] = { 8, 12, 24 };
        const struct pools_plan *plan = kind->plan;
        const size_t n = plan->several ? 3 + run % 6 : 1;

        if (plan->running)
                host->watch_usec += WARM_HOURS * USEC_PER_HOUR;
        for (size_t i = 0; i < n; i++) {
                struct pool_plan pool = plan_pool(plan, run + (unsigned)i);

                if (plan->several)
                        pool.fifo = i % 2;
                pool.process =
                        host_add_process(host, &(struct process){ .unit = "app.service",
                                                                  .uid = APP_UID,
                                                                  .cgroup_id = POOL_CGROUP });
                pool_add(host, &pool);
        }
        if (run % 2 == 1)
                add_background(host);
        last(host, PICK(hours, run));
}

void build_burst(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned per_second[] = { 200, 300, 500, 1000, 2000, 5000 };
        struct flow flow = app_flow(host, 65536);

        (void)kind;
        flow.gap_usec = 50 * USEC_PER_MSEC;
        flow.dwell_min_usec = USEC_PER_MSEC;
        flow.dwell_max_usec = 100 * USEC_PER_MSEC;
        flow_add(host, &flow);
        add_background(host);
        host->late_permille = LATE;
        last(host, 6);
        for (uint64_t at = host->watch_usec; at < host->end_usec - USEC_PER_MIN;
             at += prng_between(&host->prng, 20, 90) * USEC_PER_MIN)
                host_add_mark(host, &(struct mark){
                                            .kind = MARK_BURST,
                                            .at_usec = at + USEC_PER_SEC,
                                            .process = flow.process,
                                            .port = flow.port,
                                            .count = 10000,
                                            .spread_usec =
                                                    prng_between(&host->prng, 1, 10) * USEC_PER_SEC,
                                            .handle_usec = USEC_PER_SEC / PICK(per_second, run) });
}

void build_slow(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_msec[] = { 10000, 2000, 500, 100, 50, 1000, 200, 5000 };
        struct flow flow = app_flow(host, 65536);

        flow.gap_usec = PICK(gap_msec, run) * USEC_PER_MSEC;
        flow.regular = run % 4 == 3;
        flow.stage = run % 2 ? STAGE_UNCLOSED : STAGE_EOF_UNREAD;
        flow.dwell_min_usec = 2 * USEC_PER_SEC;
        flow.dwell_max_usec = 20 * USEC_PER_SEC;
        if (*(const bool *)kind->plan) {
                flow.tail_permille = 50;
                flow.tail_min_usec = 20 * USEC_PER_SEC;
                flow.tail_max_usec = 45 * USEC_PER_SEC;
        }
        flow_add(host, &flow);
        if (run % 2 == 1)
                add_background(host);
        last(host, 8);
}

void build_batch(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_msec[] = { 50, 100, 200, 400, 1000 };
        struct flow flow = app_flow(host, 65536);

        (void)kind;
        flow.gap_usec = PICK(gap_msec, run) * USEC_PER_MSEC;
        flow.stage = run % 2 ? STAGE_UNCLOSED : STAGE_EOF_UNREAD;
        flow.dwell_min_usec = 5 * USEC_PER_SEC;
        flow.dwell_max_usec = 50 * USEC_PER_SEC;
        flow.profile =
                (struct profile){ .from_usec = HOST_BEGIN_USEC +
                                               prng_between(&host->prng, 60, 1200) * USEC_PER_MIN,
                                  .hold_usec = prng_between(&host->prng, 30, 90) * USEC_PER_MIN };
        flow_add(host, &flow);
        add_background(host);
        host->late_permille = LATE;
        last(host, 24);
}

void build_load_test(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned per_second[] = { 1000, 2000, 3000, 4000 };
        static const uint64_t dwell_max_msec[] = { 50, 300, 1000, 100, 2000 };
        struct flow flow = app_flow(host, 65536);

        (void)kind;
        flow.gap_usec = USEC_PER_SEC / PICK(per_second, run);
        flow.dwell_min_usec = USEC_PER_MSEC;
        flow.dwell_max_usec = PICK(dwell_max_msec, run) * USEC_PER_MSEC;
        flow.profile =
                (struct profile){ .low_permille = 1,
                                  .from_usec = HOST_BEGIN_USEC +
                                               prng_between(&host->prng, 10, 120) * USEC_PER_MIN,
                                  .rise_usec = prng_between(&host->prng, 10, 30) * USEC_PER_MIN,
                                  .hold_usec = prng_between(&host->prng, 10, 60) * USEC_PER_MIN,
                                  .fall_usec = prng_between(&host->prng, 1, 10) * USEC_PER_MIN,
                                  .period_usec = 3 * USEC_PER_HOUR };
        flow_add(host, &flow);
        host->late_permille = LATE;
        last(host, 6);
}

void build_web(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned per_second[] = { 100, 200, 300, 500, 700, 1000 };
        struct flow flow = app_flow(host, 65536);

        (void)kind;
        flow.gap_usec = USEC_PER_SEC / PICK(per_second, run);
        flow.dwell_min_usec = 5 * USEC_PER_MSEC;
        flow.dwell_max_usec = 500 * USEC_PER_MSEC;
        flow_add(host, &flow);
        add_background(host);
        last(host, 6);
}

void build_quiet(struct host *host, const struct kind *kind, unsigned run)
{
        (void)kind;
        (void)run;
        add_background(host);
        last(host, 24);
}
