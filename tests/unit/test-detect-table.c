/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* time-wait-table: by percent with hold times, by an overflow at once, and neither flaps. */

#include "judge.h"

#include "observe.h"
#include "sight.h"

struct world {
        struct judge judge;
        uint64_t overflows_total;
};

static struct rule table_rule(int64_t warning, int64_t critical)
{
        return (struct rule){ .kind = ALERT_TIME_WAIT_TABLE,
                              .warning = warning,
                              .critical = critical,
                              .raise_after_usec = 20 * USEC_PER_SEC,
                              .clear_after_usec = 120 * USEC_PER_SEC,
                              .remind_every_usec = 3600 * USEC_PER_SEC,
                              .clear_below_pct = 80,
                              .origin = "built-in" };
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct rule rule = table_rule(80, 95);

        assert_non_null(world);
        judge_init(&world->judge, &rule, 1);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        judge_done(&world->judge);
        free(world);
        return 0;
}

static void judge(struct world *world, const struct tw_table *table, enum scan_result result)
{
        struct snapshot *snapshot = make_snapshot(++world->judge.generation, NULL, 0);

        snapshot->result = result;
        snapshot->host.tw_table = *table;
        (void)judge_see(&world->judge, snapshot);
}

static struct tw_table table_of(struct world *world, uint64_t used, uint64_t max,
                                uint64_t overflows)
{
        world->overflows_total += overflows;
        return (struct tw_table){ .known = true,
                                  .used = used,
                                  .max = max,
                                  .overflow_known = true,
                                  .overflows = overflows,
                                  .overflows_total = world->overflows_total };
}

/* One scan; returns the transition, TRANSITION_COUNT for none. */
static enum transition see_of(struct world *world, uint64_t used, uint64_t max, uint64_t overflows)
{
        const struct tw_table table = table_of(world, used, max, overflows);

        judge(world, &table, SCAN_COMPLETE);
        assert_true(world->judge.events.n <= 1);
        return world->judge.events.n == 1 ? world->judge.events.items[0].transition
                                          : TRANSITION_COUNT;
}

static enum transition see(struct world *world, uint64_t used, uint64_t overflows)
{
        return see_of(world, used, 100, overflows);
}

static const struct alert *only_alert(const struct world *world)
{
        assert_int_equal(alert_table_count(world->judge.table), 1);
        return alert_table_get(world->judge.table, 0);
}

/* Scans of the same until something is told; returns how many, and what in *ret. */
static unsigned until_told(struct world *world, uint64_t used, enum transition *ret)
{
        for (unsigned i = 1; i < 1000; i++) {
                *ret = see(world, used, 0);
                if (*ret != TRANSITION_COUNT)
                        return i;
        }
        return 0;
}

static void test_percent_has_its_hold_times(void **state)
{
        struct world *world = *state;
        enum transition told;

        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(see(world, 79, 0), TRANSITION_COUNT);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(until_told(world, 80, &told), 3); /* RaiseAfter: 20 s */
        assert_int_equal(told, TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->severity, SEVERITY_WARNING);
        assert_int_equal(only_alert(world)->values.count, 80);
        assert_int_equal(until_told(world, 95, &told), 3);
        assert_int_equal(told, TRANSITION_ESCALATED);
        assert_int_equal(until_told(world, 76, &told), 13); /* ClearAfter: 120 s */
        assert_int_equal(told, TRANSITION_DEESCALATED);
        assert_int_equal(until_told(world, 64, &told), 13);
        assert_int_equal(told, TRANSITION_CLEARED);
        assert_int_equal(alert_table_count(world->judge.table), 0);
}

static void test_an_overflow_is_critical_at_once(void **state)
{
        struct world *world = *state;
        enum transition told;

        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_int_equal(see(world, 10, 1), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->severity, SEVERITY_CRITICAL);
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 1);
        assert_int_equal(until_told(world, 10, &told), 13);
        assert_int_equal(told, TRANSITION_CLEARED);
}

