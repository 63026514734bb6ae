/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kernel settings: what they say, and that nonsense is unknown. */

#include "fixture.h"

#include "kernlimits.h"

static void test_range(void **state)
{
        static const struct {
                const char *text;
                bool good;
                uint16_t first, last;
        } cases[] = {
                { "32768\t60999\n", true, 32768, 60999 },
                { "1 65535", true, 1, 65535 },
                { "5 5", true, 5, 5 },
                { "6 5", false, 0, 0 },
                { "1 65536", false, 0, 0 },
                { "1", false, 0, 0 },
                { "", false, 0, 0 },
                { "a b", false, 0, 0 },
                { "1 2 3", false, 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint16_t first = 0, last = 0;

                assert_int_equal(kernlimits_parse_range(cases[i].text, &first, &last),
                                 cases[i].good);
                assert_int_equal(first, cases[i].first);
                assert_int_equal(last, cases[i].last);
        }
}

static void test_unreadable_is_unknown(void **state)
{
        struct kernlimits limits;

        (void)state;
        kernlimits_read("/nonexistent", &limits);
        assert_false(limits.port_range_known);
}

static void test_this_kernel(void **state)
{
        struct kernlimits limits;

        (void)state;
        kernlimits_read("/proc", &limits);
        assert_true(limits.port_range_known);
        assert_true(limits.port_first <= limits.port_last);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_unreadable_is_unknown),
                cmocka_unit_test(test_this_kernel),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
