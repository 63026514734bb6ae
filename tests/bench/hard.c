/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Healthy hosts that are hard to tell from faulty ones: sockets stay in CLOSE_WAIT for minutes, or
 * by the hundred, or until a program exits, and yet each is closed in the end. Where a program
 * counts on that, an administrator may think otherwise; here it counts as healthy.
 */

#include "base.h"
#include "catalogue.h"
#include "flow.h"
#include "pool.h"

#define APP_UID  1001
#define SERVICES 40
#define LATE     5 /* permille of the scans, where the machine is busy */

static void last(struct host *host, unsigned hours)
{
        host->end_usec = host->watch_usec + hours * USEC_PER_HOUR;
}

static size_t add_app(struct host *host)
{
        return host_add_process(
                host,
                &(struct process){ .unit = "app.service", .uid = APP_UID, .fd_limit = 65536 });
}

/* By day and hardly by night; the watching begins at another time of the day in each run. */
static struct profile day_and_night(unsigned run, unsigned night_permille)
{
        return (struct profile){ .low_permille = night_permille,
                                 .from_usec = HOST_BEGIN_USEC - run * 7 % 24 * USEC_PER_HOUR,
                                 .rise_usec = 2 * USEC_PER_HOUR,
                                 .hold_usec = 9 * USEC_PER_HOUR,
                                 .fall_usec = 3 * USEC_PER_HOUR,
                                 .period_usec = 24 * USEC_PER_HOUR };
}

/* A client that leaves is noticed at once, but a job is not broken off. */
struct flow slow_jobs(struct host *host, size_t process, unsigned run)
{
        static const uint64_t gap_sec[] = { 300, 60, 12, 120, 30, 20, 200, 15 };
        static const uint64_t max_min[] = { 8, 3, 5, 2, 8 };
        struct flow flow = { .port = { .side = SIDE_LOCAL, .port = 8080 },
                             .process = process,
                             .gap_usec = PICK(gap_sec, run) * USEC_PER_SEC,
                             .stage = STAGE_UNCLOSED,
                             .dwell_min_usec = USEC_PER_MIN,
                             .dwell_max_usec = PICK(max_min, run) * USEC_PER_MIN,
                             .idle_max_usec = 30 * USEC_PER_SEC };

        if (run % 4 == 3) { /* most reports are small */
                flow.tail_permille = (unsigned)prng_between(&host->prng, 20, 100);
                flow.tail_min_usec = 3 * USEC_PER_MIN;
                flow.tail_max_usec = 8 * USEC_PER_MIN;
        }
        return flow;
}

/* Every second one has run for an hour when the watching starts. */
void build_reports(struct host *host, const struct kind *kind, unsigned run)
{
        struct flow flow = slow_jobs(host, add_app(host), run);

        (void)kind;
        if (run % 2 == 1)
                host->watch_usec += USEC_PER_HOUR;
        if (run % 3 == 2)
                flow.profile = day_and_night(run, 20);
        flow_add(host, &flow);
        if (run % 4 >= 2)
                add_background(host);
        last(host, run % 3 == 2 ? 24 : 10);
}

/* The more a program does, the sooner its heap is full. */
void build_collector(struct host *host, const struct kind *kind, unsigned run)
{
        static const struct {
                unsigned gap_sec, every_min;
        } plans[] = { { 10, 5 }, { 60, 15 }, { 20, 8 }, { 120, 20 }, { 30, 12 }, { 20, 20 } };
        const uint64_t every_usec = PICK(plans, run).every_min * USEC_PER_MIN;
        const bool outgoing = run % 2 == 1;
        struct flow flow = { .port = { .side = outgoing ? SIDE_REMOTE : SIDE_LOCAL,
                                       .port = outgoing ? 443 : 8080 },
                             .process = add_app(host),
                             .gap_usec = PICK(plans, run).gap_sec * USEC_PER_SEC,
                             .stage = run % 3 == 0 ? STAGE_UNCLOSED : STAGE_EOF_UNREAD,
                             .idle_max_usec = 30 * USEC_PER_SEC };

        (void)kind;
        flow.rounds = (struct rounds){ .every_usec = every_usec,
                                       .late_usec = every_usec / 3,
                                       .seed = prng_next(&host->prng) };
        if (run % 2 == 0)
                host->watch_usec += USEC_PER_HOUR;
        flow_add(host, &flow);
        if (run % 4 >= 2)
                add_background(host);
        last(host, 10);
}

