/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of close-wait-leak, idle members of pools, and pauses, in virtual time. */

#include "judge.h"

#include <errno.h>

#include "alerttable.h"

struct world {
        struct judge judge;
        uint64_t pause; /* between arrivals */
        uint32_t unaccepted;
};

static struct rule leak_rule(void)
{
        return (struct rule){ .kind = ALERT_CLOSE_WAIT_LEAK,
                              .warning = 3,
                              .critical = RULE_LEVEL_OFF,
                              .stuck_after_usec = USEC_PER_MIN,
                              .pool_idle_usec = 15 * USEC_PER_MIN,
                              .critical_within_usec = USEC_PER_HOUR,
                              .raise_after_usec = 20 * USEC_PER_SEC,
                              .clear_after_usec = 2 * USEC_PER_MIN,
                              .remind_every_usec = USEC_PER_HOUR,
                              .clear_below_pct = 80,
                              .origin = "built-in" };
}

static struct rule stuck_rule(void)
{
        struct rule rule = leak_rule();

        rule.kind = ALERT_CLOSE_WAIT_STUCK;
        rule.warning = 10;
        rule.critical = 100;
        return rule;
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct rule rules[] = { leak_rule(), stuck_rule() };

        assert_non_null(world);
        judge_init(&world->judge, rules, ARRAY_SIZE(rules));
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        judge_done(&world->judge);
        free(world);
        return 0;
}

/* One scan of local port 80 in which so many were told to have outlived, then 10 s pass. */
static size_t see_leak(struct world *world, uint8_t times, uint32_t outlived)
{
        struct port_row row = { .key = local_port(80), .leak = 1, .stuck = outlived };
        struct snapshot *snapshot;

        if (outlived == 0)
                row.leak = 0;
        row.count[SOCK_CLOSE_WAIT] = outlived;
        snapshot = make_snapshot(++world->judge.generation, &row, 1);
        snapshot->leaks = calloc(1, sizeof(*snapshot->leaks));
        snapshot->n_leaks = 1;
        snapshot->leaks[0] = (struct port_leak){ .known = true,
                                                 .times = times,
                                                 .outlived = outlived,
                                                 .unaccepted = world->unaccepted,
                                                 .arrived = times,
                                                 .pause_usec = world->pause,
                                                 .patience_usec = 6 * USEC_PER_MIN,
                                                 .rate_per_min = 2,
                                                 .error_per_min = 0.5 };
        return judge_see(&world->judge, snapshot);
}

static void has_descriptors_left(struct world *world, int64_t left)
{
        struct owner_answer answer = { .port = local_port(80) };

        owner_clear(&answer.owner);
        answer.owner.total = answer.owner.n_processes = 1;
        answer.owner.processes[0] =
                (struct owner_process){ .pid = 7, .fds = 1024 - left, .fd_limit = 1024 };
        for (size_t i = 0; i < alert_table_count(world->judge.table); i++)
                ((struct alert *)alert_table_get(world->judge.table, i))->witness.known = true;
        alert_table_set_owner(world->judge.table, &answer);
}

static const struct event *only_event(const struct world *world, enum transition transition)
{
        assert_int_equal(world->judge.events.n, 1);
        assert_int_equal(world->judge.events.items[0].transition, transition);
        assert_int_equal(world->judge.events.items[0].alert.key.kind, ALERT_CLOSE_WAIT_LEAK);
        return &world->judge.events.items[0];
}

static void raise_leak(struct world *world)
{
        while (see_leak(world, 3, 3) == 0)
                ;
        (void)only_event(world, TRANSITION_RAISED);
}

static void test_raised_by_times_not_by_number(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 20; i++)
                assert_int_equal(see_leak(world, 2, 9), 0); /* below the level of stuck, too */
        assert_int_equal(see_leak(world, 3, 3), 0);
        assert_int_equal(see_leak(world, 3, 3), 0);
        assert_int_equal(see_leak(world, 3, 3), 1);
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
        assert_int_equal(world->judge.events.items[0].alert.values.count, 3);
}

