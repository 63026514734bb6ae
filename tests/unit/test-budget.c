/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A share of one CPU: what is spent keeps to it, whatever is asked for, and is remembered. */

#include "budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base.h"
#include "units.h"

#define START_USEC (1000 * USEC_PER_HOUR)
#define WEEK_USEC  (7 * USEC_PER_DAY)

/* xorshift64: the same values in every run. */
static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* Every magnitude alike. */
static uint64_t any_number(uint64_t *seed)
{
        uint64_t number = next_random(seed);

        return number >> next_random(seed) % 64;
}

/* What so much time brings. */
static uint64_t brings(uint32_t ppm, uint64_t usec)
{
        return (uint64_t)((unsigned __int128)usec * ppm / BUDGET_PPM_MAX);
}

static void test_full_at_first(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 10000, START_USEC);
        /* 1 % of 60 s */
        assert_int_equal(budget_affords(&budget, 600000, START_USEC), START_USEC);
        budget_spend(&budget, 600000, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC), START_USEC);
        assert_int_equal(budget_affords(&budget, 1, START_USEC), START_USEC + 100);
        assert_int_equal(budget_affords(&budget, 10000, START_USEC), START_USEC + USEC_PER_SEC);
        assert_int_equal(budget_affords(&budget, 10000, START_USEC + 2 * USEC_PER_SEC),
                         START_USEC + 2 * USEC_PER_SEC);
}

static void test_no_more_is_saved_up(void **state)
{
        struct budget budget;
        const uint64_t later_usec = START_USEC + 52 * WEEK_USEC;

        (void)state;
        budget_init(&budget, 10000, START_USEC);
        budget_spend(&budget, 0, later_usec);
        budget_spend(&budget, 600000, later_usec);
        assert_int_equal(budget_affords(&budget, 600000, later_usec), later_usec + USEC_PER_MIN);
        assert_int_equal(budget_affords(&budget, 600001, later_usec), later_usec + USEC_PER_MIN);
        assert_int_equal(budget_affords(&budget, UINT64_MAX, later_usec),
                         later_usec + USEC_PER_MIN);
}

static void test_overdrawn(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 2000, START_USEC); /* saves up 120 ms */
        assert_int_equal(budget_affords(&budget, 450000, START_USEC), START_USEC);
        budget_spend(&budget, 450000, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC), START_USEC + 165 * USEC_PER_SEC);
        assert_int_equal(budget_affords(&budget, 450000, START_USEC),
                         START_USEC + 225 * USEC_PER_SEC);
}

static void test_not_a_picosecond_too_early(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 3, START_USEC); /* saves up 180 us */
        budget_spend(&budget, 180, START_USEC);
        assert_int_equal(budget_affords(&budget, 1, START_USEC), START_USEC + 333334);
        assert_int_equal(budget_affords(&budget, 3, START_USEC), START_USEC + USEC_PER_SEC);
}

static void test_without_a_limit(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 0, START_USEC);
        budget_spend(&budget, UINT64_MAX, START_USEC);
        assert_int_equal(budget_affords(&budget, UINT64_MAX, START_USEC + 1), START_USEC + 1);
        budget_spend(&budget, 2, START_USEC);
        assert_int_equal(budget_share(&budget, START_USEC + USEC_PER_MIN), BUDGET_PPM_MAX);
        budget_init(&budget, 0, START_USEC);
        budget_spend(&budget, 3 * USEC_PER_SEC, START_USEC);
        assert_int_equal(budget_share(&budget, START_USEC + USEC_PER_MIN), 50000);
}

