/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What ends with its boot, and which of the detector's changes must not be lost. */

#include "judge.h"

#include "alerttable.h"
#include "detect.h"
#include "phrase.h"

#define WALL (UINT64_C(1700000000) * USEC_PER_SEC)
#define HOUR (3600 * USEC_PER_SEC)

static int setup(void **state)
{
        struct judge *judge = calloc(1, sizeof(*judge));
        const struct rule rules[] = {
                { .kind = ALERT_CLOSE_WAIT_STUCK,
                  .warning = 10,
                  .critical = 100,
                  .raise_after_usec = 20 * USEC_PER_SEC,
                  .clear_after_usec = 20 * USEC_PER_SEC,
                  .remind_every_usec = HOUR,
                  .clear_below_pct = 80,
                  .origin = "test" },
                { .kind = ALERT_BLIND,
                  .warning = 1,
                  .critical = RULE_LEVEL_OFF,
                  .raise_after_usec = 20 * USEC_PER_SEC,
                  .clear_after_usec = 20 * USEC_PER_SEC,
                  .remind_every_usec = HOUR,
                  .clear_below_pct = 80,
                  .origin = "test" },
        };

        assert_non_null(judge);
        judge_init(judge, rules, ARRAY_SIZE(rules));
        *state = judge;
        return 0;
}

static int teardown(void **state)
{
        judge_done(*state);
        free(*state);
        return 0;
}

/* A scan of local port 80, 10 s after the last; by how much alert_table_changes() has risen. */
static uint64_t see(struct judge *judge, uint32_t stuck, enum scan_result result)
{
        const struct port_row row = { .key = local_port(80),
                                      .count[SOCK_CLOSE_WAIT] = stuck,
                                      .stuck = stuck };
        struct snapshot *snapshot = make_snapshot(++judge->generation, &row, 1);
        const uint64_t before = alert_table_changes(judge->table);

        snapshot->result = result;
        snapshot->complete = result == SCAN_COMPLETE ? snapshot->requested : 0;
        (void)judge_see(judge, snapshot);
        return alert_table_changes(judge->table) - before;
}

/* ---- changes ---- */

static void test_changes(void **state)
{
        struct judge *judge = *state;

        assert_int_equal(see(judge, 9, SCAN_COMPLETE), 0);
        assert_true(see(judge, 10, SCAN_COMPLETE) > 0); /* pending */
        assert_int_equal(see(judge, 11, SCAN_COMPLETE), 0);
        assert_true(see(judge, 9, SCAN_COMPLETE) > 0); /* gone */
        assert_true(see(judge, 10, SCAN_COMPLETE) > 0);
        assert_int_equal(see(judge, 10, SCAN_COMPLETE), 0);
        assert_true(see(judge, 10, SCAN_COMPLETE) > 0); /* raised */
        assert_int_equal(see(judge, 99, SCAN_COMPLETE), 0);
        assert_int_equal(see(judge, 100, SCAN_COMPLETE), 0);
        assert_int_equal(see(judge, 100, SCAN_COMPLETE), 0);
        assert_true(see(judge, 100, SCAN_COMPLETE) > 0); /* escalated */
        assert_int_equal(see(judge, 10, SCAN_COMPLETE), 0);
        assert_int_equal(see(judge, 10, SCAN_COMPLETE), 0);
        assert_true(see(judge, 10, SCAN_COMPLETE) > 0); /* deescalated */
        for (int i = 0; i < 359; i++)
                assert_int_equal(see(judge, 10, SCAN_COMPLETE), 0);
        assert_true(see(judge, 10, SCAN_COMPLETE) > 0); /* reminded */
        assert_int_equal(see(judge, 0, SCAN_COMPLETE), 0);
        assert_int_equal(see(judge, 0, SCAN_COMPLETE), 0);
        assert_true(see(judge, 0, SCAN_COMPLETE) > 0); /* cleared */
        assert_int_equal(alert_table_count(judge->table), 0);
}

static void test_retired_is_a_change(void **state)
{
        struct judge *judge = *state;
        struct rules *none;
        uint64_t before;

        assert_true(see(judge, 10, SCAN_COMPLETE) > 0);
        assert_int_equal(rules_new(&none), 0);
        before = alert_table_changes(judge->table);
        assert_int_equal(detect_retire(judge->table, none, judge->now, WALL, &judge->events), 0);
        assert_true(alert_table_changes(judge->table) > before);
        rules_free(none);
}

/* ---- reboot ---- */

