/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The benchmark's own truth: hosts do what their description says, the same in every run, and the
 * judge tells right from wrong. Nothing here depends on how good the detector is.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "flow.h"
#include "pool.h"
#include "report.h"
#include "threshold.h"

#define SEED 7

static const struct port_key http = { .side = SIDE_LOCAL, .port = 8080 };
static const struct port_key database = { .side = SIDE_REMOTE, .port = 5432 };

static struct host *new_host(unsigned hours)
{
        struct host *host = host_new(SEED);

        (void)host_add_process(host, &(struct process){ .unit = "app.service" });
        host->end_usec = host->watch_usec + hours * USEC_PER_HOUR;
        return host;
}

static struct flow leak(uint64_t gap_usec, bool regular)
{
        return (struct flow){ .port = http,
                              .gap_usec = gap_usec,
                              .regular = regular,
                              .stage = STAGE_UNCLOSED,
                              .leaks = true };
}

/* What can be seen of a host at one moment. */
struct sight {
        uint64_t count;
        uint32_t oldest_msec;
        uint32_t least_idle_msec; /* 0: no socket */
        uint32_t stage[STAGE_COUNT];
        uint64_t cgroup_id; /* of the last one */
};

static int look_at(const struct sockrec *record, void *userdata)
{
        struct sight *sight = userdata;

        if (sight->count++ == 0 || record->last_data_recv_msec < sight->least_idle_msec)
                sight->least_idle_msec = record->last_data_recv_msec;
        sight->cgroup_id = record->cgroup_id;
        sight->oldest_msec = MAX(sight->oldest_msec, record->last_ack_recv_msec);
        sight->stage[close_wait_stage(record)]++;
        return 0;
}

static struct sight run_to(struct host *host, uint64_t after_usec)
{
        struct sight sight = { 0 };

        host_run(host, HOST_BEGIN_USEC + after_usec);
        assert_int_equal(host_each_socket(host, true, look_at, &sight), 0);
        return sight;
}

static void test_exponential_mean(void **state)
{
        struct prng prng = { SEED };
        uint64_t sum = 0;

        (void)state;
        for (unsigned i = 0; i < 100000; i++)
                sum += prng_exponential(&prng, 1000000) / 100;
        assert_in_range(sum / 1000, 990000, 1010000);
}

static void test_catalogue_is_large_enough(void **state)
{
        uint64_t healthy_usec = 0;
        unsigned runs = 0;

        (void)state;
        for (size_t i = 0; i < n_kinds; i++) {
                for (unsigned run = 0; run < kinds[i].runs; run++, runs++) {
                        struct host *host = kind_build(&kinds[i], run);
                        const uint64_t watched_usec = host->end_usec - host->watch_usec;

                        assert_true(watched_usec >= 6 * USEC_PER_HOUR);
                        assert_int_equal(host->fault.planned, kinds[i].leaks);
                        healthy_usec += kinds[i].leaks || kinds[i].beyond ? 0 : watched_usec;
                        host_free(host);
                }
                assert_ptr_equal(kind_find(kinds[i].name), &kinds[i]);
        }
        assert_true(kinds_runs(false) >= REPORT_SCENARIOS_MIN);
        assert_true(kinds_runs(true) > 0);
        assert_int_equal(kinds_runs(false) + kinds_runs(true), runs);
        assert_true(healthy_usec >= REPORT_HEALTHY_HOURS_MIN * USEC_PER_HOUR);
}

static void test_same_run_same_result(void **state)
{
        const struct kind *kind = kind_find("leak-1min-beside-pool");
        struct result first, again, other;

        (void)state;
        assert_int_equal(judge_run(kind, 1, NULL, &first), 0);
        assert_int_equal(judge_run(kind, 1, NULL, &again), 0);
        assert_int_equal(judge_run(kind, 2, NULL, &other), 0);
        assert_memory_equal(&first, &again, sizeof(first));
        assert_true(first.digest != other.digest);
}