static void test_another_share(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 10000, START_USEC);
        budget_spend(&budget, 700000, START_USEC); /* 100 ms too much */
        budget_set(&budget, 100000, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC), START_USEC + USEC_PER_SEC);
        budget_set(&budget, 1000, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC), START_USEC + 100 * USEC_PER_SEC);

        budget_init(&budget, 10000, START_USEC);
        budget_set(&budget, 1000, START_USEC); /* of 600 ms it may keep 60 */
        budget_spend(&budget, 60000, START_USEC);
        assert_int_equal(budget_affords(&budget, 1, START_USEC), START_USEC + 1000);

        budget_init(&budget, 1000, START_USEC);
        budget_set(&budget, 10000, START_USEC); /* 60 ms are no more by that */
        assert_int_equal(budget_affords(&budget, 70000, START_USEC), START_USEC + USEC_PER_SEC);
        assert_int_equal(budget_affords(&budget, 70000, START_USEC + USEC_PER_SEC),
                         START_USEC + USEC_PER_SEC);

        budget_set(&budget, 0, START_USEC);
        budget_spend(&budget, USEC_PER_HOUR, START_USEC);
        budget_set(&budget, 10000, START_USEC); /* begins full */
        assert_int_equal(budget_affords(&budget, 600000, START_USEC), START_USEC);
}

/* Settled a million times in small steps it comes to the same. */
static void test_nothing_is_lost_to_rounding(void **state)
{
        struct budget often, once;
        const uint64_t end_usec = START_USEC + 1000000 * UINT64_C(7);

        (void)state;
        budget_init(&often, 1234, START_USEC);
        budget_init(&once, 1234, START_USEC);
        budget_spend(&often, USEC_PER_SEC, START_USEC);
        budget_spend(&once, USEC_PER_SEC, START_USEC);
        for (uint64_t now_usec = START_USEC; now_usec <= end_usec; now_usec += 7)
                budget_spend(&often, 0, now_usec);
        for (uint64_t cost = 0; cost < 100000; cost += 777)
                assert_int_equal(budget_affords(&often, cost, end_usec),
                                 budget_affords(&once, cost, end_usec));
}

/* Scans of cost_usec each, as soon as they can be paid for, for so long; what they took in all. */
static uint64_t spend_all(uint32_t ppm, uint64_t cost_usec, uint64_t time_usec)
{
        struct budget budget;
        uint64_t now_usec = START_USEC, spent_usec = 0;

        budget_init(&budget, ppm, START_USEC);
        for (;;) {
                now_usec = budget_affords(&budget, cost_usec, now_usec);
                if (now_usec > START_USEC + time_usec)
                        return spent_usec;
                budget_spend(&budget, cost_usec, now_usec);
                spent_usec += cost_usec;
        }
}

/* At every moment; and what there is is not left lying, either. */
static void test_what_is_spent_keeps_to_the_share(void **state)
{
        uint64_t seed = 88172645463325252;

        (void)state;
        for (unsigned i = 0; i < 400; i++) {
                const uint32_t ppm = (uint32_t)(next_random(&seed) % BUDGET_PPM_MAX + 1);
                const uint64_t cost_usec = next_random(&seed) % (2 * USEC_PER_SEC) + 10000;
                const uint64_t time_usec = next_random(&seed) % (15 * USEC_PER_MIN);
                const uint64_t saved_usec = brings(ppm, BUDGET_SAVED_USEC);
                const uint64_t spent_usec = spend_all(ppm, cost_usec, time_usec);
                const uint64_t most_usec = cost_usec > saved_usec
                                                   ? brings(ppm, time_usec) + cost_usec
                                                   : brings(ppm, time_usec + BUDGET_SAVED_USEC);

                assert_true(spent_usec <= most_usec);
                assert_true(spent_usec + cost_usec >= most_usec);
        }
}

