/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life cycle of alerts, in virtual time: one snapshot every 10 s unless said otherwise. */

#include "judge.h"

#include <errno.h>

static struct rule stuck_rule(int64_t warning, int64_t critical)
{
        return (struct rule){ .kind = ALERT_CLOSE_WAIT_STUCK,
                              .warning = warning,
                              .critical = critical,
                              .stuck_after_usec = 60 * USEC_PER_SEC,
                              .raise_after_usec = 20 * USEC_PER_SEC,
                              .clear_after_usec = 120 * USEC_PER_SEC,
                              .remind_every_usec = 3600 * USEC_PER_SEC,
                              .clear_below_pct = 80,
                              .origin = "test.conf:7" };
}

static void set_rules(struct judge *judge, const struct rule *rules, size_t n)
{
        const struct rule blind = { .kind = ALERT_BLIND,
                                    .warning = 1,
                                    .critical = RULE_LEVEL_OFF,
                                    .raise_after_usec = 20 * USEC_PER_SEC,
                                    .clear_after_usec = 20 * USEC_PER_SEC,
                                    .clear_below_pct = 80,
                                    .scope = { .side = SIDE_HOST },
                                    .origin = "built-in" };

        judge_set_rules(judge, rules, n);
        assert_int_equal(rules_add(judge->rules, &blind), 0);
}

static int setup(void **state)
{
        struct judge *judge = calloc(1, sizeof(*judge));
        const struct rule rule = stuck_rule(10, 100);

        assert_non_null(judge);
        judge_init(judge, NULL, 0);
        set_rules(judge, &rule, 1);
        *state = judge;
        return 0;
}

static int teardown(void **state)
{
        struct judge *judge = *state;

        judge_done(judge);
        free(judge);
        return 0;
}

/* One scan that sees `stuck` stuck sockets on local port 80, then time passes. Returns events. */
static size_t see(struct judge *judge, uint32_t stuck)
{
        const struct port_row row = { .key = local_port(80),
                                      .count[SOCK_CLOSE_WAIT] = stuck,
                                      .stuck = stuck,
                                      .oldest_usec = 65 * USEC_PER_SEC };

        return judge_see(judge, make_snapshot(++judge->generation, &row, 1));
}

static size_t see_result(struct judge *judge, uint32_t stuck, enum scan_result result)
{
        const struct port_row row = { .key = local_port(80),
                                      .count[SOCK_CLOSE_WAIT] = stuck,
                                      .stuck = stuck };
        struct snapshot *snapshot = make_snapshot(++judge->generation, &row, 1);

        snapshot->result = result;
        snapshot->complete = result == SCAN_COMPLETE ? snapshot->requested : 0;
        if (result != SCAN_COMPLETE)
                strcpy(snapshot->error_text, "no tcp_diag");
        return judge_see(judge, snapshot);
}

static const struct event *only_event(const struct judge *judge, enum transition transition)
{
        assert_int_equal(judge->events.n, 1);
        assert_int_equal(judge->events.items[0].transition, transition);
        return &judge->events.items[0];
}

static void raise_warning(struct judge *judge)
{
        while (see(judge, 10) == 0)
                ;
        only_event(judge, TRANSITION_RAISED);
}

static void test_pending_then_raised(void **state)
{
        struct judge *judge = *state;
        const struct event *event;

        assert_int_equal(see(judge, 9), 0);
        assert_int_equal(alert_table_count(judge->table), 0);
        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(alert_table_count(judge->table), 1);
        assert_int_equal(alert_table_get(judge->table, 0)->state, ALERT_PENDING);
        assert_int_equal(see(judge, 12), 0);
        assert_int_equal(see(judge, 11), 1); /* 20 s after it was first seen */
        event = only_event(judge, TRANSITION_RAISED);
        assert_int_equal(event->sequence, 1);
        assert_int_equal(event->alert.severity, SEVERITY_WARNING);
        assert_int_equal(event->alert.values.count, 11);
        assert_int_equal(event->alert.values.oldest_usec, 65 * USEC_PER_SEC);
        assert_int_equal(event->alert.since_usec, judge->now - JUDGE_STEP);
        assert_string_equal(event->alert.origin, "test.conf:7");
        assert_int_equal(see(judge, 11), 0); /* nothing is said twice */
}

