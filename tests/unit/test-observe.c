/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a scan asks the kernel for, what it shows of TIME_WAIT sockets that it did not ask for, and
 * when it has to be followed by another one.
 */

#include <errno.h>

#include "fixture.h"

#include "observe.h"

#define INTERVAL   (10 * USEC_PER_SEC)
#define MANY       20000 /* by sockstat; so few are shown, and 19,900 are in FIN_WAIT2 */
#define TIME_WAIT  100
#define CLOSE_WAIT SOCK_MASK(SOCK_CLOSE_WAIT)

struct world {
        struct observer *observer;
        struct rules *rules;
        struct host_facts host;
        struct scan_request request;
        struct snapshot *snapshot; /* the newest */
        unsigned time_wait;        /* sockets of port 80, with 58 s left each */
        unsigned asked;            /* scans that asked for them */
};

static struct rule close_wait_rule(enum alert_kind kind)
{
        return (struct rule){ .kind = kind,
                              .warning = 10,
                              .critical = 100,
                              .stuck_after_usec = 60 * USEC_PER_SEC,
                              .usual_max = 100,
                              .raise_after_usec = 20 * USEC_PER_SEC };
}

static int setup(void **state)
{
        const struct rule rule = close_wait_rule(ALERT_CLOSE_WAIT_STUCK);
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(observer_new(&world->observer), 0);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        host_facts_clear(&world->host);
        world->host.sockstat.tw = MANY;
        world->host.limits.max_tw_buckets = 10 * MANY;
        world->request = (struct scan_request){ .now_usec = 5000 * USEC_PER_SEC,
                                                .rules = world->rules,
                                                .interval_usec = INTERVAL };
        world->time_wait = TIME_WAIT;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        snapshot_unref(world->snapshot);
        observer_free(world->observer);
        rules_free(world->rules);
        free(world);
        return 0;
}

static void show(struct world *world, uint64_t cookie, enum sock_state what)
{
        const struct sockrec record = { .cookie = cookie,
                                        .state = (uint8_t)what,
                                        .local_port = 80,
                                        .remote_port = 40000,
                                        .expires_msec = 58000 };

        assert_int_equal(observer_socket(world->observer, &record), 0);
}

/* Up to the sockets. The states that are asked for. */
static uint32_t plan(struct world *world, uint64_t pause_usec)
{
        bool info;

        world->request.generation++;
        world->request.now_usec += pause_usec;
        observer_begin(world->observer, &world->request);
        observer_set_host(world->observer, &world->host);
        observer_begin_listeners(world->observer);
        observer_end_listeners(world->observer, true);
        return observer_plan(world->observer, &info);
}

/* Shows everything, as a kernel would that honours no mask. */
static uint32_t begin(struct world *world, uint64_t pause_usec)
{
        const uint32_t states = plan(world, pause_usec);

        observer_begin_sockets(world->observer);
        for (unsigned i = 0; i < world->time_wait; i++)
                show(world, 0, SOCK_TIME_WAIT);
        world->asked += (states & SOCK_MASK(SOCK_TIME_WAIT)) != 0;
        return states;
}

static const struct snapshot *end(struct world *world, enum scan_result result)
{
        const struct scan_outcome outcome = { .result = result,
                                              .error = result == SCAN_FAILED ? -EIO : 0,
                                              .sockets_whole = result == SCAN_COMPLETE };

        snapshot_unref(world->snapshot);
        assert_int_equal(observer_finish(world->observer, &outcome, &world->snapshot), 0);
        return world->snapshot;
}

static const struct snapshot *scan(struct world *world, uint64_t pause_usec)
{
        (void)begin(world, pause_usec);
        return end(world, SCAN_COMPLETE);
}

/* Whether a complete scan asks for TIME_WAIT sockets. */
static bool asks(struct world *world, uint64_t pause_usec)
{
        return scan(world, pause_usec)->requested & SOCK_MASK(SOCK_TIME_WAIT);
}

/* ---- what is asked for ---- */

