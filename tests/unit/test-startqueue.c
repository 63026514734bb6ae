/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What waits to be started: once each, in order, at a bounded rate, and not for ever. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "startqueue.h"

#define NOW_USEC UINT64_C(5000000000)
#define SEC      UINT64_C(1000000)

static struct start_queue queue;

static int setup(void **state)
{
        (void)state;
        memset(&queue, 0, sizeof(queue));
        return 0;
}

static size_t waiting(void)
{
        size_t count;

        (void)start_queue_count(&queue, &count);
        return count;
}

static size_t all(void)
{
        size_t count;

        return start_queue_count(&queue, &count);
}

/* Asks for the next, which must be that unit. */
static struct start *ask(const char *unit, uint64_t now_usec)
{
        struct start *start = start_queue_next(&queue);

        assert_non_null(start);
        assert_string_equal(start->unit, unit);
        start_queue_ask(&queue, start, now_usec);
        return start;
}

static void test_once_each(void **state)
{
        (void)state;
        assert_null(start_queue_next(&queue));
        start_queue_put(&queue, "a", NOW_USEC);
        start_queue_put(&queue, "b", NOW_USEC + 1);
        start_queue_put(&queue, "a", NOW_USEC + 2); /* waits already, in its place */
        assert_int_equal(waiting(), 2);
        start_queue_done(&queue, ask("a", NOW_USEC + 3));
        start_queue_done(&queue, ask("b", NOW_USEC + 3));
        assert_int_equal(all(), 0);
        assert_int_equal(queue.dropped, 0);
}

/* While it is asked for, and while its job runs, one more of the same waits behind it. */
static void test_again(void **state)
{
        struct start *start;

        (void)state;
        start_queue_put(&queue, "a", NOW_USEC);
        start = ask("a", NOW_USEC);
        start_queue_put(&queue, "a", NOW_USEC);
        start_queue_put(&queue, "a", NOW_USEC);
        assert_int_equal(waiting(), 1);
        assert_null(start_queue_next(&queue));
        start_queue_run(start, "/job/1", NOW_USEC);
        start_queue_put(&queue, "b", NOW_USEC);
        start_queue_done(&queue, ask("b", NOW_USEC)); /* others need not wait for it */
        assert_null(start_queue_next(&queue));
        assert_ptr_equal(start_queue_find_job(&queue, "/job/1"), start);
        assert_null(start_queue_find_job(&queue, "/job/10"));
        start_queue_done(&queue, start);
        start = ask("a", NOW_USEC);
        start_queue_run(start, "/job/2", NOW_USEC);
        start_queue_done(&queue, start);
        assert_null(start_queue_find_job(&queue, "/job/2"));
        assert_int_equal(all(), 0);
}

static void test_full(void **state)
{
        char unit[16];

        (void)state;
        for (int i = 0; i < STARTER_WAITING_MAX + 3; i++) {
                (void)snprintf(unit, sizeof(unit), "u%d", i);
                start_queue_put(&queue, unit, NOW_USEC);
        }
        start_queue_put(&queue, "u0", NOW_USEC); /* is there: not dropped */
        assert_int_equal(waiting(), STARTER_WAITING_MAX);
        assert_int_equal(queue.dropped, 3);
        for (int i = 0; i < STARTER_WAITING_MAX; i++) {
                (void)snprintf(unit, sizeof(unit), "u%d", i);
                start_queue_done(&queue, ask(unit, NOW_USEC));
        }
        assert_null(start_queue_next(&queue));
}

/* So many starts are allowed by that moment. */
static unsigned take_all(uint64_t now_usec)
{
        unsigned n = 0;

        while (start_queue_token_usec(&queue, now_usec) <= now_usec && n < 1000) {
                start_queue_put(&queue, "a", now_usec);
                start_queue_done(&queue, ask("a", now_usec));
                n++;
        }
        return n;
}

static void test_rate(void **state)
{
        (void)state;
        assert_int_equal(start_queue_token_usec(&queue, NOW_USEC), NOW_USEC);
        assert_int_equal(take_all(NOW_USEC), STARTER_BURST);
        assert_int_equal(start_queue_token_usec(&queue, NOW_USEC), NOW_USEC + STARTER_REFILL_USEC);
        assert_int_equal(take_all(NOW_USEC + STARTER_REFILL_USEC - 1), 0);
        assert_int_equal(take_all(NOW_USEC + STARTER_REFILL_USEC), 1);
        assert_int_equal(take_all(NOW_USEC + 4 * STARTER_REFILL_USEC), 3);
        /* What is not used is saved up, and no more than a burst. */
        assert_int_equal(take_all(NOW_USEC + 100 * STARTER_REFILL_USEC), STARTER_BURST);
}

/* Just after the machine has started its clock is near 0. */
static void test_rate_at_boot(void **state)
{
        (void)state;
        assert_int_equal(take_all(1), STARTER_BURST);
        assert_int_equal(start_queue_token_usec(&queue, 1), 1 + STARTER_REFILL_USEC);
}

