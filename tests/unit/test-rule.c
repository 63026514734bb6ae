/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rule: general rules, exceptions, what is off, what is ignored. */

#include "rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

static int setup(void **state)
{
        struct rules *rules;
        int r = rules_new(&rules);

        *state = rules;
        return r;
}

static int teardown(void **state)
{
        assert_null(rules_free(*state));
        return 0;
}

static struct port_key local(uint16_t port)
{
        return (struct port_key){ 0, port, SIDE_LOCAL };
}

static struct port_key remote(uint16_t port)
{
        return (struct port_key){ 0, port, SIDE_REMOTE };
}

static void add(struct rules *rules, enum alert_kind kind, struct port_key scope, int64_t warning)
{
        struct rule rule = {
                .kind = kind,
                .scope = scope,
                .warning = warning,
                .critical = RULE_LEVEL_OFF,
        };

        assert_int_equal(rules_add(rules, &rule), 0);
}

static const struct port_key general = { 0 };

/* The warning level that holds; 0: no rule. */
static int64_t level(const struct rules *rules, enum alert_kind kind, struct port_key key)
{
        const struct rule *rule = rules_find(rules, kind, &key);

        return rule ? rule->warning : 0;
}

static void test_empty(void **state)
{
        (void)state;
        assert_null(rules_free(NULL));
        for (int kind = 0; kind < ALERT_KIND_COUNT; kind++)
                assert_int_equal(level(*state, (enum alert_kind)kind, local(80)), 0);
        assert_false(rules_ignored(*state, &(struct port_key){ 0, 80, SIDE_LOCAL }));
        assert_false(rules_configured(*state, &(struct port_key){ 0, 80, SIDE_LOCAL }));
}

static void test_exception(void **state)
{
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 10);
        add(*state, ALERT_CLOSE_WAIT_STUCK, local(80), 20);
        add(*state, ALERT_CLOSE_WAIT_STUCK, remote(80), 30);
        add(*state, ALERT_TIME_WAIT_COUNT, local(80), 40);

        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, local(80)), 20);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, remote(80)), 30);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, local(81)), 10);
        assert_int_equal(level(*state, ALERT_TIME_WAIT_COUNT, local(80)), 40);
        assert_int_equal(level(*state, ALERT_TIME_WAIT_COUNT, remote(80)), 0);
}

/* An exception of one kind leaves the others to the general rule. */
static void test_exception_per_kind(void **state)
{
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 10);
        add(*state, ALERT_TIME_WAIT_COUNT, local(80), 40);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, local(80)), 10);
}

static void test_off(void **state)
{
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 10);
        add(*state, ALERT_CLOSE_WAIT_STUCK, local(80), RULE_LEVEL_OFF);
        add(*state, ALERT_CLOSE_WAIT_COUNT, general, RULE_LEVEL_OFF);
        assert_null(rules_find(*state, ALERT_CLOSE_WAIT_STUCK,
                               &(struct port_key){ 0, 80, SIDE_LOCAL }));
        assert_null(rules_find(*state, ALERT_CLOSE_WAIT_COUNT,
                               &(struct port_key){ 0, 81, SIDE_LOCAL }));
        assert_true(rules_configured(*state, &(struct port_key){ 0, 80, SIDE_LOCAL }));
}

static void test_critical_alone(void **state)
{
        struct rule rule = {
                .kind = ALERT_TIME_WAIT_COUNT,
                .warning = RULE_LEVEL_OFF,
                .critical = 5,
        };
        struct port_key key = local(80);

        assert_int_equal(rules_add(*state, &rule), 0);
        assert_int_equal(rules_find(*state, ALERT_TIME_WAIT_COUNT, &key)->critical, 5);
}

static void test_replaced(void **state)
{
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 10);
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 11);
        add(*state, ALERT_CLOSE_WAIT_STUCK, local(80), 20);
        add(*state, ALERT_CLOSE_WAIT_STUCK, local(80), 21);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, local(81)), 11);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, local(80)), 21);
}

/* The host is not a port, and a port cannot be blind. */
static void test_host(void **state)
{
        add(*state, ALERT_BLIND, general, 1);
        add(*state, ALERT_CLOSE_WAIT_STUCK, general, 10);
        assert_int_equal(level(*state, ALERT_BLIND, general), 1);
        assert_int_equal(level(*state, ALERT_BLIND, local(80)), 0);
        assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, general), 0);
}

static void test_ignored(void **state)
{
        struct rules *rules = *state;
        unsigned n = 0;

        add(rules, ALERT_CLOSE_WAIT_STUCK, general, 10);
        add(rules, ALERT_CLOSE_WAIT_STUCK, local(9100), 20);
        assert_int_equal(rules_ignore(rules, SIDE_LOCAL, 9100, 9100), 0);
        assert_int_equal(rules_ignore(rules, SIDE_LOCAL, 6000, 6063), 0);
        assert_int_equal(level(rules, ALERT_CLOSE_WAIT_STUCK, local(9100)), 0);
        assert_int_equal(level(rules, ALERT_CLOSE_WAIT_STUCK, remote(9100)), 10);
        assert_true(rules_configured(rules, &(struct port_key){ 0, 9100, SIDE_LOCAL }));
        for (unsigned port = 1; port <= UINT16_MAX; port++) {
                struct port_key key = local((uint16_t)port);
                bool expected = port == 9100 || (port >= 6000 && port <= 6063);

                if (rules_ignored(rules, &key) != expected)
                        fail_msg("port %u", port);
                key.side = SIDE_REMOTE;
                n += rules_ignored(rules, &key);
        }
        assert_int_equal(n, 0);
}

