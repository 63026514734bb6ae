/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* svgchart: where areas, gaps, marks and times stand; chart: numbers in few columns. */

#include "svgchart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NONE CHART_UNKNOWN

static const uint64_t rising[] = { 0, 5, 5, NONE, NONE, 10, NONE, 1 };
static const uint64_t unknown[] = { NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE };

/* The page with the chart in it; the caller frees. */
static char *draw(const struct svgchart *chart)
{
        struct html *html = html_new();
        char *page = NULL;
        size_t len;

        assert_non_null(html);
        svgchart_draw(html, chart);
        assert_int_equal(html_finish(html, &page, &len), 0);
        html_free(html);
        return page;
}

static struct svgchart chart_of(const uint64_t *values)
{
        return (struct svgchart){ .label = "7865",
                                  .columns = ARRAY_SIZE(rising),
                                  .start_sec = 1769897400, /* 2026-01-31T22:10:00Z */
                                  .step_sec = 600,
                                  .series = { { "stuck", values } },
                                  .n_series = 1 };
}

static void assert_has(const char *page, const char *text)
{
        if (!strstr(page, text))
                fail_msg("\"%s\" is not in:\n%s", text, page);
}

static size_t count(const char *page, const char *text)
{
        size_t n = 0;

        for (; (page = strstr(page, text)); page++)
                n++;
        return n;
}

static void test_areas(void **state)
{
        struct svgchart chart = chart_of(rising);
        char *page = draw(&chart);

        (void)state;
        assert_has(page, "viewBox=\"0 0 8 1090\" preserveAspectRatio=\"none\"");
        /* zero is on the ground, 10 is the top, 1 is 100, three runs between gaps */
        assert_has(page, "<path class=\"series stuck\" d=\"M0 1000V1000H1V500H3V1000Z"
                         "M5 1000V0H6V1000ZM7 1000V900H8V1000Z\">");
        assert_has(page, "<rect class=\"gap\" x=\"3\" y=\"0\" width=\"2\" height=\"1000\">");
        assert_has(page, "<rect class=\"gap\" x=\"6\" y=\"0\" width=\"1\" height=\"1000\">");
        assert_int_equal(count(page, "class=\"gap\""), 2);
        assert_has(page, "dy=\".35em\">10</text>");
        assert_has(page, "dy=\".35em\">5</text>");
        assert_has(page, "dy=\".35em\">0</text>");
        free(page);
}

static void test_series(void **state)
{
        struct svgchart chart = chart_of(rising);
        char *page;

        (void)state;
        chart.series[chart.n_series++] = (struct svgchart_series){ "other", unknown };
        page = draw(&chart);
        assert_int_equal(count(page, "<path"), 1); /* nothing to draw of the other */
        assert_int_equal(count(page, "class=\"gap\""), 2);
        free(page);

        chart = chart_of(unknown);
        page = draw(&chart);
        assert_int_equal(count(page, "<path"), 0);
        assert_has(page, "<rect class=\"gap\" x=\"0\" y=\"0\" width=\"8\" height=\"1000\">");
        free(page);
}

static void test_little(void **state)
{
        static const uint64_t values[] = { 100000, 1, 0, 0, 0, 0, 0, 0 };
        struct svgchart chart = chart_of(values);
        char *page = draw(&chart);

        (void)state;
        assert_has(page, "d=\"M0 1000V0H1V986H2V1000H8V1000Z\""); /* 1 of 100,000 is seen */
        assert_has(page, ">100k</text>");
        free(page);
}

static void test_marks(void **state)
{
        struct svgchart chart = chart_of(rising);
        char *page;

        (void)state;
        chart.marks = " wwC?  C";
        page = draw(&chart);
        assert_has(page, "<rect class=\"mark-w\" x=\"1\" y=\"1025\" width=\"2\" height=\"65\">");
        assert_has(page, "<rect class=\"mark-C\" x=\"3\" y=\"1025\" width=\"1\" height=\"65\">");
        assert_has(page, "<rect class=\"mark-C\" x=\"7\" y=\"1025\" width=\"1\" height=\"65\">");
        assert_int_equal(count(page, "class=\"mark-"), 3);
        free(page);
}

static void set_zone(const char *zone)
{
        setenv("TZ", zone, 1);
        tzset();
}

