/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether arrivals go on, at how many times and how fast: known processes, looked at in hindsight. */

#include "fixture.h"

#include <math.h>

#include "arrivals.h"

#define RUNS 1000

static const uint64_t lengths[ARRIVALS_WINDOWS] = { 5 * USEC_PER_MIN, 20 * USEC_PER_MIN,
                                                    80 * USEC_PER_MIN, 320 * USEC_PER_MIN };
static const uint64_t periods[] = { USEC_PER_SEC, 10 * USEC_PER_SEC, USEC_PER_MIN,
                                    10 * USEC_PER_MIN, 30 * USEC_PER_MIN };

static struct arrivals none(void)
{
        struct arrivals arrivals;

        arrivals_init(&arrivals, USEC_PER_MIN);
        return arrivals;
}

static struct port_leak tell(const struct arrivals *arrivals)
{
        struct port_leak leak = { 0 };

        arrivals_tell(arrivals, &leak);
        return leak;
}

/* Above 0, at most 1. */
static double random_part(void)
{
        return ((double)random() + 1) / ((double)RAND_MAX + 1);
}

static uint64_t random_pause(uint64_t mean_usec)
{
        return (uint64_t)(-log(random_part()) * (double)mean_usec);
}

/* Arrivals with that mean pause that began so long ago and ended so long ago (0: they go on). */
static struct arrivals poisson(uint64_t mean_usec, uint64_t began_usec, uint64_t ended_usec)
{
        struct arrivals arrivals = none();

        for (uint64_t ago = ended_usec + random_pause(mean_usec); ago < began_usec;
             ago += random_pause(mean_usec))
                arrivals_add(&arrivals, ago);
        return arrivals;
}

/* As far back as the windows reach, or two thousand of them. */
static uint64_t for_ever(uint64_t mean_usec)
{
        return MIN(330 * USEC_PER_MIN, 2000 * mean_usec);
}

/* The same, one every so often, the last of them so long ago. */
static struct arrivals regular(uint64_t period_usec, uint64_t began_usec, uint64_t last_usec)
{
        struct arrivals arrivals = none();

        for (uint64_t ago = last_usec; ago < began_usec; ago += period_usec)
                arrivals_add(&arrivals, ago);
        return arrivals;
}

static void test_nothing_and_one(void **state)
{
        struct arrivals arrivals = none();

        (void)state;
        assert_int_equal(tell(&arrivals).times, 0);
        arrivals_add(&arrivals, 10);
        assert_int_equal(tell(&arrivals).times, 0); /* one is no sequence */
        assert_int_equal(tell(&arrivals).arrived, 0);
        assert_true(tell(&arrivals).rate_per_min == 0);
}

static void test_slots(void **state)
{
        (void)state;
        for (size_t w = 0; w < ARRIVALS_WINDOWS; w++) {
                for (unsigned slot = 0; slot < LEAK_TIMES_MAX; slot++) {
                        const uint64_t first = lengths[w] / LEAK_TIMES_MAX * slot;
                        const uint64_t last = first + lengths[w] / LEAK_TIMES_MAX - 1;
                        struct arrivals a = none(), b = none();

                        arrivals_add(&a, first);
                        arrivals_add(&b, last);
                        assert_int_equal(a.windows[w].slots, 1U << slot);
                        assert_int_equal(b.windows[w].slots, 1U << slot);
                }
        }
}

/* The shortest window is five times what makes a socket stuck, and never longer than 5 min. */
static void test_shortest_window(void **state)
{
        struct arrivals arrivals;

        (void)state;
        arrivals_init(&arrivals, 2 * USEC_PER_SEC);
        assert_int_equal(arrivals.lengths_usec[0], 10 * USEC_PER_SEC);
        for (uint64_t i = 0; i < 3; i++)
                arrivals_add(&arrivals, i * USEC_PER_SEC);
        assert_int_equal(tell(&arrivals).times, 3);
        arrivals_init(&arrivals, USEC_PER_HOUR);
        assert_int_equal(arrivals.lengths_usec[0], 5 * USEC_PER_MIN);
}