static void few_are_taken_along(void **state)
{
        struct world *world = *state;

        world->host.sockstat.tw = OBSERVER_TIME_WAIT_FEW;
        for (unsigned i = 0; i < 5; i++)
                assert_true(asks(world, INTERVAL));
        world->host.sockstat.tw++;
        assert_false(asks(world, INTERVAL));
        world->host.sockstat.tw--;
        assert_true(asks(world, INTERVAL));
        world->host.sockstat.tw = HOST_UNKNOWN;
        for (unsigned i = 0; i < 5; i++)
                assert_true(asks(world, INTERVAL));
}

/* At 0, 30, 60 s: at 10 and 20 the next one is still in time. */
static void many_are_counted_in_thirty_seconds(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 12; i++)
                assert_int_equal(asks(world, INTERVAL), i % 3 == 0);
        assert_int_equal(world->asked, 4);
}

/* At 0, 25 and 50 s, though the scans are 25 s apart: the next one could come 10 s later, not 5. */
static void whoever_cannot_wait_asks_now(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 4; i++)
                assert_true(asks(world, 25 * USEC_PER_SEC));
        assert_false(asks(world, 20 * USEC_PER_SEC));
        assert_true(asks(world, USEC_PER_SEC));
        world->request.interval_usec = 60 * USEC_PER_SEC;
        for (unsigned i = 0; i < 4; i++)
                assert_true(asks(world, USEC_PER_SEC));
        world->request.interval_usec = 0; /* nobody knows when the next one is */
        for (unsigned i = 0; i < 4; i++)
                assert_true(asks(world, USEC_PER_SEC));
}

static void whoever_wants_them_gets_them(void **state)
{
        struct world *world = *state;

        (void)scan(world, INTERVAL);
        world->request.time_wait = true;
        assert_true(asks(world, INTERVAL));
        world->request.time_wait = false;
        assert_false(asks(world, INTERVAL));
        assert_false(asks(world, INTERVAL)); /* 20 s after those that were wanted */
        assert_true(asks(world, INTERVAL));
}

/* It has not counted them, whatever it has seen. */
static void a_broken_scan_is_no_count(void **state)
{
        struct world *world = *state;

        assert_true(begin(world, INTERVAL) & SOCK_MASK(SOCK_TIME_WAIT));
        (void)end(world, SCAN_PARTIAL);
        assert_true(asks(world, INTERVAL));
        for (enum scan_result result = SCAN_PARTIAL; result <= SCAN_FAILED; result++) {
                assert_false(asks(world, INTERVAL));
                assert_false(asks(world, INTERVAL));
                assert_true(begin(world, INTERVAL) & SOCK_MASK(SOCK_TIME_WAIT));
                (void)end(world, result);
                assert_true(asks(world, INTERVAL));
        }
}

/* A flood would be given to the ports that had the few before it. */
static void a_flood_is_counted(void **state)
{
        struct world *world = *state;

        (void)scan(world, INTERVAL);
        world->host.sockstat.tw += TIME_WAIT;
        assert_false(asks(world, INTERVAL));
        world->host.sockstat.tw++;
        assert_true(asks(world, INTERVAL));
        assert_false(asks(world, INTERVAL));
}

/* One walk, whoever pays for it. */
static void a_census_takes_them_along(void **state)
{
        const struct rule rule = {
                .kind = ALERT_PORT_EXHAUSTION, .warning = 70, .critical = 85, .clear_below_pct = 80
        };
        struct world *world = *state;
        uint32_t states;

        (void)begin(world, INTERVAL);
        assert_null(observer_whole_waits(world->observer));
        (void)end(world, SCAN_COMPLETE);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        world->request.conf_serial++;
        world->host.sockstat.inuse = 100000;
        world->host.limits.port_range_known = true;
        world->host.limits.port_first = 32768;
        world->host.limits.port_last = 60999;
        world->host.limits.reserved_in_range = 0;
        states = begin(world, INTERVAL);
        assert_int_equal(states, CENSUS_STATES);
        assert_non_null(observer_whole_waits(world->observer)); /* it counts where they went to */
        assert_true(end(world, SCAN_COMPLETE)->complete & SOCK_MASK(SOCK_TIME_WAIT));
        assert_false(asks(world, INTERVAL));
        assert_false(asks(world, INTERVAL));
        assert_true(asks(world, INTERVAL));
}