/* Costs that change, known beforehand, and moments at which nobody asks. */
static void test_costs_that_change(void **state)
{
        uint64_t seed = 362436069;

        (void)state;
        for (unsigned i = 0; i < 200; i++) {
                const uint32_t ppm = (uint32_t)(next_random(&seed) % 20000 + 100);
                const uint64_t cost_max = brings(ppm, BUDGET_SAVED_USEC) * 3 / 2;
                uint64_t now_usec = START_USEC, spent_usec = 0;
                struct budget budget;

                budget_init(&budget, ppm, START_USEC);
                for (unsigned scan = 0; scan < 100; scan++) {
                        const uint64_t cost_usec = next_random(&seed) % cost_max;

                        now_usec += any_number(&seed) % (2 * USEC_PER_MIN);
                        now_usec = budget_affords(&budget, cost_usec, now_usec);
                        budget_spend(&budget, cost_usec, now_usec);
                        spent_usec += cost_usec;
                        assert_true(spent_usec <=
                                    brings(ppm, now_usec - START_USEC + BUDGET_SAVED_USEC) +
                                            cost_max);
                }
        }
}

/* Dear scans and a small share: a million sockets at 0.2 %. */
static void test_ten_minutes_of_dear_scans(void **state)
{
        const uint64_t time_usec = 600 * USEC_PER_SEC;

        (void)state;
        assert_int_equal(spend_all(2000, 450000, time_usec), 3 * 450000);
        assert_true(spend_all(2000, 450000, time_usec) * BUDGET_PPM_MAX / time_usec <= 2500);
}

/* The first moment at which there is enough, to the microsecond, from any state. */
static void test_not_earlier_and_not_later(void **state)
{
        uint64_t seed = 521288629;

        (void)state;
        for (unsigned i = 0; i < 20000; i++) {
                const uint32_t ppm = (uint32_t)(next_random(&seed) % BUDGET_PPM_MAX + 1);
                const uint64_t cost_usec =
                        next_random(&seed) % (brings(ppm, BUDGET_SAVED_USEC) + 1);
                uint64_t when_usec, before_usec;
                struct budget budget;

                budget_init(&budget, ppm, START_USEC);
                budget_spend(&budget, any_number(&seed) % USEC_PER_DAY, START_USEC);
                when_usec = budget_affords(&budget, cost_usec, START_USEC);
                assert_int_equal(budget_affords(&budget, cost_usec, when_usec), when_usec);
                if (when_usec == START_USEC)
                        continue;
                before_usec = when_usec - 1;
                assert_int_equal(budget_affords(&budget, cost_usec, before_usec), when_usec);
                /* settling it there changes nothing */
                budget_spend(&budget, 0, before_usec);
                assert_int_equal(budget_affords(&budget, cost_usec, before_usec), when_usec);
                budget_spend(&budget, 0, when_usec);
                assert_int_equal(budget_affords(&budget, cost_usec, when_usec), when_usec);
        }
}

/* Any input, with the sanitizers looking on. */
static void test_nothing_overflows(void **state)
{
        uint64_t seed = 314159265358979;
        struct budget budget;

        (void)state;
        budget_init(&budget, BUDGET_PPM_MAX, any_number(&seed));
        for (unsigned i = 0; i < 200000; i++) {
                const uint64_t now_usec = any_number(&seed);

                if (i % 32 == 0)
                        budget_init_strict(&budget,
                                           (uint32_t)(any_number(&seed) % (BUDGET_PPM_MAX + 1)),
                                           any_number(&seed), now_usec);
                else if (i % 16 == 0)
                        budget_init(&budget, (uint32_t)(any_number(&seed) % (BUDGET_PPM_MAX + 1)),
                                    now_usec);
                else if (i % 4 == 0)
                        budget_set(&budget, (uint32_t)(any_number(&seed) % (BUDGET_PPM_MAX + 1)),
                                   now_usec);
                else
                        budget_spend(&budget, any_number(&seed), now_usec);
                assert_true(budget.balance_psec <= (int64_t)(budget.ppm * BUDGET_SAVED_USEC));
                assert_true(budget_affords(&budget, any_number(&seed), now_usec) >= now_usec);
                assert_true(budget_share(&budget, any_number(&seed)) <= BUDGET_PPM_MAX);
        }
}

