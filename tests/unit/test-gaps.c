/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include "gaps.h"
#include "units.h"

#define SECOND USEC_PER_SEC
#define MINUTE USEC_PER_MIN

/* A look every 10 s from there until then, as planned. */
static void watch(struct gaps *gaps, uint64_t *now, uint64_t until)
{
        for (; *now < until; *now += 10 * SECOND)
                gaps_look(gaps, 10 * SECOND, *now);
        gaps_look(gaps, 10 * SECOND, *now);
}

static void hold(struct gaps *gaps, uint64_t *now, uint64_t usec)
{
        *now += usec;
        gaps_look(gaps, 10 * SECOND, *now);
}

/* A minute of looks as planned, and then none for so long; ret_now is when they go on. */
static struct gaps held_for(uint64_t usec, uint64_t *ret_now)
{
        struct gaps gaps = { 0 };

        *ret_now = SECOND;
        watch(&gaps, ret_now, MINUTE);
        hold(&gaps, ret_now, usec);
        return gaps;
}

static void test_none(void **state)
{
        struct gaps gaps = { 0 };
        uint64_t now = SECOND;

        (void)state;
        assert_int_equal(gaps_settle_usec(&gaps, 0), 0);
        watch(&gaps, &now, 10 * MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, 0), 0);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), 0);
}

static void test_one_settles(void **state)
{
        uint64_t now;
        struct gaps gaps = held_for(10 * MINUTE, &now);
        const uint64_t resumed = now;

        (void)state;
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), resumed + MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, 10 * MINUTE), 0); /* not longer than that */
        watch(&gaps, &now, resumed + MINUTE - SECOND);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), 0);
        assert_int_equal(gaps_settle_usec(&gaps, 2 * MINUTE), resumed + 2 * MINUTE);
}

/* A machine that is held again, for less long, before it has been watched for as long as at first. */
static void test_a_shorter_one_behind_a_long_one(void **state)
{
        uint64_t now;
        struct gaps gaps = held_for(30 * MINUTE, &now);
        const uint64_t first = now;

        (void)state;
        watch(&gaps, &now, now + 2 * MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), 0);
        hold(&gaps, &now, 5 * MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), now + MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, 20 * MINUTE), first + 20 * MINUTE);
        hold(&gaps, &now, 31 * MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), now + MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, 20 * MINUTE), now + 20 * MINUTE);
}

/* Scans that are late again and again do not put off for ever what goes by greater ages. */
static void test_small_ones_change_nothing(void **state)
{
        uint64_t now;
        struct gaps gaps = held_for(10 * MINUTE, &now);
        const uint64_t resumed = now;

        (void)state;
        while (now < resumed + 4 * MINUTE) {
                hold(&gaps, &now, 45 * SECOND);
                assert_int_equal(gaps_settle_usec(&gaps, 5 * MINUTE), resumed + 5 * MINUTE);
        }
        hold(&gaps, &now, 45 * SECOND);
        hold(&gaps, &now, 45 * SECOND);
        assert_int_equal(gaps_settle_usec(&gaps, 5 * MINUTE), 0);
}

/* Each shorter than the one before: the oldest give way, the newest are there. */
static void test_too_many(void **state)
{
        struct gaps gaps = { 0 };
        uint64_t now = SECOND;

        (void)state;
        watch(&gaps, &now, MINUTE);
        for (uint64_t minutes = 2 * GAPS_MAX; minutes > 1; minutes--)
                hold(&gaps, &now, minutes * MINUTE);
        assert_int_equal(gaps.n, GAPS_MAX);
        assert_int_equal(gaps_settle_usec(&gaps, MINUTE), now + MINUTE);
        assert_int_equal(gaps_settle_usec(&gaps, 2 * MINUTE), 0); /* over: watched for that long */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_one_settles),
                cmocka_unit_test(test_a_shorter_one_behind_a_long_one),
                cmocka_unit_test(test_small_ones_change_nothing),
                cmocka_unit_test(test_too_many),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
