/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* topmodel, toptrail: orders, the selection over replies, trails, and replies that make no sense. */

#include "topmodel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "chart.h"

#define STEP TOPTRAIL_STEP_SEC
#define NOON UINT64_C(1769860800) /* 2026-01-31T12:00:00Z */

static json_t *parse(const char *text)
{
        json_t *value = json_loads(text, 0, NULL);

        assert_non_null(value);
        return value;
}

static void take_ports(struct topmodel *model, const char *text)
{
        json_t *reply = parse(text);

        assert_int_equal(topmodel_take_ports(model, reply), 0);
        json_decref(reply);
}

static void take_alerts(struct topmodel *model, const char *text)
{
        json_t *reply = parse(text);

        topmodel_take_alerts(model, reply);
        json_decref(reply);
}

static void take_history(struct topmodel *model, uint16_t port, const char *text)
{
        json_t *reply = parse(text);

        topmodel_take_history(model, port, reply);
        json_decref(reply);
}

static void assert_order(const struct topmodel *model, const uint16_t *ports, size_t n)
{
        assert_int_equal(model->n, n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(model->rows[i].port, ports[i]);
}

#define ASSERT_ORDER(model, ...)                                                                   \
        assert_order(model, (const uint16_t[]){ __VA_ARGS__ },                                     \
                     ARRAY_SIZE(((const uint16_t[]){ __VA_ARGS__ })))

/* 1 has most, 2 is stuck most, 3 is oldest, 4 grows fastest; 5 knows nothing but TIME_WAIT. */
static const char four[] =
        "{\"scannedAt\": \"2026-01-31T12:00:00Z\", \"total\": 7, \"ports\": ["
        "{\"side\": \"local\", \"port\": 5, \"timeWait\": 9},"
        "{\"side\": \"local\", \"port\": 1, \"closeWait\": 9, \"stuck\": 2, \"oldestSec\": 5},"
        "{\"side\": \"local\", \"port\": 2, \"closeWait\": 5, \"stuck\": 5, \"oldestSec\": 6,"
        " \"ratePerMin\": 0.5},"
        "{\"side\": \"remote\", \"port\": 3, \"closeWait\": 1, \"stuck\": 1, \"oldestSec\": 900},"
        "{\"side\": \"local\", \"port\": 4, \"closeWait\": 4, \"stuck\": 1, \"oldestSec\": 4,"
        " \"ratePerMin\": 12.5}]}";

static void test_orders(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        take_ports(&model, four);
        ASSERT_ORDER(&model, 1, 2, 4, 3, 5);
        topmodel_sort(&model, TOPMODEL_BY_STUCK);
        ASSERT_ORDER(&model, 2, 1, 4, 3, 5);
        topmodel_sort(&model, TOPMODEL_BY_AGE);
        ASSERT_ORDER(&model, 3, 2, 1, 4, 5);
        topmodel_sort(&model, TOPMODEL_BY_RATE);
        ASSERT_ORDER(&model, 4, 2, 1, 3, 5);
        assert_int_equal(model.total, 7);
        assert_true(model.rows[4].values[TOPMODEL_BY_COUNT] < 0); /* unknown, not 0 */
        topmodel_done(&model);
}

static void test_order_names(void **state)
{
        enum topmodel_order order = TOPMODEL_ORDERS;

        (void)state;
        for (enum topmodel_order i = 0; i < TOPMODEL_ORDERS; i++) {
                assert_int_equal(topmodel_order_find(topmodel_order_name(i), &order), 0);
                assert_int_equal(order, i);
                assert_true(strlen(topmodel_order_what(i)) > 0);
        }
        assert_int_equal(topmodel_order_find("", &order), -EINVAL);
        assert_int_equal(topmodel_order_find("Count", &order), -EINVAL);
        assert_int_equal(order, TOPMODEL_ORDERS - 1);
}

/* It is a port that is selected, wherever it goes; where it goes away, the one in its place. */
static void test_selection(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        assert_null(topmodel_selected(&model));
        topmodel_move(&model, 1);
        assert_int_equal(model.selected, 0);
        take_ports(&model, four);
        topmodel_move(&model, 3);
        assert_int_equal(topmodel_selected(&model)->port, 3);
        topmodel_sort(&model, TOPMODEL_BY_AGE);
        assert_int_equal(model.selected, 0);
        assert_int_equal(topmodel_selected(&model)->port, 3);
        topmodel_move(&model, -1);
        assert_int_equal(model.selected, 0);
        topmodel_move(&model, 65535);
        assert_int_equal(model.selected, 4);
        take_ports(&model, "{\"ports\": [{\"side\": \"local\", \"port\": 9},"
                           "{\"side\": \"local\", \"port\": 5, \"oldestSec\": 1}]}");
        assert_int_equal(topmodel_selected(&model)->port, 5);
        take_ports(&model, "{\"ports\": [{\"side\": \"remote\", \"port\": 5}]}");
        assert_true(topmodel_selected(&model)->remote);
        take_ports(&model, "{\"ports\": []}");
        assert_null(topmodel_selected(&model));
        topmodel_move(&model, -1);
        topmodel_scroll(&model, 10);
        assert_int_equal(model.first, 0);
        topmodel_done(&model);
}

static void test_scroll(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        take_ports(&model, four);
        topmodel_move(&model, 4);
        topmodel_scroll(&model, 2);
        assert_int_equal(model.first, 3);
        topmodel_move(&model, -3);
        topmodel_scroll(&model, 2);
        assert_int_equal(model.first, 1);
        topmodel_scroll(&model, 100); /* a larger window shows all */
        assert_int_equal(model.first, 0);
        topmodel_scroll(&model, 0);
        assert_int_equal(model.first, 1);
        topmodel_done(&model);
}

static void test_alerts(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        take_alerts(&model, "{\"alerts\": ["
                            "{\"side\": \"host\", \"port\": 0, \"state\": \"raised\"},"
                            "{\"side\": \"local\", \"port\": 1, \"state\": \"raised\","
                            " \"severity\": \"warning\"},"
                            "{\"side\": \"local\", \"port\": 1, \"state\": \"raised\","
                            " \"severity\": \"critical\"},"
                            "{\"side\": \"local\", \"port\": 2, \"state\": \"pending\","
                            " \"severity\": \"critical\"},"
                            "{\"side\": \"local\", \"port\": 3, \"state\": \"raised\"}, 7]}");
        take_ports(&model, four);
        assert_string_equal(json_string_value(json_object_get(
                                    topmodel_find(&model, false, 1)->alert, "severity")),
                            "critical");
        assert_null(topmodel_find(&model, false, 2)->alert);
        assert_null(topmodel_find(&model, true, 3)->alert); /* that was of the other side */
        take_alerts(&model, "{}");
        assert_null(topmodel_find(&model, false, 1)->alert);
        topmodel_done(&model);
}

/* What came before the first reply comes from the history; live numbers go on behind it. */
static void test_trails(void **state)
{
        struct topmodel model = { 0 };
        const struct toptrail *trail;

        (void)state;
        take_ports(&model, four);
        assert_false(topmodel_find(&model, false, 1)->seeded);
        take_history(&model, 1,
                     "{\"startsAt\": \"2026-01-31T11:58:00Z\", \"stepSec\": 10, \"sides\": ["
                     "{\"side\": \"remote\", \"closeWait\": {\"max\": [99, 99, 99]}},"
                     "{\"side\": \"local\", \"closeWait\": {\"max\":"
                     " [1, 3, 2, null, -4, \"x\", 0, 0, 0, 8, 8, 8, 7, 1000]}}]}");
        trail = &topmodel_find(&model, false, 1)->trail;
        assert_true(topmodel_find(&model, false, 1)->seeded);
        assert_int_equal(toptrail_at(trail, NOON - 120), 3);
        assert_int_equal(toptrail_at(trail, NOON - 90), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(trail, NOON - 60), 0);
        assert_int_equal(toptrail_at(trail, NOON - 30), 8);
        assert_int_equal(toptrail_at(trail, NOON), 9);
        /* none of it lies ahead of the scan */
        assert_int_equal(toptrail_at(trail, NOON + STEP), CHART_UNKNOWN);
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T12:00:30Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 4}]}");
        trail = &topmodel_find(&model, false, 1)->trail;
        assert_int_equal(toptrail_at(trail, NOON), 9);
        assert_int_equal(toptrail_at(trail, NOON + STEP), 4);
        assert_true(topmodel_find(&model, false, 1)->seeded);
        topmodel_done(&model);
}

