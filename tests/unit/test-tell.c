/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events on their way out: in order, with their owner, and never kept for long. */

#include <errno.h>

#include "fixture.h"

#include "alerttable.h"
#include "tell.h"

struct world {
        struct tell *tell;
        int ask_result;
        size_t asked;
        uint16_t asked_port; /* last */
        struct event out[TELL_EVENTS_MAX + 8];
        size_t n_out;
};

static int ask(void *userdata, const struct port_key *port, const struct port_witness *witness)
{
        struct world *world = userdata;

        assert_true(port->port > 0);
        assert_true(witness->known);
        world->asked++;
        world->asked_port = port->port;
        return world->ask_result;
}

static void out(void *userdata, const struct event *event)
{
        struct world *world = userdata;

        world->out[world->n_out++] = *event;
}

static const struct tell_ops ops = { ask, out };

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(tell_new(&ops, world, &world->tell), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        tell_free(world->tell);
        free(world);
        return 0;
}

static void say(struct world *world, uint64_t sequence, uint16_t port, enum transition transition)
{
        struct event event = { .sequence = sequence, .transition = transition };

        event.alert.key.port = local_port(port);
        event.alert.witness.known = true;
        owner_clear(&event.alert.owner);
        tell_event(world->tell, &event, 100);
}

static void answer(struct world *world, uint16_t port, const char *unit)
{
        const struct port_key key = local_port(port);
        struct owner owner;

        owner_clear(&owner);
        strcpy(owner.unit, unit);
        tell_owner(world->tell, &key, &owner);
}

static void test_waits_for_its_owner(void **state)
{
        struct world *world = *state;

        say(world, 1, 80, TRANSITION_RAISED);
        assert_int_equal(world->n_out, 0);
        assert_int_equal(tell_deadline_usec(world->tell), 100 + TELL_WAIT_USEC);
        answer(world, 81, "other.service");
        assert_int_equal(world->n_out, 0);
        answer(world, 80, "leaky.service");
        assert_int_equal(world->n_out, 1);
        assert_string_equal(world->out[0].alert.owner.unit, "leaky.service");
        assert_int_equal(tell_deadline_usec(world->tell), 0);
}

/* Who listens on the port is no answer to who holds a socket of it. */
static void test_waits_for_the_owner_it_asked_for(void **state)
{
        struct world *world = *state;
        const struct port_key key = local_port(80);
        struct owner owner;

        say(world, 1, 80, TRANSITION_RAISED);
        owner_clear(&owner);
        owner.by_listener = true;
        strcpy(owner.unit, "web.socket");
        tell_owner(world->tell, &key, &owner);
        assert_int_equal(world->n_out, 0);
        answer(world, 80, "leaky.service");
        assert_int_equal(world->n_out, 1);
        assert_string_equal(world->out[0].alert.owner.unit, "leaky.service");
}