static void test_one_a_minute_is_sixty_an_hour(void **state)
{
        const bool regular[] = { true, false };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(regular); i++) {
                struct host *host = new_host(10);
                const struct flow flow = leak(USEC_PER_MIN, regular[i]);
                const uint64_t spread = regular[i] ? 1 : 60; /* four standard deviations */
                struct sight hour, later;

                flow_add(host, &flow);
                hour = run_to(host, USEC_PER_HOUR);
                later = run_to(host, 5 * USEC_PER_HOUR);
                assert_in_range(later.count - hour.count, 240 - spread, 240 + spread);
                assert_int_equal(later.stage[STAGE_UNCLOSED], later.count);
                assert_true(host->fault.from_usec < HOST_BEGIN_USEC + USEC_PER_HOUR);
                host_free(host);
        }
}

static void test_accepts_nothing_at_its_limit(void **state)
{
        struct host *host = host_new(SEED);
        const struct flow flow = leak(USEC_PER_SEC, true);
        struct sight sight;

        (void)state;
        (void)host_add_process(host, &(struct process){ .unit = "app.service",
                                                        .fd_limit = 300,
                                                        .fds_else = 50,
                                                        .backlog = 128 });
        flow_add(host, &flow);
        sight = run_to(host, USEC_PER_HOUR);
        assert_int_equal(sight.stage[STAGE_UNCLOSED], 250);
        assert_int_equal(sight.stage[STAGE_UNACCEPTED], 128);
        assert_int_equal(process_fds(&host->processes[0]), 300);
        host_free(host);
}

static void test_short_ones_are_seen_by_chance(void **state)
{
        struct host *host = new_host(6);
        uint64_t seen = 0;

        (void)state;
        flow_add(host, &(struct flow){ .port = http,
                                       .gap_usec = 10 * USEC_PER_MSEC,
                                       .stage = STAGE_EOF_UNREAD,
                                       .dwell_min_usec = 100 * USEC_PER_MSEC,
                                       .dwell_max_usec = 100 * USEC_PER_MSEC });
        for (unsigned i = 1; i <= 1000; i++)
                seen += run_to(host, i * 10 * USEC_PER_SEC).count;
        assert_in_range(seen, 9500, 10500); /* ten at a time */
        host_free(host);
}

static void test_pool_is_bounded(void **state)
{
        struct host *host = new_host(6);
        uint64_t most = 0, oldest_msec = 0;

        (void)state;
        pool_add(host, &(struct pool_plan){ .port = database,
                                            .places = 20,
                                            .gap_usec = USEC_PER_SEC,
                                            .rush_permille = 5,
                                            .serve_max_usec = 100 * USEC_PER_MSEC,
                                            .peer_timeout_usec = 30 * USEC_PER_SEC,
                                            .keep_usec = 10 * USEC_PER_MIN,
                                            .tick_usec = USEC_PER_SEC });
        for (unsigned i = 1; i <= 2160; i++) {
                const struct sight sight = run_to(host, i * 10 * USEC_PER_SEC);

                assert_int_equal(sight.stage[STAGE_EOF_UNREAD], sight.count);
                most = MAX(most, sight.count);
                oldest_msec = MAX(oldest_msec, sight.oldest_msec);
        }
        assert_in_range(most, 10, 20);
        assert_in_range(oldest_msec, 60 * 1000, 10 * 60 * 1000);
        host_free(host);
}