static void test_critical_by_the_time_left(void **state)
{
        struct world *world = *state;

        raise_leak(world);
        has_descriptors_left(world, 180); /* 90 min at 2 a minute, 2 h at 1.5 */
        for (int i = 0; i < 20; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        has_descriptors_left(world, 91); /* 45.5 min, and 60 min 40 s if it is slower */
        for (int i = 0; i < 20; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        has_descriptors_left(world, 89); /* 59 min 20 s in any case */
        assert_int_equal(see_leak(world, 5, 9), 0);
        assert_int_equal(see_leak(world, 5, 9), 0);
        assert_int_equal(see_leak(world, 5, 9), 1);
        assert_int_equal(only_event(world, TRANSITION_ESCALATED)->alert.severity,
                         SEVERITY_CRITICAL);
        has_descriptors_left(world, 100); /* not 75 min yet */
        for (int i = 0; i < 20; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        has_descriptors_left(world, 120); /* 80 min */
        for (int i = 0; i < 12; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        assert_int_equal(see_leak(world, 5, 9), 1);
        (void)only_event(world, TRANSITION_DEESCALATED);
}

static void test_critical_at_once(void **state)
{
        struct world *world = *state;

        assert_int_equal(see_leak(world, 3, 3), 0);
        has_descriptors_left(world, 10);
        while (see_leak(world, 3, 3) == 0)
                ;
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_CRITICAL);
}

static void lift_limit(struct world *world)
{
        struct owner_answer answer = { .port = local_port(80) };

        owner_clear(&answer.owner);
        answer.owner.total = answer.owner.n_processes = 1;
        answer.owner.processes[0] =
                (struct owner_process){ .pid = 7, .fds = 24, .fd_limit = OWNER_UNLIMITED };
        alert_table_set_owner(world->judge.table, &answer);
}

/* Never is not unknown. */
static void test_a_lifted_limit_deescalates(void **state)
{
        struct world *world = *state;

        test_critical_at_once(state);
        lift_limit(world);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        assert_int_equal(see_leak(world, 5, 9), 1);
        (void)only_event(world, TRANSITION_DEESCALATED);
}

/* What is said is known to be so. */
static void test_a_blank_partial_scan_does_not_remind(void **state)
{
        struct world *world = *state;

        raise_leak(world);
        for (int i = 0; i < 400; i++) { /* more than an hour */
                struct snapshot *snapshot = make_snapshot(++world->judge.generation, NULL, 0);

                snapshot->result = SCAN_PARTIAL;
                snapshot->complete = 0;
                judge_look(&world->judge, snapshot);
                world->judge.now += JUDGE_STEP;
                assert_int_equal(world->judge.events.n, 0);
        }
        assert_int_equal(see_leak(world, 3, 3), 1);
        (void)only_event(world, TRANSITION_REMINDED);
}

static void test_unknown_time_changes_nothing(void **state)
{
        struct world *world = *state;

        test_critical_at_once(state);
        has_descriptors_left(world, 1024 + 1); /* in use: -1, unknown */
        for (int i = 0; i < 30; i++)
                assert_int_equal(see_leak(world, 5, 9), 0);
        assert_int_equal(alert_table_get(world->judge.table, 0)->severity, SEVERITY_CRITICAL);
}

static void test_cleared_after_its_patience(void **state)
{
        struct world *world = *state;
        const uint64_t patience = 6 * USEC_PER_MIN;
        uint64_t since;

        raise_leak(world);
        since = world->judge.now;
        while (see_leak(world, 2, 5) == 0)
                assert_true(world->judge.now - since <= patience);
        (void)only_event(world, TRANSITION_CLEARED);
        assert_int_equal(world->judge.now - JUDGE_STEP - since, patience);
}

/* One an hour: two hours without one are no end of it. */
static void test_cleared_after_three_pauses(void **state)
{
        struct world *world = *state;
        uint64_t since;

        world->pause = USEC_PER_HOUR;
        raise_leak(world);
        world->pause = 0;
        since = world->judge.now;
        for (;;) {
                (void)see_leak(world, 2, 5);
                if (world->judge.events.n > 0 &&
                    world->judge.events.items[0].transition == TRANSITION_CLEARED)
                        break;
                assert_true(world->judge.now - since <= 3 * USEC_PER_HOUR);
        }
        assert_int_equal(world->judge.now - JUDGE_STEP - since, 3 * USEC_PER_HOUR);
}

/* None arrive any more, for there are no descriptors left: that is no end of it. */
static void test_not_cleared_by_exhaustion(void **state)
{
        struct world *world = *state;

        raise_leak(world);
        has_descriptors_left(world, 0);
        for (int i = 0; i < 100; i++) {
                (void)see_leak(world, 0, 9);
                for (size_t e = 0; e < world->judge.events.n; e++)
                        assert_int_not_equal(world->judge.events.items[e].transition,
                                             TRANSITION_CLEARED);
        }
        has_descriptors_left(world, 1);
        while (see_leak(world, 0, 9) == 0)
                ;
        (void)only_event(world, TRANSITION_CLEARED);
}

/* accept() fails for want of descriptors, so that most are not accepted: it is as critical as ever. */
static void test_exhausted_stays_critical(void **state)
{
        struct world *world = *state;

        raise_leak(world);
        has_descriptors_left(world, 0);
        while (see_leak(world, 3, 9) == 0)
                ;
        (void)only_event(world, TRANSITION_ESCALATED);
        world->unaccepted = 9;
        for (int i = 0; i < 100; i++)
                assert_int_equal(see_leak(world, 3, 9), 0);
}

/* Who it was is still so when it clears; what it had open is not. */
static void test_cleared_sooner_when_none_is_left(void **state)
{
        struct world *world = *state;
        const struct owner *owner;
        uint64_t since;

        raise_leak(world);
        has_descriptors_left(world, 1000);
        since = world->judge.now;
        while (see_leak(world, 0, 0) == 0)
                ;
        (void)only_event(world, TRANSITION_CLEARED);
        assert_int_equal(world->judge.now - JUDGE_STEP - since, 2 * USEC_PER_MIN);
        owner = &world->judge.events.items[0].alert.owner;
        assert_int_equal(owner->processes[0].pid, 7);
        assert_int_equal(owner->processes[0].fds, OWNER_UNKNOWN);
        assert_int_equal(owner->processes[0].fd_limit, 1024);
}

/* One scan of remote port 5432 with stuck sockets, some of which may be idle members of a pool. */
static size_t see_pool(struct world *world, uint32_t stuck, uint32_t idle)
{
        struct port_row row = { .key = { .side = SIDE_REMOTE, .port = 5432 },
                                .stuck = stuck,
                                .stuck_held = stuck,
                                .stuck_usual = idle,
                                .stuck_held_usual = idle };
        struct snapshot *snapshot;

        row.count[SOCK_CLOSE_WAIT] = stuck;
        snapshot = make_snapshot(++world->judge.generation, &row, 1);
        return judge_see(&world->judge, snapshot);
}

static void test_what_is_usual_is_not_judged(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 20; i++)
                assert_int_equal(see_pool(world, 500, 491), 0);
        assert_int_equal(see_pool(world, 500, 490), 1);
        assert_int_equal(world->judge.events.items[0].alert.severity, SEVERITY_WARNING);
        assert_int_equal(world->judge.events.items[0].alert.values.count, 10);
        assert_int_equal(world->judge.events.items[0].alert.values.stuck, 500);
        assert_int_equal(world->judge.events.items[0].alert.values.stuck_usual, 490);
        assert_int_equal(see_pool(world, 500, 400), 1);
        assert_int_equal(world->judge.events.items[0].transition, TRANSITION_ESCALATED);
        for (int i = 0; i < 12; i++)
                assert_int_equal(see_pool(world, 500, 492), 0);
        assert_int_equal(see_pool(world, 500, 492), 1);
        assert_int_equal(world->judge.events.items[0].transition, TRANSITION_CLEARED);
}

static void test_a_pause_gives_time_to_close(void **state)
{
        struct world *world = *state;
        uint64_t resumed;

        for (int i = 0; i < 5; i++)
                assert_int_equal(see_pool(world, 0, 0), 0);
        world->judge.now += USEC_PER_HOUR;
        resumed = world->judge.now;
        while (see_pool(world, 20, 0) == 0)
                assert_true(world->judge.now - resumed <= USEC_PER_MIN);
        assert_int_equal(world->judge.now - JUDGE_STEP - resumed, USEC_PER_MIN);
}

static void test_long_intervals_are_no_pause(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 5; i++) {
                assert_int_equal(see_pool(world, 0, 0), 0);
                world->judge.now += 5 * USEC_PER_MIN;
        }
        assert_int_equal(see_pool(world, 20, 0), 1);
}

/* The budget stretches what comes: nothing was held. */
static void test_a_planned_pause_is_none(void **state)
{
        struct world *world = *state;
        const struct port_row row = {
                .key = local_port(80), .count[SOCK_CLOSE_WAIT] = 20, .stuck = 20, .stuck_held = 20
        };
        struct snapshot *snapshot = make_snapshot(100, &row, 1);

        for (int i = 0; i < 3; i++)
                assert_int_equal(see_pool(world, 0, 0), 0);
        world->judge.now += 225 * USEC_PER_SEC - JUDGE_STEP;
        snapshot->pause_usec = 225 * USEC_PER_SEC;
        assert_int_equal(judge_see(&world->judge, snapshot), 1);
}

static void test_the_first_scan_is_no_pause(void **state)
{
        assert_int_equal(see_pool(*state, 20, 0), 1);
}

/* What was asked for; n < 0: there is no room. */
struct questions {
        int n;
        uint16_t port; /* the last one */
};

static int ask(void *userdata, const struct port_key *port, const struct port_witness *witness)
{
        struct questions *questions = userdata;

        assert_true(witness->known);
        if (questions->n < 0)
                return -ENOBUFS;
        questions->n++;
        questions->port = port->port;
        return 0;
}

static void test_owners_of_leaks_are_asked_for(void **state)
{
        struct world *world = *state;
        struct questions questions = { 0 };
        uint64_t now;

        assert_int_equal(see_leak(world, 3, 3), 0); /* pending */
        now = world->judge.now;
        alert_table_ask_owners(world->judge.table, now, ask, &questions);
        assert_int_equal(questions.n, 0); /* nobody to ask for */
        has_descriptors_left(world, 1000);
        questions.n = -1;
        alert_table_ask_owners(world->judge.table, now, ask, &questions);
        questions.n = 0;
        alert_table_ask_owners(world->judge.table, now, ask, &questions);
        assert_int_equal(questions.n, 1); /* no room before: asked again */
        alert_table_ask_owners(world->judge.table, now + ALERT_OWNER_KEEP_USEC - 1, ask,
                               &questions);
        assert_int_equal(questions.n, 1);
        alert_table_ask_owners(world->judge.table, now + ALERT_OWNER_KEEP_USEC, ask, &questions);
        assert_int_equal(questions.n, 2);
        /* what is left of few is asked for more often */
        has_descriptors_left(world, 5);
        now += ALERT_OWNER_KEEP_USEC + ALERT_OWNER_KEEP_URGENT_USEC;
        alert_table_ask_owners(world->judge.table, now, ask, &questions);
        assert_int_equal(questions.n, 3);
        now += ALERT_OWNER_KEEP_URGENT_USEC;
        alert_table_ask_owners(world->judge.table, now, ask, &questions);
        assert_int_equal(questions.n, 4);
}

static struct alert *add_alert(struct alert_table *table, uint16_t port)
{
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(port) };
        struct alert *alert;

        assert_int_equal(alert_table_claim(table, &key, &alert), ALERT_NEW);
        alert->state = ALERT_RAISED;
        alert->witness.known = true;
        return alert;
}