/* ---- what is shown ---- */

static const struct port_row *http_row(const struct world *world)
{
        const struct port_key key = local_port(80);

        return snapshot_find(world->snapshot, &key);
}

static void it_says_what_it_did(void **state)
{
        struct world *world = *state;
        const struct snapshot *snapshot = scan(world, INTERVAL);
        const uint64_t counted = snapshot->start_usec;

        assert_int_equal(snapshot->requested, OBSERVER_STATES);
        assert_int_equal(snapshot->complete, OBSERVER_STATES);
        assert_int_equal(snapshot->estimated, 0);
        assert_int_equal(snapshot->asof_usec[SOCK_TIME_WAIT], counted);
        snapshot = scan(world, INTERVAL);
        assert_int_equal(snapshot->requested, CLOSE_WAIT);
        assert_int_equal(snapshot->complete, CLOSE_WAIT);
        assert_int_equal(snapshot->estimated, SOCK_MASK(SOCK_TIME_WAIT));
        assert_int_equal(snapshot->asof_usec[SOCK_TIME_WAIT], counted);
        assert_int_equal(snapshot->asof_usec[SOCK_CLOSE_WAIT], counted + INTERVAL);
        (void)begin(world, USEC_PER_SEC);
        snapshot = end(world, SCAN_PARTIAL);
        assert_int_equal(snapshot->requested, CLOSE_WAIT);
        assert_int_equal(snapshot->complete, 0);
        assert_int_equal(snapshot->estimated, SOCK_MASK(SOCK_TIME_WAIT));
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], TIME_WAIT);
        assert_int_equal(snapshot->asof_usec[SOCK_CLOSE_WAIT], counted + INTERVAL);
}

/* What the kernel shows unasked is not counted: the numbers are those of before, less what passed. */
static void they_are_brought_up_to_date(void **state)
{
        struct world *world = *state;
        const struct snapshot *snapshot = scan(world, INTERVAL);
        const struct port_key http = local_port(80), none = local_port(81);
        uint64_t counted;

        assert_int_equal(http_row(world)->tw_remaining[11], TIME_WAIT);
        world->time_wait = 7777;
        assert_false(snapshot_time_wait_counted(snapshot, &counted));
        snapshot = scan(world, INTERVAL);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], TIME_WAIT);
        assert_int_equal(http_row(world)->count[SOCK_TIME_WAIT], TIME_WAIT);
        assert_int_equal(http_row(world)->tw_remaining[9], TIME_WAIT);
        world->host.sockstat.tw += 40; /* in the last 20 s */
        snapshot = scan(world, INTERVAL);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], TIME_WAIT + 40);
        assert_int_equal(http_row(world)->tw_remaining[7], TIME_WAIT);
        assert_int_equal(http_row(world)->count[SOCK_TIME_WAIT], TIME_WAIT); /* none has gone */
        assert_true(snapshot_time_wait_counted(snapshot, &counted));
        assert_int_equal(counted, TIME_WAIT);
        assert_true(snapshot_time_wait_counted_of(snapshot, &http, &counted));
        assert_int_equal(counted, TIME_WAIT);
        assert_true(snapshot_time_wait_counted_of(snapshot, &none, &counted));
        assert_int_equal(counted, 0);
        snapshot = scan(world, INTERVAL);
        assert_int_equal(snapshot->estimated, 0);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], 7777);
}

/* What a partial scan counted is a part. */
static void a_part_is_not_brought_up_to_date(void **state)
{
        struct world *world = *state;

        (void)scan(world, INTERVAL);
        world->request.time_wait = true;
        world->time_wait = 7;
        (void)begin(world, USEC_PER_SEC);
        assert_int_equal(end(world, SCAN_PARTIAL)->total[SOCK_TIME_WAIT], 7);
        assert_int_equal(world->snapshot->estimated, 0);
        world->request.time_wait = false;
        assert_int_equal(scan(world, 9 * USEC_PER_SEC)->total[SOCK_TIME_WAIT], TIME_WAIT);
        assert_int_equal(http_row(world)->tw_remaining[9], TIME_WAIT);
}