/* A debt can be large, and is forgiven: in ten minutes the account is full again. */
static void test_weeks_of_debt(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, BUDGET_PPM_MAX, START_USEC);
        budget_spend(&budget, WEEK_USEC, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC),
                         START_USEC + BUDGET_DEBT_USEC - BUDGET_SAVED_USEC);
        assert_int_equal(budget_affords(&budget, USEC_PER_MIN, START_USEC),
                         START_USEC + BUDGET_DEBT_USEC);
        budget_init(&budget, 100, UINT64_MAX - 1);
        budget_spend(&budget, WEEK_USEC, UINT64_MAX - 1);
        assert_true(budget_affords(&budget, 0, UINT64_MAX - 1) == UINT64_MAX);
}

/* A tenth of a CPU would save up six seconds. */
static void test_a_strict_one_saves_up_less(void **state)
{
        const uint64_t later_usec = START_USEC + WEEK_USEC;
        struct budget budget;

        (void)state;
        budget_init_strict(&budget, 100000, USEC_PER_SEC, START_USEC);
        assert_int_equal(budget_full(&budget), USEC_PER_SEC);
        assert_int_equal(budget_left(&budget, START_USEC), USEC_PER_SEC);
        assert_int_equal(budget_left(&budget, later_usec), USEC_PER_SEC);
        budget_spend(&budget, USEC_PER_SEC, later_usec);
        assert_int_equal(budget_affords(&budget, 1, later_usec), later_usec + 10);
        assert_int_equal(budget_affords(&budget, USEC_PER_MIN, later_usec),
                         later_usec + 10 * USEC_PER_SEC);
        budget_set(&budget, 10000, later_usec + USEC_PER_MIN);
        assert_int_equal(budget_full(&budget), 600000); /* that is less */
        assert_int_equal(budget_left(&budget, later_usec + USEC_PER_MIN), 600000);
        budget_set(&budget, 1000000, later_usec + USEC_PER_MIN);
        assert_int_equal(budget_left(&budget, later_usec + USEC_PER_HOUR), USEC_PER_SEC);
}

/* Of the two seconds all but the 3 ms that were there: 50 ppm bring that in 11 hours. */
static void test_a_strict_one_has_its_debts_paid(void **state)
{
        struct budget budget;

        (void)state;
        budget_init_strict(&budget, 50, USEC_PER_SEC, START_USEC);
        budget_spend(&budget, 2 * USEC_PER_SEC, START_USEC);
        assert_int_equal(budget_affords(&budget, 0, START_USEC), START_USEC + 39940 * USEC_PER_SEC);
        budget_spend(&budget, WEEK_USEC, START_USEC);
        assert_int_equal(budget_affords(&budget, USEC_PER_SEC, START_USEC),
                         START_USEC + BUDGET_STRICT_USEC);
}

static void test_a_clock_that_goes_back(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 10000, START_USEC);
        budget_spend(&budget, 600000, START_USEC);
        budget_spend(&budget, 0, START_USEC - WEEK_USEC);
        assert_int_equal(budget_affords(&budget, 10000, START_USEC - WEEK_USEC),
                         START_USEC + USEC_PER_SEC);
        assert_int_equal(budget_affords(&budget, 10000, START_USEC), START_USEC + USEC_PER_SEC);
}

static void test_share_since_it_was_begun(void **state)
{
        const uint64_t begun_usec = START_USEC + 17 * USEC_PER_SEC;
        struct budget budget;

        (void)state;
        budget_init(&budget, 10000, begun_usec);
        assert_int_equal(budget_share(&budget, begun_usec), 0);
        assert_int_equal(budget_share(&budget, begun_usec + USEC_PER_HOUR), 0);
        budget_spend(&budget, 20000, begun_usec);
        /* a second in which much was spent is no share of anything: a minute at least */
        assert_int_equal(budget_share(&budget, begun_usec + USEC_PER_SEC), 20000 / 60);
        assert_int_equal(budget_share(&budget, begun_usec + 40 * USEC_PER_SEC), 20000 / 60);
        assert_int_equal(budget_share(&budget, begun_usec + 80 * USEC_PER_SEC), 250);
}