/* A window ends before its length. */
static void test_ends_of_windows(void **state)
{
        (void)state;
        for (size_t end = 0; end < ARRIVALS_WINDOWS; end++) {
                struct arrivals before = none(), at = none();

                arrivals_add(&before, lengths[end] - 1);
                arrivals_add(&at, lengths[end]);
                for (size_t w = 0; w < ARRIVALS_WINDOWS; w++) {
                        assert_int_equal(before.windows[w].n, w >= end);
                        assert_int_equal(at.windows[w].n, w > end);
                }
        }
}

static void test_extreme_values(void **state)
{
        const struct arrivals nothing = none();
        static const uint64_t far[] = { 320 * USEC_PER_MIN, UINT64_MAX / LEAK_TIMES_MAX,
                                        UINT64_MAX / LEAK_TIMES_MAX + 1, UINT64_MAX - 1,
                                        UINT64_MAX };
        struct arrivals arrivals = none();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(far); i++)
                arrivals_add(&arrivals, far[i]);
        assert_memory_equal(&arrivals, &nothing, sizeof(nothing));
        for (int i = 0; i < 3; i++)
                arrivals_add(&arrivals, 0);
        assert_int_equal(tell(&arrivals).times, 1);
        assert_int_equal(tell(&arrivals).arrived, 0);
        arrivals_add(&arrivals, 2 * USEC_PER_SEC - 1); /* a burst has no rate */
        assert_int_equal(tell(&arrivals).arrived, 0);
        arrivals_add(&arrivals, 2 * USEC_PER_SEC); /* the shortest time that has one */
        assert_int_equal(tell(&arrivals).arrived, 5);
        assert_true(isfinite(tell(&arrivals).rate_per_min));
        assert_true(isfinite(tell(&arrivals).error_per_min));
}

static void test_times_are_filled_slots(void **state)
{
        struct arrivals arrivals = none();

        (void)state;
        for (unsigned n = 1; n <= LEAK_TIMES_MAX; n++) {
                for (int i = 0; i < 7; i++)
                        arrivals_add(&arrivals, (n - 1) * 30 * USEC_PER_SEC + (unsigned)i);
                assert_int_equal(tell(&arrivals).times, n);
        }
}

/* The window in which it shows best: in that of 5 min there would be two. */
static void test_best_window_counts(void **state)
{
        struct arrivals arrivals = none();

        (void)state;
        for (unsigned i = 0; i < 5; i++)
                arrivals_add(&arrivals, i * 4 * USEC_PER_MIN + 1);
        assert_int_equal(__builtin_popcount(arrivals.windows[0].slots), 2);
        assert_int_equal(tell(&arrivals).times, 5);
}

static void test_order_does_not_matter(void **state)
{
        uint64_t agos[500];

        (void)state;
        srandom(1);
        for (int run = 0; run < 200; run++) {
                struct arrivals in_order = none(), shuffled = none();

                for (size_t i = 0; i < ARRAY_SIZE(agos); i++) {
                        agos[i] = random_pause(60 * USEC_PER_MIN);
                        arrivals_add(&in_order, agos[i]);
                }
                for (size_t i = ARRAY_SIZE(agos); i > 0; i--) {
                        const size_t j = (size_t)random() % i;
                        const uint64_t ago = agos[j];

                        agos[j] = agos[i - 1];
                        arrivals_add(&shuffled, ago);
                }
                assert_memory_equal(&in_order, &shuffled, sizeof(shuffled));
        }
}

/* However many, and whenever it was: one moment is one time, or two at the edge of a slot. */
static void test_burst_is_one_time(void **state)
{
        (void)state;
        srandom(2);
        for (uint64_t ago = 0; ago < 330 * USEC_PER_MIN; ago += 17 * USEC_PER_SEC) {
                struct arrivals moment = none(), seconds = none();
                struct port_leak leak;

                for (int i = 0; i < 10000; i += ago % 5 ? 100 : 1) {
                        arrivals_add(&moment, ago);
                        arrivals_add(&seconds, ago + (uint64_t)random() % (2 * USEC_PER_SEC));
                }
                leak = tell(&moment);
                assert_in_range(leak.times, 0, 1);
                assert_int_equal(leak.arrived, 0); /* all at once: no rate */
                assert_true(leak.rate_per_min == 0 && leak.error_per_min == 0);
                assert_in_range(tell(&seconds).times, 0, 2);
        }
}