static void test_burst_drains(void **state)
{
        struct host *host = host_new(SEED);

        (void)state;
        (void)host_add_process(host, &(struct process){ .unit = "app.service", .fd_limit = 65536 });
        host_add_mark(host, &(struct mark){ .kind = MARK_BURST,
                                            .at_usec = HOST_BEGIN_USEC + USEC_PER_MIN,
                                            .port = http,
                                            .count = 10000,
                                            .spread_usec = USEC_PER_SEC,
                                            .handle_usec = USEC_PER_SEC / 500 });
        assert_int_equal(run_to(host, USEC_PER_MIN - 1).count, 0);
        assert_in_range(run_to(host, USEC_PER_MIN + 2 * USEC_PER_SEC).count, 8900, 9100);
        assert_in_range(run_to(host, USEC_PER_MIN + 10 * USEC_PER_SEC).count, 4900, 5100);
        assert_int_equal(run_to(host, USEC_PER_MIN + 21 * USEC_PER_SEC).count, 0);
        host_free(host);
}

/* Half way through, the newest half has gone, and what came first still waits. */
static void test_burst_drains_like_a_stack(void **state)
{
        struct host *host = host_new(SEED);
        struct sight sight;

        (void)state;
        (void)host_add_process(host, &(struct process){ .unit = "app.service", .fd_limit = 65536 });
        host_add_mark(host, &(struct mark){ .kind = MARK_BURST,
                                            .at_usec = HOST_BEGIN_USEC + USEC_PER_MIN,
                                            .port = http,
                                            .count = 10000,
                                            .spread_usec = 10 * USEC_PER_SEC,
                                            .handle_usec = USEC_PER_SEC / 100,
                                            .lifo = true });
        assert_in_range(run_to(host, USEC_PER_MIN + 10 * USEC_PER_SEC).count, 8900, 9100);
        sight = run_to(host, USEC_PER_MIN + 50 * USEC_PER_SEC);
        assert_in_range(sight.count, 4900, 5100);
        assert_in_range(sight.oldest_msec, 49900, 50000);
        assert_in_range(sight.least_idle_msec, 45000, 46500); /* of the first half, idle for 1 s */
        assert_in_range(run_to(host, USEC_PER_MIN + 99 * USEC_PER_SEC).oldest_msec, 98900, 99000);
        assert_int_equal(run_to(host, USEC_PER_MIN + 101 * USEC_PER_SEC).count, 0);
        host_free(host);
}

static void test_rounds_close_together(void **state)
{
        const struct rounds rounds = { .every_usec = 5 * USEC_PER_MIN,
                                       .late_usec = USEC_PER_MIN,
                                       .seed = SEED };
        const struct rounds none = { 0 };
        struct host *host = new_host(6);
        uint64_t at_usec = HOST_BEGIN_USEC;

        (void)state;
        assert_true(rounds_next(&none, 17) == 17);
        flow_add(host, &(struct flow){ .port = http,
                                       .gap_usec = USEC_PER_SEC,
                                       .regular = true,
                                       .stage = STAGE_UNCLOSED,
                                       .rounds = rounds });
        for (unsigned i = 0; i < 50; i++) {
                const uint64_t next_usec = rounds_next(&rounds, at_usec);
                const uint64_t waited_sec = (next_usec - at_usec) / USEC_PER_SEC;

                assert_in_range(waited_sec, 1, 6 * 60);
                assert_true(rounds_next(&rounds, next_usec - 1) == next_usec);
                assert_in_range(run_to(host, next_usec - 1 - HOST_BEGIN_USEC).count, waited_sec - 1,
                                waited_sec + 1);
                assert_in_range(run_to(host, next_usec - HOST_BEGIN_USEC).count, 0, 1);
                at_usec = next_usec;
        }
        host_free(host);
}

/* Pools of eight that were all in use a moment ago; nothing else happens to them. */
static struct pool_plan used_once(uint16_t remote_port, uint64_t keep_usec)
{
        return (struct pool_plan){ .port = { .side = SIDE_REMOTE, .port = remote_port },
                                   .places = 8,
                                   .gap_usec = USEC_PER_MSEC,
                                   .profile = { .from_usec = HOST_BEGIN_USEC,
                                                .hold_usec = USEC_PER_SEC },
                                   .rush_permille = 1000,
                                   .serve_min_usec = USEC_PER_SEC,
                                   .serve_max_usec = USEC_PER_SEC,
                                   .peer_timeout_usec = USEC_PER_HOUR,
                                   .keep_usec = keep_usec,
                                   .tick_usec = USEC_PER_SEC };
}

