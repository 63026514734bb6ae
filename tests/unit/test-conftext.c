/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conf: every kind of wrong line, and what is said about it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "confoption.h"
#include "conftest.h"
#include "units.h"
#include "utf8.h"

/* head, then n times fill, then tail; the caller frees it. */
static char *padded(const char *head, char fill, size_t n, const char *tail)
{
        size_t len = strlen(head);
        char *text = malloc(len + n + strlen(tail) + 1);

        assert_non_null(text);
        memcpy(text, head, len);
        memset(text + len, fill, n);
        memcpy(text + len + n, tail, strlen(tail) + 1);
        return text;
}

/* inih cuts at 200 bytes: wherever the cut falls, no tail may come alive. */
static void test_long_comment(void **state)
{
        (void)state;
        for (size_t n = CONF_LINE_MAX; n < 420; n++) {
                CLEANUP(conftest_freep)
                char *text = padded("[Scan]\n#", 'x', n, "Interval=1s\nInterval=3s\n");
                char expected[96];

                (void)snprintf(expected, sizeof(expected),
                               "t.conf:2: line is %zu bytes long, expected at most 190",
                               1 + n + strlen("Interval=1s"));
                conftest_refused(text, expected);
        }
}

static void test_line_limit(void **state)
{
        CLEANUP(conftest_freep) char *fits = padded("[Scan]\r\n#", 'x', CONF_LINE_MAX - 1, "\r\n");
        CLEANUP(conftest_freep)
        char *key = padded("[Scan]\nInterval=", ' ', CONF_LINE_MAX - 11, "3s");
        CLEANUP(conftest_freep) char *longer = padded("[Scan]\n#", 'x', CONF_LINE_MAX, "");
        CLEANUP(conf_unrefp) struct conf *with_key = conftest_load(key);

        (void)state;
        conf_unref(conftest_load(fits));
        assert_int_equal(with_key->interval_usec, 3 * USEC_PER_SEC);
        conftest_refused(longer, "t.conf:2: line is 191 bytes long, expected at most 190");
}

#define REST "expected text in UTF-8; the rest of the file was not read"

static void test_binary(void **state)
{
        static const char nul[] = "[Scan]\nInter\0val=1s\nbad line\n";

        (void)state;
        conftest_refused_bytes(nul, sizeof(nul) - 1, "t.conf:2: byte 6 (0x00) is a NUL, " REST);
        conftest_refused_bytes("\0\0\0\0", 4, "t.conf:1: byte 1 (0x00) is a NUL, " REST);
        conftest_refused("[Scan]\n\x7f"
                         "ELF\n",
                         "t.conf:2: byte 1 (0x7f) is a control character, " REST);
        conftest_refused("# \x1b[31m\n", "t.conf:1: byte 3 (0x1b) is a control character, " REST);
        conftest_refused("# a\rb\n", "t.conf:1: byte 4 (0x0d) is a control character, " REST);
        conftest_refused("# \xc2\x9b\n", "t.conf:1: byte 3 (0xc2) is a control character, " REST);
        conftest_refused("# \xff\n", "t.conf:1: byte 3 (0xff) is not UTF-8, " REST);
        conftest_refused("# \xc3", "t.conf:1: byte 3 (0xc3) is not UTF-8, " REST);
}

