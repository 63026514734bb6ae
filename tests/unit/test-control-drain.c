/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end: who is owed an answer gets it, who comes late waits for the next daemon. */

#include "control-world.h"

static const char get_status[] = "{\"method\":\"io.twmon.Monitor.GetStatus\"}";
static const char port_80[] =
        "{\"method\":\"io.twmon.Monitor.GetPort\",\"parameters\":{\"port\":80}}";
static const char watch[] = "{\"method\":\"io.twmon.Monitor.Watch\",\"more\":true}";

static unsigned drained;

static void on_drained(void *userdata)
{
        (void)userdata;
        drained++;
}

static void drain(struct world *world)
{
        drained = 0;
        control_drain(world->control, on_drained);
        spin(world);
}

static void nobody_is_there(void **state)
{
        drain(*state);
        assert_int_equal(drained, 1);
        spin(*state);
        assert_int_equal(drained, 1);
}

static void a_first_call_is_waited_for(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        spin(world); /* let in, and silent */
        drain(world);
        assert_int_equal(drained, 0);
        json_decref(call(world, &peer, get_status));
        assert_int_equal(drained, 1);
        hang_up(world, &peer);
}

static void it_is_not_waited_for_for_ever(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        spin(world);
        drain(world);
        world->now_usec += CONTROL_DRAIN_USEC - 1;
        control_tell_scan(world->control);
        assert_int_equal(drained, 0);
        world->now_usec++;
        control_tell_scan(world->control);
        assert_int_equal(drained, 1);
        hang_up(world, &peer);
}

/* The bytes are in the socket, and nobody has read them. */
static void a_call_that_was_sent_is_answered(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        json_decref(call(world, &peer, get_status));
        assert_int_equal(send(peer.fd, get_status, sizeof(get_status), 0), sizeof(get_status));
        drained = 0;
        control_drain(world->control, on_drained);
        assert_int_equal(drained, 0);
        json_decref(receive(world, &peer));
        assert_int_equal(drained, 1);
        hang_up(world, &peer);
}

static void a_look_is_waited_for(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, port_80);
        assert_silent(world, &peer);
        drain(world);
        assert_int_equal(drained, 0);
        tell_look(world, make_port_answer(80));
        json_decref(receive(world, &peer));
        assert_int_equal(drained, 1);
        hang_up(world, &peer);
}

static void who_watches_or_is_silent_is_not(void **state)
{
        struct world *world = *state;
        struct peer watcher = dial(world), idle = dial(world);

        send_text(world, &watcher, watch);
        json_decref(call(world, &idle, get_status));
        drain(world);
        assert_int_equal(drained, 1);
        hang_up(world, &watcher);
        hang_up(world, &idle);
}

/* Bound by the daemon itself: those in its backlog would be lost with it. */
static void who_has_connected_already_is_let_in(void **state)
{
        struct world *world = *state;
        struct peer early = dial_unseen(world), late;

        drained = 0;
        control_drain(world->control, on_drained);
        assert_int_equal(drained, 0);
        late = dial(world);
        json_decref(call(world, &early, get_status));
        assert_int_equal(drained, 1);
        send_text(world, &late, get_status);
        assert_silent(world, &late);
        hang_up(world, &early);
        hang_up(world, &late);
}

#define DRAIN_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                DRAIN_TEST(nobody_is_there),
                DRAIN_TEST(a_first_call_is_waited_for),
                DRAIN_TEST(it_is_not_waited_for_for_ever),
                DRAIN_TEST(a_call_that_was_sent_is_answered),
                DRAIN_TEST(a_look_is_waited_for),
                DRAIN_TEST(who_watches_or_is_silent_is_not),
                DRAIN_TEST(who_has_connected_already_is_let_in),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("control-drain", tests, NULL, NULL);
}