static void test_peer_leaves_one_port(void **state)
{
        const struct pool_plan pools[] = { used_once(5432, 10 * USEC_PER_MIN),
                                           used_once(6379, 10 * USEC_PER_MIN) };
        struct host *host = new_host(6);
        struct sight sight;

        (void)state;
        pool_add(host, &pools[0]);
        pool_add(host, &pools[1]);
        host_add_mark(host, &(struct mark){ .kind = MARK_PEER,
                                            .at_usec = HOST_BEGIN_USEC + 10 * USEC_PER_MIN,
                                            .port = pools[1].port });
        assert_int_equal(run_to(host, 10 * USEC_PER_MIN - 1).count, 0);
        sight = run_to(host, 11 * USEC_PER_MIN);
        assert_int_equal(sight.stage[STAGE_EOF_UNREAD], 8);
        assert_in_range(sight.oldest_msec, 59000, 61000);
        assert_int_equal(run_to(host, 21 * USEC_PER_MIN).count, 0);
        host_free(host);
}

static void test_pool_without_eviction_waits(void **state)
{
        const struct pool_plan pool = used_once(5432, 1000 * USEC_PER_HOUR);
        struct host *host = new_host(24);
        struct sight sight;

        (void)state;
        pool_add(host, &pool);
        sight = run_to(host, 20 * USEC_PER_HOUR);
        assert_int_equal(sight.count, 8);
        assert_true(sight.oldest_msec > 18U * 3600 * 1000);
        host_free(host);
}

static void test_container_is_another_after_a_restart(void **state)
{
        struct host *host = host_new(SEED);
        const struct flow flow = leak(USEC_PER_SEC, true);
        uint64_t before;

        (void)state;
        (void)host_add_process(host, &(struct process){ .unit = "app.scope", .container = true });
        flow_add(host, &flow);
        host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                            .at_usec = HOST_BEGIN_USEC + USEC_PER_MIN });
        before = run_to(host, 59 * USEC_PER_SEC).cgroup_id;
        assert_true(before != 0);
        assert_true(run_to(host, 70 * USEC_PER_SEC).cgroup_id != before);
        host_free(host);
}

static void test_keepalive_hides_the_age(void **state)
{
        struct host *host = kind_build(kind_find("leak-keepalive"), 0);
        const uint64_t keepalive_msec = host->processes[0].keepalive_usec / USEC_PER_MSEC;
        struct sight sight;

        (void)state;
        sight = run_to(host, host->watch_usec - HOST_BEGIN_USEC);
        assert_in_range(sight.stage[STAGE_UNCLOSED], 150, 250);
        assert_in_range(sight.oldest_msec, keepalive_msec / 2, keepalive_msec);
        host_free(host);
}

static void test_stall_and_recovery(void **state)
{
        struct host *host = new_host(6);
        struct flow flow = { .port = http,
                             .gap_usec = USEC_PER_SEC,
                             .regular = true,
                             .stage = STAGE_EOF_UNREAD,
                             .dwell_max_usec = USEC_PER_MSEC };

        (void)state;
        flow.stall =
                (struct stall){ .from_usec = HOST_BEGIN_USEC + USEC_PER_HOUR,
                                .until_usec = HOST_BEGIN_USEC + USEC_PER_HOUR + 5 * USEC_PER_MIN,
                                .patience_usec = 30 * USEC_PER_SEC,
                                .stage = STAGE_UNREAD };
        flow_add(host, &flow);
        assert_int_equal(run_to(host, USEC_PER_HOUR + 29 * USEC_PER_SEC).count, 0);
        assert_in_range(run_to(host, USEC_PER_HOUR + 90 * USEC_PER_SEC).count, 59, 61);
        assert_in_range(host->fault.from_usec - flow.stall.from_usec, 30 * USEC_PER_SEC,
                        31 * USEC_PER_SEC);
        assert_in_range(run_to(host, USEC_PER_HOUR + 299 * USEC_PER_SEC).stage[STAGE_UNREAD], 268,
                        270);
        assert_int_equal(run_to(host, USEC_PER_HOUR + 306 * USEC_PER_SEC).count, 0);
        assert_true(host->fault.until_usec == flow.stall.until_usec);
        host_free(host);
}