static void test_quiet_for_two_minutes(void **state)
{
        struct arrivals arrivals = regular(USEC_PER_SEC, USEC_PER_HOUR, 2 * USEC_PER_MIN);

        (void)state;
        assert_true(tell(&arrivals).times >= 3);
        arrivals = regular(USEC_PER_SEC, USEC_PER_HOUR, 2 * USEC_PER_MIN + 1);
        assert_int_equal(tell(&arrivals).times, 0);
        assert_int_equal(tell(&arrivals).arrived, 0);
}

/* Five pauses, as a window shows them: a slot more or less. */
static void test_regular_arrivals_end(void **state)
{
        (void)state;
        for (size_t p = 0; p < ARRAY_SIZE(periods); p++) {
                const uint64_t period = periods[p];
                const uint64_t kept = MIN(4 * period, 120 * USEC_PER_MIN);
                const uint64_t dropped = MAX(9 * period, 2 * USEC_PER_MIN + 1);

                for (uint64_t quiet = 0; quiet < kept; quiet += MAX(period / 7, UINT64_C(1))) {
                        const struct arrivals on = regular(period, for_ever(period), quiet);

                        assert_true(tell(&on).times >= 3);
                        assert_true(tell(&on).arrived > 0);
                }
                for (uint64_t quiet = dropped; quiet < dropped * 3; quiet += period) {
                        const struct arrivals over = regular(period, for_ever(period), quiet);

                        assert_int_equal(tell(&over).times, 0);
                        assert_int_equal(tell(&over).arrived, 0);
                }
        }
}

/* A pause of five times the mean comes in one of 150: such a moment may be missed, not more. */
static void test_random_arrivals_go_on(void **state)
{
        (void)state;
        srandom(3);
        for (size_t p = 0; p < ARRAY_SIZE(periods); p++) {
                unsigned seen = 0;

                for (int run = 0; run < RUNS; run++) {
                        const struct arrivals on = poisson(periods[p], for_ever(periods[p]), 0);

                        seen += tell(&on).times >= 3;
                }
                print_message("# mean pause %llu s: %u of %u seen\n",
                              (unsigned long long)(periods[p] / USEC_PER_SEC), seen, RUNS);
                assert_in_range(seen, RUNS * 98 / 100, RUNS);
        }
}

/*
 * One empty slot makes a pause of two, and five of those are the window: so a few are seen for
 * longer than twenty pauses after their end, and none when they are out of the longest window.
 */
static void test_random_arrivals_end(void **state)
{
        (void)state;
        srandom(4);
        for (size_t p = 0; p < ARRAY_SIZE(periods); p++) {
                const uint64_t quiet = MAX(20 * periods[p], 4 * USEC_PER_MIN);
                unsigned seen = 0;

                for (int run = 0; run < RUNS; run++) {
                        struct arrivals over =
                                poisson(periods[p], quiet + for_ever(periods[p]), quiet);

                        seen += tell(&over).times > 0;
                        over = poisson(periods[p], 350 * USEC_PER_MIN, 320 * USEC_PER_MIN);
                        assert_int_equal(tell(&over).times, 0);
                }
                print_message("# mean pause %llu s: after %llu s %u of %u seen\n",
                              (unsigned long long)(periods[p] / USEC_PER_SEC),
                              (unsigned long long)(quiet / USEC_PER_SEC), seen, RUNS);
                assert_in_range(seen, 0, RUNS / 10);
        }
}

