/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* units: every unit of systemd.time(7), bounds, and that printing and parsing are inverses. */

#include "units.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

#define UNTOUCHED UINT64_C(0xdeadbeef)

static void assert_duration(const char *text, uint64_t expected)
{
        uint64_t usec = UNTOUCHED;

        if (units_parse_duration(text, &usec) != 0)
                fail_msg("\"%s\" was refused", text);
        if (usec != expected)
                fail_msg("\"%s\" is %llu, expected %llu", text, (unsigned long long)usec,
                         (unsigned long long)expected);
}

static void assert_no_duration(const char *text, int error)
{
        uint64_t usec = UNTOUCHED;
        int r = units_parse_duration(text, &usec);

        if (r != error)
                fail_msg("\"%s\" gives %d, expected %d", text, r, error);
        assert_int_equal(usec, UNTOUCHED);
}

static void test_duration_units(void **state)
{
        static const struct {
                const char *names[6];
                uint64_t usec;
        } table[] = {
                { { "us", "usec", "\xc2\xb5s", "\xce\xbcs" }, 1 },
                { { "ms", "msec" }, 1000 },
                { { "", "s", "sec", "second", "seconds" }, 1000000 },
                { { "m", "min", "minute", "minutes" }, 60000000 },
                { { "h", "hr", "hour", "hours" }, UINT64_C(3600000000) },
                { { "d", "day", "days" }, UINT64_C(86400000000) },
                { { "w", "week", "weeks" }, UINT64_C(604800000000) },
                { { "M", "month", "months" }, UINT64_C(2629800000000) },
                { { "y", "year", "years" }, UINT64_C(31557600000000) },
        };
        char text[32];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                for (size_t j = 0; j < 6 && table[i].names[j]; j++) {
                        (void)snprintf(text, sizeof(text), "7%s", table[i].names[j]);
                        assert_duration(text, 7 * table[i].usec);
                        (void)snprintf(text, sizeof(text), "7 %s", table[i].names[j]);
                        assert_duration(text, 7 * table[i].usec);
                }
        }
}

static void test_duration_sums(void **state)
{
        (void)state;
        assert_duration("1h 30min", 90 * USEC_PER_MIN);
        assert_duration("1h30min", 90 * USEC_PER_MIN);
        assert_duration("  2 h\t5 s ", 2 * USEC_PER_HOUR + 5 * USEC_PER_SEC);
        assert_duration("5s 1h", USEC_PER_HOUR + 5 * USEC_PER_SEC);
        assert_duration("1min 30", 90 * USEC_PER_SEC);
        assert_duration("0", 0);
        assert_duration("007s", 7 * USEC_PER_SEC);
}

static void test_duration_fractions(void **state)
{
        (void)state;
        assert_duration("1.5s", 1500000);
        assert_duration(".5s", 500000);
        assert_duration("0.1", 100000);
        assert_duration("0.1w", USEC_PER_DAY * 7 / 10);
        assert_duration("0.000001s", 1);
        assert_duration("0.0000019s", 1);
        assert_duration("0.9us", 0);
        assert_duration("0.33333333333333333333333333333h", UINT64_C(1199999999));
        assert_duration("1.2 .3", 1500000);
}

static void test_duration_refused(void **state)
{
        static const char *const bad[] = {
                "",      " ",   "s",     "abc",   "-1s",   "+1s",   "1x",
                "1secs", "1S",  "1.",    "1.s",   "1.2.3", "1,5s",  "0x10s",
                "1e3s",  "1s;", "1s,2s", "5 s s", "\xc2",  "1\xc2", "1µ",
                "1s\n",  "inf", "1Min",  "min 1", ".",     "1s.",   "99999999999999999999999x",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_no_duration(bad[i], -EINVAL);
}

static void test_duration_too_large(void **state)
{
        (void)state;
        assert_duration("18446744073709551615us", UINT64_MAX);
        assert_no_duration("18446744073709551616us", -ERANGE);
        assert_duration("18446744073709551614us 1us", UINT64_MAX);
        assert_no_duration("18446744073709551615us 1us", -ERANGE);
        assert_no_duration("99999999999999999999999999999999999999999s", -ERANGE);
        assert_no_duration("584943y", -ERANGE);
        assert_no_duration("584542.5y 1s", -ERANGE);
        assert_no_duration("infinity", -ERANGE);
}

/* A locale with a decimal comma changes nothing (where one is installed). */
static void test_duration_locale(void **state)
{
        (void)state;
        (void)(setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "C.UTF-8"));
        assert_duration("1.5s", 1500000);
        assert_no_duration("1,5s", -EINVAL);
        (void)setlocale(LC_ALL, "C");
}