static void test_held_machine_ages(void **state)
{
        struct host *host = new_host(6);
        const struct flow flow = leak(USEC_PER_MIN, true);
        const uint64_t interval_usec = 10 * USEC_PER_SEC;

        (void)state;
        flow_add(host, &flow);
        host_add_mark(host, &(struct mark){ .kind = MARK_HELD,
                                            .at_usec = HOST_BEGIN_USEC + USEC_PER_HOUR + 1,
                                            .shift_usec = 2 * (int64_t)USEC_PER_HOUR });
        assert_in_range(run_to(host, USEC_PER_HOUR).oldest_msec, 59 * 60 * 1000, 60 * 60 * 1000);
        assert_true(host_next_scan(host, interval_usec) == host->now_usec + 1);
        assert_in_range(run_to(host, USEC_PER_HOUR + 1).oldest_msec, 179 * 60 * 1000,
                        180 * 60 * 1000);
        assert_in_range(host_monotonic(host, host->now_usec) - HOST_BEGIN_USEC, 3 * USEC_PER_HOUR,
                        3 * USEC_PER_HOUR + 1);
        host_free(host);
}

/* Not the daemon's interval: the scan that was due while nobody watched comes when it is over. */
static void test_watcher_stopped(void **state)
{
        struct host *host = new_host(6);

        (void)state;
        host_add_mark(host, &(struct mark){ .kind = MARK_UNWATCHED,
                                            .at_usec = HOST_BEGIN_USEC + 5 * USEC_PER_SEC,
                                            .shift_usec = (int64_t)USEC_PER_HOUR });
        assert_true(host_next_scan(host, 10 * USEC_PER_SEC) ==
                    HOST_BEGIN_USEC + 5 * USEC_PER_SEC + USEC_PER_HOUR);
        host_free(host);
}

static void test_restart_ends_the_fault(void **state)
{
        struct host *host = new_host(6);
        struct flow flow = leak(USEC_PER_MIN, true);
        struct result result;

        (void)state;
        host->fault.planned = true;
        host->fault.port = http;
        flow.until_usec = HOST_BEGIN_USEC + 3 * USEC_PER_HOUR;
        flow_add(host, &flow);
        host_add_mark(host, &(struct mark){ .kind = MARK_RESTART, .at_usec = flow.until_usec });
        assert_int_equal(judge_host(host, NULL, &result), 0);
        assert_true(host->fault.until_usec == flow.until_usec);
        assert_int_equal(result.leaked_at_end, 0);
        assert_in_range(result.most, 178, 181);
        assert_true(result.verdicts[WATCHER_THRESHOLD].found);
        assert_int_equal(result.verdicts[WATCHER_THRESHOLD].standing, 1);
        assert_int_equal(result.verdicts[WATCHER_THRESHOLD].cleared, 1);
        assert_int_equal(result.verdicts[WATCHER_THRESHOLD].false_warnings, 0);
        host_free(host);
}