static void without_ports_the_total_has_them(void **state)
{
        struct world *world = *state;

        world->time_wait = 0;
        (void)scan(world, INTERVAL);
        world->host.sockstat.tw += 2;
        (void)scan(world, INTERVAL);
        assert_null(http_row(world));
        assert_int_equal(world->snapshot->total[SOCK_TIME_WAIT], 2);
        assert_int_equal(world->snapshot->ports_overflow, 0);
}

static void the_table_has_no_estimate(void **state)
{
        struct world *world = *state;
        const struct tw_table *table;

        table = &scan(world, INTERVAL)->host.tw_table;
        assert_true(table->time_wait_known);
        assert_int_equal(table->time_wait, TIME_WAIT);
        world->host.sockstat.tw += 40;
        table = &scan(world, INTERVAL)->host.tw_table;
        assert_int_equal(table->used, MANY + 40);
        assert_false(table->time_wait_known);
        (void)begin(world, USEC_PER_SEC);
        table = &end(world, SCAN_FAILED)->host.tw_table;
        assert_false(table->time_wait_known);
        world->request.time_wait = true;
        (void)begin(world, USEC_PER_SEC);
        table = &end(world, SCAN_PARTIAL)->host.tw_table;
        assert_false(table->time_wait_known);
}

/* They are those of the last scan that saw any, as that one had them. */
static void a_failed_scan_repeats(void **state)
{
        struct world *world = *state;
        const struct snapshot *snapshot;

        (void)scan(world, INTERVAL);
        (void)begin(world, INTERVAL);
        snapshot = end(world, SCAN_FAILED);
        assert_int_equal(snapshot->requested, CLOSE_WAIT);
        assert_int_equal(snapshot->estimated, 0);
        assert_int_equal(http_row(world)->tw_remaining[11], TIME_WAIT);
        (void)scan(world, INTERVAL);
        assert_int_equal(http_row(world)->tw_remaining[7], TIME_WAIT);
        world->request.time_wait = true;
        (void)begin(world, INTERVAL);
        snapshot = end(world, SCAN_FAILED);
        assert_int_equal(snapshot->requested, OBSERVER_STATES);
        assert_int_equal(snapshot->estimated, SOCK_MASK(SOCK_TIME_WAIT));
        assert_int_equal(http_row(world)->tw_remaining[7], TIME_WAIT);
}

/* ---- when it is due ---- */

static void nothing_is_due_on_a_quiet_host(void **state)
{
        struct world *world = *state;

        world->host.sockstat.tw = 5;
        assert_true(scan(world, INTERVAL)->due_usec == UINT64_MAX);
        world->request.pause_usec = 30 * USEC_PER_SEC;
        assert_true(scan(world, 30 * USEC_PER_SEC)->due_usec == UINT64_MAX);
        assert_int_equal(world->snapshot->pause_usec, 30 * USEC_PER_SEC);
}

static void time_wait_is_due_after_thirty_seconds(void **state)
{
        struct world *world = *state;
        uint64_t counted;

        assert_true(scan(world, INTERVAL)->due_usec == UINT64_MAX);
        counted = world->snapshot->start_usec;
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(scan(world, INTERVAL)->due_usec,
                                 counted + 30 * USEC_PER_SEC - INTERVAL + 1);
        assert_true(scan(world, INTERVAL)->due_usec == UINT64_MAX);
}