static void assert_inverse(uint64_t usec)
{
        char text[UNITS_TEXT_MAX];

        assert_duration(units_format_duration(usec, text), usec);
        assert_true(strlen(text) < UNITS_TEXT_MAX);
}

/* xorshift64: the same values in every run. */
static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

static void test_duration_inverse(void **state)
{
        static const uint64_t edges[] = { 1,
                                          USEC_PER_MSEC,
                                          USEC_PER_SEC,
                                          USEC_PER_MIN,
                                          USEC_PER_HOUR,
                                          USEC_PER_DAY,
                                          365 * USEC_PER_DAY,
                                          UINT64_MAX };
        uint64_t seed = 88172645463325252;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
                assert_inverse(edges[i] - 1);
                assert_inverse(edges[i]);
                assert_inverse(edges[i] + 1); /* UINT64_MAX + 1 is 0 */
        }
        /* Every magnitude alike, not only the largest. */
        for (unsigned i = 0; i < 20000; i++)
                assert_inverse(next_random(&seed) >> i % 64);
}

static void test_duration_text(void **state)
{
        char text[UNITS_TEXT_MAX];

        (void)state;
        assert_string_equal(units_format_duration(0, text), "0s");
        assert_string_equal(units_format_duration(1500000, text), "1s 500ms");
        assert_string_equal(units_format_duration(90 * USEC_PER_MIN, text), "1h 30min");
        assert_string_equal(units_format_duration(UINT64_MAX, text),
                            "213503982d 8h 1min 49s 551ms 615us");
}

static void test_age_text(void **state)
{
        char text[UNITS_TEXT_MAX];

        (void)state;
        assert_string_equal(units_format_age(0, text), "0s");
        assert_string_equal(units_format_age(999999, text), "0s");
        assert_string_equal(units_format_age(47 * USEC_PER_SEC + 999999, text), "47s");
        assert_string_equal(units_format_age(60 * USEC_PER_SEC, text), "1min");
        assert_string_equal(units_format_age(61 * USEC_PER_SEC, text), "1min 1s");
        assert_string_equal(units_format_age(192 * USEC_PER_MIN + 59 * USEC_PER_SEC, text),
                            "3h 12min");
        assert_string_equal(units_format_age(3 * USEC_PER_HOUR + 59 * USEC_PER_SEC, text), "3h");
        assert_string_equal(units_format_age(52 * USEC_PER_HOUR + 59 * USEC_PER_MIN, text),
                            "2d 4h");
}

static void test_rfc3339(void **state)
{
        char text[UNITS_TEXT_MAX];

        (void)state;
        assert_string_equal(units_format_rfc3339(0, text), "1970-01-01T00:00:00.000Z");
        assert_string_equal(units_format_rfc3339(UINT64_C(1769860800250999), text),
                            "2026-01-31T12:00:00.250Z");
        assert_string_equal(units_format_rfc3339(UINT64_C(951782400000000), text),
                            "2000-02-29T00:00:00.000Z");
        assert_true(strlen(units_format_rfc3339(UINT64_MAX, text)) < UNITS_TEXT_MAX);
}

static void test_percent(void **state)
{
        static const char *const bad[] = { "", "%", "80%%", "80 %", "-1", "8o", "80.5%", " 80" };
        unsigned pct = 7;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(units_parse_percent(bad[i], &pct), -EINVAL);
        assert_int_equal(units_parse_percent("101%", &pct), -ERANGE);
        assert_int_equal(units_parse_percent("99999999999999999999999", &pct), -ERANGE);
        assert_int_equal(pct, 7);
        assert_int_equal(units_parse_percent("0", &pct), 0);
        assert_int_equal(pct, 0);
        assert_int_equal(units_parse_percent("80%", &pct), 0);
        assert_int_equal(pct, 80);
        assert_int_equal(units_parse_percent("100", &pct), 0);
        assert_int_equal(pct, 100);
}

