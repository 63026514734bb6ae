/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last events: in order, bounded, and up to where they were told. */

#include "fixture.h"

#include <errno.h>

#include "eventlog.h"

static int setup(void **state)
{
        struct eventlog *log;

        assert_int_equal(eventlog_new(&log), 0);
        *state = log;
        return 0;
}

static int teardown(void **state)
{
        assert_null(eventlog_free(*state));
        return 0;
}

static int add(struct eventlog *log, uint64_t sequence)
{
        struct event event = { .sequence = sequence, .now_usec = sequence * 10 };

        owner_clear(&event.alert.owner);
        return eventlog_add(log, &event);
}

static void test_order(void **state)
{
        struct eventlog *log = *state;

        assert_int_equal(eventlog_count(log), 0);
        assert_int_equal(add(log, 0), -EINVAL);
        assert_int_equal(add(log, 5), 0);
        assert_int_equal(add(log, 5), -EINVAL);
        assert_int_equal(add(log, 4), -EINVAL);
        assert_int_equal(add(log, 9), 0); /* a number may be missing */
        assert_int_equal(eventlog_count(log), 2);
        assert_int_equal(eventlog_get(log, 0)->sequence, 5);
        assert_int_equal(eventlog_get(log, 1)->sequence, 9);
        assert_int_equal(eventlog_get(log, 1)->now_usec, 90);
}

static void test_told(void **state)
{
        struct eventlog *log = *state;

        assert_int_equal(eventlog_told(log), 0);
        eventlog_set_told(log, 7);
        eventlog_set_told(log, 6);
        assert_int_equal(eventlog_told(log), 7);
}

/* Nobody was told of any: rounds enough to see the ring go over its end. */
static void test_bounds(void **state)
{
        struct eventlog *log = *state;
        const uint64_t n = 2 * EVENTLOG_MAX + 10;

        for (uint64_t i = 1; i <= EVENTLOG_MAX; i++)
                assert_int_equal(add(log, i), 0);
        assert_int_equal(eventlog_count(log), EVENTLOG_MAX);
        assert_int_equal(eventlog_lost(log), 0);
        for (uint64_t i = EVENTLOG_MAX + 1; i <= n; i++) {
                const uint64_t gone = i - EVENTLOG_MAX;

                assert_int_equal(add(log, i), 0);
                assert_int_equal(eventlog_count(log), EVENTLOG_MAX);
                assert_int_equal(eventlog_lost(log), gone);
                assert_int_equal(eventlog_get(log, 0)->sequence, gone + 1);
                assert_int_equal(eventlog_get(log, EVENTLOG_MAX - 1)->sequence, i);
        }
        assert_int_equal(add(log, n), -EINVAL);
}

/* Of what has been told fewer are kept, and none of them is lost. */
static void test_told_makes_room(void **state)
{
        struct eventlog *log = *state;

        for (uint64_t i = 1; i <= 1000; i++)
                assert_int_equal(add(log, i), 0);
        assert_int_equal(eventlog_count(log), 1000);
        eventlog_set_told(log, 10);
        assert_int_equal(eventlog_count(log), 990);
        eventlog_set_told(log, 990);
        assert_int_equal(eventlog_count(log), EVENTLOG_KEPT);
        assert_int_equal(eventlog_get(log, 0)->sequence, 1000 - EVENTLOG_KEPT + 1);
        assert_int_equal(add(log, 1001), 0);
        assert_int_equal(eventlog_count(log), EVENTLOG_KEPT);
        assert_int_equal(eventlog_get(log, EVENTLOG_KEPT - 1)->sequence, 1001);
        assert_int_equal(eventlog_lost(log), 0);
}

/* Of a log that was read back: what is missing before it. */
static void test_lost_before(void **state)
{
        struct eventlog *log = *state;

        eventlog_count_lost(log);
        assert_int_equal(eventlog_lost(log), 0);
        eventlog_set_told(log, 2);
        assert_int_equal(add(log, 6), 0);
        eventlog_count_lost(log);
        assert_int_equal(eventlog_lost(log), 3);
        eventlog_set_told(log, 5);
        eventlog_count_lost(log);
        assert_int_equal(eventlog_lost(log), 0);
}

static void test_owner(void **state)
{
        struct eventlog *log = *state;
        struct owner owner;

        owner_clear(&owner);
        strcpy(owner.unit, "leaky.service");
        eventlog_set_owner(log, 1, &owner); /* there is none */
        for (uint64_t i = 2; i <= EVENTLOG_MAX + 10; i += 2)
                assert_int_equal(add(log, i), 0);
        for (uint64_t i = 0; i <= EVENTLOG_MAX + 20; i++)
                if (i % 4 != 0)
                        eventlog_set_owner(log, i, &owner);
        for (size_t i = 0; i < eventlog_count(log); i++) {
                const struct event *event = eventlog_get(log, i);

                assert_string_equal(event->alert.owner.unit,
                                    event->sequence % 4 == 0 ? "" : "leaky.service");
        }
}

static void test_empty(void **state)
{
        struct eventlog *log = *state;

        for (uint64_t i = 1; i <= EVENTLOG_MAX + 3; i++)
                assert_int_equal(add(log, i), 0);
        eventlog_set_told(log, 9);
        eventlog_empty(log);
        assert_int_equal(eventlog_count(log), 0);
        assert_int_equal(eventlog_told(log), 0);
        assert_int_equal(eventlog_lost(log), 0);
        assert_int_equal(add(log, 1), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = { T(test_order),       T(test_told),
                                            T(test_bounds),      T(test_told_makes_room),
                                            T(test_lost_before), T(test_owner),
                                            T(test_empty) };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