static void test_rate_is_exact_for_regular_arrivals(void **state)
{
        static const uint64_t windows[] = { 5, 5, 80, 320, 320 };

        (void)state;
        for (size_t p = 0; p < ARRAY_SIZE(periods); p++) {
                const struct arrivals arrivals = regular(periods[p], 24 * USEC_PER_HOUR, 0);
                const struct port_leak leak = tell(&arrivals);
                const double expected = (double)USEC_PER_MIN / (double)periods[p];

                assert_int_equal(leak.window_usec, windows[p] * USEC_PER_MIN);
                assert_true(fabs(leak.rate_per_min - expected) < expected * 1e-9);
                assert_true(fabs(leak.error_per_min - expected / sqrt(leak.arrived - 1)) <
                            expected * 1e-9);
        }
}

/* The shortest window that has 30 of them; the longest if none has. */
static void test_window_of_the_rate(void **state)
{
        struct arrivals arrivals = none();

        (void)state;
        for (unsigned i = 0; i < 29; i++)
                arrivals_add(&arrivals, i * 10 * USEC_PER_SEC);
        assert_int_equal(tell(&arrivals).window_usec, 320 * USEC_PER_MIN);
        assert_int_equal(tell(&arrivals).arrived, 29);
        arrivals_add(&arrivals, 10 * USEC_PER_MIN);
        assert_int_equal(tell(&arrivals).window_usec, 20 * USEC_PER_MIN);
        assert_int_equal(tell(&arrivals).arrived, 30);
        arrivals_add(&arrivals, 290 * USEC_PER_SEC);
        assert_int_equal(tell(&arrivals).window_usec, 5 * USEC_PER_MIN);
        assert_int_equal(tell(&arrivals).arrived, 30);
}

/* How many of the runs hold the true rate within two standard errors. */
static unsigned count_covered(uint64_t mean_usec, uint64_t began_usec, unsigned *ret_told)
{
        const double rate = (double)USEC_PER_MIN / (double)mean_usec;
        unsigned covered = 0, told = 0;

        for (int run = 0; run < RUNS; run++) {
                const struct arrivals arrivals = poisson(mean_usec, began_usec, 0);
                const struct port_leak leak = tell(&arrivals);

                if (leak.arrived == 0)
                        continue;
                told++;
                covered += fabs(leak.rate_per_min - rate) <= 2 * leak.error_per_min;
        }
        *ret_told = told;
        return covered;
}

static void test_rate_lies_within_its_error(void **state)
{
        (void)state;
        srandom(5);
        for (size_t p = 0; p < ARRAY_SIZE(periods); p++) {
                /* for ever, and for as long as some 5, 15 and 40 of them take */
                const uint64_t began[] = { for_ever(periods[p]), 5 * periods[p], 15 * periods[p],
                                           40 * periods[p] };

                for (size_t i = 0; i < ARRAY_SIZE(began); i++) {
                        unsigned told;
                        const unsigned covered = count_covered(periods[p], began[i], &told);

                        print_message("# mean pause %llu s, for %llu s: %u of %u within\n",
                                      (unsigned long long)(periods[p] / USEC_PER_SEC),
                                      (unsigned long long)(began[i] / USEC_PER_SEC), covered, told);
                        assert_in_range(told, RUNS / 2, RUNS);
                        assert_in_range(covered * 10, told * 9, told * 10);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_and_one),
                cmocka_unit_test(test_slots),
                cmocka_unit_test(test_shortest_window),
                cmocka_unit_test(test_ends_of_windows),
                cmocka_unit_test(test_extreme_values),
                cmocka_unit_test(test_times_are_filled_slots),
                cmocka_unit_test(test_best_window_counts),
                cmocka_unit_test(test_order_does_not_matter),
                cmocka_unit_test(test_burst_is_one_time),
                cmocka_unit_test(test_quiet_for_two_minutes),
                cmocka_unit_test(test_regular_arrivals_end),
                cmocka_unit_test(test_random_arrivals_go_on),
                cmocka_unit_test(test_random_arrivals_end),
                cmocka_unit_test(test_rate_is_exact_for_regular_arrivals),
                cmocka_unit_test(test_window_of_the_rate),
                cmocka_unit_test(test_rate_lies_within_its_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