static void a_broken_scan_is_due_at_once(void **state)
{
        const struct scan_outcome outcome = { .result = SCAN_FAILED, .error = -EACCES };
        struct world *world = *state;
        struct snapshot *failed;

        for (enum scan_result result = SCAN_PARTIAL; result <= SCAN_FAILED; result++) {
                (void)begin(world, INTERVAL);
                (void)end(world, result);
                assert_int_equal(world->snapshot->due_usec, world->snapshot->start_usec);
        }
        world->request.pause_usec = 7;
        assert_int_equal(observer_failed(&world->request, &outcome, &failed), 0);
        assert_int_equal(failed->due_usec, failed->start_usec);
        assert_int_equal(failed->pause_usec, 7);
        assert_int_equal(failed->requested, OBSERVER_STATES);
        snapshot_unref(failed);
}

static void ages_are_due_when_they_mean_something(void **state)
{
        struct world *world = *state;
        const uint64_t first = world->request.now_usec + INTERVAL;
        static const struct {
                uint64_t pause, due; /* in seconds; due: since it was seen first; 0: never */
        } cases[] = { { 10, 60 }, { 30, 60 }, { 29, 60 }, { 1, 80 }, { 19, 80 }, { 1, 0 } };

        world->host.sockstat.tw = 5;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void)begin(world, cases[i].pause * USEC_PER_SEC);
                show(world, 1, SOCK_CLOSE_WAIT);
                (void)end(world, SCAN_COMPLETE);
                assert_true(world->snapshot->due_usec ==
                            (cases[i].due == 0 ? UINT64_MAX : first + cases[i].due * USEC_PER_SEC));
        }
}

/* Twice within SilentAfter, whatever the pace of scans is otherwise. */
static void the_next_walk_for_half_open_is_due(void **state)
{
        const struct rule rule = { .kind = ALERT_HALF_OPEN,
                                   .warning = 2,
                                   .critical = RULE_LEVEL_OFF,
                                   .silent_after_usec = 40 * USEC_PER_SEC };
        struct world *world = *state;
        uint64_t walked;

        assert_int_equal(rules_add(world->rules, &rule), 0);
        walked = scan(world, INTERVAL)->start_usec;
        assert_int_equal(world->snapshot->due_usec, walked + 20 * USEC_PER_SEC);
        assert_int_equal(scan(world, INTERVAL)->due_usec, walked + 20 * USEC_PER_SEC);
        (void)scan(world, INTERVAL); /* walks */
        assert_int_equal(world->snapshot->due_usec, walked + 40 * USEC_PER_SEC);
}

/* Only what is to be dated, unless the census wants to know how long peers have been silent. */
static void tcp_info_is_asked_for_where_it_is_needed(void **state)
{
        const struct rule exhaustion = {
                .kind = ALERT_PORT_EXHAUSTION, .warning = 70, .critical = 85, .clear_below_pct = 80
        };
        const struct rule half_open = { .kind = ALERT_HALF_OPEN,
                                        .warning = 2,
                                        .critical = RULE_LEVEL_OFF,
                                        .silent_after_usec = 40 * USEC_PER_SEC };
        struct world *world = *state;

        (void)plan(world, INTERVAL);
        assert_int_equal(observer_info_states(world->observer), 0);
        world->request.date_new = true;
        (void)begin(world, INTERVAL); /* the first scan: all are new */
        assert_int_equal(observer_info_states(world->observer), OBSERVER_STATES);
        (void)end(world, SCAN_COMPLETE);
        assert_int_equal(rules_add(world->rules, &exhaustion), 0);
        world->request.conf_serial++;
        world->host.sockstat = (struct sockstat){ .inuse = 200, .tw = 5 };
        world->host.limits.port_range_known = true;
        world->host.limits.port_first = 40000;
        world->host.limits.port_last = 40199;
        world->host.limits.reserved_in_range = 0;
        world->request.max_tracked = 1;
        assert_int_equal(begin(world, INTERVAL), OBSERVER_STATES | CENSUS_STATES);
        assert_int_equal(observer_info_states(world->observer), 0); /* asked for one by one */
        show(world, 1, SOCK_CLOSE_WAIT);
        show(world, 2, SOCK_CLOSE_WAIT); /* finds no room */
        (void)end(world, SCAN_COMPLETE);
        (void)plan(world, INTERVAL);
        assert_int_equal(observer_info_states(world->observer), OBSERVER_STATES);
        (void)end(world, SCAN_COMPLETE);
        assert_int_equal(rules_add(world->rules, &half_open), 0);
        world->request.conf_serial++;
        world->request.date_new = false;
        (void)begin(world, 60 * USEC_PER_SEC);
        assert_int_equal(observer_info_states(world->observer), OBSERVER_STATES | CENSUS_STATES);
        (void)end(world, SCAN_COMPLETE);
}