/* A second of CPU time is spent in the middle of a minute, and forgotten when it is the 11th. */
static void test_minutes_are_forgotten(void **state)
{
        const uint64_t spent_usec = START_USEC + USEC_PER_HOUR + 30 * USEC_PER_SEC;
        struct budget budget;

        (void)state;
        assert_int_equal(START_USEC % USEC_PER_MIN, 0);
        for (unsigned phase = 0; phase < BUDGET_MINUTES; phase++) {
                const uint64_t at_usec = spent_usec + phase * USEC_PER_MIN;

                budget_init(&budget, 10000, START_USEC);
                budget_spend(&budget, USEC_PER_SEC, at_usec);
                assert_int_equal(budget_share(&budget, at_usec), 1000000 / 570);
                assert_int_equal(budget_share(&budget, at_usec + 9 * USEC_PER_MIN), 1000000 / 570);
                assert_int_equal(budget_share(&budget, at_usec + 9 * USEC_PER_MIN + 29999999),
                                 1000000 / 600);
                assert_int_equal(budget_share(&budget, at_usec + 9 * USEC_PER_MIN + 30000000), 0);
                for (unsigned minutes = 10; minutes < 40; minutes++)
                        assert_int_equal(budget_share(&budget, at_usec + minutes * USEC_PER_MIN),
                                         0);
        }
}

/* A second of every minute. */
static void test_share_of_many_minutes(void **state)
{
        uint64_t now_usec = START_USEC;
        struct budget budget;

        (void)state;
        budget_init(&budget, 0, START_USEC);
        for (unsigned minute = 0; minute < 100; minute++) {
                budget_spend(&budget, USEC_PER_SEC, now_usec + 5 * USEC_PER_SEC);
                now_usec += USEC_PER_MIN;
                assert_int_equal(budget_share(&budget, now_usec - 1), 1000000 / 60);
        }
}

/* A debt of a large share is none of a small one that could not pay it in ten minutes. */
static void test_debt_of_another_share(void **state)
{
        struct budget budget;

        (void)state;
        budget_init(&budget, 500000, START_USEC);
        budget_spend(&budget, 100 * USEC_PER_SEC, START_USEC);
        budget_set(&budget, 100, START_USEC);
        assert_int_equal(budget_affords(&budget, budget_full(&budget), START_USEC) - START_USEC,
                         BUDGET_DEBT_USEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full_at_first),
                cmocka_unit_test(test_no_more_is_saved_up),
                cmocka_unit_test(test_overdrawn),
                cmocka_unit_test(test_not_a_picosecond_too_early),
                cmocka_unit_test(test_without_a_limit),
                cmocka_unit_test(test_another_share),
                cmocka_unit_test(test_debt_of_another_share),
                cmocka_unit_test(test_nothing_is_lost_to_rounding),
                cmocka_unit_test(test_what_is_spent_keeps_to_the_share),
                cmocka_unit_test(test_costs_that_change),
                cmocka_unit_test(test_ten_minutes_of_dear_scans),
                cmocka_unit_test(test_not_earlier_and_not_later),
                cmocka_unit_test(test_nothing_overflows),
                cmocka_unit_test(test_weeks_of_debt),
                cmocka_unit_test(test_a_strict_one_saves_up_less),
                cmocka_unit_test(test_a_strict_one_has_its_debts_paid),
                cmocka_unit_test(test_a_clock_that_goes_back),
                cmocka_unit_test(test_share_since_it_was_begun),
                cmocka_unit_test(test_minutes_are_forgotten),
                cmocka_unit_test(test_share_of_many_minutes),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