static void test_too_old(void **state)
{
        (void)state;
        assert_int_equal(start_queue_expiry_usec(&queue), START_NEVER);
        start_queue_put(&queue, "a", NOW_USEC);
        start_queue_put(&queue, "b", NOW_USEC);
        start_queue_put(&queue, "b", NOW_USEC + 60 * SEC); /* the newest event counts */
        assert_int_equal(start_queue_expiry_usec(&queue), NOW_USEC + STARTER_KEEP_USEC);
        start_queue_expire(&queue, NOW_USEC + STARTER_KEEP_USEC - 1);
        assert_int_equal(waiting(), 2);
        start_queue_expire(&queue, NOW_USEC + STARTER_KEEP_USEC);
        assert_int_equal(waiting(), 1);
        assert_int_equal(queue.dropped, 1);
        (void)ask("b", NOW_USEC);
}

/* A job that never ends holds its unit up for a while, and is not counted as lost. */
static void test_long_job(void **state)
{
        struct start *start;

        (void)state;
        start_queue_put(&queue, "a", NOW_USEC);
        start = ask("a", NOW_USEC);
        assert_int_equal(start_queue_expiry_usec(&queue), START_NEVER);
        start_queue_run(start, "/job/1", NOW_USEC);
        start_queue_put(&queue, "a", NOW_USEC + SEC);
        assert_int_equal(start_queue_expiry_usec(&queue), NOW_USEC + STARTER_JOB_USEC);
        start_queue_expire(&queue, NOW_USEC + STARTER_JOB_USEC - 1);
        assert_null(start_queue_next(&queue));
        start_queue_expire(&queue, NOW_USEC + STARTER_JOB_USEC);
        (void)ask("a", NOW_USEC + STARTER_JOB_USEC);
        assert_int_equal(queue.dropped, 0);
}

/* Whose end could not be recognized. */
static void test_no_path(void **state)
{
        (void)state;
        start_queue_put(&queue, "a", NOW_USEC);
        start_queue_run(ask("a", NOW_USEC), "", NOW_USEC);
        assert_int_equal(start_queue_expiry_usec(&queue), NOW_USEC);
        start_queue_expire(&queue, NOW_USEC);
        assert_int_equal(all(), 0);
}

static void test_long_path(void **state)
{
        char path[START_JOB_MAX + 1];
        struct start *start;

        (void)state;
        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        start_queue_put(&queue, "a", NOW_USEC);
        start = ask("a", NOW_USEC);
        start_queue_run(start, path, NOW_USEC);
        assert_null(start_queue_find_job(&queue, path));
        start_queue_expire(&queue, NOW_USEC);
        assert_int_equal(all(), 0);
}

static void test_lost(void **state)
{
        struct start *start;

        (void)state;
        start_queue_put(&queue, "runs", NOW_USEC);
        start_queue_run(ask("runs", NOW_USEC), "/job/1", NOW_USEC);
        start_queue_put(&queue, "again", NOW_USEC);
        start_queue_run(ask("again", NOW_USEC), "/job/2", NOW_USEC);
        start_queue_put(&queue, "again", NOW_USEC);
        start_queue_put(&queue, "asked", NOW_USEC);
        start_queue_put(&queue, "waits", NOW_USEC);
        (void)ask("asked", NOW_USEC);
        start_queue_put(&queue, "asked", NOW_USEC);
        start_queue_lost(&queue);
        assert_int_equal(all(), 3); /* what ran was taken, and is over */
        start = ask("asked", NOW_USEC);
        start_queue_done(&queue, start); /* once is enough for both events */
        start_queue_done(&queue, ask("waits", NOW_USEC));
        start_queue_done(&queue, ask("again", NOW_USEC));
        assert_int_equal(all(), 0);
}

static void test_forget(void **state)
{
        struct start *start;

        (void)state;
        start_queue_put(&queue, "a", NOW_USEC);
        start = ask("a", NOW_USEC);
        start_queue_put(&queue, "a", NOW_USEC);
        start_queue_put(&queue, "b", NOW_USEC);
        start_queue_forget(&queue);
        assert_int_equal(waiting(), 0);
        assert_int_equal(all(), 1); /* what is asked for already */
        start_queue_done(&queue, start);
        assert_int_equal(all(), 0);
        assert_int_equal(queue.dropped, 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_once_each, setup),
                cmocka_unit_test_setup(test_again, setup),
                cmocka_unit_test_setup(test_full, setup),
                cmocka_unit_test_setup(test_rate, setup),
                cmocka_unit_test_setup(test_rate_at_boot, setup),
                cmocka_unit_test_setup(test_too_old, setup),
                cmocka_unit_test_setup(test_long_job, setup),
                cmocka_unit_test_setup(test_no_path, setup),
                cmocka_unit_test_setup(test_long_path, setup),
                cmocka_unit_test_setup(test_lost, setup),
                cmocka_unit_test_setup(test_forget, setup),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
