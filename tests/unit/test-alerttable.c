/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of alerts: room for each kind that is the host's, and whose owner is whose. */

#include "fixture.h"

#include <errno.h>

#include "alerttable.h"
#include "base.h"

static int setup(void **state)
{
        struct alert_table *table;

        assert_int_equal(alert_table_new(&table), 0);
        *state = table;
        return 0;
}

static int teardown(void **state)
{
        alert_table_free(*state);
        return 0;
}

/* However many ports are in trouble, in whatever order the host's two come. */
static void test_each_host_kind_has_its_place(void **state)
{
        struct alert_table *table = *state;
        struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(0) };
        struct alert *alert;

        do
                key.port.port++;
        while (alert_table_claim(table, &key, &alert) == ALERT_NEW);
        assert_int_equal(alert_table_count(table), ALERTS_MAX - ALERTS_HOST);
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                const struct alert_key host = { .kind = kind };

                if (alert_kind_is_host(kind))
                        assert_int_equal(alert_table_claim(table, &host, &alert), ALERT_NEW);
        }
        assert_int_equal(alert_table_count(table), ALERTS_MAX);
        assert_int_equal(alert_table_claim(table, &key, &alert), -ENOSPC);
        assert_int_equal(alert_table_overflow(table), 2);
}

/* ---- restored ---- */

static struct alert alert_of(enum alert_kind kind, uint16_t port)
{
        struct alert alert = { .key = { .kind = kind },
                               .state = ALERT_RAISED,
                               .severity = SEVERITY_WARNING,
                               .since_usec = 1 };

        if (port > 0)
                alert.key.port = local_port(port);
        if (kind == ALERT_PORT_EXHAUSTION)
                alert.key.destination.family = ADDR_IPV4;
        owner_clear(&alert.owner);
        return alert;
}

static void test_restore(void **state)
{
        struct alert_table *table = *state;
        const uint16_t ports[] = { 443, 80, 8080 };
        struct alert alert;

        alert = alert_of(ALERT_BLIND, 0);
        assert_int_equal(alert_table_restore(table, &alert), 0);
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
                alert = alert_of(ALERT_CLOSE_WAIT_STUCK, ports[i]);
                alert.told_usec = ports[i];
                assert_int_equal(alert_table_restore(table, &alert), 0);
                assert_int_equal(alert_table_restore(table, &alert), -EEXIST);
        }
        assert_int_equal(alert_table_count(table), 4);
        assert_int_equal(alert_table_get(table, 0)->key.port.port, 80);
        assert_int_equal(alert_table_get(table, 0)->told_usec, 80);
        assert_int_equal(alert_table_get(table, 2)->key.port.port, 8080);
        assert_int_equal(alert_table_get(table, 3)->key.kind, ALERT_BLIND);
        assert_int_equal(alert_table_changes(table), 0); /* all of it is saved already */
}

static void test_restore_nothing_impossible(void **state)
{
        struct alert_table *table = *state;
        struct alert wrong[16];
        size_t n = 0;

        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].key.kind = ALERT_KIND_COUNT;
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].key.kind = (enum alert_kind) - 1;
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].key.port.side = SIDE_COUNT;
        wrong[n++] = alert_of(ALERT_CLOSE_WAIT_STUCK, 0); /* of no port */
        wrong[n++] = alert_of(ALERT_BLIND, 80);           /* the host's has none */
        wrong[n] = alert_of(ALERT_BLIND, 0);
        wrong[n++].key.port.port = 80;
        wrong[n] = alert_of(ALERT_PORT_EXHAUSTION, 80);
        wrong[n++].key.destination.family = ADDR_NONE;
        wrong[n] = alert_of(ALERT_PORT_EXHAUSTION, 80);
        wrong[n++].key.destination.family = ADDR_IPV6 + 1;
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].key.destination.family = ADDR_IPV6;
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].state = (enum alert_state)(ALERT_RAISED + 1);
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].severity = (enum severity)(SEVERITY_CRITICAL + 1);
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n++].severity = SEVERITY_NONE; /* a raised one has one */
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n].state = ALERT_PENDING;
        wrong[n++].since_usec = 0; /* it would wait for ever */
        wrong[n] = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);
        wrong[n].acknowledgement.given = true;
        strcpy(wrong[n++].acknowledgement.comment, "a\ttab");
        assert_true(n <= ARRAY_SIZE(wrong));
        for (size_t i = 0; i < n; i++)
                assert_int_equal(alert_table_restore(table, &wrong[i]), -EINVAL);
        assert_int_equal(alert_table_count(table), 0);
}