static void test_an_overflow_escalates_at_once(void **state)
{
        struct world *world = *state;
        enum transition told;

        until_told(world, 85, &told);
        assert_int_equal(told, TRANSITION_RAISED);
        assert_int_equal(see(world, 85, 3), TRANSITION_ESCALATED);
        assert_int_equal(until_told(world, 70, &told), 13); /* above the warning's clear level */
        assert_int_equal(told, TRANSITION_DEESCALATED);
}

/* One every 110 s: said once, however long it goes on, but for the reminders. */
static void test_overflows_do_not_flap(void **state)
{
        struct world *world = *state;

        assert_int_equal(see(world, 10, 1), TRANSITION_RAISED);
        for (unsigned i = 1; i < 3600 * USEC_PER_SEC / JUDGE_STEP; i++)
                assert_int_equal(see(world, 10, i % 11 == 0), TRANSITION_COUNT);
        assert_int_equal(only_alert(world)->severity, SEVERITY_CRITICAL);
}

static void test_a_level_that_is_off_is_no_severity(void **state)
{
        struct world *world = *state;
        const struct rule warning = table_rule(80, RULE_LEVEL_OFF);
        const struct rule off = table_rule(RULE_LEVEL_OFF, RULE_LEVEL_OFF);

        judge_set_rules(&world->judge, &warning, 1);
        assert_int_equal(see(world, 100, 7), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->severity, SEVERITY_WARNING);
        judge_set_rules(&world->judge, &off, 1);
        assert_int_equal(see(world, 100, 7), TRANSITION_CLEARED);
        assert_string_equal(world->judge.events.items[0].reason,
                            "its rule was removed from the configuration");
        assert_int_equal(see(world, 100, 7), TRANSITION_COUNT);
}

static void test_unknown_decides_nothing(void **state)
{
        struct world *world = *state;
        const struct tw_table unknown = { 0 };

        judge(world, &unknown, SCAN_COMPLETE);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(see(world, 99, 1), TRANSITION_RAISED);
        for (unsigned i = 0; i < 100; i++) {
                judge(world, &unknown, SCAN_COMPLETE);
                assert_int_equal(world->judge.events.n, 0);
        }
        assert_int_equal(only_alert(world)->values.count, 99);
}

/* Where the counter cannot be read the percentage decides alone. */
static void test_without_the_counter(void **state)
{
        struct world *world = *state;
        struct tw_table table = { .known = true, .used = 90, .max = 100 };
        unsigned told = 0;

        for (unsigned i = 0; i < 3; i++)
                judge(world, &table, SCAN_COMPLETE);
        assert_int_equal(world->judge.events.n, 1);
        table.used = 10;
        for (unsigned i = 0; i < 13; i++, told += (unsigned)world->judge.events.n)
                judge(world, &table, SCAN_COMPLETE);
        assert_int_equal(told, 1);
        assert_int_equal(alert_table_count(world->judge.table), 0);
}

/* The numbers do not come from the sockets. */
static void test_failed_scans_tell_as_well(void **state)
{
        struct world *world = *state;
        const struct tw_table table = table_of(world, 5, 100, 1);

        judge(world, &table, SCAN_FAILED);
        assert_int_equal(world->judge.events.n, 1);
        assert_int_equal(world->judge.events.items[0].alert.severity, SEVERITY_CRITICAL);
}

/* Small tables jump from percent to percent; a lowered limit leaves more than there is room for. */
static void test_small_tables(void **state)
{
        struct world *world = *state;

        assert_int_equal(see_of(world, 3, 4, 0), TRANSITION_COUNT); /* 75 % */
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(see_of(world, 4, 4, 0), TRANSITION_COUNT);
        assert_int_equal(only_alert(world)->severity, SEVERITY_CRITICAL);
        assert_int_equal(see_of(world, 40, 4, 0), TRANSITION_COUNT);
        assert_int_equal(see_of(world, 40, 4, 0), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->values.count, 1000);
}