/* What is older than twmond itself is known by the minute: that fills what nobody saw, no more. */
static void test_minutes(void **state)
{
        static const char minutes[] =
                "{\"startsAt\": \"2026-01-31T11:56:00Z\", \"stepSec\": 60, \"sides\": ["
                "{\"side\": \"local\", \"closeWait\": {\"max\": [6, null, 3, 20, 30]}}]}";
        struct topmodel model = { 0 };
        const struct toptrail *trail;

        (void)state;
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T11:59:00Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 4}]}");
        take_ports(&model, four);
        take_history(&model, 1, minutes);
        trail = &topmodel_find(&model, false, 1)->trail;
        assert_int_equal(toptrail_at(trail, NOON - 8 * STEP), 6);
        assert_int_equal(toptrail_at(trail, NOON - 7 * STEP), 6);
        assert_int_equal(toptrail_at(trail, NOON - 6 * STEP), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(trail, NOON - 5 * STEP), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(trail, NOON - 4 * STEP), 3);
        assert_int_equal(toptrail_at(trail, NOON - 3 * STEP), 3);
        assert_int_equal(toptrail_at(trail, NOON - 2 * STEP), 4); /* was seen */
        assert_int_equal(toptrail_at(trail, NOON), 9);            /* likewise */
        assert_int_equal(toptrail_at(trail, NOON + STEP), CHART_UNKNOWN);
        topmodel_done(&model);
}

