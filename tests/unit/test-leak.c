/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When descriptors run out: headroom over rate, and only where both are known. */

#include "fixture.h"

#include <math.h>

#include "leak.h"
#include "owner.h"

static struct port_leak leak_of(double rate, double error)
{
        return (struct port_leak){ .known = true,
                                   .times = 5,
                                   .outlived = 40,
                                   .arrived = 30,
                                   .window_usec = 20 * USEC_PER_MIN,
                                   .rate_per_min = rate,
                                   .error_per_min = error };
}

static void add_process(struct owner *owner, int64_t fds, int64_t fd_limit)
{
        owner->processes[owner->n_processes++] =
                (struct owner_process){ .pid = 7, .fds = fds, .fd_limit = fd_limit };
        owner->total++;
}

static struct owner owner_of(int64_t fds, int64_t fd_limit)
{
        struct owner owner;

        owner_clear(&owner);
        add_process(&owner, fds, fd_limit);
        return owner;
}

static void assert_eta(const struct port_leak *leak, const struct owner *owner, uint64_t usec)
{
        uint64_t eta_usec = 0;

        assert_int_equal(leak_eta(leak, owner, &eta_usec), 0);
        assert_in_range(eta_usec, usec - MIN(usec, UINT64_C(1)), usec + 1);
}

/* That outcome of both, and nothing is written. */
static void assert_outcome(const struct port_leak *leak, const struct owner *owner, int outcome)
{
        uint64_t eta_usec = 4711;

        assert_int_equal(leak_eta(leak, owner, &eta_usec), outcome);
        assert_int_equal(leak_eta_cautious(leak, owner, &eta_usec), outcome);
        assert_int_equal(eta_usec, 4711);
}

static void assert_no_eta(const struct port_leak *leak, const struct owner *owner)
{
        assert_outcome(leak, owner, LEAK_ETA_UNKNOWN);
}

static void assert_never(const struct port_leak *leak, const struct owner *owner)
{
        assert_outcome(leak, owner, LEAK_ETA_NEVER);
}

static void test_headroom_over_rate(void **state)
{
        const struct port_leak leak = leak_of(2, 0.5);
        const struct owner owner = owner_of(24, 1024);
        uint64_t eta_usec;

        (void)state;
        assert_eta(&leak, &owner, 500 * USEC_PER_MIN);
        assert_int_equal(leak_eta_cautious(&leak, &owner, &eta_usec), 0); /* at 1.5 a minute */
        assert_in_range(eta_usec, 666 * USEC_PER_MIN, 667 * USEC_PER_MIN);
}

static void test_full_is_now(void **state)
{
        const struct port_leak leak = leak_of(1, 0.1);
        const struct owner full = owner_of(1024, 1024), above = owner_of(2000, 1024);

        (void)state;
        assert_eta(&leak, &full, 0);
        assert_eta(&leak, &above, 0); /* the limit was lowered after they were opened */
}

static void test_nearest_to_its_limit(void **state)
{
        const struct port_leak leak = leak_of(1, 0.1);
        struct owner owner = owner_of(10, 65536);

        (void)state;
        add_process(&owner, 900, 1024);
        add_process(&owner, 5000, 65536);
        assert_eta(&leak, &owner, 124 * USEC_PER_MIN);
}

/* Of several processes those that tell nothing are passed over. */
static void test_unknown_and_unlimited_among_others(void **state)
{
        const struct port_leak leak = leak_of(1, 0.1);
        struct owner owner = owner_of(OWNER_UNKNOWN, 1024);

        (void)state;
        add_process(&owner, 10, OWNER_UNKNOWN);
        add_process(&owner, 10, OWNER_UNLIMITED);
        assert_no_eta(&leak, &owner);
        add_process(&owner, 1000, 1024);
        assert_eta(&leak, &owner, 24 * USEC_PER_MIN);
}

static void test_unknown_stays_unknown(void **state)
{
        const struct port_leak leak = leak_of(1, 0.1);
        const struct owner no_fds = owner_of(OWNER_UNKNOWN, 1024);
        const struct owner no_limit = owner_of(10, OWNER_UNKNOWN);
        const struct owner unlimited = owner_of(10, OWNER_UNLIMITED);
        struct owner nobody;

        (void)state;
        owner_clear(&nobody);
        assert_no_eta(&leak, &nobody);
        assert_no_eta(&leak, &no_fds);
        assert_no_eta(&leak, &no_limit);
        assert_never(&leak, &unlimited);
}