/* Any peer may send from it. */
static void test_restore_port_zero(void **state)
{
        struct alert_table *table = *state;

        for (uint8_t side = SIDE_LOCAL; side < SIDE_COUNT; side++) {
                struct alert alert = alert_of(ALERT_CLOSE_WAIT_STUCK, 80);

                alert.key.port = (struct port_key){ .side = side };
                assert_int_equal(alert_table_restore(table, &alert), 0);
        }
        assert_int_equal(alert_table_count(table), 2);
}

/* As many as there may be, whether the host's come first or last. */
static void test_restore_a_full_table(void **state)
{
        for (int host_first = 0; host_first < 2; host_first++) {
                struct alert_table *table;
                struct alert alert;

                (void)state;
                assert_int_equal(alert_table_new(&table), 0);
                for (int i = 0; i < 2; i++) {
                        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                                alert = alert_of(kind, 0);
                                if (alert_kind_is_host(kind) && i != host_first)
                                        assert_int_equal(alert_table_restore(table, &alert), 0);
                        }
                        for (size_t p = 1; i == host_first && p <= ALERTS_MAX - ALERTS_HOST; p++) {
                                alert = alert_of(ALERT_CLOSE_WAIT_STUCK, (uint16_t)p);
                                assert_int_equal(alert_table_restore(table, &alert), 0);
                        }
                }
                assert_int_equal(alert_table_count(table), ALERTS_MAX);
                alert = alert_of(ALERT_CLOSE_WAIT_STUCK, 60000);
                assert_int_equal(alert_table_restore(table, &alert), -ENOSPC);
                alert = alert_of(ALERT_BLIND, 0);
                alert.key.port.netns = 7;
                assert_int_equal(alert_table_restore(table, &alert), -ENOSPC);
                assert_int_equal(alert_table_overflow(table), 0); /* nothing was seen */
                alert_table_free(table);
        }
}

/* Times only, and only those that are yet to come. */
static void test_clamp(void **state)
{
        const uint64_t now_usec = 1000, later_usec = 5000;
        struct alert_table *table = *state;
        struct alert alert = alert_of(ALERT_CLOSE_WAIT_STUCK, 1);
        const struct alert *got;

        alert.below_since_usec = now_usec - 1;
        alert.clear_after_usec = later_usec;
        assert_int_equal(alert_table_restore(table, &alert), 0);
        alert = alert_of(ALERT_CLOSE_WAIT_STUCK, 2);
        alert.since_usec = alert.owner_asked_usec = alert.seen_usec = later_usec;
        alert.critical_since_usec = alert.below_since_usec = later_usec;
        alert.below_critical_since_usec = alert.told_usec = later_usec;
        alert.since_wall_usec = later_usec;
        assert_int_equal(alert_table_restore(table, &alert), 0);
        alert_table_clamp(table, now_usec);

        got = alert_table_get(table, 0);
        assert_int_equal(got->since_usec, 1);
        assert_int_equal(got->below_since_usec, now_usec - 1);
        assert_int_equal(got->told_usec, 0); /* never */
        assert_int_equal(got->clear_after_usec, later_usec);
        got = alert_table_get(table, 1);
        assert_int_equal(got->since_usec, now_usec);
        assert_int_equal(got->owner_asked_usec, now_usec);
        assert_int_equal(got->seen_usec, now_usec);
        assert_int_equal(got->critical_since_usec, now_usec);
        assert_int_equal(got->below_since_usec, now_usec);
        assert_int_equal(got->below_critical_since_usec, now_usec);
        assert_int_equal(got->told_usec, now_usec);
        assert_int_equal(got->since_wall_usec, later_usec);
        assert_int_equal(alert_table_changes(table), 0);
}