static void test_pending_that_ends_says_nothing(void **state)
{
        struct judge *judge = *state;

        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(see(judge, 9), 0);
        assert_int_equal(alert_table_count(judge->table), 0);
        assert_int_equal(see(judge, 10), 0); /* the hold begins anew */
        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(see(judge, 10), 1);
}

static void test_clear_needs_low_level_and_hold(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        assert_int_equal(see(judge, 9), 0); /* below the level, above 8: nothing moves */
        for (int i = 0; i < 30; i++)
                assert_int_equal(see(judge, 9), 0);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see(judge, 8), 0);
        assert_int_equal(see(judge, 8), 1); /* 120 s after the first 8 */
        only_event(judge, TRANSITION_CLEARED);
        assert_int_equal(alert_table_count(judge->table), 0);
}

static void test_clear_hold_restarts(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see(judge, 0), 0);
        assert_int_equal(see(judge, 9), 0);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see(judge, 0), 0);
        assert_int_equal(see(judge, 0), 1);
}

static void test_small_levels_clear_at_zero(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(1, RULE_LEVEL_OFF);

        rule.clear_after_usec = 0;
        set_rules(judge, &rule, 1);
        see(judge, 1);
        see(judge, 1);
        assert_int_equal(see(judge, 1), 1);
        assert_int_equal(see(judge, 1), 0);
        assert_int_equal(see(judge, 0), 1);
        only_event(judge, TRANSITION_CLEARED);
}

/* ClearBelow=100 % must not make raise and clear the same level. */
static void test_clear_level_is_below_the_level(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(10, RULE_LEVEL_OFF);

        rule.clear_below_pct = 100;
        rule.clear_after_usec = 0;
        set_rules(judge, &rule, 1);
        raise_warning(judge);
        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(see(judge, 9), 1);
}

static void test_escalation_and_back(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        assert_int_equal(see(judge, 100), 0);
        assert_int_equal(see(judge, 100), 0);
        assert_int_equal(see(judge, 100), 1);
        assert_int_equal(only_event(judge, TRANSITION_ESCALATED)->alert.severity,
                         SEVERITY_CRITICAL);
        assert_int_equal(judge->events.items[0].previous_severity, SEVERITY_WARNING);
        for (int i = 0; i < 20; i++)
                assert_int_equal(see(judge, 81), 0);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see(judge, 80), 0);
        assert_int_equal(see(judge, 80), 1);
        assert_int_equal(only_event(judge, TRANSITION_DEESCALATED)->alert.severity,
                         SEVERITY_WARNING);
        assert_int_equal(judge->events.items[0].previous_severity, SEVERITY_CRITICAL);
}

static void test_raised_as_critical_only_when_that_held(void **state)
{
        struct judge *judge = *state;

        see(judge, 10);
        see(judge, 10);
        assert_int_equal(see(judge, 100), 1); /* critical for one scan only */
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
        assert_int_equal(see(judge, 100), 0);
        assert_int_equal(see(judge, 100), 1);
        only_event(judge, TRANSITION_ESCALATED);
}

static void test_critical_at_once(void **state)
{
        struct judge *judge = *state;

        see(judge, 500);
        see(judge, 500);
        assert_int_equal(see(judge, 500), 1);
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.severity, SEVERITY_CRITICAL);
}

static void test_critical_drop_to_zero_clears_once(void **state)
{
        struct judge *judge = *state;
        size_t events = 0;

        for (int i = 0; i < 3; i++)
                see(judge, 500);
        for (int i = 0; i < 40; i++)
                events += see(judge, 0);
        assert_int_equal(events, 1); /* cleared; not de-escalated first */
}

/* A level that is only critical: there is no warning to fall back to. */
static void test_critical_level_alone(void **state)
{
        struct judge *judge = *state;
        const struct rule rule = stuck_rule(RULE_LEVEL_OFF, 50);

        set_rules(judge, &rule, 1);
        assert_int_equal(see(judge, 49), 0);
        assert_int_equal(alert_table_count(judge->table), 0);
        see(judge, 50);
        see(judge, 50);
        assert_int_equal(see(judge, 50), 1);
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.severity, SEVERITY_CRITICAL);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see(judge, 40), 0);
        assert_int_equal(see(judge, 40), 1);
        only_event(judge, TRANSITION_CLEARED);
}