/* After twmond was away, what it has kept is asked again, and fills the gap. */
static void test_seeded_again(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        take_ports(&model, four);
        take_history(&model, 1, "{}");
        assert_true(topmodel_find(&model, false, 1)->seeded);
        topmodel_forget_history(&model);
        assert_false(topmodel_find(&model, false, 1)->seeded);
        assert_int_equal(toptrail_at(&topmodel_find(&model, false, 1)->trail, NOON), 9);
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T12:10:00Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 2}]}");
        assert_false(topmodel_find(&model, false, 1)->seeded);
        take_history(&model, 1,
                     "{\"startsAt\": \"2026-01-31T12:05:00Z\", \"stepSec\": 60, \"sides\": ["
                     "{\"side\": \"local\", \"closeWait\": {\"max\": [7]}}]}");
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON), 9);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON + 4 * 60), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON + 5 * 60), 7);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON + 5 * 60 + STEP), 7);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON + 10 * 60), 2);
        topmodel_done(&model);
}

/* A clock that was set back leaves nothing to go on from: neither a hole nor old peaks ahead. */
static void test_clock_back(void **state)
{
        struct topmodel model = { 0 };

        (void)state;
        take_ports(&model, four);
        take_history(&model, 1, "{}");
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T11:59:30Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 4}]}");
        assert_true(model.rows[0].seeded); /* a little: goes on */
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON), 9);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON - STEP), 4);
        take_ports(&model, "{\"scannedAt\": \"soon\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 4}]}");
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON), 9);
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T11:50:00Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 3}]}");
        assert_false(model.rows[0].seeded);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON - 600), 3);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON - 570), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON), CHART_UNKNOWN);
        take_history(&model, 1, "{}");
        take_ports(&model, "{\"scannedAt\": \"2026-01-31T09:50:00Z\", \"ports\": ["
                           "{\"side\": \"local\", \"port\": 1, \"closeWait\": 2}]}");
        assert_false(model.rows[0].seeded);
        assert_int_equal(toptrail_at(&model.rows[0].trail, NOON - 7800), 2);
        topmodel_done(&model);
}