/* The same program again: what was right stays right. */
static void test_restart_that_mends_nothing(void **state)
{
        struct host *host = new_host(6);
        const struct flow flow = leak(USEC_PER_MIN, true);
        struct result result;
        const struct verdict *verdict = &result.verdicts[WATCHER_THRESHOLD];

        (void)state;
        host->fault.planned = true;
        host->fault.port = http;
        flow_add(host, &flow);
        host_add_mark(host, &(struct mark){ .kind = MARK_RESTART,
                                            .at_usec = HOST_BEGIN_USEC + USEC_PER_HOUR,
                                            .unmended = true });
        assert_int_equal(judge_host(host, NULL, &result), 0);
        assert_true(host->fault.until_usec == HOST_NEVER);
        assert_true(verdict->found);
        assert_in_range(verdict->delay_usec, 159 * USEC_PER_MIN, 163 * USEC_PER_MIN);
        assert_int_equal(verdict->false_warnings, 0);
        host_free(host);
}

/* What comes before it ceases is to clear, what comes after is right as well: the sockets stay. */
static void test_what_ceases_stays(void **state)
{
        const unsigned ceases_min[] = { 61, 90 }; /* the threshold raises after 62 */

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct host *host = new_host(6);
                struct flow flow = leak(USEC_PER_SEC * 36, true);
                struct result result;
                const struct verdict *verdict = &result.verdicts[WATCHER_THRESHOLD];
                const bool early = i == 1;

                host->fault.planned = true;
                host->fault.port = http;
                flow.until_usec = HOST_BEGIN_USEC + ceases_min[i] * USEC_PER_MIN;
                host->fault.ceases_usec = flow.until_usec;
                flow_add(host, &flow);
                assert_int_equal(judge_host(host, NULL, &result), 0);
                assert_true(host->fault.until_usec == HOST_NEVER);
                assert_int_equal(result.leaked_at_end, result.most);
                assert_int_equal(verdict->found, 1);
                assert_int_equal(verdict->false_warnings, 0);
                assert_int_equal(verdict->standing, early);
                assert_int_equal(verdict->cleared, 0);
                host_free(host);
        }
}

static void test_threshold_sees_one_a_minute_after_100_min(void **state)
{
        struct result result;
        const struct verdict *verdict = &result.verdicts[WATCHER_THRESHOLD];

        (void)state;
        assert_int_equal(judge_run(kind_find("leak-1min"), 1, NULL, &result), 0);
        assert_true(verdict->found);
        assert_in_range(verdict->delay_usec, 99 * USEC_PER_MIN, 105 * USEC_PER_MIN);
}

/* The same sockets, but nothing is wrong with this host: what was right is false. */
static void test_what_is_not_true_is_false(void **state)
{
        const struct flow flow = leak(USEC_PER_SEC, true);

        (void)state;
        for (unsigned planned = 0; planned < 2; planned++) {
                struct host *host = new_host(1);
                struct result result;
                const struct verdict *verdict = &result.verdicts[WATCHER_THRESHOLD];

                host->fault.planned = planned;
                host->fault.port = http;
                flow_add(host, &flow);
                assert_int_equal(judge_host(host, NULL, &result), 0);
                assert_int_equal(verdict->found, planned);
                assert_int_equal(verdict->false_warnings, 1 - planned);
                assert_int_equal(verdict->false_criticals, 0);
                host_free(host);
        }
}

static void count_raised(const struct port_key *key, bool raised, uint64_t since_usec,
                         void *userdata)
{
        int *n = userdata;

        (void)since_usec;
        assert_int_equal(key->port, http.port);
        *n += raised ? 1 : -1;
}

static void test_threshold_holds(void **state)
{
        static const struct {
                uint64_t at_sec;
                uint32_t count;
                int raised; /* after it */
        } steps[] = { { 0, 100, 0 },   { 110, 100, 0 }, { 119, 99, 0 },  { 120, 100, 0 },
                      { 239, 100, 0 }, { 240, 100, 1 }, { 250, 150, 1 }, { 260, 99, 0 } };
        struct threshold threshold = { .count = 100, .after_usec = 2 * USEC_PER_MIN };
        int raised = 0;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                struct port_row row = { .key = http };
                const struct snapshot snapshot = { .start_usec = HOST_BEGIN_USEC +
                                                                 steps[i].at_sec * USEC_PER_SEC,
                                                   .rows = &row,
                                                   .n_rows = 1 };

                row.count[SOCK_CLOSE_WAIT] = steps[i].count;
                threshold_step(&threshold, &snapshot, count_raised, &raised);
                assert_int_equal(raised, steps[i].raised);
        }
}

