/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Faults that are hard to see: sockets that stay lie among others that leave late, or go in part,
 * or are older than they look. All of one server, which serves others as it should.
 */

#include "base.h"
#include "catalogue.h"
#include "flow.h"

#define LEAK_UID    1001
#define LEAK_CGROUP 7300

static const struct port_key port = { .side = SIDE_LOCAL, .port = 8080 };

/* The first of n processes of one unit. */
static size_t add_workers(struct host *host, size_t n)
{
        const struct process process = { .unit = "app.service",
                                         .uid = LEAK_UID,
                                         .cgroup_id = LEAK_CGROUP };
        const size_t first = host_add_process(host, &process);

        for (size_t i = 1; i < n; i++)
                (void)host_add_process(host, &process);
        return first;
}

static struct flow serve(struct host *host, size_t process, size_t workers)
{
        return (struct flow){ .port = port,
                              .process = process,
                              .workers = workers,
                              .gap_usec = prng_between(&host->prng, 200, 5000) * USEC_PER_MSEC,
                              .stage = STAGE_EOF_UNREAD,
                              .dwell_min_usec = USEC_PER_MSEC,
                              .dwell_max_usec = 200 * USEC_PER_MSEC,
                              .idle_max_usec = 60 * USEC_PER_SEC };
}

/* The same program's, from then on; it becomes the host's fault. */
static struct flow leak_beside(struct host *host, const struct flow *healthy, uint64_t gap_usec,
                               uint64_t from_usec)
{
        host->fault.planned = true;
        host->fault.port = port;
        return (struct flow){ .port = port,
                              .process = healthy->process,
                              .workers = healthy->workers,
                              .gap_usec = gap_usec,
                              .from_usec = from_usec,
                              .stage = STAGE_UNCLOSED,
                              .leaks = true,
                              .idle_max_usec = 60 * USEC_PER_SEC };
}

/* Those whose object is dropped are closed when it is finalized; what a list still holds is not. */
void build_leak_half(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 600, 120, 300, 30, 180 };
        const struct flow healthy = serve(host, add_workers(host, 1), 1);
        const uint64_t from_usec = HOST_BEGIN_USEC + prng_below(&host->prng, 2 * USEC_PER_HOUR);
        const struct flow leaking =
                leak_beside(host, &healthy, PICK(gap_sec, run) * USEC_PER_SEC, from_usec);
        struct flow finalized = leaking;

        (void)kind;
        finalized.leaks = false;
        finalized.dwell_min_usec = 2 * USEC_PER_MIN;
        finalized.dwell_max_usec = 20 * USEC_PER_MIN;
        flow_add(host, &healthy);
        flow_add(host, &leaking);
        flow_add(host, &finalized);
        if (run % 2 == 1)
                add_background(host);
        host->end_usec = from_usec + 10 * USEC_PER_HOUR;
}

void build_leak_after_jobs(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 600, 120, 60, 300, 30 };
        const struct flow jobs = slow_jobs(host, add_workers(host, 1), run);
        const uint64_t from_usec =
                HOST_BEGIN_USEC + prng_between(&host->prng, 8 * 60, 14 * 60) * USEC_PER_MIN;
        const struct flow leaking =
                leak_beside(host, &jobs, PICK(gap_sec, run) * USEC_PER_SEC, from_usec);

        (void)kind;
        flow_add(host, &jobs);
        flow_add(host, &leaking);
        if (run % 2 == 1)
                add_background(host);
        host->end_usec = from_usec + 8 * USEC_PER_HOUR;
}

/* Someone has put a restart into cron; it mends nothing. */
void build_leak_rolling(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 600, 120, 60, 300, 30 };
        const struct flow healthy = serve(host, add_workers(host, 4), 4);
        const uint64_t pause_usec = prng_between(&host->prng, 1, 30) * USEC_PER_MIN;
        const struct flow leaking = leak_beside(host, &healthy, PICK(gap_sec, run) * USEC_PER_SEC,
                                                HOST_BEGIN_USEC + 10 * USEC_PER_MIN);

        (void)kind;
        flow_add(host, &healthy);
        flow_add(host, &leaking);
        host->end_usec = HOST_BEGIN_USEC + 12 * USEC_PER_HOUR;
        for (uint64_t at = HOST_BEGIN_USEC + 30 * USEC_PER_MIN; at < host->end_usec;
             at += 2 * USEC_PER_HOUR)
                for (size_t i = 0; i < leaking.workers; i++)
                        host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                                            .at_usec = at + i * pause_usec,
                                                            .process = leaking.process + i,
                                                            .unmended = true });
        if (run % 2 == 1)
                add_background(host);
}

void build_leak_crash_loop(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 1, 10, 5, 30 };
        const struct flow healthy = serve(host, add_workers(host, 1), 1);
        const uint64_t life_usec = prng_between(&host->prng, 5, 14) * USEC_PER_MIN;
        const struct flow leaking = leak_beside(host, &healthy, PICK(gap_sec, run) * USEC_PER_SEC,
                                                HOST_BEGIN_USEC + 10 * USEC_PER_MIN);

        (void)kind;
        flow_add(host, &healthy);
        flow_add(host, &leaking);
        host->end_usec = HOST_BEGIN_USEC + 8 * USEC_PER_HOUR;
        for (uint64_t at = HOST_BEGIN_USEC + life_usec; at < host->end_usec; at += life_usec)
                host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                                    .at_usec = at,
                                                    .process = leaking.process,
                                                    .unmended = true });
}

/* By their last acknowledgement all of them look new, by their last data none does. */
void build_leak_keepalive(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 600, 10, 300, 120, 30 };
        static const uint64_t keepalive_sec[] = { 75, 30, 45, 300 };
        const struct flow healthy = serve(host, add_workers(host, 1), 1);
        const struct flow leaking =
                leak_beside(host, &healthy, PICK(gap_sec, run) * USEC_PER_SEC, HOST_BEGIN_USEC);

        (void)kind;
        host->processes[healthy.process].keepalive_usec = PICK(keepalive_sec, run) * USEC_PER_SEC;
        host->watch_usec += 200 * leaking.gap_usec;
        flow_add(host, &healthy);
        flow_add(host, &leaking);
        if (run % 2 == 1)
                add_background(host);
        host->end_usec = host->watch_usec + 6 * USEC_PER_HOUR;
}

/* The path that leaks is not taken any more. Nobody closes what it has left. */
void build_leak_ceases(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 600, 10, 300, 120, 30 };
        const struct flow healthy = serve(host, add_workers(host, 1), 1);
        const uint64_t from_usec =
                HOST_BEGIN_USEC + prng_between(&host->prng, 10, 120) * USEC_PER_MIN;
        struct flow leaking =
                leak_beside(host, &healthy, PICK(gap_sec, run) * USEC_PER_SEC, from_usec);

        (void)kind;
        leaking.until_usec = host->fault.ceases_usec = from_usec + USEC_PER_HOUR;
        flow_add(host, &healthy);
        flow_add(host, &leaking);
        if (run % 2 == 1)
                add_background(host);
        host->end_usec = from_usec + 8 * USEC_PER_HOUR;
}