/* Idle since the last data, of which the peer's own wait was a part. */
void build_reaper(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_sec[] = { 60, 5, 20, 2, 120, 10 };
        static const uint64_t limit_sec[] = { 60, 120, 300 };
        const uint64_t limit_usec = PICK(limit_sec, run) * USEC_PER_SEC;
        struct flow flow = { .port = { .side = SIDE_LOCAL, .port = 8080 },
                             .process = add_app(host),
                             .gap_usec = PICK(gap_sec, run) * USEC_PER_SEC,
                             .stage = STAGE_EOF_UNREAD,
                             .dwell_min_usec = limit_usec - 30 * USEC_PER_SEC,
                             .dwell_max_usec = limit_usec,
                             .idle_max_usec = 30 * USEC_PER_SEC };

        (void)kind;
        flow.rounds = (struct rounds){ .every_usec = 5 * USEC_PER_MIN,
                                       .late_usec = 2 * USEC_PER_SEC,
                                       .seed = prng_next(&host->prng) };
        if (run % 2 == 1)
                flow.profile = day_and_night(run, 50);
        flow_add(host, &flow);
        if (run % 4 >= 2)
                add_background(host);
        last(host, run % 2 == 1 ? 24 : 8);
}

/* A pool of threads that takes the newest work first, as a stack does. */
void build_burst_lifo(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t drain_sec[] = { 30, 60, 90, 120, 150, 175 };
        const uint64_t count = 10000;
        struct flow flow = { .port = { .side = SIDE_LOCAL, .port = 8080 },
                             .process = add_app(host),
                             .gap_usec = 50 * USEC_PER_MSEC,
                             .stage = STAGE_EOF_UNREAD,
                             .dwell_min_usec = USEC_PER_MSEC,
                             .dwell_max_usec = 100 * USEC_PER_MSEC,
                             .idle_max_usec = 30 * USEC_PER_SEC };

        (void)kind;
        flow_add(host, &flow);
        add_background(host);
        host->late_permille = LATE;
        last(host, 6);
        for (uint64_t at = host->watch_usec + prng_between(&host->prng, 1, 60) * USEC_PER_MIN;
             at < host->end_usec - 5 * USEC_PER_MIN;
             at += prng_between(&host->prng, 30, 120) * USEC_PER_MIN)
                host_add_mark(
                        host,
                        &(struct mark){ .kind = MARK_BURST,
                                        .at_usec = at,
                                        .process = flow.process,
                                        .port = flow.port,
                                        .count = count,
                                        .spread_usec =
                                                prng_between(&host->prng, 1, 10) * USEC_PER_SEC,
                                        .handle_usec = PICK(drain_sec, run) * USEC_PER_SEC / count,
                                        .lifo = true });
}

/* Rushes fill the pool, and then the peers close what is idle. */
void build_proxy(struct host *host, const struct kind *kind, unsigned run)
{
        static const size_t places[] = { 200, 200, 150, 100, 200, 128 };
        static const uint64_t gap_msec[] = { 500, 1000, 2000, 1000, 3000 };
        static const unsigned rush_permille[] = { 1, 3, 1, 1, 2 }; /* every 5 to 25 min, about */
        static const uint64_t timeout_sec[] = { 5, 15, 30, 60 };
        struct pool_plan pool = { .port = { .side = SIDE_REMOTE, .port = 8081 },
                                  .process = add_app(host),
                                  .places = PICK(places, run),
                                  .fifo = run % 4 == 3,
                                  .take_fresh = run / 2 % 2,
                                  .gap_usec = PICK(gap_msec, run) * USEC_PER_MSEC,
                                  .rush_permille = PICK(rush_permille, run),
                                  .serve_min_usec = 5 * USEC_PER_MSEC,
                                  .serve_max_usec = USEC_PER_SEC,
                                  .peer_timeout_usec = PICK(timeout_sec, run) * USEC_PER_SEC,
                                  .keep_usec = 10 * USEC_PER_MIN,
                                  .tick_usec = (1 + run % 3 * 20) * USEC_PER_SEC };

        (void)kind;
        if (run % 2 == 1)
                pool.profile = day_and_night(run, 100);
        pool_add(host, &pool);
        if (run % 4 >= 2)
                add_background(host);
        last(host, run % 2 == 1 ? 24 : 10);
}