static void test_marks(void **state)
{
        struct alert_table *table = *state;
        const struct alert_table_marks marks = { .sequence = 41,
                                                 .tw_judged = true,
                                                 .tw_overflows = 7 };
        struct tw_table tw_table = { .known = true, .overflows_total = 9 };
        struct alert_table_marks got;

        alert_table_set_marks(table, &marks);
        assert_int_equal(alert_table_next_sequence(table), 42);
        alert_table_set_overflows(table, &tw_table);
        assert_int_equal(tw_table.overflows, 2);
        alert_table_judge_overflows(table, &tw_table, true);
        alert_table_get_marks(table, &got);
        assert_int_equal(got.sequence, 42);
        assert_true(got.tw_judged);
        assert_int_equal(got.tw_overflows, 9);
}

/* ---- owners ---- */

static struct alert *raise_alert(struct alert_table *table, const struct alert_key *key,
                                 const struct port_witness *witness)
{
        struct alert *alert;

        assert_int_equal(alert_table_claim(table, key, &alert), ALERT_NEW);
        alert->state = ALERT_RAISED;
        alert->witness = *witness;
        return alert;
}

static struct owner_answer answer_of(const struct port_key *port,
                                     const struct port_witness *witness, const char *unit)
{
        struct owner_answer answer = { .port = *port, .witness = *witness };

        owner_clear(&answer.owner);
        answer.owner.by_listener = witness->by_listener;
        strcpy(answer.owner.unit, unit);
        return answer;
}

static void found(struct alert_table *table, const struct port_key *port,
                  const struct port_witness *witness, const char *unit)
{
        const struct owner_answer answer = answer_of(port, witness, unit);

        alert_table_set_owner(table, &answer);
}

static int ask(void *userdata, const struct port_key *port, const struct port_witness *witness)
{
        (void)port;
        *(struct port_witness *)userdata = *witness;
        return 0;
}

static void test_two_destinations_on_one_port(void **state)
{
        struct alert_table *table = *state;
        const struct port_key port = { .side = SIDE_REMOTE, .port = 443 };
        const struct port_witness witnesses[] = { { .known = true, .inode = 100, .cgroup_id = 7 },
                                                  { .known = true, .inode = 101, .cgroup_id = 8 } };
        struct alert *alerts[2];

        for (size_t i = 0; i < 2; i++) {
                struct alert_key key = { .kind = ALERT_PORT_EXHAUSTION,
                                         .port = port,
                                         .destination.family = ADDR_IPV4 };

                key.destination.address.bytes[3] = (uint8_t)(i + 1);
                alerts[i] = raise_alert(table, &key, &witnesses[i]);
        }
        found(table, &port, &witnesses[0], "first.service");
        assert_string_equal(alerts[0]->owner.unit, "first.service");
        assert_false(owner_is_known(&alerts[1]->owner));
        found(table, &port, &witnesses[1], "second.service");
        assert_string_equal(alerts[0]->owner.unit, "first.service");
        assert_string_equal(alerts[1]->owner.unit, "second.service");
        found(table, &port, &(struct port_witness){ .known = true, .by_listener = true }, "web");
        assert_string_equal(alerts[1]->owner.unit, "second.service");
}

/* Sockets in CLOSE_WAIT and in ESTABLISHED of one port may be those of two programs. */
static void test_half_open_beside_a_leak(void **state)
{
        struct alert_table *table = *state;
        const struct port_key port = local_port(80);
        const struct alert_key keys[] = { { .kind = ALERT_CLOSE_WAIT_LEAK, .port = port },
                                          { .kind = ALERT_HALF_OPEN, .port = port } };
        const struct port_witness witnesses[] = { { .known = true, .inode = 5 },
                                                  { .known = true, .inode = 6 } };
        const struct port_witness listener = { .known = true, .inode = 7, .by_listener = true };
        struct alert *leak = raise_alert(table, &keys[0], &witnesses[0]);
        struct alert *half_open = raise_alert(table, &keys[1], &witnesses[1]);

        found(table, &port, &listener, "web.socket"); /* may stand in for the former alone */
        assert_string_equal(leak->owner.unit, "web.socket");
        assert_false(owner_is_known(&half_open->owner));
        found(table, &port, &witnesses[1], "idle.service");
        assert_string_equal(leak->owner.unit, "web.socket");
        assert_string_equal(half_open->owner.unit, "idle.service");
        found(table, &port, &witnesses[0], "leaky.service");
        found(table, &port, &listener, "web.socket");
        assert_string_equal(leak->owner.unit, "leaky.service");
        assert_string_equal(half_open->owner.unit, "idle.service");
}