static void test_nonsense(void **state)
{
        static const char *const replies[] = {
                "{}",
                "{\"ports\": 7}",
                "{\"ports\": [1, null, \"x\", [], {}, {\"side\": \"local\"}, {\"port\": 5}]}",
                "{\"ports\": [{\"side\": \"host\", \"port\": 5}, {\"side\": 1, \"port\": 5}]}",
                "{\"ports\": [{\"side\": \"local\", \"port\": 65536},"
                "{\"side\": \"local\", \"port\": -1}, {\"side\": \"local\", \"port\": 0}]}",
        };
        static const char *const steps[] = {
                "{\"startsAt\": \"2026-01-31T11:58:00Z\", \"stepSec\": 0, \"sides\": ["
                "{\"side\": \"local\", \"closeWait\": {\"max\": [1]}}]}",
                "{\"startsAt\": \"2026-01-31T11:58:00Z\", \"stepSec\": 61, \"sides\": ["
                "{\"side\": \"local\", \"closeWait\": {\"max\": [1]}}]}",
        };
        struct topmodel model = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
                take_ports(&model, replies[i]);
                assert_int_equal(model.n, 0);
        }
        take_ports(&model, "{\"scannedAt\": \"soon\", \"ports\": [{\"side\": \"local\","
                           "\"port\": 5, \"closeWait\": -3, \"stuck\": \"9\","
                           "\"ratePerMin\": -1e300, \"oldestSec\": 1e300}]}");
        assert_int_equal(model.n, 1);
        assert_true(model.rows[0].values[TOPMODEL_BY_COUNT] < 0);
        take_history(&model, 5, "{\"startsAt\": 1, \"sides\": [{\"side\": \"local\"}, 2]}");
        take_history(&model, 5,
                     "{\"startsAt\": \"2026-01-31T11:58:00Z\", \"stepSec\": 40, \"sides\": ["
                     "{\"side\": \"local\", \"closeWait\": {\"max\": [1]}}]}");
        assert_int_equal(model.rows[0].trail.newest, 0);
        take_ports(&model, four);
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                take_history(&model, 1, steps[i]);
        assert_int_equal(toptrail_at(&topmodel_find(&model, false, 1)->trail, NOON - 120),
                         CHART_UNKNOWN);
        topmodel_take_history(&model, 6, NULL);
        topmodel_done(&model);
}

static void test_too_many(void **state)
{
        struct topmodel model = { 0 };
        json_t *reply = parse("{\"ports\": []}");

        (void)state;
        for (int i = 1; i <= TOPMODEL_ROWS_MAX + 5; i++)
                json_array_append_new(json_object_get(reply, "ports"),
                                      json_pack("{s:s, s:i}", "side", "local", "port", i));
        assert_int_equal(topmodel_take_ports(&model, reply), 0);
        assert_int_equal(model.n, TOPMODEL_ROWS_MAX);
        json_decref(reply);
        topmodel_done(&model);
}

/* ---- trails by themselves ---- */