static void test_reminders(void **state)
{
        struct judge *judge = *state;
        size_t scans = 0;

        raise_warning(judge);
        while (see(judge, 10) == 0)
                scans++;
        only_event(judge, TRANSITION_REMINDED);
        assert_int_equal(scans, 359); /* the 360th, an hour after it was raised */
        scans = 0;
        while (see(judge, 10) == 0)
                scans++;
        assert_int_equal(scans, 359);
}

static const struct alert_key stuck_80 = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                           .port = { .side = SIDE_LOCAL, .port = 80 } };

static int acknowledge(struct judge *judge, const struct alert_key *key, bool given)
{
        const struct acknowledgement acknowledgement = {
                .given = given, .uid = 33, .wall_usec = 7, .comment = "known"
        };

        return alert_table_acknowledge(judge->table, key, &acknowledgement);
}

static const struct acknowledgement *acknowledgement_of(const struct judge *judge)
{
        return &alert_table_get(judge->table, 0)->acknowledgement;
}

static void test_acknowledged_is_not_reminded(void **state)
{
        struct judge *judge = *state;
        uint64_t changes;

        raise_warning(judge);
        changes = alert_table_changes(judge->table);
        assert_int_equal(acknowledge(judge, &stuck_80, true), 0);
        assert_int_equal(alert_table_changes(judge->table), changes + 1);
        for (int i = 0; i < 3 * 360; i++)
                assert_int_equal(see(judge, 10), 0);
        assert_true(acknowledgement_of(judge)->given);
        assert_int_equal(acknowledgement_of(judge)->uid, 33);
        assert_int_equal(acknowledgement_of(judge)->wall_usec, 7);
        assert_string_equal(acknowledgement_of(judge)->comment, "known");

        assert_int_equal(acknowledge(judge, &stuck_80, false), 0);
        assert_false(acknowledgement_of(judge)->given);
        assert_int_equal(acknowledgement_of(judge)->uid, 0);
        assert_string_equal(acknowledgement_of(judge)->comment, "");
        assert_int_equal(see(judge, 10), 1); /* it has been due for long */
        only_event(judge, TRANSITION_REMINDED);
}

static void test_escalation_ends_acknowledgement(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        assert_int_equal(acknowledge(judge, &stuck_80, true), 0);
        see(judge, 100);
        see(judge, 100);
        assert_true(acknowledgement_of(judge)->given);
        assert_int_equal(see(judge, 100), 1);
        assert_false(only_event(judge, TRANSITION_ESCALATED)->alert.acknowledgement.given);
        assert_false(acknowledgement_of(judge)->given);

        assert_int_equal(acknowledge(judge, &stuck_80, true), 0);
        while (see(judge, 80) == 0)
                ;
        assert_true(only_event(judge, TRANSITION_DEESCALATED)->alert.acknowledgement.given);
        assert_true(acknowledgement_of(judge)->given);
        for (int i = 0; i < 2 * 360; i++)
                assert_int_equal(see(judge, 10), 0);
}

static void test_clearing_ends_acknowledgement(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        assert_int_equal(acknowledge(judge, &stuck_80, true), 0);
        while (see(judge, 0) == 0)
                ;
        only_event(judge, TRANSITION_CLEARED);
        raise_warning(judge);
        assert_false(acknowledgement_of(judge)->given);
}

static void test_what_cannot_be_acknowledged(void **state)
{
        struct alert_key other = stuck_80;
        struct judge *judge = *state;

        assert_int_equal(acknowledge(judge, &stuck_80, true), -ENOENT);
        see(judge, 10);
        assert_int_equal(acknowledge(judge, &stuck_80, true), -EBUSY);
        assert_int_equal(acknowledge(judge, &stuck_80, false), -EBUSY);
        assert_false(acknowledgement_of(judge)->given);
        raise_warning(judge);
        other.port.side = SIDE_REMOTE;
        assert_int_equal(acknowledge(judge, &other, true), -ENOENT);
        other = stuck_80;
        other.destination.family = ADDR_IPV4;
        assert_int_equal(acknowledge(judge, &other, true), -ENOENT);
        other = (struct alert_key){ .kind = ALERT_BLIND };
        assert_int_equal(acknowledge(judge, &other, true), -ENOENT);
        assert_int_equal(acknowledge(judge, &stuck_80, false), 0);
}