/* The oldest socket is closed before its holder is found. */
static void test_the_witness_changes_meanwhile(void **state)
{
        struct alert_table *table = *state;
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) };
        const struct port_witness first = { .known = true, .inode = 5 };
        const struct port_witness second = { .known = true, .inode = 6 };
        const struct port_witness third = { .known = true, .inode = 7 };
        struct alert *alert = raise_alert(table, &key, &first);
        struct port_witness asked = { 0 };
        struct owner_answer answer;

        alert_table_ask_owners(table, 1000, ask, &asked);
        assert_true(port_witness_equal(&asked, &first));
        alert->witness = second;
        found(table, &key.port, &third, "other.service");
        assert_false(owner_is_known(&alert->owner));
        found(table, &key.port, &first, "leaky.service");
        assert_string_equal(alert->owner.unit, "leaky.service");
        found(table, &key.port, &second, "leaky@2.service"); /* asked for by somebody else */
        assert_string_equal(alert->owner.unit, "leaky@2.service");

        answer = answer_of(&key.port, &first, ""); /* an event waits for its own */
        assert_false(alert_is_answered(alert, &answer));
        answer = answer_of(&key.port, &second, "");
        assert_true(alert_is_answered(alert, &answer));
}

/* An alert that hovers about its level is not looked after at every other scan. */
static void test_what_was_forgotten_is_asked_for_sooner(void **state)
{
        struct alert_table *table = *state;
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) };
        const struct port_witness witness = { .known = true, .inode = 5 };
        struct alert *alert = raise_alert(table, &key, &witness);
        const uint64_t forgotten = 1000 + ALERT_OWNER_KEEP_FORGOTTEN_USEC;
        const uint64_t kept = forgotten + ALERT_OWNER_KEEP_USEC;
        const struct {
                uint64_t now_usec;
                bool forgotten, asked;
        } steps[] = { { 1000, false, true },          { 2000, true, false },
                      { forgotten - 1, true, false }, { forgotten, true, true },
                      { kept - 1, false, false },     { kept, false, true } };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                struct port_witness asked = { 0 };

                alert->owner_forgotten |= steps[i].forgotten;
                alert_table_ask_owners(table, steps[i].now_usec, ask, &asked);
                assert_int_equal(asked.known, steps[i].asked);
        }
}

/* A name that is told is worth saving; how many descriptors are open is not. */
static void test_another_owner_is_a_change(void **state)
{
        struct alert_table *table = *state;
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) };
        const struct port_witness witness = { .known = true, .inode = 5 };
        struct owner_answer answer = answer_of(&key.port, &witness, "leaky.service");
        uint64_t before;

        raise_alert(table, &key, &witness);
#define CHANGES()                                                                                  \
        ({                                                                                         \
                before = alert_table_changes(table);                                               \
                alert_table_set_owner(table, &answer);                                             \
                alert_table_changes(table) - before;                                               \
        })
        assert_int_equal(CHANGES(), 1);
        assert_int_equal(CHANGES(), 0);
        answer.owner.total = answer.owner.n_processes = 1;
        answer.owner.processes[0].pid = 7;
        assert_int_equal(CHANGES(), 1);
        answer.owner.processes[0].fds = 1000;
        assert_int_equal(CHANGES(), 0);
        answer.owner.processes[0].pid = 8;
        assert_int_equal(CHANGES(), 1);
        strcpy(answer.owner.unit, "other.service");
        assert_int_equal(CHANGES(), 1);
        owner_clear(&answer.owner);
        assert_int_equal(CHANGES(), 1);
        answer.owner.uid = 0;
        assert_int_equal(CHANGES(), 1);
        answer.port.port = 81;
        strcpy(answer.owner.unit, "not.its.service");
        assert_int_equal(CHANGES(), 0);
#undef CHANGES
}