/* Ranges that begin and end at every position within a byte of the bitmap. */
static void test_ignored_edges(void **state)
{
        (void)state;
        for (unsigned first = 64; first < 72; first++) {
                for (unsigned last = first; last < 96; last++) {
                        struct rules *rules;

                        assert_int_equal(rules_new(&rules), 0);
                        assert_int_equal(
                                rules_ignore(rules, SIDE_REMOTE, (uint16_t)first, (uint16_t)last),
                                0);
                        for (unsigned port = 56; port < 104; port++) {
                                struct port_key key = remote((uint16_t)port);

                                assert_int_equal(rules_ignored(rules, &key),
                                                 port >= first && port <= last);
                        }
                        rules_free(rules);
                }
        }
}

static void test_ignored_all(void **state)
{
        assert_int_equal(rules_ignore(*state, SIDE_LOCAL, 1, UINT16_MAX), 0);
        assert_true(rules_ignored(*state, &(struct port_key){ 0, 1, SIDE_LOCAL }));
        assert_true(rules_ignored(*state, &(struct port_key){ 0, UINT16_MAX, SIDE_LOCAL }));
        assert_false(rules_ignored(*state, &(struct port_key){ 0, 0, SIDE_LOCAL }));
}

struct walk {
        struct port_key last;
        size_t n;
};

static void check_order(const struct port_key *key, void *userdata)
{
        struct walk *walk = userdata;

        assert_true(port_key_compare(&walk->last, key) < 0);
        walk->last = *key;
        walk->n++;
}

/* As many as there may be, from the last to the first, and one too many. */
static void test_many(void **state)
{
        struct rule rule = { .kind = ALERT_CLOSE_WAIT_STUCK, .critical = RULE_LEVEL_OFF };
        struct walk walk = { .n = 0 };

        for (unsigned i = RULES_EXCEPTION_MAX; i > 0; i--) {
                add(*state, ALERT_CLOSE_WAIT_STUCK,
                    i % 2 ? local((uint16_t)(i * 7)) : remote((uint16_t)(i * 7)), i);
        }
        rule.scope = local(1);
        assert_int_equal(rules_add(*state, &rule), -E2BIG);
        rule.scope = local(7); /* known already */
        rule.warning = 1;
        assert_int_equal(rules_add(*state, &rule), 0);

        for (unsigned i = 1; i <= RULES_EXCEPTION_MAX; i++) {
                struct port_key key = i % 2 ? local((uint16_t)(i * 7)) : remote((uint16_t)(i * 7));

                assert_int_equal(level(*state, ALERT_CLOSE_WAIT_STUCK, key), i);
        }
        rules_each_configured(*state, check_order, &walk);
        assert_int_equal(walk.n, RULES_EXCEPTION_MAX);
}

static void test_least_stuck_after(void **state)
{
        struct rules *rules = *state;
        struct rule rule = { .kind = ALERT_CLOSE_WAIT_LEAK,
                             .stuck_after_usec = RULE_STUCK_AFTER_USEC * 2 };

        assert_int_equal(rules_least_stuck_after(rules), RULE_STUCK_AFTER_USEC);
        assert_int_equal(rules_add(rules, &rule), 0);
        assert_int_equal(rules_least_stuck_after(rules), RULE_STUCK_AFTER_USEC);
        rule.stuck_after_usec = 30000000;
        assert_int_equal(rules_add(rules, &rule), 0);
        assert_int_equal(rules_least_stuck_after(rules), 30000000);
        rule.kind = ALERT_CLOSE_WAIT_STUCK;
        rule.scope = remote(5432);
        rule.stuck_after_usec = 7000000;
        assert_int_equal(rules_add(rules, &rule), 0);
        assert_int_equal(rules_least_stuck_after(rules), 7000000);
        rule.kind = ALERT_HALF_OPEN; /* has none */
        rule.stuck_after_usec = 0;
        assert_int_equal(rules_add(rules, &rule), 0);
        assert_int_equal(rules_least_stuck_after(rules), 7000000);
}

static void test_names(void **state)
{
        enum alert_kind kind;

        (void)state;
        assert_string_equal(alert_kind_name(ALERT_CLOSE_WAIT_STUCK), "close-wait-stuck");
        assert_string_equal(alert_kind_name(ALERT_CLOSE_WAIT_COUNT), "close-wait-count");
        assert_string_equal(alert_kind_name(ALERT_TIME_WAIT_COUNT), "time-wait-count");
        assert_string_equal(alert_kind_name(ALERT_BLIND), "blind");
        assert_string_equal(severity_name(SEVERITY_NONE), "none");
        assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
        assert_string_equal(severity_name(SEVERITY_CRITICAL), "critical");
        for (enum alert_kind i = 0; i < ALERT_KIND_COUNT; i++) {
                assert_int_equal(alert_kind_parse(alert_kind_name(i), &kind), 0);
                assert_int_equal(kind, i);
        }
        assert_int_equal(alert_kind_parse("", &kind), -EINVAL);
        assert_int_equal(alert_kind_parse("blin", &kind), -EINVAL);
        assert_int_equal(alert_kind_parse("blindly", &kind), -EINVAL);
        assert_int_equal(kind, ALERT_KIND_COUNT - 1); /* untouched */
}

#define RULES_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                RULES_TEST(test_empty),         RULES_TEST(test_exception),
                RULES_TEST(test_off),           RULES_TEST(test_exception_per_kind),
                RULES_TEST(test_replaced),      RULES_TEST(test_critical_alone),
                RULES_TEST(test_host),          RULES_TEST(test_ignored),
                RULES_TEST(test_ignored_edges), RULES_TEST(test_ignored_all),
                RULES_TEST(test_many),          RULES_TEST(test_least_stuck_after),
                cmocka_unit_test(test_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