/* A reminder of something that is over would be a false alarm. */
static void test_no_reminder_while_clearing(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(10, 100);
        uint64_t clears_usec;

        rule.remind_every_usec = 30 * USEC_PER_SEC;
        set_rules(judge, &rule, 1);
        raise_warning(judge);
        assert_false(alert_clears_in(alert_table_get(judge->table, 0), judge->now, &clears_usec));
        assert_int_equal(see(judge, 0), 0);
        assert_true(alert_clears_in(alert_table_get(judge->table, 0), judge->now, &clears_usec));
        assert_int_equal(clears_usec, 110 * USEC_PER_SEC);
        for (int i = 0; i < 11; i++)
                assert_int_equal(see(judge, 0), 0);
        assert_true(alert_is_clearing(alert_table_get(judge->table, 0)));
        assert_true(alert_clears_in(alert_table_get(judge->table, 0), judge->now, &clears_usec));
        assert_int_equal(clears_usec, 0);
        assert_int_equal(see(judge, 0), 1);
        only_event(judge, TRANSITION_CLEARED);
}

/* What is not known to be so is not repeated as if it were. */
static void test_no_reminder_while_blind(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(10, 100);

        rule.remind_every_usec = 30 * USEC_PER_SEC;
        set_rules(judge, &rule, 1);
        raise_warning(judge);
        for (int i = 0; i < 50; i++) {
                see_result(judge, 0, SCAN_FAILED);
                for (size_t e = 0; e < judge->events.n; e++)
                        assert_int_equal(judge->events.items[e].alert.key.kind, ALERT_BLIND);
        }
}

/* Low before and after a blindness is not low throughout it. */
static void test_clear_hold_begins_anew_after_blindness(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        see(judge, 0);
        for (int i = 0; i < 20; i++)
                see_result(judge, 0, SCAN_FAILED);
        for (int i = 0; i < 12; i++) {
                see(judge, 0);
                for (size_t e = 0; e < judge->events.n; e++)
                        assert_int_equal(judge->events.items[e].alert.key.kind, ALERT_BLIND);
        }
        assert_int_equal(see(judge, 0), 1);
        only_event(judge, TRANSITION_CLEARED);
}

/* A reload ends what has no rule, and judges nothing. */
static void test_retire(void **state)
{
        struct judge *judge = *state;
        const struct rule rule = stuck_rule(10, 100);

        raise_warning(judge);
        assert_int_equal(detect_retire(judge->table, judge->rules, judge->now, 0, &judge->events),
                         0);
        assert_int_equal(judge->events.n, 0);
        set_rules(judge, NULL, 0);
        assert_int_equal(detect_retire(judge->table, judge->rules, judge->now, 0, &judge->events),
                         0);
        assert_string_equal(only_event(judge, TRANSITION_CLEARED)->reason,
                            "its rule was removed from the configuration");
        set_rules(judge, &rule, 1);
        see(judge, 10); /* pending */
        set_rules(judge, NULL, 0);
        assert_int_equal(detect_retire(judge->table, judge->rules, judge->now, 0, &judge->events),
                         0);
        assert_int_equal(judge->events.n, 0);
        assert_int_equal(alert_table_count(judge->table), 0);
}

static const struct owner *owner_of(const struct judge *judge, enum alert_kind kind)
{
        for (size_t i = 0; i < alert_table_count(judge->table); i++)
                if (alert_table_get(judge->table, i)->key.kind == kind)
                        return &alert_table_get(judge->table, i)->owner;
        fail();
        return NULL;
}

static void found(struct judge *judge, const char *unit, const struct port_witness *witness)
{
        struct owner_answer answer = { .port = local_port(80), .witness = *witness };

        owner_clear(&answer.owner);
        strcpy(answer.owner.unit, unit);
        answer.owner.by_listener = witness->by_listener;
        alert_table_set_owner(judge->table, &answer);
}