static void assert_share(const char *text, uint32_t expected)
{
        uint32_t ppm = (uint32_t)UNTOUCHED;

        if (units_parse_share(text, &ppm) != 0)
                fail_msg("\"%s\" was refused", text);
        assert_int_equal(ppm, expected);
}

static void test_share(void **state)
{
        (void)state;
        assert_share("1%", 10000);
        assert_share("1", 10000);
        assert_share("1 %", 10000);
        assert_share("0.2%", 2000);
        assert_share("0.25 \t%", 2500);
        assert_share(".25%", 2500);
        assert_share("0.01%", 100);
        assert_share("0.0001%", 1);
        assert_share("0.00019%", 1);
        assert_share("00.33333333333333333333333333%", 3333);
        assert_share("0", 0);
        assert_share("12.5%", 125000);
        assert_share("100%", 1000000);
        assert_share("100.000%", 1000000);
}

static void test_share_refused(void **state)
{
        static const char *const bad[] = { "",     "%",   ".%",  "1.%",    "1%%",   "1 ",
                                           " 1%",  "-1%", "+1%", "1,5%",   "1e-2%", "0x1%",
                                           "1 %x", "1% ", "off", "1.2.3%", "1 2%",  "1\xc2\xa0%" };
        static const char *const large[] = { "101%", "100.0001%", "100.000000001%", "1000",
                                             "99999999999999999999999%" };
        uint32_t ppm = 7;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (units_parse_share(bad[i], &ppm) != -EINVAL)
                        fail_msg("\"%s\" is not refused", bad[i]);
        for (size_t i = 0; i < ARRAY_SIZE(large); i++)
                if (units_parse_share(large[i], &ppm) != -ERANGE)
                        fail_msg("\"%s\" is not out of range", large[i]);
        assert_int_equal(ppm, 7);
}

/* All there are. */
static void test_share_inverse(void **state)
{
        char text[UNITS_TEXT_MAX];

        (void)state;
        for (uint32_t ppm = 0; ppm <= 1000000; ppm++)
                assert_share(units_format_share(ppm, text), ppm);
}

static void test_share_text(void **state)
{
        char text[UNITS_TEXT_MAX];

        (void)state;
        assert_string_equal(units_format_share(0, text), "0%");
        assert_string_equal(units_format_share(1, text), "0.0001%");
        assert_string_equal(units_format_share(2000, text), "0.2%");
        assert_string_equal(units_format_share(2500, text), "0.25%");
        assert_string_equal(units_format_share(10000, text), "1%");
        assert_string_equal(units_format_share(100500, text), "10.05%");
        assert_string_equal(units_format_share(1000000, text), "100%");
        assert_string_equal(units_format_share(UINT32_MAX, text), "429496.7295%");
}

static void test_count(void **state)
{
        static const char *const bad[] = { "", " 1", "1 ", "-1", "+1", "0x1", "1.0", "one" };
        uint64_t count = UNTOUCHED;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(units_parse_count(bad[i], UINT64_MAX, &count), -EINVAL);
        assert_int_equal(units_parse_count("101", 100, &count), -ERANGE);
        assert_int_equal(units_parse_count("18446744073709551616", UINT64_MAX, &count), -ERANGE);
        assert_int_equal(count, UNTOUCHED);
        assert_int_equal(units_parse_count("100", 100, &count), 0);
        assert_int_equal(count, 100);
        assert_int_equal(units_parse_count("010", 100, &count), 0);
        assert_int_equal(count, 10);
        assert_int_equal(units_parse_count("18446744073709551615", UINT64_MAX, &count), 0);
        assert_true(count == UINT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_duration_units),
                cmocka_unit_test(test_duration_sums),
                cmocka_unit_test(test_duration_fractions),
                cmocka_unit_test(test_duration_refused),
                cmocka_unit_test(test_duration_too_large),
                cmocka_unit_test(test_duration_locale),
                cmocka_unit_test(test_duration_inverse),
                cmocka_unit_test(test_duration_text),
                cmocka_unit_test(test_age_text),
                cmocka_unit_test(test_rfc3339),
                cmocka_unit_test(test_percent),
                cmocka_unit_test(test_share),
                cmocka_unit_test(test_share_refused),
                cmocka_unit_test(test_share_inverse),
                cmocka_unit_test(test_share_text),
                cmocka_unit_test(test_count),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
