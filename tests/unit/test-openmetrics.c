/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text to the letter, in both formats; what others may have put into a label; the limit. */

#include "fixture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "openmetrics.h"

static const struct openmetrics_family age = { "x_age_seconds", OPENMETRICS_GAUGE, "seconds",
                                               "An age." };
static const struct openmetrics_family runs = { "x_runs", OPENMETRICS_COUNTER, NULL, "Runs." };

#define LABELS(...) ((const struct openmetrics_label[]){ __VA_ARGS__, { NULL, NULL } })

static void assert_text(struct openmetrics *metrics, const char *expected)
{
        char *text = NULL;

        assert_int_equal(openmetrics_end(metrics, &text), 0);
        assert_string_equal(text, expected);
        free(text);
}

static void both_formats(void **state)
{
        static const char *const expected[] = {
                [OPENMETRICS_1_0] = "# HELP x_age_seconds An age.\n"
                                    "# TYPE x_age_seconds gauge\n"
                                    "# UNIT x_age_seconds seconds\n"
                                    "x_age_seconds{port=\"80\"} 1.500000\n"
                                    "x_age_seconds 0.000001\n"
                                    "# HELP x_runs Runs.\n"
                                    "# TYPE x_runs counter\n"
                                    "x_runs_total 18446744073709551615\n"
                                    "# EOF\n",
                [OPENMETRICS_PROMETHEUS] = "# HELP x_age_seconds An age.\n"
                                           "# TYPE x_age_seconds gauge\n"
                                           "x_age_seconds{port=\"80\"} 1.500000\n"
                                           "x_age_seconds 0.000001\n"
                                           "# HELP x_runs_total Runs.\n"
                                           "# TYPE x_runs_total counter\n"
                                           "x_runs_total 18446744073709551615\n",
        };

        (void)state;
        for (enum openmetrics_format format = 0; format <= OPENMETRICS_PROMETHEUS; format++) {
                struct openmetrics metrics = { .format = format };

                openmetrics_family(&metrics, &age);
                openmetrics_seconds(&metrics, LABELS({ "port", "80" }), 1500000);
                openmetrics_seconds(&metrics, NULL, 1);
                openmetrics_family(&metrics, &runs);
                openmetrics_count(&metrics, NULL, UINT64_MAX);
                assert_text(&metrics, expected[format]);
        }
}

static void nothing_known_is_not_told(void **state)
{
        struct openmetrics metrics = { .format = OPENMETRICS_1_0 };

        (void)state;
        openmetrics_family(&metrics, &age);
        openmetrics_family(&metrics, &runs);
        assert_text(&metrics, "# EOF\n");
        metrics = (struct openmetrics){ .format = OPENMETRICS_PROMETHEUS };
        assert_text(&metrics, "");
}

static void labels_of_others(void **state)
{
        static const struct {
                const char *value;
                const char *written;
        } cases[] = {
                { "a\"b\\c", "{l=\"a\\\"b\\\\c\"}" },
                { "a\nb\tc\x1b[2J", "{l=\"a?b?c?[2J\"}" },
                { "na\xc3\xafve", "{l=\"na\xc3\xafve\"}" },
                { "\xff\xc3", "{l=\"??\"}" },
                { "\xc2\x9b"
                  "2J",
                  "{l=\"?2J\"}" },
                { "} 1\n", "{l=\"} 1?\"}" },
                { "", "" },
                { NULL, "" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct openmetrics metrics = { .format = OPENMETRICS_PROMETHEUS };
                char expected[256];

                openmetrics_family(&metrics, &runs);
                openmetrics_count(&metrics, LABELS({ "l", cases[i].value }), 7);
                snprintf(expected, sizeof(expected),
                         "# HELP x_runs_total Runs.\n# TYPE x_runs_total counter\n"
                         "x_runs_total%s 7\n",
                         cases[i].written);
                assert_text(&metrics, expected);
        }
}

static void real_numbers(void **state)
{
        static const struct {
                double value;
                const char *written;
        } cases[] = {
                { 0, "0.000000" },
                { 0.25, "0.250000" },
                { 1.9999999, "2.000000" },
                { -0.5, "-0.500000" },
                { -1e-9, "0.000000" },
                { 123456.5, "123456.500000" },
                { 1e300, "9223372036854.775808" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct openmetrics metrics = { .format = OPENMETRICS_PROMETHEUS };
                char expected[256];

                openmetrics_family(&metrics, &age);
                openmetrics_real(&metrics, NULL, cases[i].value);
                snprintf(expected, sizeof(expected),
                         "# HELP x_age_seconds An age.\n# TYPE x_age_seconds gauge\n"
                         "x_age_seconds %s\n",
                         cases[i].written);
                assert_text(&metrics, expected);
        }
}

static void no_text_beyond_the_limit(void **state)
{
        struct openmetrics metrics = { .format = OPENMETRICS_1_0 };
        char *text = NULL;

        (void)state;
        openmetrics_family(&metrics, &runs);
        while (metrics.error == 0) {
                assert_true(metrics.len <= OPENMETRICS_TEXT_MAX);
                openmetrics_count(&metrics, LABELS({ "l", "some value" }), 1);
        }
        assert_int_equal(openmetrics_end(&metrics, &text), -EMSGSIZE);
        assert_null(text);
}

static void names_of_formats(void **state)
{
        enum openmetrics_format format;

        (void)state;
        assert_int_equal(openmetrics_format_parse("prometheus", &format), 0);
        assert_int_equal(format, OPENMETRICS_PROMETHEUS);
        assert_int_equal(openmetrics_format_parse("openmetrics", &format), 0);
        assert_int_equal(format, OPENMETRICS_1_0);
        assert_int_equal(openmetrics_format_parse("", &format), -EINVAL);
        assert_int_equal(openmetrics_format_parse("json", &format), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_formats),
                cmocka_unit_test(nothing_known_is_not_told),
                cmocka_unit_test(labels_of_others),
                cmocka_unit_test(real_numbers),
                cmocka_unit_test(no_text_beyond_the_limit),
                cmocka_unit_test(names_of_formats),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