/* TIME_WAIT sockets have no owner: one CLOSE_WAIT socket of the port does not make it theirs. */
static void test_time_wait_has_no_owner(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(10, RULE_LEVEL_OFF);
        struct port_row row = { .key = local_port(80),
                                .count[SOCK_TIME_WAIT] = 500,
                                .count[SOCK_CLOSE_WAIT] = 1,
                                .witness = { .known = true, .uid = 1000 } };

        rule.kind = ALERT_TIME_WAIT_COUNT;
        set_rules(judge, &rule, 1);
        judge_look(judge, make_snapshot(++judge->generation, &row, 1));
        found(judge, "leaky.service", &row.witness);
        assert_false(alert_table_get(judge->table, 0)->witness.known);
        assert_false(owner_is_known(&alert_table_get(judge->table, 0)->owner));
}

/* But they may be laid to whoever listens, CLOSE_WAIT sockets of another or not. */
static void test_time_wait_is_the_listeners(void **state)
{
        struct judge *judge = *state;
        struct rule rules[] = { stuck_rule(10, RULE_LEVEL_OFF), stuck_rule(10, RULE_LEVEL_OFF) };
        struct port_row row = { .key = local_port(80),
                                .count[SOCK_TIME_WAIT] = 500,
                                .count[SOCK_CLOSE_WAIT] = 10,
                                .stuck = 10,
                                .witness = { .known = true, .inode = 5 },
                                .listener = { .known = true, .by_listener = true, .inode = 6 } };

        rules[1].kind = ALERT_TIME_WAIT_COUNT;
        set_rules(judge, rules, 2);
        judge_look(judge, make_snapshot(++judge->generation, &row, 1));
        assert_int_equal(alert_table_count(judge->table), 2);
        for (size_t i = 0; i < 2; i++) {
                const struct alert *alert = alert_table_get(judge->table, i);
                const bool time_wait = alert->key.kind == ALERT_TIME_WAIT_COUNT;

                assert_true(alert->witness.known && alert->witness.by_listener == time_wait);
                assert_int_equal(alert->witness.inode, time_wait ? 6 : 5);
        }
        found(judge, "leaky.service", &row.witness);
        assert_false(owner_is_known(owner_of(judge, ALERT_TIME_WAIT_COUNT)));
        assert_string_equal(owner_of(judge, ALERT_CLOSE_WAIT_STUCK)->unit, "leaky.service");
        found(judge, "web.service", &row.listener);
        assert_string_equal(owner_of(judge, ALERT_TIME_WAIT_COUNT)->unit, "web.service");
        assert_string_equal(owner_of(judge, ALERT_CLOSE_WAIT_STUCK)->unit, "leaky.service");
        found(judge, "", &row.witness); /* whoever listens is better than nobody */
        found(judge, "http.service", &row.listener);
        assert_string_equal(owner_of(judge, ALERT_TIME_WAIT_COUNT)->unit, "http.service");
        assert_string_equal(owner_of(judge, ALERT_CLOSE_WAIT_STUCK)->unit, "http.service");
}

static void test_no_reminders_when_off(void **state)
{
        struct judge *judge = *state;
        struct rule rule = stuck_rule(10, 100);

        rule.remind_every_usec = 0;
        set_rules(judge, &rule, 1);
        raise_warning(judge);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(see(judge, 10), 0);
}

/* Sockets that are older than StuckAfter + RaiseAfter prove that the hold time is over. */
static void test_ages_shorten_the_hold(void **state)
{
        struct judge *judge = *state;
        struct port_row row = {
                .key = local_port(80), .count[SOCK_CLOSE_WAIT] = 120, .stuck = 120, .stuck_held = 10
        };

        judge_look(judge, make_snapshot(++judge->generation, &row, 1));
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
        row.stuck_held = 100;
        judge->now += JUDGE_STEP;
        judge_look(judge, make_snapshot(++judge->generation, &row, 1));
        only_event(judge, TRANSITION_ESCALATED);
}