/* Nobody looks at a member before it is needed again, however long that is. */
void build_unevicted(struct host *host, const struct kind *kind, unsigned run)
{
        static const size_t places[] = { 8, 50, 12, 20, 32, 10, 40, 16 };
        static const uint64_t gap_msec[] = { 1000, 200, 5000, 500, 2000 };
        static const uint64_t timeout_sec[] = { 60, 300, 30 };
        static const unsigned night_permille[] = { 0, 2, 10 };
        const struct pool_plan pool = { .port = { .side = SIDE_REMOTE, .port = 5432 },
                                        .process = add_app(host),
                                        .places = PICK(places, run),
                                        .fifo = run % 2 == 1,
                                        .take_fresh = run % 4 != 0,
                                        .gap_usec = PICK(gap_msec, run) * USEC_PER_MSEC,
                                        .profile = day_and_night(run, PICK(night_permille, run)),
                                        .rush_permille = 5,
                                        .serve_min_usec = 2 * USEC_PER_MSEC,
                                        .serve_max_usec = 500 * USEC_PER_MSEC,
                                        .peer_timeout_usec = PICK(timeout_sec, run) * USEC_PER_SEC,
                                        .keep_usec = 1000 * USEC_PER_HOUR,
                                        .tick_usec = USEC_PER_SEC };

        (void)kind;
        pool_add(host, &pool);
        if (run % 4 >= 2)
                add_background(host);
        last(host, 30);
}

/* Its sockets outlast the batch, but not the process. */
static void add_batch(struct host *host, struct flow *flow, size_t sockets, uint64_t at_usec)
{
        const uint64_t takes_usec = prng_between(&host->prng, 10, 40) * USEC_PER_MIN;

        flow->from_usec = at_usec;
        flow->until_usec = at_usec + takes_usec;
        flow->gap_usec = takes_usec / sockets;
        flow_add(host, flow);
        host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                            .at_usec = flow->until_usec,
                                            .process = flow->process });
}

void build_forgetful_batch(struct host *host, const struct kind *kind, unsigned run)
{
        static const size_t sockets[] = { 30, 300, 60, 100, 45, 200 };
        static const unsigned every_hours[] = { 1, 2, 6, 3 };
        const struct process process = { .unit = "collect.service", .uid = APP_UID };
        struct flow flow = { .port = { .side = SIDE_REMOTE, .port = run % 3 == 0 ? 443 : 8081 },
                             .process = host_add_process(host, &process),
                             .stage = run % 2 ? STAGE_UNCLOSED : STAGE_EOF_UNREAD,
                             .dwell_min_usec = 24 * USEC_PER_HOUR,
                             .dwell_max_usec = 24 * USEC_PER_HOUR,
                             .idle_max_usec = 15 * USEC_PER_SEC };

        (void)kind;
        last(host, 12);
        for (uint64_t at = host->watch_usec + prng_between(&host->prng, 1, 60) * USEC_PER_MIN;
             at < host->end_usec; at += PICK(every_hours, run) * USEC_PER_HOUR)
                add_batch(host, &flow, PICK(sockets, run), at);
        if (run % 4 >= 2)
                add_background(host);
}

/*
 * What is open when nothing runs waits with its request unread; what comes waits for accept(). One
 * piece of each flow per pause, from the middle of one time between pauses to that of the next.
 */
static void add_pause(struct host *host, const struct flow *like, const struct stall *stall,
                      uint64_t from_usec, uint64_t until_usec)
{
        struct flow flow = *like;

        flow.from_usec = from_usec;
        flow.until_usec = until_usec;
        flow.stall = *stall;
        flow_add(host, &flow);
        flow.stall.stage = STAGE_UNACCEPTED;
        flow.stall.sockets_max = 0;
        flow_add(host, &flow);
}