static void test_order_is_kept(void **state)
{
        struct world *world = *state;

        say(world, 1, 80, TRANSITION_RAISED);
        say(world, 2, 81, TRANSITION_CLEARED); /* needs no owner, but waits its turn */
        say(world, 3, 82, TRANSITION_RAISED);
        answer(world, 82, "c.service");
        assert_int_equal(world->n_out, 0);
        answer(world, 80, "a.service");
        assert_int_equal(world->n_out, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(world->out[i].sequence, i + 1);
}

static void test_cleared_goes_at_once(void **state)
{
        struct world *world = *state;

        say(world, 1, 80, TRANSITION_CLEARED);
        assert_int_equal(world->n_out, 1);
        assert_int_equal(world->asked, 0);
}

/* Who it was is still so; what it had open is not. */
static void test_cleared_has_no_descriptors(void **state)
{
        struct world *world = *state;
        struct event event = { .sequence = 1, .transition = TRANSITION_CLEARED };
        struct owner *owner = &event.alert.owner;

        owner_clear(owner);
        owner->total = owner->n_processes = 1;
        owner->processes[0] = (struct owner_process){ 7, "leaky", 25, 1024 };
        tell_event(world->tell, &event, 100);
        owner = &world->out[0].alert.owner;
        assert_int_equal(owner->processes[0].pid, 7);
        assert_int_equal(owner->processes[0].fds, OWNER_UNKNOWN);
        assert_int_equal(owner->processes[0].fd_limit, 1024);
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

/* Raised, known, and not about to clear: asked about once a minute, some at a time, in turn. */
static void test_owners_are_looked_up_anew(void **state)
{
        struct world *world = *state;
        struct alert_table *table;
        struct alert *alert;
        uint64_t now = TELL_REFRESH_USEC;

        assert_int_equal(alert_table_new(&table), 0);
        tell_refresh(world->tell, table, now);
        alert = add_alert(table, 1);
        tell_refresh(world->tell, table, now + TELL_REFRESH_USEC - 1);
        assert_int_equal(world->asked, 0);
        tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
        assert_int_equal(world->asked, 1);

        alert->state = ALERT_PENDING;
        tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
        alert->state = ALERT_RAISED;
        alert->below_since_usec = now;
        tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
        alert->below_since_usec = 0;
        alert->witness.known = false;
        tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
        assert_int_equal(world->asked, 1);
        alert->witness.known = true;

        for (uint16_t port = 2; port <= TELL_REFRESHED_MAX + 4; port++)
                (void)add_alert(table, port);
        world->asked = 0;
        for (size_t turn = 1; turn <= 5; turn++) {
                tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
                assert_int_equal(world->asked, turn * TELL_REFRESHED_MAX);
        }
        alert_table_free(table);
}

/* Nobody waits for ever: 20 alerts, 16 a turn. */
static void test_every_owner_has_its_turn(void **state)
{
        struct world *world = *state;
        struct alert_table *table;
        uint64_t now = TELL_REFRESH_USEC;

        assert_int_equal(alert_table_new(&table), 0);
        for (uint16_t port = 1; port <= TELL_REFRESHED_MAX + 4; port++)
                add_alert(table, port)->witness.known = false;
        for (int turn = 0; turn < 40; turn++, now += TELL_REFRESH_USEC) {
                struct alert *alert;
                const uint16_t port = (uint16_t)(turn % (TELL_REFRESHED_MAX + 4) + 1);
                const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                               .port = local_port(port) };

                assert_int_equal(alert_table_claim(table, &key, &alert), 0);
                alert->witness.known = true;
                world->asked_port = 0;
                for (int i = 0; i < 2 && world->asked_port == 0; i++)
                        tell_refresh(world->tell, table, now += TELL_REFRESH_USEC);
                assert_int_equal(world->asked_port, port);
                alert->witness.known = false;
        }
        alert_table_free(table);
}

static void test_no_answer_will_come(void **state)
{
        struct world *world = *state;

        world->ask_result = -ENOBUFS;
        say(world, 1, 80, TRANSITION_RAISED);
        assert_int_equal(world->n_out, 1);
}

static void test_overdue_goes_without(void **state)
{
        struct world *world = *state;

        say(world, 1, 80, TRANSITION_RAISED);
        tell_overdue(world->tell, 99 + TELL_WAIT_USEC);
        assert_int_equal(world->n_out, 0);
        tell_overdue(world->tell, 100 + TELL_WAIT_USEC);
        assert_int_equal(world->n_out, 1);
        assert_string_equal(world->out[0].alert.owner.unit, "");
}

static void test_full_queue_loses_nothing(void **state)
{
        struct world *world = *state;

        for (uint64_t i = 1; i <= TELL_EVENTS_MAX + 1; i++)
                say(world, i, 80, TRANSITION_RAISED);
        assert_int_equal(world->n_out, TELL_EVENTS_MAX + 1);
        for (uint64_t i = 0; i < world->n_out; i++)
                assert_int_equal(world->out[i].sequence, i + 1);
}

static void test_the_end_lets_everything_out(void **state)
{
        struct world *world = *state;

        say(world, 1, 80, TRANSITION_RAISED);
        world->tell = tell_free(world->tell);
        assert_int_equal(world->n_out, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_waits_for_its_owner),
                T(test_waits_for_the_owner_it_asked_for),
                T(test_order_is_kept),
                T(test_cleared_goes_at_once),
                T(test_cleared_has_no_descriptors),
                T(test_owners_are_looked_up_anew),
                T(test_every_owner_has_its_turn),
                T(test_no_answer_will_come),
                T(test_overdue_goes_without),
                T(test_full_queue_loses_nothing),
                T(test_the_end_lets_everything_out),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