static void test_partial_never_clears_nor_drops(void **state)
{
        struct judge *judge = *state;
        size_t cleared = 0;

        see(judge, 10);
        see_result(judge, 0, SCAN_PARTIAL); /* keeps the pending one */
        assert_int_equal(see(judge, 10), 1);
        for (int i = 0; i < 100; i++) {
                see_result(judge, 0, SCAN_PARTIAL);
                for (size_t e = 0; e < judge->events.n; e++)
                        cleared += judge->events.items[e].transition == TRANSITION_CLEARED;
        }
        assert_int_equal(cleared, 0);
        assert_int_equal(alert_table_get(judge->table, 0)->state, ALERT_RAISED);
        assert_int_equal(alert_table_get(judge->table, 0)->values.count, 10); /* not zero */
}

static void test_partial_may_raise(void **state)
{
        struct judge *judge = *state;
        bool raised = false;

        for (int i = 0; i < 3; i++) {
                see_result(judge, 10, SCAN_PARTIAL);
                for (size_t e = 0; e < judge->events.n; e++)
                        raised |= judge->events.items[e].alert.key.kind == ALERT_CLOSE_WAIT_STUCK;
        }
        assert_true(raised);
}

static void test_blind(void **state)
{
        struct judge *judge = *state;
        const struct event *event;

        see(judge, 0);
        assert_int_equal(see_result(judge, 0, SCAN_FAILED), 0);
        assert_int_equal(see_result(judge, 0, SCAN_FAILED), 0);
        assert_int_equal(see_result(judge, 0, SCAN_FAILED), 1);
        event = only_event(judge, TRANSITION_RAISED);
        assert_int_equal(event->alert.key.kind, ALERT_BLIND);
        assert_int_equal(event->alert.key.port.side, SIDE_HOST);
        assert_int_equal(event->alert.key.port.port, 0);
        assert_int_equal(event->alert.severity, SEVERITY_CRITICAL);
        assert_int_equal(event->alert.values.count, 3);
        assert_false(event->alert.values.port_known);
        assert_string_equal(event->alert.reason, "no tcp_diag");
        assert_int_equal(see(judge, 0), 0);
        assert_int_equal(see(judge, 0), 0);
        assert_int_equal(see(judge, 0), 1);
        only_event(judge, TRANSITION_CLEARED);
}

static void test_blind_by_partial_scans_is_a_warning(void **state)
{
        struct judge *judge = *state;

        for (int i = 0; i < 2; i++)
                assert_int_equal(see_result(judge, 0, SCAN_PARTIAL), 0);
        assert_int_equal(see_result(judge, 0, SCAN_PARTIAL), 1);
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
}

static void test_failed_scan_keeps_alerts(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        for (int i = 0; i < 100; i++) {
                see_result(judge, 0, SCAN_FAILED);
                for (size_t e = 0; e < judge->events.n; e++)
                        assert_int_equal(judge->events.items[e].alert.key.kind, ALERT_BLIND);
        }
        assert_int_equal(alert_table_count(judge->table), 2);
}

/* Judging the same snapshot again, as a reload does, counts a failed scan once. */
static void test_same_snapshot_counts_once(void **state)
{
        struct judge *judge = *state;

        for (int i = 0; i < 5; i++) {
                see_result(judge, 0, SCAN_FAILED);
                judge->generation--;
        }
        assert_int_equal(alert_table_get(judge->table, 0)->values.count, 1);
}

static void test_removed_rule_clears_with_reason(void **state)
{
        struct judge *judge = *state;

        raise_warning(judge);
        set_rules(judge, NULL, 0);
        assert_int_equal(see(judge, 10), 1);
        assert_string_equal(only_event(judge, TRANSITION_CLEARED)->reason,
                            "its rule was removed from the configuration");
        assert_int_equal(see(judge, 10), 0);
}

static void test_removed_rule_drops_pending_silently(void **state)
{
        struct judge *judge = *state;

        see(judge, 10);
        set_rules(judge, NULL, 0);
        assert_int_equal(see(judge, 10), 0);
        assert_int_equal(alert_table_count(judge->table), 0);
}

static void test_ignored_port_is_not_judged(void **state)
{
        struct judge *judge = *state;

        rules_ignore(judge->rules, SIDE_LOCAL, 80, 80);
        for (int i = 0; i < 10; i++)
                assert_int_equal(see(judge, 1000), 0);
}