/* Good enough in the list, and as bad as can be beyond it. */
static void test_beyond_is_told_and_not_counted(void **state)
{
        const struct result good = { .watched_usec = 1000 * USEC_PER_HOUR,
                                     .verdicts[WATCHER_TWMON] = { .found = true,
                                                                  .delay_usec = USEC_PER_MIN } };
        const struct result bad = { .watched_usec = 1000 * USEC_PER_HOUR,
                                    .verdicts[WATCHER_TWMON] = { .false_warnings = 8,
                                                                 .false_criticals = 9 } };
        static const char *const said[] = {
                "missed faults: 0 of 1 (wanted",
                "missed faults: 1 of 1 (fixed",
                "false criticals: 0, 0.00",
                "false criticals: 9, 9.00",
                "false warnings: 0, 0.00",
                "false warnings: 8, 8.00",
                "healthy hosts with any of these: 1 of 1 (fixed threshold: 0)"
        };
        struct report *report = report_new();
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        assert_non_null(out);
        report_add(report, kind_find("leak-1min"), &good);
        report_add(report, kind_find("quiet"), &good);
        report_add(report, kind_find("leak-ceases"), &bad);
        report_add(report, kind_find("report-server"), &bad);
        assert_true(report_print_verdict(report, out));
        fclose(out);
        for (size_t i = 0; i < ARRAY_SIZE(said); i++)
                if (!strstr(text, said[i]))
                        fail_msg("not said: %s", said[i]);
        free(text);
        report_free(report);
}

static void test_median_counts_the_missed(void **state)
{
        uint64_t delays[] = { REPORT_MISSED, 3, 1, REPORT_MISSED, 2 };

        (void)state;
        assert_true(report_median(delays, 3) == 3);
        assert_true(report_median(delays, 5) == 3);
        assert_true(report_median(delays + 1, 4) == REPORT_MISSED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exponential_mean),
                cmocka_unit_test(test_catalogue_is_large_enough),
                cmocka_unit_test(test_same_run_same_result),
                cmocka_unit_test(test_one_a_minute_is_sixty_an_hour),
                cmocka_unit_test(test_accepts_nothing_at_its_limit),
                cmocka_unit_test(test_short_ones_are_seen_by_chance),
                cmocka_unit_test(test_pool_is_bounded),
                cmocka_unit_test(test_burst_drains),
                cmocka_unit_test(test_burst_drains_like_a_stack),
                cmocka_unit_test(test_rounds_close_together),
                cmocka_unit_test(test_peer_leaves_one_port),
                cmocka_unit_test(test_pool_without_eviction_waits),
                cmocka_unit_test(test_container_is_another_after_a_restart),
                cmocka_unit_test(test_keepalive_hides_the_age),
                cmocka_unit_test(test_stall_and_recovery),
                cmocka_unit_test(test_held_machine_ages),
                cmocka_unit_test(test_watcher_stopped),
                cmocka_unit_test(test_restart_ends_the_fault),
                cmocka_unit_test(test_restart_that_mends_nothing),
                cmocka_unit_test(test_what_ceases_stays),
                cmocka_unit_test(test_threshold_sees_one_a_minute_after_100_min),
                cmocka_unit_test(test_what_is_not_true_is_false),
                cmocka_unit_test(test_threshold_holds),
                cmocka_unit_test(test_beyond_is_told_and_not_counted),
                cmocka_unit_test(test_median_counts_the_missed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