static void test_owners_of_what_stands_are_asked_for(void **state)
{
        struct world *world = *state;
        struct alert *alert = add_alert(world->judge.table, 1);
        struct questions questions = { 0 };

        alert->state = ALERT_PENDING;
        alert_table_ask_owners(world->judge.table, world->judge.now, ask, &questions);
        alert->state = ALERT_RAISED;
        alert->below_since_usec = world->judge.now; /* about to clear */
        alert_table_ask_owners(world->judge.table, world->judge.now, ask, &questions);
        assert_int_equal(questions.n, 0);
        alert->below_since_usec = 0;
        alert_table_ask_owners(world->judge.table, world->judge.now, ask, &questions);
        assert_int_equal(questions.n, 1);
}

/* More than can be asked for before the first are due again: each has its turn all the same. */
static void test_every_owner_has_its_turn(void **state)
{
        struct world *world = *state;
        bool seen[201] = { 0 };

        for (uint16_t port = 1; port <= 200; port++)
                (void)add_alert(world->judge.table, port);
        for (int i = 0; i < 200; i++) {
                struct questions questions = { 0 };
                const uint64_t now = world->judge.now + (uint64_t)i * ALERT_OWNER_KEEP_USEC;

                alert_table_ask_owners(world->judge.table, now, ask, &questions);
                assert_int_equal(questions.n, ALERT_OWNERS_ASKED_MAX);
                seen[questions.port] = true;
        }
        for (uint16_t port = 8; port <= 200; port += 8)
                assert_true(seen[port]); /* the last of each 16 */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_raised_by_times_not_by_number),
                T(test_critical_by_the_time_left),
                T(test_critical_at_once),
                T(test_a_lifted_limit_deescalates),
                T(test_a_blank_partial_scan_does_not_remind),
                T(test_unknown_time_changes_nothing),
                T(test_cleared_after_its_patience),
                T(test_cleared_after_three_pauses),
                T(test_not_cleared_by_exhaustion),
                T(test_exhausted_stays_critical),
                T(test_cleared_sooner_when_none_is_left),
                T(test_what_is_usual_is_not_judged),
                T(test_a_pause_gives_time_to_close),
                T(test_long_intervals_are_no_pause),
                T(test_a_planned_pause_is_none),
                T(test_the_first_scan_is_no_pause),
                T(test_owners_of_leaks_are_asked_for),
                T(test_owners_of_what_stands_are_asked_for),
                T(test_every_owner_has_its_turn),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
