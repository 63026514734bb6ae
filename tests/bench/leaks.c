/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hosts with a fault. The program that leaks serves other connections as it should, on the same
 * port; what it leaks lies among them. Every second host has other programs beside it.
 */

#include "base.h"
#include "catalogue.h"
#include "flow.h"
#include "pool.h"

#define LEAK_HOURS  6 /* from its beginning, where the plan says nothing */
#define LOCAL_PORT  8080
#define REMOTE_PORT 5432
#define LEAK_UID    1001
#define LEAK_CGROUP 7000
#define ONE_IN      100 /* where it follows the traffic */

static struct port_key port_of(const struct leak_plan *plan)
{
        return (struct port_key){ .side = (uint8_t)plan->side,
                                  .port = plan->side == SIDE_LOCAL ? LOCAL_PORT : REMOTE_PORT };
}

/* When the fault comes, which also sets when the watching begins and ends. */
static uint64_t plan_times(struct host *host, const struct leak_plan *plan, unsigned run)
{
        const uint64_t hours = plan->hours > 0 ? plan->hours : LEAK_HOURS;
        uint64_t from_usec = HOST_BEGIN_USEC;

        switch (plan->begins) {
        case BEGINS_BEFORE:
                host->watch_usec += prng_between(&host->prng, 60, 300) * USEC_PER_MIN;
                host->end_usec = host->watch_usec + hours * USEC_PER_HOUR;
                return from_usec;
        case BEGINS_SOMETIME:
                if (run > 0)
                        from_usec += prng_below(&host->prng, 2 * USEC_PER_HOUR);
                break;
        case BEGINS_WITH_DEPLOY:
                from_usec += prng_between(&host->prng, 60, 240) * USEC_PER_MIN;
                break;
        }
        host->end_usec = from_usec + hours * USEC_PER_HOUR;
        if (plan->day_night)
                host->end_usec = HOST_BEGIN_USEC + 24 * USEC_PER_HOUR;
        return from_usec;
}

static uint64_t fd_limit_of(const struct leak_plan *plan, unsigned run)
{
        static const uint64_t limits[] = { 4096, 1024, 16384 };

        if (plan->fd_limit == 0 && plan->traffic == TRAFFIC_HEAVY)
                return PICK(limits, run);
        return plan->fd_limit;
}

/* The first of n processes of one unit. */
static size_t add_workers(struct host *host, const struct leak_plan *plan, unsigned run, size_t n)
{
        const struct process process = { .unit = "app.service",
                                         .uid = LEAK_UID,
                                         .cgroup_id = LEAK_CGROUP,
                                         .fd_limit = fd_limit_of(plan, run) };
        const size_t first = host_add_process(host, &process);

        for (size_t i = 1; i < n; i++)
                (void)host_add_process(host, &process);
        return first;
}

/* What the program does right. */
static struct flow healthy_traffic(struct host *host, const struct leak_plan *plan, unsigned run)
{
        static const unsigned per_second[] = { 100, 200, 300, 500, 700, 1000 };
        static const unsigned slow_per_second[] = { 20, 40, 60, 100 };
        static const uint64_t heavy_max_msec[] = { 20, 50, 100, 200, 500 };
        struct flow flow = { .port = port_of(plan),
                             .regular = run % 4 == 3,
                             .stage = plan->traffic == TRAFFIC_SLOW ? STAGE_UNCLOSED
                                                                    : STAGE_EOF_UNREAD };

        switch (plan->traffic) {
        case TRAFFIC_LIGHT:
                flow.gap_usec = prng_between(&host->prng, 200, 5000) * USEC_PER_MSEC;
                flow.dwell_min_usec = USEC_PER_MSEC;
                flow.dwell_max_usec = 200 * USEC_PER_MSEC;
                break;
        case TRAFFIC_HEAVY:
                flow.gap_usec = USEC_PER_SEC / PICK(per_second, run);
                flow.dwell_min_usec = 5 * USEC_PER_MSEC;
                flow.dwell_max_usec = PICK(heavy_max_msec, run) * USEC_PER_MSEC;
                break;
        case TRAFFIC_SLOW:
                flow.gap_usec = USEC_PER_SEC / PICK(slow_per_second, run);
                flow.dwell_min_usec = 2 * USEC_PER_SEC;
                flow.dwell_max_usec = 20 * USEC_PER_SEC;
                break;
        }
        return flow;
}

static struct flow leaking_traffic(const struct leak_plan *plan, const struct flow *healthy,
                                   unsigned run)
{
        static const uint64_t idle_max_sec[] = { 1, 5, 60 };
        struct flow flow = { .port = healthy->port,
                             .process = healthy->process,
                             .workers = healthy->workers,
                             .gap_usec = plan->gap_usec,
                             .regular = run % 2 == 1,
                             .at_once = plan->at_once,
                             .stage = plan->stage,
                             .leaks = true,
                             .idle_max_usec = PICK(idle_max_sec, run) * USEC_PER_SEC };

        if (flow.gap_usec == 0)
                flow.gap_usec = healthy->gap_usec * ONE_IN;
        if (plan->day_night)
                flow.profile = (struct profile){ .low_permille = 20,
                                                 .from_usec = HOST_BEGIN_USEC - 6 * USEC_PER_HOUR +
                                                              run % 4 * 6 * USEC_PER_HOUR,
                                                 .rise_usec = 6 * USEC_PER_HOUR,
                                                 .hold_usec = 6 * USEC_PER_HOUR,
                                                 .fall_usec = 6 * USEC_PER_HOUR,
                                                 .period_usec = 24 * USEC_PER_HOUR };
        return flow;
}