/* As another boot has left it, whose clock had come far. */
static void restore(struct judge *judge, enum alert_kind kind, enum alert_state state,
                    uint64_t raised_wall_usec)
{
        struct alert alert = { .key = { .kind = kind },
                               .state = state,
                               .severity = SEVERITY_WARNING,
                               .since_usec = 9000 * HOUR,
                               .since_wall_usec = raised_wall_usec,
                               .told_usec = 9000 * HOUR };

        if (!alert_kind_is_host(kind))
                alert.key.port = local_port((uint16_t)(80 + kind));
        if (kind == ALERT_PORT_EXHAUSTION)
                alert.key.destination.family = ADDR_IPV4;
        owner_clear(&alert.owner);
        strcpy(alert.owner.unit, "leaky.service");
        alert.owner.total = alert.owner.n_processes = 1;
        alert.owner.processes[0] = (struct owner_process){ .pid = 7, .fds = 5, .fd_limit = 10 };
        alert.values.count = 3;
        assert_int_equal(alert_table_restore(judge->table, &alert), 0);
}

static void reboot(struct judge *judge)
{
        assert_int_equal(detect_reboot(judge->table, 20 * USEC_PER_SEC, WALL, &judge->events), 0);
        assert_int_equal(alert_table_count(judge->table), 0);
}

static void test_every_kind_ends(void **state)
{
        struct judge *judge = *state;
        const struct alert_table_marks marks = { .sequence = 41,
                                                 .tw_judged = true,
                                                 .tw_overflows = 7 };
        struct alert_table_marks got;
        uint64_t before;

        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                restore(judge, kind, ALERT_RAISED, WALL - 3 * HOUR);
        alert_table_set_marks(judge->table, &marks);
        before = alert_table_changes(judge->table);
        reboot(judge);
        assert_true(alert_table_changes(judge->table) > before);
        assert_int_equal(judge->events.n, ALERT_KIND_COUNT);
        for (size_t i = 0; i < judge->events.n; i++) {
                const struct event *event = &judge->events.items[i];
                char text[PHRASE_MAX];

                assert_int_equal(event->sequence, 42 + i);
                assert_int_equal(event->transition, TRANSITION_CLEARED);
                assert_int_equal(event->previous_severity, SEVERITY_WARNING);
                assert_int_equal(event->alert.key.kind, i);
                assert_int_equal(event->alert.state, ALERT_RAISED);
                assert_true(event->now_wall_usec == WALL);
                assert_true(event->now_usec - event->alert.since_usec == 3 * HOUR);
                assert_string_equal(event->reason,
                                    "the host was restarted, which has ended its connections");
                assert_string_equal(event->alert.owner.unit, "leaky.service");
                assert_int_equal(event->alert.owner.processes[0].fds, OWNER_UNKNOWN);
                assert_non_null(strstr(phrase_event(event, text), event->reason));
                assert_non_null(strstr(text, "cleared after 3h"));
        }
        alert_table_get_marks(judge->table, &got);
        assert_int_equal(got.sequence, 41 + ALERT_KIND_COUNT);
        assert_false(got.tw_judged); /* the kernel counts anew */
        assert_int_equal(got.tw_overflows, 0);
}

static void test_pending_is_dropped(void **state)
{
        struct judge *judge = *state;

        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                restore(judge, kind, ALERT_PENDING, WALL - HOUR);
        reboot(judge);
        assert_int_equal(judge->events.n, 0);
}

static void test_nothing_to_end(void **state)
{
        struct judge *judge = *state;

        reboot(judge);
        assert_int_equal(judge->events.n, 0);
        assert_int_equal(alert_table_changes(judge->table), 0);
}

/* It was stepped back meanwhile: then nobody can say how long. */
static void test_wall_clock_that_fell_back(void **state)
{
        struct judge *judge = *state;

        restore(judge, ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, WALL + HOUR);
        reboot(judge);
        assert_int_equal(judge->events.n, 1);
        assert_true(judge->events.items[0].now_usec == judge->events.items[0].alert.since_usec);
}

/* `blind` counts scans in a row: those before the restart are not in this row. */
static void test_life_goes_on(void **state)
{
        struct judge *judge = *state;

        restore(judge, ALERT_BLIND, ALERT_RAISED, WALL - HOUR);
        restore(judge, ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, WALL - HOUR);
        reboot(judge);
        assert_int_equal(judge->events.items[1].sequence, 2);
        judge->now = 30 * USEC_PER_SEC;
        see(judge, 10, SCAN_FAILED);
        assert_int_equal(alert_table_get(judge->table, 0)->values.count, 1);
        see(judge, 10, SCAN_COMPLETE);
        see(judge, 10, SCAN_COMPLETE);
        see(judge, 10, SCAN_COMPLETE);
        assert_int_equal(judge->events.n, 1);
        assert_int_equal(judge->events.items[0].transition, TRANSITION_RAISED);
        assert_int_equal(judge->events.items[0].sequence, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_changes),         T(test_retired_is_a_change),
                T(test_every_kind_ends), T(test_pending_is_dropped),
                T(test_nothing_to_end),  T(test_wall_clock_that_fell_back),
                T(test_life_goes_on),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