static void test_times(void **state)
{
        struct svgchart chart = chart_of(rising);
        char *page;

        (void)state;
        set_zone("UTC-2"); /* two hours east: from 00:10 on, for 80 min */
        page = draw(&chart);
        assert_int_equal(count(page, "class=\"time\""), 6);
        assert_has(page, "x=\"6.25%\" y=\"100%\" dy=\"1.2em\">00:15<");
        assert_has(page, "x=\"100.00%\" y=\"100%\" dy=\"1.2em\">01:30<");
        free(page);

        chart.step_sec = 10800; /* a day: from 22:10 on */
        set_zone("UTC");
        page = draw(&chart);
        assert_has(page, ">02-01<");
        assert_has(page, ">18:00<");
        assert_int_equal(count(page, "class=\"time\""), 4);
        free(page);

        chart.step_sec = 30 * 86400 / ARRAY_SIZE(rising);
        page = draw(&chart);
        assert_true(count(page, "class=\"time\"") >= 3 && count(page, "class=\"time\"") <= 6);
        assert_int_equal(count(page, ":00<"), 0);
        free(page);

        /* 2026-03-29: the clocks of Berlin go from 02:00 to 03:00, and ticks stay round */
        set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
        chart.start_sec = 1774738800; /* 00:00 there */
        chart.step_sec = 10800;
        page = draw(&chart);
        assert_has(page, ">03-29<");
        assert_has(page, "x=\"20.83%\" y=\"100%\" dy=\"1.2em\">06:00<"); /* after 5 hours */
        assert_has(page, "x=\"95.83%\" y=\"100%\" dy=\"1.2em\">03-30<");
        free(page);
        unsetenv("TZ");
        tzset();
}

/* However coarse or fine: some ticks, and never so many that they collide. */
static void test_any_step(void **state)
{
        (void)state;
        set_zone("UTC");
        for (uint64_t step = 2; step <= 40000; step += step / 7 + 1) {
                struct svgchart chart = chart_of(rising);
                uint64_t values[SVGCHART_COLUMNS_MAX];
                char *page;

                for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                        values[i] = i % 2 ? NONE : UINT64_MAX / 2 - i;
                chart.series[0].values = values;
                chart.columns = ARRAY_SIZE(values);
                chart.step_sec = step;
                page = draw(&chart);
                assert_true(count(page, "class=\"time\"") >= 1 &&
                            count(page, "class=\"time\"") <= 6);
                assert_has(page, "V1000Z\"></path>"); /* not cut */
                free(page);
        }
        unsetenv("TZ");
        tzset();
}

static void test_label(void **state)
{
        struct svgchart chart = chart_of(rising);
        char *page;

        (void)state;
        chart.label = "\"><script>";
        page = draw(&chart);
        assert_has(page, "aria-label=\"&quot;&gt;&lt;script&gt;\"");
        free(page);
}

static void test_scale(void **state)
{
        static const uint64_t cases[][2] = {
                { 0, 1 },     { 1, 1 },     { 2, 2 },         { 3, 4 },          { 5, 6 },
                { 9, 10 },    { 10, 10 },   { 11, 20 },       { 39, 40 },        { 41, 60 },
                { 100, 100 }, { 101, 200 }, { 65535, 80000 }, { 99999, 100000 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(svgchart_scale(cases[i][0]), cases[i][1]);
        assert_true(svgchart_scale(UINT64_MAX - 1) >= UINT64_MAX - 1);
}

static void test_numbers(void **state)
{
        char text[CHART_NUMBER_MAX];

        (void)state;
        assert_string_equal(chart_number(0, text), "0");
        assert_string_equal(chart_number(99999, text), "99999");
        assert_string_equal(chart_number(100000, text), "100k");
        assert_string_equal(chart_number(16776960, text), "16M");
        assert_string_equal(chart_number(UINT64_MAX, text), "18446744073709M");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_areas),   cmocka_unit_test(test_series),
                cmocka_unit_test(test_little),  cmocka_unit_test(test_marks),
                cmocka_unit_test(test_times),   cmocka_unit_test(test_any_step),
                cmocka_unit_test(test_label),   cmocka_unit_test(test_scale),
                cmocka_unit_test(test_numbers),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