static void restart_all(struct host *host, const struct flow *flow, uint64_t at_usec)
{
        for (size_t i = 0; i < MAX(flow->workers, (size_t)1); i++)
                host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                                    .at_usec = at_usec,
                                                    .process = flow->process + i });
}

static void add_pool_beside(struct host *host, const struct flow *flow, unsigned run)
{
        static const size_t places[] = { 5, 8, 12, 16, 24, 32 };

        pool_add(host, &(struct pool_plan){ .port = flow->port,
                                            .process = flow->process,
                                            .places = PICK(places, run),
                                            .gap_usec = USEC_PER_SEC,
                                            .rush_permille = 5,
                                            .serve_min_usec = 2 * USEC_PER_MSEC,
                                            .serve_max_usec = 100 * USEC_PER_MSEC,
                                            .peer_timeout_usec = 30 * USEC_PER_SEC,
                                            .keep_usec = 10 * USEC_PER_MIN,
                                            .tick_usec = 5 * USEC_PER_SEC });
}

/* Where nobody accepts there are no healthy connections, unless another listener has the port. */
static void add_healthy(struct host *host, const struct leak_plan *plan, unsigned run,
                        const struct flow *healthy)
{
        struct flow flow = *healthy;

        if (plan->stage == STAGE_UNACCEPTED && run % 2 == 1)
                flow.process = add_workers(host, plan, run, 1);
        flow_add(host, &flow);
}

void build_leak(struct host *host, const struct kind *kind, unsigned run)
{
        const struct leak_plan *plan = kind->plan;
        const uint64_t from_usec = plan_times(host, plan, run);
        struct flow healthy = healthy_traffic(host, plan, run), leaking;

        if (plan->workers)
                healthy.workers = 2 + run % 7;
        healthy.process = add_workers(host, plan, run, MAX(healthy.workers, (size_t)1));
        if (plan->begins == BEGINS_BEFORE && run % 2 == 1)
                host->processes[healthy.process].keepalive_usec = 75 * USEC_PER_SEC;
        leaking = leaking_traffic(plan, &healthy, run);
        leaking.from_usec = from_usec;
        if (plan->begins == BEGINS_WITH_DEPLOY)
                restart_all(host, &leaking, from_usec);
        if (plan->restarted) {
                leaking.until_usec = from_usec + prng_between(&host->prng, 120, 240) * USEC_PER_MIN;
                restart_all(host, &leaking, leaking.until_usec);
        }
        host->fault.planned = true;
        host->fault.port = leaking.port;
        if (plan->stage == STAGE_UNACCEPTED && run % 2 == 0)
                healthy.until_usec = from_usec;
        add_healthy(host, plan, run, &healthy);
        flow_add(host, &leaking);
        if (plan->beside_pool)
                add_pool_beside(host, &healthy, run);
        if (run % 2 == 1)
                add_background(host);
}

/* As many connections as are open at the time may time out; new ones wait in the backlog. */
void build_stall(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned minutes[] = { 3, 5, 8, 12, 20, 30 };
        static const uint64_t gap_msec[] = { 50, 100, 300, 500, 1000, 2000 };
        static const uint64_t backlog[] = { 128, 511, 4096 };
        const struct process process = { .unit = "app.service",
                                         .uid = LEAK_UID,
                                         .backlog = PICK(backlog, run / 2) };
        const uint64_t from_usec =
                HOST_BEGIN_USEC + prng_between(&host->prng, 60, 180) * USEC_PER_MIN;
        struct flow flow = { .port = { .side = SIDE_LOCAL, .port = LOCAL_PORT },
                             .gap_usec = PICK(gap_msec, run * 5) * USEC_PER_MSEC,
                             .regular = run % 2 == 1,
                             .stage = STAGE_EOF_UNREAD,
                             .dwell_min_usec = USEC_PER_MSEC,
                             .dwell_max_usec = 300 * USEC_PER_MSEC };

        flow.process = host_add_process(host, &process);
        flow.stall =
                (struct stall){ .from_usec = from_usec,
                                .until_usec = from_usec + PICK(minutes, run) * USEC_PER_MIN,
                                .patience_usec = prng_between(&host->prng, 5, 30) * USEC_PER_SEC,
                                .stage = *(const enum close_wait_stage *)kind->plan,
                                .sockets_max = prng_between(&host->prng, 50, 900) };
        host->fault.planned = true;
        host->fault.port = flow.port;
        flow_add(host, &flow);
        if (run % 2 == 1)
                add_background(host);
        host->end_usec = HOST_BEGIN_USEC + 6 * USEC_PER_HOUR;
}