static void test_utf8(void **state)
{
        static const struct {
                const char *bytes;
                size_t len;
        } table[] = {
                { "a", 1 },
                { "\xc2\xb5", 2 },
                { "\xe2\x82\xac", 3 },
                { "\xf0\x9f\x98\x80", 4 },
                { "\xf4\x8f\xbf\xbf", 4 },
                { "\xf4\x90\x80\x80", 0 }, /* beyond U+10FFFF */
                { "\xed\xa0\x80", 0 },     /* a surrogate */
                { "\xc0\x80", 0 },         /* overlong */
                { "\xe0\x9f\xbf", 0 },
                { "\xf0\x8f\xbf\xbf", 0 },
                { "\x80", 0 },
                { "\xe2\x82", 0 },
                { "\xe2\x28\xa1", 0 },
                { "\xff", 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_int_equal(utf8_len(table[i].bytes, strlen(table[i].bytes)), table[i].len);
        assert_int_equal(utf8_len("", 0), 0);
        assert_int_equal(utf8_len("\xc2\xb5", 1), 0);
}

static void test_line_ends(void **state)
{
        CLEANUP(conf_unrefp) struct conf *crlf = conftest_load("[Scan]\r\nInterval=3s\r\n\r\n");
        CLEANUP(conf_unrefp) struct conf *open_end = conftest_load("[Scan]\nInterval=3s");
        CLEANUP(conf_unrefp) struct conf *mark = conftest_load("\xef\xbb\xbf[Scan]\nInterval=3s\n");

        (void)state;
        assert_int_equal(crlf->interval_usec, 3 * USEC_PER_SEC);
        assert_int_equal(open_end->interval_usec, 3 * USEC_PER_SEC);
        assert_int_equal(mark->interval_usec, 3 * USEC_PER_SEC);
}

/* inih would take the second line for more of the first one's value. */
static void test_indented(void **state)
{
        (void)state;
        conftest_refused("[Ports]\nIgnore=1\n  2 3\n",
                         "t.conf:3: line starts with a blank, expected [SECTION] or KEY=VALUE at "
                         "its beginning");
        conftest_refused("\t[Scan]\nInterval=1s\n",
                         "t.conf:1: line starts with a blank, expected [SECTION] or KEY=VALUE at "
                         "its beginning");
}

static void test_sections(void **state)
{
        CLEANUP(conftest_freep) char *longer = padded("[", 'x', 50, "]\nInterval=1s\n");

        (void)state;
        conftest_refused(longer, "t.conf:1: section name is 50 bytes long, expected at most 49");
        conftest_refused("[Scan\n", "t.conf:1: no ']' in \"[Scan\", expected [SECTION]");
        conftest_refused("[Scan] Interval=1s\n",
                         "t.conf:1: text after \"[Scan]\", expected nothing");
        conftest_refused("[scna]\nNonsense=1\n",
                         "t.conf:1: no section is called [scna], expected [Scan]");
        conftest_refused("[Database]\n",
                         "t.conf:1: no section is called [Database], expected [Scan], [CloseWait], "
                         "[TimeWait], [HalfOpen], [Alerts], [Ports], [Port NUMBER] or "
                         "[Port remote:NUMBER]");
        conftest_refused("[Bogus]\n", /* more unlike than like [Ports] */
                         "t.conf:1: no section is called [Bogus], expected [Scan], [CloseWait], "
                         "[TimeWait], [HalfOpen], [Alerts], [Ports], [Port NUMBER] or "
                         "[Port remote:NUMBER]");
        conftest_refused("[]\n", "t.conf:1: no section is called [], expected [Scan], [CloseWait], "
                                 "[TimeWait], [HalfOpen], [Alerts], [Ports], [Port NUMBER] or "
                                 "[Port remote:NUMBER]");
}

static void test_section_comment(void **state)
{
        CLEANUP(conf_unrefp) struct conf *conf = conftest_load("[Scan] ; often\nInterval=3s ;so\n");

        (void)state;
        assert_int_equal(conf->interval_usec, 3 * USEC_PER_SEC);
}

static void test_port_sections(void **state)
{
        static const char *const bad[] = {
                "[Port]",          "[Port ]",        "[Port 0]",        "[Port 65536]",
                "[Port -1]",       "[Port http]",    "[Port 80-81]",    "[Port 80 81]",
                "[Port host:80]",  "[Port remote:]", "[Port remote:0]", "[Port 8080x]",
                "[Port 00000080]",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                conftest_refused(bad[i],
                                 "t.conf:1: section names no port, expected one port from 1 "
                                 "to 65535, such as [Port 8080] or [Port remote:5432]");
}

/* Where they would be taken and do nothing. */
static void test_keys_of_destinations(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf = conftest_load("[Port remote:7400]\nExhaustionWarning=50%\n");

        (void)state;
        assert_non_null(conf);
        conftest_refused("[Port 7400]\nExhaustionWarning=50%\n",
                         "t.conf:2: ExhaustionWarning is about destinations and means nothing for "
                         "a port of this host, expected it in [Port remote:7400]");
        conftest_refused("[Port local:7400]\n\nExhaustionCritical=\n",
                         "t.conf:3: ExhaustionCritical is about destinations and means nothing for "
                         "a port of this host, expected it in [Port remote:7400]");
}

static void test_keys(void **state)
{
        (void)state;
        conftest_refused("[Scan]\nIntervall=1s\n",
                         "t.conf:2: [Scan] has no key Intervall, expected Interval");
        conftest_refused("[Alerts]\nraiseafter=1s\n",
                         "t.conf:2: [Alerts] has no key raiseafter, expected RaiseAfter");
        conftest_refused("[Scan]\nThreshold=1\n",
                         "t.conf:2: [Scan] has no key Threshold, expected one of Interval, "
                         "CPUBudget");
        conftest_refused("[Port 80]\nInterval=1s\n",
                         "t.conf:2: [Port ...] has no key Interval, expected it in [Scan]");
        conftest_refused("[Port 80]\nTimeWaitCountWarnig=1s\n",
                         "t.conf:2: [Port ...] has no key TimeWaitCountWarnig, expected "
                         "TimeWaitCountWarning");
        conftest_refused(
                "[CloseWait]\nCloseWaitCountWarning=1\n",
                "t.conf:2: [CloseWait] has no key CloseWaitCountWarning, expected one of "
                "StuckAfter, StuckWarning, StuckCritical, PoolIdle, UsualMax, LeakArrivals, "
                "LeakCriticalWithin, CountWarning, CountCritical, MaxTracked");
}

static void test_not_a_key(void **state)
{
        (void)state;
        conftest_refused(
                "Interval=1s\n[Scan]\n",
                "t.conf:1: \"Interval=1s\" stands in no section, expected a header such as "
                "[Scan] above it");
        conftest_refused("[Scan]\nInterval 1s\n",
                         "t.conf:2: no '=' after a key in \"Interval 1s\", expected KEY=VALUE");
        conftest_refused("[Scan]\nInterval: 1s\n",
                         "t.conf:2: no '=' after a key in \"Interval: 1s\", expected KEY=VALUE");
        conftest_refused(
                "[Ports]\nIgnore remote:80\n",
                "t.conf:2: no '=' after a key in \"Ignore remote:80\", expected KEY=VALUE");
        conftest_refused("[Scan]\nInterval ;=1s\n",
                         "t.conf:2: no '=' after a key in \"Interval ;=1s\", expected KEY=VALUE");
        conftest_refused("[Scan]\n=1s\n",
                         "t.conf:2: no key before '=' in \"=1s\", expected KEY=VALUE");
}

static void test_values(void **state)
{
        (void)state;
        conftest_refused("[Scan]\nInterval=often\n",
                         "t.conf:2: Interval=often is not understood, expected a duration from "
                         "100ms to 10min");
        conftest_refused("[Scan]\nInterval=\n",
                         "t.conf:2: Interval= is empty, expected a duration from 100ms to 10min");
        conftest_refused(
                "[Scan]\nInterval=1s # quick\n",
                "t.conf:2: Interval=1s # quick is not understood, expected a duration from "
                "100ms to 10min");
        conftest_refused(
                "[Alerts]\nRemindEvery=1ms\n",
                "t.conf:2: RemindEvery=1ms is out of range, expected a duration from 1s to "
                "365d, or 0 (never)");
        conftest_refused("[Alerts]\nClearBelow=80.5%\n",
                         "t.conf:2: ClearBelow=80.5% is not understood, expected a percentage from "
                         "1% to 100%");
        conftest_refused("[CloseWait]\nStuckWarning=-1\n",
                         "t.conf:2: StuckWarning=-1 is not understood, expected a count from 1 to "
                         "1000000000, or nothing (off)");
        /* One line, one error, although the key sets two options. */
        conftest_refused("[Port 80]\nCountWarning=x\n",
                         "t.conf:2: CountWarning=x is not understood, expected a count from 1 to "
                         "1000000000, or nothing (off)");
}

static void test_ignore_lists(void **state)
{
        static const char *const bad[] = {
                "0",       "65536",   "80,81",    "6063-6000", "80-",       "-80",
                "1-2-3",   "remote:", "remote:0", "host:80",   "remote: 5", "80-remote:81",
                "80 http", "80 - 81", "0x50",     "123456789", "1-65536",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char text[64], expected[128];

                (void)snprintf(text, sizeof(text), "[Ports]\nIgnore=%s\n", bad[i]);
                (void)snprintf(expected, sizeof(expected),
                               "t.conf:2: Ignore=%s is not understood, expected ports and ranges "
                               "such as 9100 6000-6063 remote:5432",
                               bad[i]);
                conftest_refused(text, expected);
        }
}

static void test_levels(void **state)
{
        (void)state;
        conftest_refused(
                "[CloseWait]\nStuckWarning=101\n",
                "t.conf:2: StuckWarning=101 is above StuckCritical=100 (built-in), expected "
                "at most that");
        conftest_refused(
                "[CloseWait]\nStuckCritical=9\n",
                "t.conf:2: StuckCritical=9 is below StuckWarning=10 (built-in), expected at "
                "least that");
        conftest_refused(
                "[TimeWait]\nCountCritical=1\nCountWarning=2\n",
                "t.conf:3: CountWarning=2 is above CountCritical=1 (t.conf:2), expected at "
                "most that");
        /* The port's line is to blame, even where a later line made it wrong. */
        conftest_refused("[Port 80]\nStuckWarning=50\n[CloseWait]\nStuckCritical=40\n",
                         "t.conf:2: StuckWarning=50 is above StuckCritical=40 (t.conf:4), expected "
                         "at most that");
        /* What a port inherits is reported once; a value that is wrong, not a second time. */
        conftest_refused(
                "[Port 80]\n[Port 81]\nStuckAfter=1s\n[CloseWait]\nStuckCritical=9\n",
                "t.conf:5: StuckCritical=9 is below StuckWarning=10 (built-in), expected at "
                "least that");
        conftest_refused(
                "[CloseWait]\nStuckWarning=200\nStuckCritical=5oo\n",
                "t.conf:3: StuckCritical=5oo is not understood, expected a count from 1 to "
                "1000000000, or nothing (off)");
}

static void test_equal_levels(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf =
                conftest_load("[CloseWait]\nStuckWarning=100\n[Port 80]\nStuckCritical=\n");

        (void)state;
        assert_string_equal(conftest_levels(conf, ALERT_CLOSE_WAIT_STUCK, conftest_local(81)),
                            "100/100");
        assert_string_equal(conftest_levels(conf, ALERT_CLOSE_WAIT_STUCK, conftest_local(80)),
                            "100/-");
}

/* All wrong lines in their order, nothing about those below a wrong header. */
static void test_every_line(void **state)
{
        (void)state;
        conftest_refused(
                "Early=1\n[Scan]\nInterval=x\n[Sacn]\nFoo=1\nno key\n[Alerts]\nBar=2\n",
                "t.conf:1: \"Early=1\" stands in no section, expected a header such as "
                "[Scan] above it\n"
                "t.conf:3: Interval=x is not understood, expected a duration from 100ms to "
                "10min\n"
                "t.conf:4: no section is called [Sacn], expected [Scan]\n"
                "t.conf:6: no '=' after a key in \"no key\", expected KEY=VALUE\n"
                "t.conf:8: [Alerts] has no key Bar, expected one of RaiseAfter, ClearAfter, "
                "ClearBelow, RemindEvery, Start");
}

static unsigned count_lines(const char *text)
{
        unsigned n = 1;

        for (; *text != '\0'; text++)
                n += *text == '\n';
        return n;
}

static void test_many_errors(void **state)
{
        CLEANUP(conftest_freep) char *errors = NULL;
        CLEANUP(conftest_freep) char *more = NULL;
        struct conf *conf = NULL;
        char text[256] = "";

        (void)state;
        for (unsigned i = 0; i < CONF_ERRORS_MAX; i++)
                strcat(text, "bad\n");
        assert_int_equal(conf_load_text("t", text, strlen(text), &conf, &errors), CONF_BAD);
        assert_int_equal(count_lines(errors), CONF_ERRORS_MAX);
        assert_null(strstr(errors, "more"));

        strcat(text, "bad\nbad\nbad\n");
        assert_int_equal(conf_load_text("t", text, strlen(text), &conf, &more), CONF_BAD);
        assert_int_equal(count_lines(more), CONF_ERRORS_MAX + 1);
        assert_string_equal(strrchr(more, '\n'), "\nand 3 more");
        assert_null(conf);
}

/* One section more than there may be; the last one is named. */
static void test_too_many_ports(void **state)
{
        CLEANUP(conftest_freep) char *text = calloc(RULES_EXCEPTION_MAX + 2, 16);
        size_t n = 0;

        (void)state;
        assert_non_null(text);
        for (unsigned i = RULES_EXCEPTION_MAX; i > 0; i--)
                n += (size_t)snprintf(text + n, 16, "[Port %u]\n", i);
        conf_unref(conftest_load(text));
        (void)snprintf(text + n, 32, "[Port 9]\n[Port remote:9]\n");
        conftest_refused(text, "t.conf:4098: too many [Port ...] sections, expected at most 4096");
}

static void test_distance(void **state)
{
        CLEANUP(conftest_freep) char *longer = padded("", 'x', 300, "");

        (void)state;
        assert_int_equal(conf_distance("", ""), 0);
        assert_int_equal(conf_distance("Interval", "interval"), 0);
        assert_int_equal(conf_distance("Intervall", "Interval"), 1);
        assert_int_equal(conf_distance("Scna", "Scan"), 2);
        assert_int_equal(conf_distance("kitten", "sitting"), 3);
        assert_int_equal(conf_distance("", "abc"), 3);
        assert_int_equal(conf_distance(longer, "abc"), CONF_DISTANCE_MAX);
        assert_int_equal(conf_distance("abc", longer), CONF_DISTANCE_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_long_comment),
                cmocka_unit_test(test_line_limit),
                cmocka_unit_test(test_binary),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_line_ends),
                cmocka_unit_test(test_indented),
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_section_comment),
                cmocka_unit_test(test_port_sections),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_keys_of_destinations),
                cmocka_unit_test(test_not_a_key),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_ignore_lists),
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_equal_levels),
                cmocka_unit_test(test_every_line),
                cmocka_unit_test(test_many_errors),
                cmocka_unit_test(test_too_many_ports),
                cmocka_unit_test(test_distance),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