static void test_trail_steps(void **state)
{
        struct toptrail trail = { 0 };
        uint64_t values[4];

        (void)state;
        assert_int_equal(toptrail_at(&trail, NOON), CHART_UNKNOWN);
        toptrail_put(&trail, NOON, 3);
        toptrail_put(&trail, NOON + STEP - 1, 2); /* the greatest of a step counts */
        toptrail_put(&trail, NOON + STEP, 0);
        toptrail_read(&trail, NOON + STEP, ARRAY_SIZE(values), values);
        assert_int_equal(values[0], CHART_UNKNOWN);
        assert_int_equal(values[1], CHART_UNKNOWN);
        assert_int_equal(values[2], 3);
        assert_int_equal(values[3], 0);
        toptrail_put(&trail, NOON - STEP, UINT64_MAX); /* the past does not move the rest */
        assert_int_equal(toptrail_at(&trail, NOON - STEP), UINT32_MAX - 1);
        assert_int_equal(toptrail_at(&trail, NOON), 3);
        toptrail_read(&trail, STEP, ARRAY_SIZE(values), values); /* before 1970, so to say */
        assert_int_equal(values[0], CHART_UNKNOWN);
}

/* A number holds until the next one, but not for ever. */
static void test_trail_gaps(void **state)
{
        struct toptrail trail = { 0 };

        (void)state;
        toptrail_put(&trail, NOON, 9);
        toptrail_put(&trail, NOON + 1, 5);
        toptrail_put(&trail, NOON + 3 * STEP, 1);
        assert_int_equal(toptrail_at(&trail, NOON + STEP), 5);
        assert_int_equal(toptrail_at(&trail, NOON + 2 * STEP), 5);
        toptrail_put(&trail, NOON + (4 + TOPTRAIL_HOLD) * STEP, 2);
        assert_int_equal(toptrail_at(&trail, NOON + 4 * STEP), 1);
        toptrail_put(&trail, NOON + (6 + 2 * TOPTRAIL_HOLD) * STEP, 3);
        assert_int_equal(toptrail_at(&trail, NOON + (5 + TOPTRAIL_HOLD) * STEP), CHART_UNKNOWN);
}

static void test_trail_ring(void **state)
{
        struct toptrail trail = { 0 };
        const uint64_t last = NOON + 3 * TOPTRAIL_STEPS * STEP;

        (void)state;
        for (uint64_t at = NOON; at <= last; at += STEP)
                toptrail_put(&trail, at, at / STEP % 1000);
        for (uint64_t at = last - (TOPTRAIL_STEPS - 1) * STEP; at <= last; at += STEP)
                assert_int_equal(toptrail_at(&trail, at), at / STEP % 1000);
        assert_int_equal(toptrail_at(&trail, last - TOPTRAIL_STEPS * STEP), CHART_UNKNOWN);
        toptrail_put(&trail, last - TOPTRAIL_STEPS * STEP, 7777); /* too old: dropped */
        assert_int_equal(toptrail_at(&trail, last), last / STEP % 1000);
        toptrail_put(&trail, last + 10 * TOPTRAIL_STEPS * STEP, 4); /* after a long sleep */
        assert_int_equal(toptrail_at(&trail, last), CHART_UNKNOWN);
        assert_int_equal(toptrail_at(&trail, last + 10 * TOPTRAIL_STEPS * STEP), 4);
}

static void test_spark(void **state)
{
        (void)state;
        assert_string_equal(chart_spark(false, CHART_UNKNOWN, 8), " ");
        assert_string_equal(chart_spark(false, 0, 8), "·");
        assert_string_equal(chart_spark(false, 1, 8), "▁");
        assert_string_equal(chart_spark(false, 1, 1000), "▁");
        assert_string_equal(chart_spark(false, 8, 8), "█");
        assert_string_equal(chart_spark(true, 0, 0), "_");
        assert_string_equal(chart_spark(true, 8, 8), "#");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders),     cmocka_unit_test(test_order_names),
                cmocka_unit_test(test_selection),  cmocka_unit_test(test_scroll),
                cmocka_unit_test(test_alerts),     cmocka_unit_test(test_trails),
                cmocka_unit_test(test_minutes),    cmocka_unit_test(test_seeded_again),
                cmocka_unit_test(test_clock_back), cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_too_many),   cmocka_unit_test(test_trail_steps),
                cmocka_unit_test(test_trail_gaps), cmocka_unit_test(test_trail_ring),
                cmocka_unit_test(test_spark),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
