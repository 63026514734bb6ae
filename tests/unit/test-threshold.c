/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Thresholds: the table of the plugin guidelines, its bounds, and what is no range. */

#include "threshold.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

/* The examples of the guidelines, "Threshold and Ranges", and some of our own. */
static void test_bad_values(void **state)
{
        static const struct {
                const char *text;
                double good[3], bad[3];
        } rows[] = {
                { "10", { 0, 5.5, 10 }, { -0.5, 10.5, 1e9 } },
                { "10:", { 10, 10.5, 1e18 }, { 9.5, 0, -1 } },
                { "~:10", { -1e18, 0, 10 }, { 10.5, 11, 1e18 } },
                { "10:20", { 10, 15, 20 }, { 9.5, 20.5, -15 } },
                { "@10:20", { 9.5, 20.5, -15 }, { 10, 15, 20 } },
                { "@10", { -0.5, 10.5, 1e9 }, { 0, 5.5, 10 } },
                { "@10:", { 9.5, 0, -1 }, { 10, 10.5, 1e18 } },
                { "-3:-1", { -3, -2, -1 }, { 0, -0.5, -4 } },
                { "0.5:1.25", { 0.5, 1, 1.25 }, { 0.25, 1.5, 2 } },
                { "0", { 0, 0, 0 }, { 1, 0.5, -1 } },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct threshold threshold;

                assert_int_equal(threshold_parse(rows[i].text, &threshold), 0);
                assert_ptr_equal(threshold.text, rows[i].text);
                for (size_t j = 0; j < ARRAY_SIZE(rows[i].good); j++)
                        if (threshold_is_bad(&threshold, rows[i].good[j]) ||
                            !threshold_is_bad(&threshold, rows[i].bad[j]))
                                fail_msg("\"%s\": good %g, bad %g", rows[i].text, rows[i].good[j],
                                         rows[i].bad[j]);
        }
}

static void test_nothing_is_bad(void **state)
{
        const struct threshold none = { 0 };
        struct threshold all;

        (void)state;
        assert_int_equal(threshold_parse("~:", &all), 0);
        for (double value = -10; value <= 10; value++)
                assert_false(threshold_is_bad(&none, value) || threshold_is_bad(&all, value));
}

static void test_no_range(void **state)
{
        static const char *const texts[] = {
                "",     " ",    "x",    "10 ",    " 10",   "+10",  "10%",    "1e3", "0x10", "inf",
                "nan",  "10,5", "10.",  ".5",     "-",     ":",    ":10",    "@",   "@@1",  "1@",
                "~",    "~10",  "~:~",  "10:~",   "20:10", "1:2:", "1:2:3",  "--1", "1-",   "10;20",
                "10|x", "1\n",  "0:-1", "@20:10", "1h",    "10..", "1.2.3:",
        };
        char long_text[THRESHOLD_TEXT_MAX + 2];
        struct threshold threshold = { .text = "untouched" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (threshold_parse(texts[i], &threshold) != -EINVAL)
                        fail_msg("\"%s\" was taken", texts[i]);
        memset(long_text, '1', sizeof(long_text));
        long_text[sizeof(long_text) - 1] = '\0';
        assert_int_equal(threshold_parse(long_text, &threshold), -EINVAL);
        assert_string_equal(threshold.text, "untouched");
        long_text[sizeof(long_text) - 2] = '\0';
        assert_int_equal(threshold_parse(long_text, &threshold), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bad_values),
                cmocka_unit_test(test_nothing_is_bad),
                cmocka_unit_test(test_no_range),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
