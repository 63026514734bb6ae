/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Targets of requests, and Accept by the examples and rules of RFC 9110 and 9112. */

#include "fixture.h"

#include "wanted.h"

#define OM "application/openmetrics-text"

static void paths(void **state)
{
        static const char *const cases[][2] = {
                { "/metrics", "/metrics" },
                { "/", "/" },
                { "http://host/metrics", "/metrics" },
                { "HTTP://[::1]:19865/metrics", "/metrics" },
                { "http://host", "/" },
                { "http://host/http://host/metrics", "/http://host/metrics" },
                { "http:///metrics", "http:///metrics" },
                { "http://", "http://" },
                { "https://host/metrics", "https://host/metrics" },
                { "*", "*" },
                { "", "" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_string_equal(wanted_path(cases[i][0]), cases[i][1]);
        assert_true(wanted_has_zero("/metrics%00foo"));
        assert_false(wanted_has_zero("/metrics%010%0"));
}

static void formats(void **state)
{
        static const struct {
                const char *accept;
                enum openmetrics_format format;
        } cases[] = {
                { "", OPENMETRICS_PROMETHEUS },
                { OM, OPENMETRICS_1_0 },
                { "Application/OpenMetrics-Text ; version=1.0.0", OPENMETRICS_1_0 },
                { OM "-x", OPENMETRICS_PROMETHEUS },
                { "text/plain;note=\"" OM ", " OM "\"", OPENMETRICS_PROMETHEUS },
                { OM ";q=0, text/plain", OPENMETRICS_PROMETHEUS },
                { OM ";q=0", OPENMETRICS_PROMETHEUS },
                { OM ";q=0.000,*/*;q=0", OPENMETRICS_PROMETHEUS },
                { OM ";q=0.1, text/plain;q=1", OPENMETRICS_PROMETHEUS },
                { OM ";q=0.1, text/plain;q=0.05", OPENMETRICS_1_0 },
                { OM ";q=0.123,text/plain;q=0.124", OPENMETRICS_PROMETHEUS },
                { OM ";version=1.0.0;Q=0.3 , text/plain ; q=0.4", OPENMETRICS_PROMETHEUS },
                { OM ", text/plain", OPENMETRICS_1_0 },
                { OM ", */*", OPENMETRICS_1_0 },
                { "*/*", OPENMETRICS_PROMETHEUS },
                { "*/*;q=0.5, " OM ";q=0.1", OPENMETRICS_PROMETHEUS },
                { "*/*, text/plain;q=0", OPENMETRICS_1_0 },
                { "application/*, text/*;q=0.9", OPENMETRICS_1_0 },
                { "application/*", OPENMETRICS_1_0 },
                { "text/html, image/png", OPENMETRICS_PROMETHEUS },
                { ",,;q=1,, " OM ",", OPENMETRICS_1_0 },
                /* Prometheus 2.55 and 3 */
                { OM ";version=1.0.0;q=0.5," OM
                     ";version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,"
                     "*/*;q=0.2",
                  OPENMETRICS_1_0 },
                { OM ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM
                     ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                     "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                  OPENMETRICS_1_0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct wanted wanted = { 0 };

                wanted_add(&wanted, cases[i].accept);
                if (wanted_format(&wanted) != cases[i].format)
                        fail_msg("Accept: %s", cases[i].accept);
        }
}

static void several_accepts(void **state)
{
        struct wanted wanted = { 0 };

        (void)state;
        wanted_add(&wanted, "text/plain;q=0.4");
        wanted_add(&wanted, OM ";q=0.5");
        assert_int_equal(wanted_format(&wanted), OPENMETRICS_1_0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths),
                cmocka_unit_test(formats),
                cmocka_unit_test(several_accepts),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
