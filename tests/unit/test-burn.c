/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rates from counts: constant ones, plateaus, chance, bursts and changes. */

#include "fixture.h"

#include <math.h>

#include "burn.h"

#define START (1000 * USEC_PER_SEC)

/* A constant rate, counted every step_sec: the ETA is within 20 % from the second count on. */
static void a_constant_rate_is_exact(void **state)
{
        static const struct {
                double per_sec, step_sec;
                uint32_t usable;
        } cases[] = { { 4, 10, 200 }, { 8, 1, 200 }, { 400, 10, 28000 }, { 30, 0.5, 1000 } };

        (void)state;
        for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
                struct burn burn = { 0 };
                unsigned told = 0;

                for (unsigned i = 0;; i++) {
                        const double at = i * cases[c].step_sec;
                        const double used = at * cases[c].per_sec;
                        double rate, eta, truth;

                        if (used >= cases[c].usable)
                                break;
                        burn_add(&burn, START + (uint64_t)(at * 1e6), (uint32_t)used);
                        if (!burn_rate(&burn, &rate))
                                continue;
                        eta = (cases[c].usable - used) / rate / 1e6;
                        truth = (cases[c].usable - used) / cases[c].per_sec;
                        assert_true(fabs(eta - truth) <= 0.2 * truth + 0.01);
                        told++;
                }
                assert_true(told >= 3);
        }
}

/* Short connections for TIME_WAIT's minute: up, then level. */
static void a_plateau_has_no_rate(void **state)
{
        struct burn burn = { 0 };
        double rate;

        (void)state;
        for (unsigned i = 0; i <= 30; i++) {
                const uint32_t used = MIN(i * 10, 60U) * 300;

                burn_add(&burn, START + i * 10 * USEC_PER_SEC, used);
                if (i >= 2 && i <= 6)
                        assert_true(burn_rate(&burn, &rate));
                if (i > 6)
                        assert_false(burn_rate(&burn, &rate));
        }
}

/* A few: +-1 around 140. */
static void a_small_plateau_has_no_rate(void **state)
{
        static const int jitter[] = { 0, 1, -1, 1, 0, 0, 1, -1 };
        struct burn burn = { 0 };
        double rate;

        (void)state;
        for (unsigned i = 0; i < 100; i++) {
                burn_add(&burn, START + i * USEC_PER_SEC,
                         (uint32_t)(140 + jitter[i % ARRAY_SIZE(jitter)]));
                assert_false(burn_rate(&burn, &rate));
        }
}

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static uint32_t poisson(uint32_t *seed, double mean)
{
        const double limit = exp(-mean);
        double p = 1;
        uint32_t n = 0;

        do
                p *= (next_random(seed) + 1.0) / (1 << 24);
        while (p > limit && ++n < 1000);
        return n;
}

/* Random arrivals that stay a minute each: hardly ever a rate. */
static void chance_is_no_growth(void **state)
{
        uint32_t arrived[2000], seed = 7, told = 0, used = 0;
        struct burn burn = { 0 };
        double rate;

        (void)state;
        for (unsigned i = 0; i < ARRAY_SIZE(arrived); i++) {
                arrived[i] = poisson(&seed, 50);
                used += arrived[i];
                if (i >= 6)
                        used -= arrived[i - 6];
                if (i < 6)
                        continue;
                burn_add(&burn, START + i * 10 * USEC_PER_SEC, used);
                told += burn_rate(&burn, &rate);
        }
        assert_true(told < ARRAY_SIZE(arrived) / 50);
}

/* Connections that are kept, one a second, beside 20,000 others. */
static void slow_steady_growth_is_told(void **state)
{
        struct burn burn = { 0 };
        double rate;

        (void)state;
        for (unsigned i = 0; i < 8; i++)
                burn_add(&burn, START + i * 10 * USEC_PER_SEC, 20000 + i * 10);
        assert_true(burn_rate(&burn, &rate));
        assert_true(fabs(rate * 1e6 - 1) < 0.01);
}

static void a_burst_is_seen_at_once(void **state)
{
        struct burn burn = { 0 };
        double rate;

        (void)state;
        for (unsigned i = 0; i < 6; i++)
                burn_add(&burn, START + i * 10 * USEC_PER_SEC, 1000);
        burn_add(&burn, START + 60 * USEC_PER_SEC, 6000);
        assert_true(burn_rate(&burn, &rate));
        assert_true(fabs(rate * 1e6 - 500) < 1);
}

static void falling_is_no_rate_and_old_points_are_forgotten(void **state)
{
        struct burn burn = { 0 };
        double rate;

        (void)state;
        assert_false(burn_rate(&burn, &rate));
        burn_add(&burn, START, 1000);
        burn_add(&burn, START, 2000); /* not later: left out */
        assert_false(burn_rate(&burn, &rate));
        burn_add(&burn, START + 10 * USEC_PER_SEC, 500);
        assert_false(burn_rate(&burn, &rate));
        burn_add(&burn, START + 10 * USEC_PER_SEC + BURN_WINDOW_USEC + 1, 9000);
        assert_int_equal(burn.n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_constant_rate_is_exact),
                cmocka_unit_test(a_plateau_has_no_rate),
                cmocka_unit_test(a_small_plateau_has_no_rate),
                cmocka_unit_test(chance_is_no_growth),
                cmocka_unit_test(slow_steady_growth_is_told),
                cmocka_unit_test(a_burst_is_seen_at_once),
                cmocka_unit_test(falling_is_no_rate_and_old_points_are_forgotten),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
