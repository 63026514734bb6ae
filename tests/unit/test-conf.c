/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conf: options, bounds, inheritance, and sample file and man page against the option table. */

#include "conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "confoption.h"
#include "conftest.h"
#include "units.h"

#define STUCK ALERT_CLOSE_WAIT_STUCK
#define CLOSE ALERT_CLOSE_WAIT_COUNT
#define TIME  ALERT_TIME_WAIT_COUNT

static const struct port_key host = { 0 };

static void assert_levels(const struct conf *conf, enum alert_kind kind, struct port_key key,
                          const char *expected)
{
        assert_string_equal(conftest_levels(conf, kind, key), expected);
}

static void check_defaults(const struct conf *conf)
{
        struct port_key key = conftest_local(80);
        const struct rule *rule = rules_find(conf->rules, STUCK, &key);

        assert_int_equal(conf->interval_usec, 10 * USEC_PER_SEC);
        assert_int_equal(conf->cpu_budget_ppm, 10000);
        assert_non_null(rule);
        assert_int_equal(rule->stuck_after_usec, 60 * USEC_PER_SEC);
        assert_int_equal(rule->raise_after_usec, 20 * USEC_PER_SEC);
        assert_int_equal(rule->clear_after_usec, 2 * USEC_PER_MIN);
        assert_int_equal(rule->remind_every_usec, USEC_PER_HOUR);
        assert_int_equal(rule->clear_below_pct, 80);
        assert_levels(conf, STUCK, conftest_local(1), "10/100");
        assert_levels(conf, STUCK, conftest_remote(65535), "10/100");
        assert_levels(conf, CLOSE, key, "off");
        assert_levels(conf, TIME, key, "off");
        assert_levels(conf, ALERT_BLIND, host, "1/-");
        assert_false(rules_ignored(conf->rules, &key));
        assert_false(rules_configured(conf->rules, &key));
}

static void test_defaults(void **state)
{
        CLEANUP(conf_unrefp) struct conf *built_in = NULL;
        CLEANUP(conf_unrefp) struct conf *empty = conftest_load("");
        CLEANUP(conf_unrefp) struct conf *blank = conftest_load("\n# a\n; b\n  # c\n \t \n[Scan]");

        (void)state;
        assert_int_equal(conf_new_default(&built_in), 0);
        check_defaults(built_in);
        check_defaults(empty);
        check_defaults(blank);
        assert_string_equal(conftest_origin(built_in, STUCK, conftest_local(80)), "built-in");
        assert_string_equal(conftest_origin(built_in, ALERT_BLIND, host), "built-in");
}

static void test_all_keys(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf =
                conftest_load("[Scan]\nCPUBudget=0.25 %\nInterval=250ms\n"
                              "[CloseWait]\nStuckAfter = 1h 30min ; long\nStuckWarning=5\n"
                              "StuckCritical=\nCountWarning=7\nCountCritical=8\n"
                              "[TimeWait]\nCountCritical=9\n"
                              "[Alerts]\nRaiseAfter=0\nClearAfter=5s\nClearBelow=50\n"
                              "RemindEvery=0\n");
        struct port_key key = conftest_remote(443);
        const struct rule *rule = rules_find(conf->rules, STUCK, &key);

        (void)state;
        assert_int_equal(conf->interval_usec, 250 * USEC_PER_MSEC);
        assert_int_equal(conf->cpu_budget_ppm, 2500);
        assert_int_equal(rule->stuck_after_usec, 90 * USEC_PER_MIN);
        assert_int_equal(rule->raise_after_usec, 0);
        assert_int_equal(rule->clear_after_usec, 5 * USEC_PER_SEC);
        assert_int_equal(rule->remind_every_usec, 0);
        assert_int_equal(rule->clear_below_pct, 50);
        assert_levels(conf, STUCK, key, "5/-");
        assert_levels(conf, CLOSE, key, "7/8");
        assert_levels(conf, TIME, key, "-/9");
        /* The holds are those of every kind. */
        rule = rules_find(conf->rules, ALERT_BLIND, &host);
        assert_int_equal(rule->clear_after_usec, 5 * USEC_PER_SEC);
        assert_string_equal(conftest_origin(conf, STUCK, key), "t.conf:6");
        assert_string_equal(conftest_origin(conf, CLOSE, key), "t.conf:8");
        assert_string_equal(conftest_origin(conf, TIME, key), "t.conf:11");
}

