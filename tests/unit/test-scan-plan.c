/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The scanner's plan between its two authors: the thread, which has seen, and the loop, which has
 * judged. When a scan is wanted by what is known is test-schedule.c's.
 */

#include "fixture.h"

#include "clock.h"
#include "conf.h"
#include "scan-private.h"

#define SECOND   USEC_PER_SEC
#define INTERVAL (10 * SECOND)
#define STEADY   (30 * SECOND)
#define START    (1000000 * SECOND)

static struct scan *new_scan(void)
{
        struct conf *conf;
        struct scan *scan;

        assert_int_equal(conf_new_default(&conf), 0);
        assert_int_equal(conf->interval_usec, INTERVAL);
        assert_int_equal(scan_new(conf, &scan), 0);
        conf_unref(conf);
        scan_plan_start(scan, START);
        return scan;
}

/* A scan at now, which takes no time; returns its slot. */
static uint64_t make_scan(struct scan *scan, uint64_t now_usec, uint64_t due_usec)
{
        const struct snapshot snapshot = { .due_usec = due_usec };

        assert_true(scan_plan_is_due(scan, now_usec));
        scan_plan_begin(scan, now_usec);
        scan_plan_end(scan, scan->plan.generation + 1, &snapshot, now_usec);
        return scan->plan.slot_usec;
}

static uint64_t next_of(struct scan *scan)
{
        struct schedule_pace pace;

        scan_get_pace(scan, &pace);
        return pace.next.next_usec;
}

static void test_seldom_while_nothing_is_due(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        assert_int_equal(make_scan(scan, START, SCHEDULE_NEVER), START);
        assert_int_equal(scan->plan.pause_usec, 0);
        assert_int_equal(next_of(scan), START + STEADY);
        assert_false(scan_plan_is_due(scan, START + STEADY - 1));
        scan->plan.judged_usec = START;
        make_scan(scan, START + STEADY, SCHEDULE_NEVER);
        assert_int_equal(scan->plan.pause_usec, STEADY);
        scan_free(scan);
}

static void test_what_was_seen_is_due(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, START + 12 * SECOND);
        assert_int_equal(next_of(scan), START + 2 * INTERVAL);
        make_scan(scan, START + 2 * INTERVAL, START);
        assert_int_equal(next_of(scan), START + 3 * INTERVAL);
        scan_free(scan);
}

/* Without a snapshot nobody knows anything: soon again. */
static void test_nothing_was_seen(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        scan_plan_begin(scan, START);
        scan_plan_end(scan, 1, NULL, START);
        assert_int_equal(next_of(scan), START + INTERVAL);
        scan_free(scan);
}

/* The loop judges in real time, so that time is real here. */
static void test_the_judge_wants_it_sooner(void **state)
{
        const uint64_t now_usec = clock_now_usec();
        struct detect_due due = { .usec = now_usec, .time_wait = true };
        struct scan *scan = new_scan();

        (void)state;
        scan_plan_start(scan, now_usec);
        make_scan(scan, now_usec, SCHEDULE_NEVER);
        scan_set_due(scan, scan->plan.generation - 1, &due);
        assert_int_equal(next_of(scan), now_usec + STEADY);
        assert_false(scan->plan.time_wait);
        scan_set_due(scan, scan->plan.generation, &due);
        assert_int_equal(next_of(scan), now_usec + INTERVAL);
        assert_true(scan->plan.time_wait);
        due = (struct detect_due){ .usec = SCHEDULE_NEVER };
        scan_set_due(scan, scan->plan.generation, &due);
        assert_int_equal(next_of(scan), now_usec + STEADY);
        assert_false(scan->plan.time_wait);
        scan_free(scan);
}

static void test_late_by_little_keeps_its_slot(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, SCHEDULE_NEVER);
        assert_int_equal(make_scan(scan, START + STEADY + INTERVAL / 10, SCHEDULE_NEVER),
                         START + STEADY);
        scan_free(scan);
}

/* The pause that was planned is told, not the one that it became. */
static void test_late_by_much_begins_anew(void **state)
{
        const uint64_t late_usec = START + STEADY + 3600 * SECOND;
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, SCHEDULE_NEVER);
        scan->plan.judged_usec = START;
        assert_int_equal(make_scan(scan, late_usec, SCHEDULE_NEVER), late_usec);
        assert_int_equal(scan->plan.pause_usec, STEADY);
        assert_int_equal(next_of(scan), late_usec + STEADY);
        scan_free(scan);
}

static void test_told_to_scan_at_once(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, SCHEDULE_NEVER);
        scan->plan.judged_usec = START;
        assert_false(scan_plan_is_due(scan, START + SECOND));
        scan->scan_now = true;
        assert_int_equal(make_scan(scan, START + SECOND, SCHEDULE_NEVER), START + SECOND);
        assert_int_equal(scan->plan.pause_usec, SECOND);
        assert_false(scan->scan_now);
        scan_free(scan);
}