/* An accept queue that fills takes no descriptor; half of them may still be the program's. */
static void test_unaccepted_take_none(void **state)
{
        const struct owner owner = owner_of(24, 1024);
        struct port_leak leak = leak_of(1, 0.1);

        (void)state;
        leak.unaccepted = leak.outlived / 2;
        assert_eta(&leak, &owner, 1000 * USEC_PER_MIN);
        leak.unaccepted++;
        assert_outcome(&leak, &owner, LEAK_ETA_NONE);
}

/* accept() fails then, and what waits for it outnumbers the rest; or nothing arrives any more. */
static void test_full_is_full_whatever_arrives(void **state)
{
        const struct owner full = owner_of(1024, 1024);
        struct port_leak leak = leak_of(1, 0.1);

        (void)state;
        leak.unaccepted = leak.outlived;
        assert_eta(&leak, &full, 0);
        leak = leak_of(0, 0);
        leak.arrived = 0;
        assert_eta(&leak, &full, 0);
        leak.outlived = 0;
        assert_no_eta(&leak, &full);
}

static void test_no_rate(void **state)
{
        const struct owner owner = owner_of(24, 1024);
        struct port_leak leak = leak_of(0, 0);

        (void)state;
        assert_never(&leak, &owner);
        leak = leak_of(1, 0.1);
        leak.arrived = 0; /* what the rate says is not known then */
        assert_no_eta(&leak, &owner);
        leak = (struct port_leak){ 0 };
        assert_no_eta(&leak, &owner);
}

/* A rate that may be none: there is a best guess, and no cautious one. */
static void test_rate_within_its_error(void **state)
{
        static const double errors[] = { 1, 1.5, INFINITY };
        const struct owner owner = owner_of(24, 1024);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                const struct port_leak leak = leak_of(1, errors[i]);
                uint64_t eta_usec = 4711;

                assert_int_equal(leak_eta_cautious(&leak, &owner, &eta_usec), LEAK_ETA_NEVER);
                assert_int_equal(eta_usec, 4711);
                assert_eta(&leak, &owner, 1000 * USEC_PER_MIN);
        }
}

static void test_ten_years_are_never(void **state)
{
        const struct port_leak slow = leak_of(1e-9, 0), just = leak_of(1, 0);
        const struct owner owner = owner_of(0, INT64_C(3650) * 24 * 60);
        const struct owner more = owner_of(0, INT64_C(3650) * 24 * 60 + 1);
        const struct owner most = owner_of(0, INT64_MAX - 1);

        (void)state;
        assert_never(&slow, &owner);
        assert_eta(&just, &owner, 3650 * USEC_PER_DAY);
        assert_never(&just, &more);
        assert_never(&just, &most);
}

static void test_fast(void **state)
{
        const struct port_leak leak = leak_of(6e7, 6e6); /* a million a second */
        const struct owner owner = owner_of(24, 1024);

        (void)state;
        assert_eta(&leak, &owner, 1000);
}

/* The cautious time is never the shorter one. */
static void test_caution_is_later(void **state)
{
        (void)state;
        srandom(10);
        for (int i = 0; i < 100000; i++) {
                const double rate = (double)(random() % 100000) / 1000;
                const struct port_leak leak =
                        leak_of(rate, rate * (double)(random() % 1500) / 1000);
                const struct owner owner = owner_of(random() % 2000, random() % 100000);
                uint64_t eta_usec, cautious_usec;

                if (leak_eta_cautious(&leak, &owner, &cautious_usec) != 0)
                        continue;
                assert_int_equal(leak_eta(&leak, &owner, &eta_usec), 0);
                assert_true(cautious_usec >= eta_usec);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_headroom_over_rate),
                cmocka_unit_test(test_full_is_now),
                cmocka_unit_test(test_nearest_to_its_limit),
                cmocka_unit_test(test_unknown_and_unlimited_among_others),
                cmocka_unit_test(test_unknown_stays_unknown),
                cmocka_unit_test(test_unaccepted_take_none),
                cmocka_unit_test(test_full_is_full_whatever_arrives),
                cmocka_unit_test(test_no_rate),
                cmocka_unit_test(test_rate_within_its_error),
                cmocka_unit_test(test_ten_years_are_never),
                cmocka_unit_test(test_fast),
                cmocka_unit_test(test_caution_is_later),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