/* A limit of 0 is a wish: nothing is full, but whoever finds no room is told of. */
static void test_no_room_at_all(void **state)
{
        struct world *world = *state;

        assert_int_equal(see_of(world, 0, 0, 0), TRANSITION_COUNT);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(see_of(world, 0, 0, 5), TRANSITION_RAISED);
}

static struct snapshot *scan(struct observer *observer, const struct rules *rules, uint64_t tw,
                             uint64_t overflow)
{
        static uint64_t now = 1000;
        const struct scan_request request = { .generation = ++now,
                                              .now_usec = now * USEC_PER_SEC,
                                              .rules = rules };
        const struct scan_outcome outcome = { .sockets_whole = true };
        const struct sockrec record = { .state = SOCK_TIME_WAIT,
                                        .local_port = 80,
                                        .remote_port = 40000,
                                        .expires_msec = 30000 };
        struct host_facts facts;
        struct snapshot *snapshot;
        bool info;

        host_facts_clear(&facts);
        facts.sockstat.tw = (int64_t)tw;
        facts.limits.max_tw_buckets = 100;
        facts.counters.known = 1U << TCP_TIME_WAIT_OVERFLOW;
        facts.counters.value[TCP_TIME_WAIT_OVERFLOW] = overflow;
        observer_begin(observer, &request);
        observer_set_host(observer, &facts);
        observer_begin_listeners(observer);
        observer_end_listeners(observer, true);
        (void)observer_plan(observer, &info);
        observer_begin_sockets(observer);
        assert_int_equal(observer_socket(observer, &record), 0);
        assert_int_equal(observer_finish(observer, &outcome, &snapshot), 0);
        return snapshot;
}

/* A snapshot that was replaced before anybody took it, or made by an older configuration. */
static void test_what_was_not_judged_is_not_lost(void **state)
{
        struct world *world = *state;
        const struct tw_table unknown = { 0 };

        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        (void)table_of(world, 10, 100, 500); /* not judged */
        judge(world, &unknown, SCAN_FAILED); /* one that cannot tell does not lose it either */
        assert_int_equal(see(world, 10, 0), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->severity, SEVERITY_CRITICAL);
        assert_true(only_alert(world)->values.tw_table.overflow_known);
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 500);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT); /* nor is it counted twice */
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 0);
        (void)table_of(world, 10, 100, 2);
        assert_int_equal(see(world, 10, 3), TRANSITION_COUNT);
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 5);
}

/* As a restart does it, or one that has lost its alerts but not what the scanner has learnt. */
static void restart(struct world *world, bool alerts_lost)
{
        struct alert_table_marks marks;

        alert_table_get_marks(world->judge.table, &marks);
        alert_table_free(world->judge.table);
        assert_int_equal(alert_table_new(&world->judge.table), 0);
        if (!alerts_lost)
                alert_table_set_marks(world->judge.table, &marks);
}

/* Whoever counts may have done so for longer than the table is there: only what is new is told. */
static void test_nothing_was_judged_yet(void **state)
{
        struct world *world = *state;

        (void)table_of(world, 10, 100, 500);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        restart(world, true);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        (void)table_of(world, 10, 100, 2); /* from then on none is lost */
        assert_int_equal(see(world, 10, 0), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 2);
        restart(world, true);
        assert_int_equal(see(world, 10, 3), TRANSITION_RAISED); /* since the scan before */
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 3);
}

