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

static void say_of(struct world *world, uint64_t sequence, const struct alert *alert,
                   enum transition transition)
{
        struct event event = { .sequence = sequence, .transition = transition, .alert = *alert };

        owner_clear(&event.alert.owner);
        tell_event(world->tell, &event, 100);
}

static void say(struct world *world, uint64_t sequence, uint16_t port, enum transition transition)
{
        const struct alert alert = { .key.port = local_port(port), .witness.known = true };

        say_of(world, sequence, &alert, transition);
}

static void answer_of(struct world *world, uint16_t port, const struct port_witness *witness,
                      const char *unit)
{
        struct owner_answer answer = { .port = local_port(port), .witness = *witness };

        owner_clear(&answer.owner);
        answer.owner.by_listener = witness->by_listener;
        strcpy(answer.owner.unit, unit);
        tell_owner(world->tell, &answer);
}

static void answer(struct world *world, uint16_t port, const char *unit)
{
        const struct port_witness witness = { .known = true };

        answer_of(world, port, &witness, unit);
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
        const struct port_witness listener = { .known = true, .by_listener = true };

        say(world, 1, 80, TRANSITION_RAISED);
        answer_of(world, 80, &listener, "web.socket");
        assert_int_equal(world->n_out, 0);
        answer(world, 80, "leaky.service");
        assert_int_equal(world->n_out, 1);
        assert_string_equal(world->out[0].alert.owner.unit, "leaky.service");
}

/* Nor is who holds another socket of it. */
static void test_two_of_one_port_have_two_owners(void **state)
{
        struct world *world = *state;
        const struct alert stuck = { .key = { ALERT_CLOSE_WAIT_LEAK, local_port(80) },
                                     .witness = { .known = true, .inode = 5 } };
        const struct alert half_open = { .key = { ALERT_HALF_OPEN, local_port(80) },
                                         .witness = { .known = true, .inode = 6 } };

        say_of(world, 1, &stuck, TRANSITION_RAISED);
        say_of(world, 2, &half_open, TRANSITION_RAISED);
        assert_int_equal(world->asked, 2);
        answer_of(world, 80, &half_open.witness, "idle.service");
        assert_int_equal(world->n_out, 0);
        answer_of(world, 80, &stuck.witness, "leaky.service");
        assert_int_equal(world->n_out, 2);
        assert_string_equal(world->out[0].alert.owner.unit, "leaky.service");
        assert_string_equal(world->out[1].alert.owner.unit, "idle.service");
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
                T(test_two_of_one_port_have_two_owners),
                T(test_order_is_kept),
                T(test_cleared_goes_at_once),
                T(test_no_answer_will_come),
                T(test_overdue_goes_without),
                T(test_full_queue_loses_nothing),
                T(test_the_end_lets_everything_out),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