/* Which tell of a port, and whether it was its listener. */
static void test_answers_of_older_recordings(void **state)
{
        struct alert_table *table = *state;
        const struct alert_key keys[] = {
                { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) },
                { .kind = ALERT_TIME_WAIT_COUNT, .port = local_port(80) },
                { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(81) },
        };
        const struct port_witness holder = { .known = true, .inode = 5 };
        const struct port_witness listener = { .known = true, .inode = 6, .by_listener = true };
        struct alert *stuck = raise_alert(table, &keys[0], &holder);
        struct alert *time_wait = raise_alert(table, &keys[1], &listener);
        struct alert *other = raise_alert(table, &keys[2], &holder);
        const struct port_witness unknown = { .known = false };
        struct owner_answer answer = answer_of(&keys[0].port, &unknown, "leaky.service");

        alert_table_set_owner(table, &answer);
        assert_string_equal(stuck->owner.unit, "leaky.service");
        assert_false(owner_is_known(&time_wait->owner));
        answer = answer_of(&keys[0].port, &unknown, "web.service");
        answer.owner.by_listener = true;
        alert_table_set_owner(table, &answer);
        assert_string_equal(stuck->owner.unit, "leaky.service");
        assert_string_equal(time_wait->owner.unit, "web.service");
        assert_false(owner_is_known(&other->owner));
}

/* A pause, in milliseconds, after one of the default Interval. */
struct pause {
        uint64_t before;  /* the one before it */
        uint64_t planned; /* 0: unknown */
        uint64_t passed;
        bool held; /* the machine, as far as anybody can tell */
};

/* As detect_step() notes it. True: what goes by age waits for StuckAfter, of 60 s. */
static bool waits_after(struct alert_table *table, const struct pause *pause)
{
        const uint64_t within = USEC_PER_MIN;
        uint64_t now = 1000 * USEC_PER_SEC;

        alert_table_empty(table);
        alert_table_count_step(table, pause->planned * USEC_PER_MSEC,
                               now); /* the first: no pause */
        assert_int_equal(alert_table_settles_usec(table, within), 0);
        now += pause->before * USEC_PER_MSEC;
        alert_table_count_step(table, pause->before * USEC_PER_MSEC, now);
        assert_false(alert_table_has_resumed(table, within));
        now += pause->passed * USEC_PER_MSEC;
        alert_table_count_step(table, pause->planned * USEC_PER_MSEC, now);
        alert_table_count_step(table, pause->planned * USEC_PER_MSEC, now); /* the same again */
        assert_int_equal(alert_table_settles_usec(table, within),
                         alert_table_has_resumed(table, within) ? now + within : 0);
        return alert_table_has_resumed(table, within);
}

static void test_planned_pauses_are_no_gaps(void **state)
{
        static const struct pause pauses[] = {
                { 10000, 30000, 30000, false },   /* nothing is to be decided any more */
                { 10000, 225000, 225000, false }, /* the budget is spent */
                { 225000, 600000, 600000, false },
                { 10000, 30000, 31000, false }, /* woken late */
                { 10000, 225000, 250000, false },
                { 10000, 10000, 600000, true }, /* SIGSTOP for ten minutes */
                { 10000, 30000, 600000, true },
                { 30000, 30000, 630000, true },
                { 225000, 225000, 600000, true },
                { 225000, 225000, 825000, true },
                { 10000, 30000, 60000, false },
                { 10000, 30000, 60001, true }, /* longer than StuckAfter, and half a minute late */
                { 20, 20, 60001, true },
                { 20, 30000, 60000, false },
                /* what recordings tell */
                { 10000, 0, 30000, false },
                { 10000, 0, 39000, false },
                { 20000, 0, 80000, false },
                { 20000, 0, 80001, true },
                { 10000, 0, 600000, true },
                { 10000, 0, 60000, false }, /* not longer than StuckAfter */
        };

        for (size_t i = 0; i < ARRAY_SIZE(pauses); i++)
                if (waits_after(*state, &pauses[i]) != pauses[i].held)
                        fail_msg("pause %zu", i);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_each_host_kind_has_its_place),
                T(test_restore),
                T(test_restore_nothing_impossible),
                T(test_restore_port_zero),
                T(test_restore_a_full_table),
                T(test_clamp),
                T(test_marks),
                T(test_planned_pauses_are_no_gaps),
                T(test_another_owner_is_a_change),
                T(test_two_destinations_on_one_port),
                T(test_half_open_beside_a_leak),
                T(test_the_witness_changes_meanwhile),
                T(test_what_was_forgotten_is_asked_for_sooner),
                T(test_answers_of_older_recordings),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