/* Spends CPU time of this very thread. */
static void burn(uint64_t cpu_usec)
{
        const uint64_t end_usec = clock_thread_cpu_usec() + cpu_usec;

        while (clock_thread_cpu_usec() < end_usec)
                ;
}

static void test_looks_are_paid_by_scans(void **state)
{
        struct scan *scan = new_scan();
        struct schedule_pace pace;

        (void)state;
        scan->conf->cpu_budget_ppm = 100;
        scan_plan_start(scan, START);
        make_scan(scan, START, SCHEDULE_NEVER);
        scan->plan.cost_usec = 5500; /* of 6 ms that are saved up */
        burn(2500);
        scan_plan_looked(scan, START + SECOND);
        scan_get_pace(scan, &pace);
        assert_int_equal(pace.next.next_usec, START + STEADY); /* what 31 s bring has paid for it */
        burn(1000);
        scan_plan_looked(scan, START + STEADY - 1);
        scan_get_pace(scan, &pace);
        assert_int_equal(pace.next.reason, SCHEDULE_BUDGET);
        assert_int_equal(pace.next.wanted_usec, START + STEADY);
        scan_free(scan);
}

/* Half of what is saved up, however dear they are. What they took is told all the same. */
static void test_looks_take_half_at_most(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        scan->conf->cpu_budget_ppm = 100;
        scan_plan_start(scan, START);
        make_scan(scan, START, SCHEDULE_NEVER);
        burn(30000); /* ten times what they may take */
        scan_plan_looked(scan, START + SECOND);
        assert_int_equal(budget_left(&scan->plan.questions, START + SECOND), 0);
        assert_in_range(budget_left(&scan->plan.schedule.budget, START + SECOND), 1000, 3100);
        assert_int_equal(next_of(scan), START + STEADY);
        assert_in_range(budget_share(&scan->plan.schedule.budget, START + SECOND), 500, 2000);
        scan_free(scan);
}

/* Between the slot that is wanted and the one that can be paid for. */
static void test_a_look_does_not_move_what_is_wanted(void **state)
{
        struct scan *scan = new_scan();
        struct schedule_pace pace;

        (void)state;
        scan->conf->cpu_budget_ppm = 100;
        scan_plan_start(scan, START);
        burn(12000); /* of 6 ms */
        make_scan(scan, START, START);
        scan_get_pace(scan, &pace);
        assert_int_equal(pace.next.reason, SCHEDULE_BUDGET);
        assert_int_equal(pace.next.wanted_usec, START + INTERVAL);
        scan_plan_looked(scan, START + INTERVAL + SECOND);
        scan_get_pace(scan, &pace);
        assert_int_equal(pace.next.reason, SCHEDULE_BUDGET);
        assert_int_equal(pace.next.wanted_usec, START + INTERVAL);
        scan_free(scan);
}

/* A scan that was not judged, because a reload came in between, has not ended the pause. */
static void test_pause_since_one_was_judged(void **state)
{
        struct detect_due due = { .usec = SCHEDULE_NEVER };
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, SCHEDULE_NEVER);
        scan_set_due(scan, scan->plan.generation, &due);
        make_scan(scan, START + STEADY, SCHEDULE_NEVER);
        scan->scan_now = true;
        make_scan(scan, START + STEADY + SECOND, SCHEDULE_NEVER);
        assert_int_equal(scan->plan.pause_usec, STEADY + SECOND);
        scan_free(scan);
}

/* Else questions could keep scans away for ever. */
static void test_a_look_does_not_put_off_what_is_due(void **state)
{
        struct scan *scan = new_scan();

        (void)state;
        make_scan(scan, START, SCHEDULE_NEVER);
        scan_plan_looked(scan, START + STEADY + SECOND);
        assert_int_equal(next_of(scan), START + STEADY);
        assert_true(scan_plan_is_due(scan, START + STEADY + SECOND));
        scan_free(scan);
}

/* A scan that runs over its next slots is merged with them. */
static void test_a_slow_scan(void **state)
{
        const struct snapshot snapshot = { .due_usec = START };
        struct scan *scan = new_scan();

        (void)state;
        scan_plan_begin(scan, START);
        scan_plan_end(scan, 1, &snapshot, START + 25 * SECOND);
        assert_int_equal(next_of(scan), START + 30 * SECOND);
        scan_free(scan);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_seldom_while_nothing_is_due),
                cmocka_unit_test(test_what_was_seen_is_due),
                cmocka_unit_test(test_nothing_was_seen),
                cmocka_unit_test(test_the_judge_wants_it_sooner),
                cmocka_unit_test(test_late_by_little_keeps_its_slot),
                cmocka_unit_test(test_late_by_much_begins_anew),
                cmocka_unit_test(test_told_to_scan_at_once),
                cmocka_unit_test(test_looks_are_paid_by_scans),
                cmocka_unit_test(test_looks_take_half_at_most),
                cmocka_unit_test(test_a_look_does_not_put_off_what_is_due),
                cmocka_unit_test(test_a_look_does_not_move_what_is_wanted),
                cmocka_unit_test(test_pause_since_one_was_judged),
                cmocka_unit_test(test_a_slow_scan),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