static void test_port_that_vanishes_clears(void **state)
{
        struct judge *judge = *state;
        size_t cleared = 0;

        raise_warning(judge);
        for (int i = 0; i < 14; i++) {
                judge_look(judge, make_snapshot(++judge->generation, NULL, 0));
                judge->now += JUDGE_STEP;
                cleared += judge->events.n;
        }
        assert_int_equal(cleared, 1);
}

static void test_kinds_are_independent(void **state)
{
        struct judge *judge = *state;
        struct rule rules[] = { stuck_rule(10, 100), stuck_rule(5, RULE_LEVEL_OFF),
                                stuck_rule(50, RULE_LEVEL_OFF) };
        const struct port_row row = { .key = local_port(80),
                                      .count[SOCK_CLOSE_WAIT] = 5,
                                      .count[SOCK_TIME_WAIT] = 50,
                                      .stuck = 3 };

        rules[1].kind = ALERT_CLOSE_WAIT_COUNT;
        rules[2].kind = ALERT_TIME_WAIT_COUNT;
        set_rules(judge, rules, ARRAY_SIZE(rules));
        for (int i = 0; i < 3; i++) {
                judge_look(judge, make_snapshot(++judge->generation, &row, 1));
                judge->now += JUDGE_STEP;
        }
        assert_int_equal(judge->events.n, 2);
        assert_int_equal(judge->events.items[0].alert.key.kind, ALERT_CLOSE_WAIT_COUNT);
        assert_int_equal(judge->events.items[1].alert.key.kind, ALERT_TIME_WAIT_COUNT);
        assert_int_equal(judge->events.items[1].alert.values.count, 50);
}

static void test_table_is_bounded_and_counts_overflow(void **state)
{
        struct judge *judge = *state;
        struct port_row *rows = calloc(ALERTS_MAX + 7, sizeof(*rows));
        size_t raised = 0;

        assert_non_null(rows);
        for (size_t i = 0; i < ALERTS_MAX + 7; i++)
                rows[i] = (struct port_row){ .key = local_port((uint16_t)(i + 1)),
                                             .count[SOCK_CLOSE_WAIT] = 10,
                                             .stuck = 10 };
        for (int i = 0; i < 3; i++) {
                judge_look(judge, make_snapshot(++judge->generation, rows, ALERTS_MAX + 7));
                judge->now += JUDGE_STEP;
                raised += judge->events.n;
        }
        assert_int_equal(alert_table_count(judge->table), ALERTS_MAX - ALERTS_HOST);
        assert_int_equal(raised, ALERTS_MAX - ALERTS_HOST);
        assert_int_equal(alert_table_overflow(judge->table), 3 * (7 + ALERTS_HOST));
        for (int i = 0; i < 2; i++)
                see_result(judge, 0, SCAN_FAILED);
        assert_int_equal(see_result(judge, 0, SCAN_FAILED), 1); /* there is a place for blind */
        assert_int_equal(only_event(judge, TRANSITION_RAISED)->alert.key.kind, ALERT_BLIND);
        free(rows);
}

/* As see(), by sockets of somebody. */
static size_t see_held(struct judge *judge, uint32_t stuck)
{
        const struct port_row row = { .key = local_port(80),
                                      .count[SOCK_CLOSE_WAIT] = stuck,
                                      .stuck = stuck,
                                      .witness = { .known = true } };

        return judge_see(judge, make_snapshot(++judge->generation, &row, 1));
}

static void test_owner_is_kept(void **state)
{
        struct judge *judge = *state;
        struct owner_answer answer = { .port = local_port(80), .witness = { .known = true } };

        owner_clear(&answer.owner);
        strcpy(answer.owner.unit, "leaky.service");
        while (see_held(judge, 10) == 0)
                ;
        answer.owner.n_processes = answer.owner.total = 1;
        answer.owner.processes[0] = (struct owner_process){ 7, "leaky", 40, 64 };
        alert_table_set_owner(judge->table, &answer);
        see(judge, 10);
        assert_int_equal(alert_table_get(judge->table, 0)->owner.processes[0].fds, 40);
        see(judge, 0); /* it has closed something: the count is old */
        assert_int_equal(alert_table_get(judge->table, 0)->owner.processes[0].fds, OWNER_UNKNOWN);
        assert_int_equal(alert_table_get(judge->table, 0)->owner.processes[0].fd_limit, 64);
        for (int i = 0; i < 11; i++)
                see(judge, 0);
        see(judge, 0);
        assert_string_equal(only_event(judge, TRANSITION_CLEARED)->alert.owner.unit,
                            "leaky.service");
}

