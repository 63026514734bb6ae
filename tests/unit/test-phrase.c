/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sentences: every kind and transition, what is unknown left out, one line whatever the names hold.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "phrase.h"
#include "units.h"

static struct event event_of(enum alert_kind kind, enum transition transition)
{
        struct event event = {
                .sequence = 1,
                .transition = transition,
                .now_usec = 400 * USEC_PER_SEC,
                .alert = {
                        .key = { kind, { 0, 7865, SIDE_LOCAL } },
                        .severity = SEVERITY_WARNING,
                        .since_usec = 100 * USEC_PER_SEC,
                        .values = { .count = 6, .oldest_usec = 65 * USEC_PER_SEC },
                        .warning = 5,
                        .critical = 100,
                        .stuck_after_usec = USEC_PER_MIN,
                },
        };

        owner_clear(&event.alert.owner);
        if (kind == ALERT_BLIND) {
                event.alert.key.port = (struct port_key){ 0, 0, SIDE_HOST };
                strcpy(event.alert.reason, "no tcp_diag");
        }
        return event;
}

static void assert_phrase(const struct event *event, const char *expected)
{
        char buf[PHRASE_MAX];

        assert_string_equal(phrase_event(event, buf), expected);
}

static void assert_transition(enum alert_kind kind, enum transition transition,
                              const char *expected)
{
        struct event event = event_of(kind, transition);

        assert_phrase(&event, expected);
}

static void stuck_transitions_differ(void **state)
{
        struct event event = event_of(ALERT_CLOSE_WAIT_STUCK, TRANSITION_RAISED);

        (void)state;
        assert_transition(ALERT_CLOSE_WAIT_STUCK, TRANSITION_RAISED,
                          "local port 7865: 6 connections stuck in CLOSE_WAIT for 1min or longer, "
                          "the oldest 1min 5s");
        assert_transition(ALERT_CLOSE_WAIT_STUCK, TRANSITION_ESCALATED,
                          "local port 7865: now critical, 6 connections stuck in CLOSE_WAIT for "
                          "1min or longer, the oldest 1min 5s");
        assert_transition(ALERT_CLOSE_WAIT_STUCK, TRANSITION_DEESCALATED,
                          "local port 7865: back to warning, 6 connections stuck in CLOSE_WAIT for "
                          "1min or longer, the oldest 1min 5s");
        assert_transition(ALERT_CLOSE_WAIT_STUCK, TRANSITION_REMINDED,
                          "local port 7865: still, after 5min, 6 connections stuck in CLOSE_WAIT "
                          "for 1min or longer, the oldest 1min 5s");
        event.alert.values.stuck_at_least = true;
        assert_phrase(&event,
                      "local port 7865: at least 6 connections stuck in CLOSE_WAIT for 1min or "
                      "longer, the oldest 1min 5s");
        assert_transition(
                ALERT_CLOSE_WAIT_STUCK, TRANSITION_CLEARED,
                "local port 7865: close-wait-stuck alert cleared after 5min, now 6 connections stuck in "
                "CLOSE_WAIT for 1min or longer, the oldest 1min 5s");
}

static struct event leak_event(enum transition transition)
{
        struct event event = event_of(ALERT_CLOSE_WAIT_LEAK, transition);
        struct owner *owner = &event.alert.owner;

        event.alert.values.leak = (struct port_leak){ .known = true,
                                                      .times = 3,
                                                      .outlived = 6,
                                                      .arrived = 6,
                                                      .patience_usec = USEC_PER_MIN,
                                                      .rate_per_min = 2,
                                                      .error_per_min = 0.7 };
        owner->total = owner->n_processes = 1;
        owner->processes[0] = (struct owner_process){ 491, "leaky", 904, 1024 };
        return event;
}

static void a_leak_has_its_rate_and_its_end(void **state)
{
        struct event event = leak_event(TRANSITION_RAISED);

        (void)state;
        assert_phrase(&event,
                      "local port 7865: leaks about 2.0 connections a minute (+-0.7), 6 have "
                      "outlived 1min in CLOSE_WAIT, the oldest 1min 5s, descriptors run out "
                      "in 1h (PID 491 leaky, 904 of 1024 descriptors)");
        event.alert.values.leak.rate_per_min = 0.1;
        event.alert.values.leak.error_per_min = 0.04;
        event.alert.owner.processes[0].fds = 1024;
        assert_phrase(&event,
                      "local port 7865: leaks about 6.0 connections an hour (+-2.4), 6 have "
                      "outlived 1min in CLOSE_WAIT, the oldest 1min 5s, no descriptor is "
                      "left (PID 491 leaky, 1024 of 1024 descriptors)");
        event.alert.values.leak.arrived = 0;
        event.alert.values.leak.outlived = 1;
        owner_clear(&event.alert.owner);
        assert_phrase(&event, "local port 7865: 1 has outlived 1min in CLOSE_WAIT, the oldest "
                              "1min 5s");
}

