/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Replies of ListPorts that wait for owners. */

#include "control-world.h"

#include "control-owners.h"

/* World's row 0 is local port 1; it has sockets to own. */
static void scan_with_witness(struct world *world, size_t n_rows)
{
        struct snapshot *snapshot = world_scan(world, n_rows);

        for (size_t i = 0; i < n_rows; i++)
                snapshot->rows[i].witness.known = true;
}

static void answer(struct world *world, uint16_t port, const char *unit)
{
        struct owner_answer answer = { .port = { .side = SIDE_LOCAL, .port = port },
                                       .witness.known = true };

        owner_clear(&answer.owner);
        snprintf(answer.owner.unit, sizeof(answer.owner.unit), "%s", unit);
        control_tell_owner(world->control, &answer);
        spin(world);
}

static const char *unit_in(const json_t *reply, size_t i)
{
        const json_t *port = json_array_get(json_object_get(parameters_of(reply), "ports"), i);

        return json_string_value(json_object_get(json_object_get(port, "owner"), "unit"));
}

static const char one_port[] =
        "{\"method\":\"io.twmon.Monitor.ListPorts\",\"parameters\":{\"ports\":[1]}}";
static const char two_ports[] =
        "{\"method\":\"io.twmon.Monitor.ListPorts\",\"parameters\":{\"ports\":[1,2]}}";

static void a_reply_waits_for_its_owner(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer, one_port);
        assert_silent(world, &peer);
        assert_int_equal(world->n_asked, 1);
        assert_int_equal(world->asked.port, 1);
        answer(world, 3, "other.service"); /* somebody else's */
        assert_silent(world, &peer);
        answer(world, 1, "leaky.service");
        reply = receive(world, &peer);
        assert_string_equal(unit_in(reply, 0), "leaky.service");
        json_decref(reply);
        hang_up(world, &peer);
}

/* Who listens, or holds another socket, is the answer to another question. */
static void another_witness_is_no_answer(void **state)
{
        struct world *world = *state;
        const struct port_witness others[] = { { .known = true, .by_listener = true },
                                               { .known = true, .inode = 7 } };
        struct peer peer;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer, one_port);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                struct owner_answer answer = { .port = { .side = SIDE_LOCAL, .port = 1 },
                                               .witness = others[i] };

                owner_clear(&answer.owner);
                control_tell_owner(world->control, &answer);
                spin(world);
                assert_silent(world, &peer);
        }
        hang_up(world, &peer);
}

static void it_waits_for_all_of_them(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer, two_ports);
        answer(world, 2, "b.service");
        assert_silent(world, &peer);
        answer(world, 1, "a.service");
        reply = receive(world, &peer);
        assert_string_equal(unit_in(reply, 0), "a.service");
        assert_string_equal(unit_in(reply, 1), "b.service");
        json_decref(reply);
        hang_up(world, &peer);
}

static void it_does_not_wait_for_ever(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer, two_ports);
        answer(world, 2, "b.service");
        assert_silent(world, &peer);
        world->now_usec += OWNERS_WAIT_USEC;
        answer(world, 7, "other.service"); /* anything that wakes it */
        reply = receive(world, &peer);
        assert_null(unit_in(reply, 0));
        assert_string_equal(unit_in(reply, 1), "b.service");
        json_decref(reply);
        hang_up(world, &peer);
}

static void a_timer_ends_the_wait(void **state)
{
        struct world *world = *state;
        struct peer peer;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer, one_port);
        assert_true(world->control->timer_usec <= world->now_usec + OWNERS_WAIT_USEC);
        hang_up(world, &peer);
}

static void without_room_or_witness_nobody_is_waited_for(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        world_scan(world, 3);
        peer = dial(world);
        reply = call(world, &peer, one_port); /* no witness */
        assert_null(unit_in(reply, 0));
        json_decref(reply);
        assert_int_equal(world->n_asked, 0);

        scan_with_witness(world, 3);
        world->ask_error = -ENOBUFS;
        reply = call(world, &peer, one_port);
        assert_null(unit_in(reply, 0));
        json_decref(reply);
        hang_up(world, &peer);
}

static void too_many_ports_have_no_owners(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        scan_with_witness(world, 20);
        peer = dial(world);
        reply = call(world, &peer,
                     "{\"method\":\"io.twmon.Monitor.ListPorts\",\"parameters\":"
                     "{\"ports\":[1,2,3,4,5,6,7,8,9]}}");
        assert_null(unit_in(reply, 0));
        json_decref(reply);
        reply = call(world, &peer, "{\"method\":\"io.twmon.Monitor.ListPorts\"}");
        assert_null(unit_in(reply, 0));
        json_decref(reply);
        assert_int_equal(world->n_asked, 0);
        hang_up(world, &peer);
}

static void later_calls_wait_their_turn_and_leaving_is_safe(void **state)
{
        struct world *world = *state;
        struct peer peer, gone;
        json_t *reply;

        scan_with_witness(world, 3);
        peer = dial(world);
        gone = dial(world);
        send_text(world, &gone, one_port);
        send_text(world, &peer, one_port);
        send_text(world, &peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
        hang_up(world, &gone);
        assert_silent(world, &peer);
        answer(world, 1, "leaky.service");
        reply = receive(world, &peer);
        assert_string_equal(unit_in(reply, 0), "leaky.service");
        json_decref(reply);
        reply = receive(world, &peer);
        assert_string_equal(string_of(reply, "product"), "twmond");
        json_decref(reply);
        hang_up(world, &peer);
}

static void pages_wait_too(void **state)
{
        struct world *world = *state;
        struct peer peer;
        json_t *reply;

        scan_with_witness(world, 3);
        peer = dial(world);
        send_text(world, &peer,
                  "{\"method\":\"io.twmon.Monitor.ListPorts\",\"parameters\":{\"ports\":[1]},"
                  "\"more\":true}");
        assert_silent(world, &peer);
        answer(world, 1, "leaky.service");
        reply = receive(world, &peer);
        assert_string_equal(unit_in(reply, 0), "leaky.service");
        json_decref(reply);
        hang_up(world, &peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_reply_waits_for_its_owner),
                TEST(another_witness_is_no_answer),
                TEST(it_waits_for_all_of_them),
                TEST(it_does_not_wait_for_ever),
                TEST(a_timer_ends_the_wait),
                TEST(without_room_or_witness_nobody_is_waited_for),
                TEST(too_many_ports_have_no_owners),
                TEST(later_calls_wait_their_turn_and_leaving_is_safe),
                TEST(pages_wait_too),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