static void test_key_text(void **state)
{
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(7865) };
        const struct alert_key blind = { .kind = ALERT_BLIND };
        char text[ALERT_KEY_TEXT_MAX];

        (void)state;
        assert_string_equal(alert_key_text(&key, text), "close-wait-stuck:-:local:7865:-");
        assert_string_equal(alert_key_text(&blind, text), "blind:-:host:0:-");
}

/*
 * Random walks: whatever happens, raised and cleared alternate per key, sequence numbers rise by
 * one, and a scan that was not whole never clears by numbers.
 */
static void check_events(const struct judge *judge, enum scan_result result, bool *raised,
                         uint64_t *sequence)
{
        for (size_t e = 0; e < judge->events.n; e++) {
                const struct event *event = &judge->events.items[e];

                assert_int_equal(event->sequence, ++*sequence);
                if (event->alert.key.kind != ALERT_CLOSE_WAIT_STUCK)
                        continue;
                assert_int_equal(*raised, event->transition != TRANSITION_RAISED);
                *raised = event->transition != TRANSITION_CLEARED;
                if (event->transition == TRANSITION_CLEARED && result != SCAN_COMPLETE)
                        assert_true(event->reason[0] != '\0');
        }
}

static void test_random_walks(void **state)
{
        struct judge *judge = *state;
        const struct rule rules[] = { stuck_rule(10, 100), stuck_rule(3, 20) };
        uint64_t sequence = 0;
        bool raised = false;

        srandom(7);
        for (int i = 0; i < 50000; i++) {
                const enum scan_result result =
                        random() % 8 ? SCAN_COMPLETE : (enum scan_result)(random() % 3);
                const uint32_t stuck = (uint32_t)(random() % 4 ? random() % 12 : random() % 200);

                if (random() % 200 == 0)
                        set_rules(judge, rules + random() % 2, (size_t)(random() % 2));
                judge->now += (uint64_t)random() % (40 * USEC_PER_SEC);
                see_result(judge, random() % 20 ? stuck : 0, result);
                check_events(judge, result, &raised, &sequence);
        }
        assert_true(sequence > 100);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_pending_then_raised),
                T(test_pending_that_ends_says_nothing),
                T(test_clear_needs_low_level_and_hold),
                T(test_clear_hold_restarts),
                T(test_small_levels_clear_at_zero),
                T(test_clear_level_is_below_the_level),
                T(test_escalation_and_back),
                T(test_raised_as_critical_only_when_that_held),
                T(test_critical_at_once),
                T(test_critical_drop_to_zero_clears_once),
                T(test_critical_level_alone),
                T(test_reminders),
                T(test_acknowledged_is_not_reminded),
                T(test_escalation_ends_acknowledgement),
                T(test_clearing_ends_acknowledgement),
                T(test_what_cannot_be_acknowledged),
                T(test_no_reminder_while_clearing),
                T(test_no_reminder_while_blind),
                T(test_clear_hold_begins_anew_after_blindness),
                T(test_retire),
                T(test_time_wait_has_no_owner),
                T(test_time_wait_is_the_listeners),
                T(test_no_reminders_when_off),
                T(test_ages_shorten_the_hold),
                T(test_partial_never_clears_nor_drops),
                T(test_partial_may_raise),
                T(test_blind),
                T(test_blind_by_partial_scans_is_a_warning),
                T(test_failed_scan_keeps_alerts),
                T(test_same_snapshot_counts_once),
                T(test_removed_rule_clears_with_reason),
                T(test_removed_rule_drops_pending_silently),
                T(test_ignored_port_is_not_judged),
                T(test_port_that_vanishes_clears),
                T(test_kinds_are_independent),
                T(test_table_is_bounded_and_counts_overflow),
                T(test_owner_is_kept),
                T(test_key_text),
                T(test_random_walks),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