/* Nothing was judged yet and nothing can be told: the mark waits for a scan that can. */
static void test_no_mark_by_what_is_unknown(void **state)
{
        struct world *world = *state;
        const struct tw_table unknown = { 0 };
        struct alert_table_marks marks;

        judge(world, &unknown, SCAN_COMPLETE);
        alert_table_get_marks(world->judge.table, &marks);
        assert_false(marks.tw_judged);
        assert_int_equal(alert_table_changes(world->judge.table), 0);
        (void)table_of(world, 10, 100, 500);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        alert_table_get_marks(world->judge.table, &marks);
        assert_true(marks.tw_judged);
        assert_int_equal(marks.tw_overflows, 500);
        judge(world, &unknown, SCAN_COMPLETE); /* and it stays */
        alert_table_get_marks(world->judge.table, &marks);
        assert_int_equal(marks.tw_overflows, 500);
}

/*
 * What overflowed while nobody wanted to know is not told once somebody does; and no scan of that
 * time asks for anything to be saved, but the first.
 */
static void test_overflows_without_a_rule(void **state)
{
        struct world *world = *state;
        const struct rule off = table_rule(RULE_LEVEL_OFF, RULE_LEVEL_OFF), on = table_rule(80, 95);
        struct alert_table_marks saved;
        uint64_t changes = alert_table_changes(world->judge.table);

        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_true(alert_table_changes(world->judge.table) > changes); /* there is a mark */
        changes = alert_table_changes(world->judge.table);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_true(alert_table_changes(world->judge.table) == changes);
        judge_set_rules(&world->judge, &off, 1);
        assert_int_equal(see(world, 10, 7), TRANSITION_COUNT);
        assert_true(alert_table_changes(world->judge.table) > changes); /* there is none */
        changes = alert_table_changes(world->judge.table);
        alert_table_get_marks(world->judge.table, &saved);
        for (int i = 0; i < 10; i++)
                assert_int_equal(see(world, 10, 7), TRANSITION_COUNT);
        assert_true(alert_table_changes(world->judge.table) == changes);

        restart(world, true);
        alert_table_set_marks(world->judge.table, &saved); /* as old as that */
        judge_set_rules(&world->judge, &on, 1);
        assert_int_equal(see(world, 10, 0), TRANSITION_COUNT);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(see(world, 10, 1), TRANSITION_RAISED);
        assert_int_equal(only_alert(world)->values.tw_table.overflows, 1);
}

/* From the kernel's numbers to the table of the snapshot, by way of the observer. */
static void test_observed(void **state)
{
        struct world *world = *state;
        struct observer *observer;
        struct snapshot *snapshot;

        assert_int_equal(observer_new(&observer), 0);
        snapshot = scan(observer, world->judge.rules, 60, 10);
        assert_true(snapshot->host.tw_table.known);
        assert_false(snapshot->host.tw_table.overflow_known);
        assert_int_equal(snapshot->host.tw_table.time_wait, 1); /* and 59 in FIN_WAIT2 */
        assert_int_equal(snapshot->host.rates.known, 0);
        snapshot_unref(snapshot);

        snapshot = scan(observer, world->judge.rules, 60, 12);
        assert_int_equal(snapshot->host.tw_table.overflows, 2);
        assert_int_equal(snapshot->host.tw_table.overflows_total, 2);
        assert_int_equal(snapshot->host.rates.delta[TCP_TIME_WAIT_OVERFLOW], 2);
        snapshot_unref(snapshot);
        observer_free(observer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_percent_has_its_hold_times),
                TEST(test_an_overflow_is_critical_at_once),
                TEST(test_an_overflow_escalates_at_once),
                TEST(test_overflows_do_not_flap),
                TEST(test_a_level_that_is_off_is_no_severity),
                TEST(test_unknown_decides_nothing),
                TEST(test_without_the_counter),
                TEST(test_failed_scans_tell_as_well),
                TEST(test_small_tables),
                TEST(test_no_room_at_all),
                TEST(test_what_was_not_judged_is_not_lost),
                TEST(test_nothing_was_judged_yet),
                TEST(test_no_mark_by_what_is_unknown),
                TEST(test_overflows_without_a_rule),
                TEST(test_observed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