void build_pauses(struct host *host, const struct kind *kind, unsigned run)
{
        static const uint64_t gap_msec[] = { 50, 200, 1000, 20, 500 };
        static const unsigned every_min[] = { 20, 60, 30 };
        struct flow flow = { .port = { .side = SIDE_LOCAL, .port = 8080 },
                             .process = add_app(host),
                             .gap_usec = 2 * PICK(gap_msec, run) * USEC_PER_MSEC, /* of two flows */
                             .stage = STAGE_EOF_UNREAD,
                             .dwell_min_usec = USEC_PER_MSEC,
                             .dwell_max_usec = 300 * USEC_PER_MSEC,
                             .idle_max_usec = 30 * USEC_PER_SEC };
        const uint64_t sockets_max = prng_between(&host->prng, 20, 500);
        uint64_t from_usec = HOST_BEGIN_USEC, until_usec;

        (void)kind;
        last(host, 10);
        for (; from_usec < host->end_usec; from_usec = until_usec) {
                const uint64_t half_usec =
                        PICK(every_min, run) * prng_between(&host->prng, 20, 40) * USEC_PER_SEC;
                struct stall stall = { .from_usec = from_usec + half_usec,
                                       .patience_usec =
                                               prng_between(&host->prng, 5, 30) * USEC_PER_SEC,
                                       .stage = run % 2 ? STAGE_EOF_UNREAD : STAGE_UNREAD,
                                       .sockets_max = sockets_max };

                stall.until_usec =
                        stall.from_usec + prng_between(&host->prng, 30, 100) * USEC_PER_SEC;
                until_usec = stall.until_usec + half_usec;
                add_pause(host, &flow, &stall, from_usec, until_usec);
        }
        if (run % 4 >= 2)
                add_background(host);
}

/* Each serves a port of its own, and calls the next one. */
static void add_service(struct host *host, unsigned number, unsigned run)
{
        static const size_t places[] = { 5, 16, 8, 10, 32 };
        static const uint64_t gap_msec[] = { 200, 2000, 500, 10000, 1000 };
        const unsigned next = (number + 1) % SERVICES;
        const struct process process = { .unit = "container.scope", .container = true };
        const struct flow flow = { .port = { .side = SIDE_LOCAL,
                                             .port = (uint16_t)(8000 + number) },
                                   .process = host_add_process(host, &process),
                                   .gap_usec = PICK(gap_msec, number + run) * USEC_PER_MSEC,
                                   .stage = STAGE_EOF_UNREAD,
                                   .dwell_min_usec = USEC_PER_MSEC,
                                   .dwell_max_usec = (1 + number % 5) * 2 * USEC_PER_SEC,
                                   .idle_max_usec = 60 * USEC_PER_SEC };

        flow_add(host, &flow);
        pool_add(host, &(struct pool_plan){
                               .port = { .side = SIDE_REMOTE, .port = (uint16_t)(8000 + next) },
                               .process = flow.process,
                               .places = PICK(places, number),
                               .fifo = number % 3 == 0,
                               .gap_usec = PICK(gap_msec, next + run) * USEC_PER_MSEC,
                               .rush_permille = 10,
                               .serve_min_usec = 2 * USEC_PER_MSEC,
                               .serve_max_usec = 200 * USEC_PER_MSEC,
                               .peer_timeout_usec = 60 * USEC_PER_SEC,
                               .keep_usec = 5 * USEC_PER_MIN,
                               .tick_usec = 30 * USEC_PER_SEC });
}

/* In any order. Callers keep what they have open to it until they notice. */
static void redeploy(struct host *host, uint64_t at_usec, uint64_t within_usec)
{
        for (unsigned i = 0; i < SERVICES; i++) {
                const struct mark server = { .kind = MARK_RESTART,
                                             .at_usec =
                                                     at_usec + prng_below(&host->prng, within_usec),
                                             .process = i };
                const struct mark callers = { .kind = MARK_PEER,
                                              .at_usec = server.at_usec,
                                              .port = { .side = SIDE_REMOTE,
                                                        .port = (uint16_t)(8000 + i) } };

                host_add_mark(host, &server);
                host_add_mark(host, &callers);
        }
}

void build_redeploy(struct host *host, const struct kind *kind, unsigned run)
{
        static const unsigned within_min[] = { 2, 5, 10, 15 };

        (void)kind;
        for (unsigned i = 0; i < SERVICES; i++)
                add_service(host, i, run);
        host->watch_usec += USEC_PER_HOUR;
        host->late_permille = LATE;
        last(host, 8);
        for (unsigned round = 0; round < 4; round++)
                redeploy(host,
                         host->watch_usec + prng_between(&host->prng, 10, 90) * USEC_PER_MIN +
                                 round * 110 * USEC_PER_MIN,
                         PICK(within_min, run) * USEC_PER_MIN);
}