/* What is over has no rate and no end to come. */
static void a_cleared_leak_has_neither(void **state)
{
        struct event event = leak_event(TRANSITION_CLEARED);

        (void)state;
        assert_phrase(
                &event,
                "local port 7865: close-wait-leak alert cleared after 5min, now 6 have outlived 1min in "
                "CLOSE_WAIT, the oldest 1min 5s (PID 491 leaky, 904 of 1024 "
                "descriptors)");
}

static void what_is_usual_is_said(void **state)
{
        struct event event = event_of(ALERT_CLOSE_WAIT_STUCK, TRANSITION_RAISED);

        (void)state;
        event.alert.values.stuck = 106;
        assert_phrase(&event,
                      "local port 7865: 6 connections stuck in CLOSE_WAIT for 1min or longer "
                      "(and 100 for no longer than is usual), the oldest 1min 5s");
}

static void other_kinds_have_their_words(void **state)
{
        (void)state;
        assert_transition(
                ALERT_CLOSE_WAIT_COUNT, TRANSITION_RAISED,
                "local port 7865: 6 connections in CLOSE_WAIT, the level is 5, the oldest "
                "1min 5s");
        assert_transition(ALERT_TIME_WAIT_COUNT, TRANSITION_RAISED,
                          "local port 7865: 6 connections in TIME_WAIT, the level is 5");
        assert_transition(ALERT_BLIND, TRANSITION_RAISED,
                          "this host: twmond cannot see the TCP sockets: no tcp_diag");
        assert_transition(ALERT_BLIND, TRANSITION_CLEARED,
                          "this host: twmond sees the TCP sockets again, after 5min");
}

static struct event table_event(enum transition transition, uint64_t used, uint64_t overflows)
{
        struct event event = event_of(ALERT_TIME_WAIT_TABLE, transition);

        event.alert.key.port = (struct port_key){ 0, 0, SIDE_HOST };
        event.alert.warning = 80;
        event.alert.critical = 95;
        event.alert.values = (struct alert_values){
                .count = used,
                .tw_table = { .known = true,
                              .used = used,
                              .max = 100,
                              .time_wait_known = true,
                              .time_wait = used - 3,
                              .overflow_known = true,
                              .overflows = overflows },
        };
        return event;
}

static void a_table_is_full_or_overflows(void **state)
{
        struct event event = table_event(TRANSITION_RAISED, 83, 0);

        (void)state;
        assert_phrase(&event, "this host: the TIME_WAIT table is 83% full (83 of 100, 3 of them in "
                              "FIN_WAIT2), the level is 80%");
        event.alert.values.tw_table.time_wait_known = false;
        assert_phrase(&event,
                      "this host: the TIME_WAIT table is 83% full (83 of 100), the level is "
                      "80%");
        event = table_event(TRANSITION_RAISED, 99, 0);
        event.alert.severity = SEVERITY_CRITICAL;
        assert_phrase(&event,
                      "this host: critical, the TIME_WAIT table is 99% full (99 of 100, 3 of "
                      "them in FIN_WAIT2), the level is 95%");
        event = table_event(TRANSITION_ESCALATED, 60, 1);
        event.alert.severity = SEVERITY_CRITICAL;
        assert_phrase(
                &event,
                "this host: now critical, 1 connection found no room in the TIME_WAIT table "
                "since the last look, now it is 60% full (60 of 100, 3 of them in FIN_WAIT2)");
        event.alert.values.tw_table.overflows = 0;
        event.transition = TRANSITION_REMINDED;
        assert_phrase(&event,
                      "this host: still, after 5min, the TIME_WAIT table is 60% full (60 of "
                      "100, 3 of them in FIN_WAIT2), and was full or nearly so not long ago");
        event = table_event(TRANSITION_CLEARED, 3, 0);
        assert_phrase(
                &event,
                "this host: time-wait-table alert cleared after 5min, now the TIME_WAIT table is 3% full (3 of 100, "
                "3 of them in FIN_WAIT2)");
}

static void a_table_that_is_switched_off(void **state)
{
        struct event event = table_event(TRANSITION_RAISED, 0, 5);

        (void)state;
        event.alert.severity = SEVERITY_CRITICAL;
        event.alert.values.tw_table.max = event.alert.values.tw_table.time_wait = 0;
        assert_phrase(&event, "this host: critical, the TIME_WAIT table is switched off "
                              "(net.ipv4.tcp_max_tw_buckets is 0), connections end without "
                              "TIME_WAIT, 5 since the last look");
        event.alert.values.tw_table.overflows = 0;
        event.transition = TRANSITION_REMINDED;
        assert_phrase(&event, "this host: still, after 5min, the TIME_WAIT table is switched off "
                              "(net.ipv4.tcp_max_tw_buckets is 0), connections end without "
                              "TIME_WAIT");
        event.transition = TRANSITION_CLEARED;
        assert_phrase(
                &event,
                "this host: time-wait-table alert cleared after 5min, now the TIME_WAIT table is switched "
                "off (net.ipv4.tcp_max_tw_buckets is 0)");
}