static void test_later_line_wins(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf =
                conftest_load("[CloseWait]\nStuckWarning=5\n[Scan]\n[CloseWait]\nStuckWarning=6\n");

        (void)state;
        assert_levels(conf, STUCK, conftest_local(1), "6/100");
        assert_string_equal(conftest_origin(conf, STUCK, conftest_local(1)), "t.conf:5");
}

static void test_bounds(void **state)
{
        static const struct {
                const char *line;
                bool good;
        } table[] = {
                { "[Scan]\nInterval=100ms", true },
                { "[Scan]\nInterval=99999us", false },
                { "[Scan]\nInterval=10min", true },
                { "[Scan]\nInterval=10min 1us", false },
                { "[Scan]\nInterval=0", false },
                { "[Scan]\nInterval=infinity", false },
                { "[Scan]\nInterval=18446744073709551616us", false },
                { "[Scan]\nCPUBudget=0.01%", true },
                { "[Scan]\nCPUBudget=0.0099%", false },
                { "[Scan]\nCPUBudget=0", false },
                { "[Scan]\nCPUBudget=100%", true },
                { "[Scan]\nCPUBudget=100.01%", false },
                { "[CloseWait]\nStuckAfter=99ms", false },
                { "[CloseWait]\nStuckAfter=30d", true },
                { "[CloseWait]\nStuckAfter=31d", false },
                { "[CloseWait]\nStuckWarning=1", true },
                { "[CloseWait]\nStuckWarning=0", false },
                { "[CloseWait]\nStuckCritical=1000000000", true },
                { "[CloseWait]\nStuckCritical=1000000001", false },
                { "[Alerts]\nRaiseAfter=1d", true },
                { "[Alerts]\nRaiseAfter=25h", false },
                { "[Alerts]\nClearBelow=0%", false },
                { "[Alerts]\nClearBelow=1%", true },
                { "[Alerts]\nClearBelow=100%", true },
                { "[Alerts]\nClearBelow=101%", false },
                { "[Alerts]\nRemindEvery=999ms", false },
                { "[Alerts]\nRemindEvery=0s", true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                CLEANUP(conf_unrefp) struct conf *conf = NULL;
                CLEANUP(conftest_freep) char *errors = NULL;
                int r = conf_load_text("t.conf", table[i].line, strlen(table[i].line), &conf,
                                       &errors);

                if (r != (table[i].good ? 0 : CONF_BAD))
                        fail_msg("%s: %d %s", table[i].line, r, errors ? errors : "");
                if (r != 0)
                        assert_non_null(strstr(errors, "out of range, expected "));
        }
}

/* What a port inherits does not depend on what is written first. */
static void test_inheritance(void **state)
{
        static const char general[] =
                "[CloseWait]\nStuckAfter=5s\nStuckWarning=3\nCountWarning=50\n"
                "[TimeWait]\nCountWarning=1000\n";
        static const char port[] =
                "[Port 8080]\nStuckCritical=7\n[Port remote:5432]\nStuckAfter=9s\n";
        char texts[2][256];

        (void)state;
        (void)snprintf(texts[0], sizeof(texts[0]), "%s%s", general, port);
        (void)snprintf(texts[1], sizeof(texts[1]), "%s%s", port, general);
        for (size_t i = 0; i < 2; i++) {
                CLEANUP(conf_unrefp) struct conf *conf = conftest_load(texts[i]);
                struct port_key db = conftest_remote(5432), web = conftest_local(8080);

                assert_levels(conf, STUCK, web, "3/7");
                assert_levels(conf, STUCK, db, "3/100");
                assert_levels(conf, CLOSE, web, "50/-");
                assert_levels(conf, TIME, db, "1000/-");
                assert_levels(conf, STUCK, conftest_remote(8080), "3/100");
                assert_int_equal(rules_find(conf->rules, STUCK, &web)->stuck_after_usec,
                                 5 * USEC_PER_SEC);
                assert_int_equal(rules_find(conf->rules, STUCK, &db)->stuck_after_usec,
                                 9 * USEC_PER_SEC);
        }
}

static void test_port_origin(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf = conftest_load("[Port 80]\nStuckCritical=200\n[Port 81]\nStuckAfter=1s\n"
                                          "[Port 82]\nStuckWarning=\nStuckCritical=9\n[CloseWait]\n"
                                          "CountWarning=5\n");

        (void)state;
        assert_string_equal(conftest_origin(conf, STUCK, conftest_local(80)), "t.conf:2");
        assert_string_equal(conftest_origin(conf, STUCK, conftest_local(81)), "t.conf:3");
        assert_string_equal(conftest_origin(conf, STUCK, conftest_local(82)), "t.conf:7");
        assert_string_equal(conftest_origin(conf, CLOSE, conftest_local(80)), "t.conf:1");
        assert_string_equal(conftest_origin(conf, CLOSE, conftest_local(83)), "t.conf:9");
}

static void test_port_off(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf = conftest_load(
                "[Port 80]\nStuckWarning=\nStuckCritical=\n[Port 81]\n[Port\tlocal:82]\n");

        (void)state;
        assert_levels(conf, STUCK, conftest_local(80), "off");
        assert_levels(conf, STUCK, conftest_local(81), "10/100");
        for (uint16_t port = 80; port <= 82; port++) {
                struct port_key key = conftest_local(port);

                assert_true(rules_configured(conf->rules, &key));
                key.side = SIDE_REMOTE;
                assert_false(rules_configured(conf->rules, &key));
        }
}

/* In a [Port ...] section CountWarning means both states, unless a later line sets one. */
static void test_port_counts(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf =
                conftest_load("[Port 80]\nCountWarning=5\n"
                              "[Port 81]\nCountWarning=5\nTimeWaitCountWarning=6\n"
                              "[Port 82]\nTimeWaitCountWarning=6\nCountWarning=5\n"
                              "[Port 83]\nCloseWaitCountWarning=7\nCloseWaitCountCritical=8\n"
                              "TimeWaitCountCritical=9\n"
                              "[Port 84]\nCountCritical=3\nCloseWaitCountCritical=\n");

        (void)state;
        assert_levels(conf, CLOSE, conftest_local(80), "5/-");
        assert_levels(conf, TIME, conftest_local(80), "5/-");
        assert_levels(conf, CLOSE, conftest_local(81), "5/-");
        assert_levels(conf, TIME, conftest_local(81), "6/-");
        assert_levels(conf, TIME, conftest_local(82), "5/-");
        assert_levels(conf, CLOSE, conftest_local(83), "7/8");
        assert_levels(conf, TIME, conftest_local(83), "-/9");
        assert_levels(conf, CLOSE, conftest_local(84), "off");
        assert_levels(conf, TIME, conftest_local(84), "-/3");
}

static bool ignored(const struct conf *conf, struct port_key key)
{
        return rules_ignored(conf->rules, &key);
}

static void test_history_ports(void **state)
{
        struct conf *none = conftest_load("");
        struct conf *conf = conftest_load(
                "[Ports]\nHistoryPorts=80 6000-6002\nHistoryPorts=remote:5432 80 local:443\n");
        struct conf *reset = conftest_load("[Ports]\nHistoryPorts=9100\nHistoryPorts=\n"
                                           "HistoryPorts=remote:81-96\n");

        (void)state;
        assert_int_equal(none->history.n, 0);
        assert_int_equal(conf->history.n, 6);
        assert_int_equal(conf->history.ports[0].port, 80);
        assert_int_equal(conf->history.ports[3].port, 6002);
        assert_int_equal(conf->history.ports[4].side, SIDE_REMOTE);
        assert_int_equal(conf->history.ports[5].port, 443);
        assert_int_equal(reset->history.n, HISTORY_NAMED_MAX);
        assert_int_equal(reset->history.ports[15].port, 96);
        assert_int_equal(reset->history.ports[15].side, SIDE_REMOTE);
        conf_unref(none);
        conf_unref(conf);
        conf_unref(reset);
}

static void test_ignore(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf = conftest_load(
                "[Ports]\nIgnore=9100 6000-6063\nIgnore=remote:5432 remote:1-1023\tlocal:65535\n");
        CLEANUP(conf_unrefp)
        struct conf *reset = conftest_load("[Ports]\nIgnore=9100\nIgnore=\nIgnore=81\n");

        (void)state;
        assert_true(ignored(conf, conftest_local(9100)));
        assert_false(ignored(conf, conftest_remote(9100)));
        assert_false(ignored(conf, conftest_local(5999)));
        assert_true(ignored(conf, conftest_local(6000)));
        assert_true(ignored(conf, conftest_local(6063)));
        assert_false(ignored(conf, conftest_local(6064)));
        assert_true(ignored(conf, conftest_remote(5432)));
        assert_true(ignored(conf, conftest_remote(1)));
        assert_true(ignored(conf, conftest_remote(1023)));
        assert_false(ignored(conf, conftest_remote(1024)));
        assert_true(ignored(conf, conftest_local(65535)));
        assert_levels(conf, STUCK, conftest_local(6001), "off");
        assert_false(ignored(reset, conftest_local(9100)));
        assert_true(ignored(reset, conftest_local(81)));
}

/* Whether Start= takes it, and that it is kept as it is. */
static bool takes_start(const char *name)
{
        CLEANUP(conf_unrefp) struct conf *conf = NULL;
        CLEANUP(conftest_freep) char *errors = NULL;
        char text[256];

        (void)snprintf(text, sizeof(text), "[Alerts]\nStart=%s\n", name);
        if (conf_load_text("t.conf", text, strlen(text), &conf, &errors) != 0) {
                assert_null(strchr(errors, '\n')); /* one clear line */
                assert_non_null(strstr(errors, "NAME@.service or NAME@.target"));
                return false;
        }
        assert_string_equal(conf->start, name);
        return true;
}

static void test_start(void **state)
{
        static const char *const good[] = { "", "a@.service", "a@.target",
                                            "A:b-c_d.e\\x2d@.service" };
        static const char *const bad[] = {
                "a",           "a.service",   "a@.timer",    "a@b.service",
                "@.service",   "a@@.service", "a@service",   "a b@.target",
                "a/b@.target", "a%b@.target", "a@.servicex", "\xc3\xa9@.target",
        };
        char name[128];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!takes_start(good[i]))
                        fail_msg("%s is refused", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (takes_start(bad[i]))
                        fail_msg("%s is taken", bad[i]);
        (void)snprintf(name, sizeof(name), "%0*d@.target", CONF_START_MAX - 8, 0);
        assert_true(takes_start(name));
        (void)snprintf(name, sizeof(name), "%0*d@.target", CONF_START_MAX - 7, 0);
        assert_false(takes_start(name));
        conftest_refused("[Alerts]\nStart=a@.service\nStart=b\n",
                         "t.conf:3: Start=b is not understood, expected NAME@.service or "
                         "NAME@.target of 63 bytes at most, or nothing (off)");
}

static void test_cpu_budget(void **state)
{
        CLEANUP(conf_unrefp) struct conf *off = conftest_load("[Scan]\nCPUBudget=off\n");
        CLEANUP(conf_unrefp)
        struct conf *later = conftest_load("[Scan]\nCPUBudget=off\nCPUBudget=0.2% ; small\n");

        (void)state;
        assert_int_equal(off->cpu_budget_ppm, 0);
        assert_int_equal(later->cpu_budget_ppm, 2000);
        conftest_refused("[Scan]\nCPUBudget=1 percent\n",
                         "t.conf:2: CPUBudget=1 percent is not understood, expected a percentage "
                         "from 0.01% to 100%, or off");
        conftest_refused("[Scan]\n\nCPUBudget=0%\n",
                         "t.conf:3: CPUBudget=0% is out of range, expected a percentage from 0.01% "
                         "to 100%, or off");
        conftest_refused("[Scan]\nCPUBudget=\n",
                         "t.conf:2: CPUBudget= is empty, expected a percentage from 0.01% to 100%, "
                         "or off");
        conftest_refused("[Scan]\nCpuBudget=1%\n",
                         "t.conf:2: [Scan] has no key CpuBudget, expected CPUBudget");
        conftest_refused("[Port 80]\nCPUBudget=1%\n",
                         "t.conf:2: [Port ...] has no key CPUBudget, expected it in [Scan]");
}

static void test_start_reset(void **state)
{
        CLEANUP(conf_unrefp)
        struct conf *conf = conftest_load("[Alerts]\nStart=a@.service\nStart=\n");

        (void)state;
        assert_string_equal(conf->start, "");
}

static void test_refs(void **state)
{
        struct conf *conf = conftest_load("");

        (void)state;
        assert_ptr_equal(conf_ref(conf), conf);
        assert_null(conf_unref(conf));
        check_defaults(conf);
        assert_null(conf_unref(conf));
        assert_null(conf_unref(NULL));
}

/* A file of the tree. __FILE__ leads there from wherever the compiler stood. */
static char *read_tree(const char *path)
{
        static const char self[] = "tests/unit/test-conf.c";
        char full[512], *text = calloc(1, 65536);
        FILE *file;

        assert_non_null(text);
        (void)snprintf(full, sizeof(full), "%.*s%s", (int)(sizeof(__FILE__) - sizeof(self)),
                       __FILE__, path);
        file = fopen(full, "re");
        if (!file)
                fail_msg("%s is not there: run this test from where it was compiled", full);
        assert_true(fread(text, 1, 65535, file) > 0);
        (void)fclose(file);
        return text;
}

static char *print_help(void)
{
        size_t len;
        char *text = NULL;
        FILE *out = open_memstream(&text, &len);

        assert_non_null(out);
        conf_print_help(out);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void test_sample(void **state)
{
        CLEANUP(conftest_freep) char *help = print_help();
        CLEANUP(conftest_freep) char *sample = read_tree("etc/twmon.conf");
        CLEANUP(conf_unrefp) struct conf *conf = conftest_load(sample);

        (void)state;
        assert_string_equal(sample, help);
        check_defaults(conf);
}

/* With its options uncommented the sample still means the defaults; its exception aside. */
static void test_sample_uncommented(void **state)
{
        CLEANUP(conftest_freep) char *help = print_help();
        char *end = strstr(help, "#[Port 8080]");

        (void)state;
        assert_non_null(end);
        *end = '\0';
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                char line[64], *at;

                (void)snprintf(line, sizeof(line), "\n#%s=%s\n", conf_options[i].key,
                               conf_options[i].default_text);
                at = strstr(help, line);
                assert_non_null(at);
                at[1] = ' ';
                memmove(at + 1, at + 2, strlen(at + 2) + 1);
        }
        {
                CLEANUP(conf_unrefp) struct conf *conf = conftest_load(help);

                check_defaults(conf);
                assert_string_equal(conftest_origin(conf, ALERT_BLIND, host), "built-in");
                assert_memory_equal(conftest_origin(conf, STUCK, conftest_local(1)), "t.conf:", 7);
        }
}

static void test_man_page(void **state)
{
        CLEANUP(conftest_freep) char *man = read_tree("man/twmon.conf.5");
        const char *at = man;

        (void)state;
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                const struct conf_option *option = &conf_options[i];
                char line[96];

                if (i == 0 || strcmp(option->section, conf_options[i - 1].section) != 0) {
                        (void)snprintf(line, sizeof(line), "\n.Ss [%s]\\&\n", option->section);
                        at = strstr(at, line);
                        if (!at)
                                fail_msg("[%s] is missing, or out of order", option->section);
                }
                (void)snprintf(line, sizeof(line), "\n.It Va %s Ns = Ns %s\n", option->key,
                               option->default_text);
                if (option->default_text[0] == '\0')
                        (void)snprintf(line, sizeof(line), "\n.It Va %s Ns =\n", option->key);
                at = strstr(at, line);
                if (!at)
                        fail_msg("no line \"%s\" below [%s]", line + 1, option->section);
                if (option->port_key && !strstr(man, option->port_key))
                        fail_msg("%s is missing", option->port_key);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_all_keys),
                cmocka_unit_test(test_later_line_wins),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_inheritance),
                cmocka_unit_test(test_port_origin),
                cmocka_unit_test(test_port_off),
                cmocka_unit_test(test_port_counts),
                cmocka_unit_test(test_history_ports),
                cmocka_unit_test(test_ignore),
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_start_reset),
                cmocka_unit_test(test_refs),
                cmocka_unit_test(test_sample),
                cmocka_unit_test(test_sample_uncommented),
                cmocka_unit_test(test_man_page),
                cmocka_unit_test(test_cpu_budget),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