static void what_is_new_and_not_dated(void **state)
{
        struct world *world = *state;
        struct sockrec record = { .cookie = 1, .state = SOCK_CLOSE_WAIT };

        (void)begin(world, INTERVAL);
        assert_false(observer_is_undated(world->observer, &record)); /* no dates are wanted */
        show(world, 1, SOCK_CLOSE_WAIT);
        (void)end(world, SCAN_COMPLETE);
        world->request.date_new = true;
        (void)begin(world, INTERVAL);
        assert_false(observer_is_undated(world->observer, &record));
        record.cookie = 2;
        assert_true(observer_is_undated(world->observer, &record));
        record.state = SOCK_ESTABLISHED;
        assert_false(observer_is_undated(world->observer, &record));
        (void)end(world, SCAN_COMPLETE);
}

/* A destination with 150 of 200 ports, and 50 others beside it. */
static void a_destination_near_its_limit_is_due_at_once(void **state)
{
        const struct rule rule = { .kind = ALERT_PORT_EXHAUSTION,
                                   .warning = 70,
                                   .critical = 85,
                                   .clear_below_pct = 80,
                                   .clear_after_usec = 60 * USEC_PER_SEC };
        struct world *world = *state;
        uint64_t fell;

        assert_int_equal(rules_add(world->rules, &rule), 0);
        world->host.sockstat = (struct sockstat){ .inuse = 200, .tw = 5 };
        world->host.limits.port_range_known = true;
        world->host.limits.port_first = 40000;
        world->host.limits.port_last = 40199;
        world->host.limits.reserved_in_range = 0;
        (void)begin(world, INTERVAL);
        for (uint16_t i = 0; i < 150; i++) {
                const struct sockrec record = { .state = SOCK_ESTABLISHED,
                                                .family = ADDR_IPV4,
                                                .remote = { { 10, 0, 0, 1 } },
                                                .local_port = (uint16_t)(40000 + i),
                                                .remote_port = 443 };

                assert_int_equal(observer_socket(world->observer, &record), 0);
        }
        (void)end(world, SCAN_COMPLETE);
        assert_int_equal(world->snapshot->due_usec, world->snapshot->start_usec);
        fell = world->request.now_usec;
        while (scan(world, INTERVAL)->due_usec == world->snapshot->start_usec)
                assert_in_range(world->request.now_usec, fell, fell + 120 * USEC_PER_SEC);
        assert_in_range(world->request.now_usec, fell + 60 * USEC_PER_SEC, UINT64_MAX);
        assert_true(world->snapshot->due_usec == UINT64_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(few_are_taken_along),
                T(many_are_counted_in_thirty_seconds),
                T(whoever_cannot_wait_asks_now),
                T(whoever_wants_them_gets_them),
                T(a_broken_scan_is_no_count),
                T(a_flood_is_counted),
                T(a_census_takes_them_along),
                T(it_says_what_it_did),
                T(they_are_brought_up_to_date),
                T(a_part_is_not_brought_up_to_date),
                T(without_ports_the_total_has_them),
                T(the_table_has_no_estimate),
                T(a_failed_scan_repeats),
                T(nothing_is_due_on_a_quiet_host),
                T(time_wait_is_due_after_thirty_seconds),
                T(a_broken_scan_is_due_at_once),
                T(ages_are_due_when_they_mean_something),
                T(the_next_walk_for_half_open_is_due),
                T(tcp_info_is_asked_for_where_it_is_needed),
                T(what_is_new_and_not_dated),
                T(a_destination_near_its_limit_is_due_at_once),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