/* FIN_WAIT2 is another trouble than TIME_WAIT, and tcp_fin_timeout helps against it alone. */
static void a_table_full_of_fin_wait2(void **state)
{
        struct event event = table_event(TRANSITION_RAISED, 97, 0);

        (void)state;
        assert_string_equal(phrase_alert_advice(&event.alert),
                            phrase_advice(ALERT_TIME_WAIT_TABLE));
        event.alert.values.tw_table.time_wait = 0;
        assert_phrase(&event,
                      "this host: the TIME_WAIT table is 97% full (97 of 100, 97 of them in "
                      "FIN_WAIT2), peers do not close, the level is 80%");
        assert_non_null(strstr(phrase_alert_advice(&event.alert), "net.ipv4.tcp_fin_timeout"));
        event.alert.values.tw_table.time_wait = 49; /* 48 are the smaller part */
        assert_string_equal(phrase_alert_advice(&event.alert),
                            phrase_advice(ALERT_TIME_WAIT_TABLE));
        event.alert.values.tw_table.time_wait = 0;
        event.alert.values.tw_table.time_wait_known = false;
        assert_string_equal(phrase_alert_advice(&event.alert),
                            phrase_advice(ALERT_TIME_WAIT_TABLE));
}

/* What is over is not told of an alert that is about to clear. */
static void a_condition_that_is_over(void **state)
{
        struct event event = table_event(TRANSITION_RAISED, 60, 0);
        char buf[PHRASE_MAX];

        (void)state;
        event.alert.state = ALERT_RAISED;
        event.alert.severity = SEVERITY_CRITICAL;
        event.alert.below_since_usec = 1;
        assert_string_equal(phrase_condition(&event.alert, buf),
                            "the TIME_WAIT table is 60% full (60 of 100, 3 of them in FIN_WAIT2)");
        event.alert.key.kind = ALERT_BLIND;
        strcpy(event.alert.reason, "no sockets");
        assert_string_equal(phrase_condition(&event.alert, buf),
                            "twmond sees the TCP sockets again");
        event.alert.below_since_usec = 0;
        assert_string_equal(phrase_condition(&event.alert, buf),
                            "twmond cannot see the TCP sockets: no sockets");
}

static void owner_is_named_as_far_as_known(void **state)
{
        struct event event = event_of(ALERT_TIME_WAIT_COUNT, TRANSITION_RAISED);
        struct owner *owner = &event.alert.owner;

        (void)state;
        event.alert.key.port.side = SIDE_REMOTE;
        event.alert.severity = SEVERITY_CRITICAL;
        event.alert.values.count = 1;
        owner->uid = 1000; /* which the fields tell */
        assert_phrase(&event, "remote port 7865: critical, 1 connection in TIME_WAIT, the level is "
                              "100");
        owner->total = owner->n_processes = 1;
        owner->holders = true;
        owner->processes[0] = (struct owner_process){ 4711, "leakyd", OWNER_UNKNOWN, 1024 };
        assert_phrase(&event, "remote port 7865: critical, 1 connection in TIME_WAIT, the level is "
                              "100 (PID 4711 leakyd)");
        strcpy(owner->unit, "leaky.service");
        assert_phrase(&event, "remote port 7865: critical, 1 connection in TIME_WAIT, the level is "
                              "100 (leaky.service, PID 4711 leakyd)");
        owner->processes[0].comm[0] = '\0';
        assert_phrase(&event, "remote port 7865: critical, 1 connection in TIME_WAIT, the level is "
                              "100 (leaky.service, PID 4711)");
        owner->total = owner->n_processes = 0;
        assert_phrase(&event, "remote port 7865: critical, 1 connection in TIME_WAIT, the level is "
                              "100 (leaky.service)");
}

static void processes_and_descriptors_are_counted(void **state)
{
        static const struct {
                const char *text;
                int64_t fds, limit;
                uint32_t total;
                bool holders;
        } cases[] = {
                { ", 25 of 1024 descriptors", 25, 1024, 1, true },
                { ", 1 of 1024 descriptors", 1, 1024, 1, true },
                { ", 25 descriptors", 25, OWNER_UNKNOWN, 1, true },
                { ", 25 descriptors", 25, OWNER_UNLIMITED, 1, false },
                { ", 1 descriptor", 1, OWNER_UNLIMITED, 1, false },
                { " and 3 more processes", OWNER_UNKNOWN, 1024, 4, true },
                { " and 1 more process", OWNER_UNKNOWN, OWNER_UNKNOWN, 2, true },
                { " or one of 3 more processes", OWNER_UNKNOWN, 1024, 4, false },
                { " or 1 more process", OWNER_UNKNOWN, 1024, 2, false },
                { ", 25 of 1024 descriptors, and 3 more processes", 25, 1024, 4, true },
                { ", 25 of 1024 descriptors, or 1 more process", 25, 1024, 2, false },
        };
        struct event event = event_of(ALERT_TIME_WAIT_COUNT, TRANSITION_RAISED);
        struct owner *owner = &event.alert.owner;

        (void)state;
        strcpy(owner->unit, "leaky.service");
        owner->n_processes = 1;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char expected[PHRASE_MAX];

                owner->total = cases[i].total;
                owner->holders = cases[i].holders;
                owner->processes[0] =
                        (struct owner_process){ 491, "python3", cases[i].fds, cases[i].limit };
                snprintf(expected, sizeof(expected),
                         "local port 7865: 6 connections in TIME_WAIT, the level is 5 "
                         "(leaky.service, PID 491 python3%s)",
                         cases[i].text);
                assert_phrase(&event, expected);
        }
}

static void lower_bounds_are_marked(void **state)
{
        struct event event = event_of(ALERT_CLOSE_WAIT_STUCK, TRANSITION_RAISED);

        (void)state;
        event.alert.values.oldest_usec = 192 * USEC_PER_MIN;
        event.alert.values.oldest_at_least = true;
        assert_phrase(&event, "local port 7865: 6 connections stuck in CLOSE_WAIT for 1min or "
                              "longer, the oldest >= 3h 12min");
        event.alert.values.oldest_usec = 0;
        assert_phrase(&event, "local port 7865: 6 connections stuck in CLOSE_WAIT for 1min or "
                              "longer");
}

static void a_reason_says_why_it_was_cleared(void **state)
{
        struct event event = event_of(ALERT_CLOSE_WAIT_STUCK, TRANSITION_CLEARED);

        (void)state;
        strcpy(event.reason, "the rule was removed");
        assert_phrase(&event,
                      "local port 7865: close-wait-stuck alert cleared after 5min: the rule "
                      "was removed");
}

static void names_cannot_break_the_line(void **state)
{
        struct event event = event_of(ALERT_BLIND, TRANSITION_RAISED);
        char buf[PHRASE_MAX];

        (void)state;
        strcpy(event.alert.reason, "a\nb");
        event.alert.owner.total = event.alert.owner.n_processes = 1;
        event.alert.owner.processes[0] = (struct owner_process){ 7, "\x1b[2J\r", -1, -1 };
        assert_phrase(&event, "this host: twmond cannot see the TCP sockets: a?b (PID 7 ?[2J?)");

        memset(event.alert.owner.unit, 'u', OWNER_UNIT_MAX - 1);
        memset(event.alert.reason, 'r', EVENT_REASON_MAX - 1);
        event.alert.owner.total = UINT32_MAX;
        event.alert.owner.processes[0] =
                (struct owner_process){ INT32_MAX, "fifteen letters", INT64_MAX, INT64_MAX - 1 };
        phrase_event(&event, buf);
        assert_true(strlen(buf) < PHRASE_MAX - 1); /* nothing was cut off */
        assert_int_equal(buf[strlen(buf) - 1], ')');
}

static void every_kind_has_advice(void **state)
{
        (void)state;
        for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                assert_true(strlen(phrase_advice(kind)) > 100);
                assert_null(strchr(phrase_advice(kind), '\n'));
                for (int other = 0; other < kind; other++)
                        assert_string_not_equal(phrase_advice(kind), phrase_advice(other));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stuck_transitions_differ),
                cmocka_unit_test(a_leak_has_its_rate_and_its_end),
                cmocka_unit_test(a_cleared_leak_has_neither),
                cmocka_unit_test(what_is_usual_is_said),
                cmocka_unit_test(other_kinds_have_their_words),
                cmocka_unit_test(a_table_is_full_or_overflows),
                cmocka_unit_test(a_table_that_is_switched_off),
                cmocka_unit_test(a_table_full_of_fin_wait2),
                cmocka_unit_test(a_condition_that_is_over),
                cmocka_unit_test(owner_is_named_as_far_as_known),
                cmocka_unit_test(processes_and_descriptors_are_counted),
                cmocka_unit_test(lower_bounds_are_marked),
                cmocka_unit_test(a_reason_says_why_it_was_cleared),
                cmocka_unit_test(names_cannot_break_the_line),
                cmocka_unit_test(every_kind_has_advice),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
