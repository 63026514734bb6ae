/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GetPort and ListDestinations: replies that wait for a look. */

#include "control-looks.h"
#include "control-world.h"

#define UNAVAILABLE "io.twmon.Monitor.LookUnavailable"

static const char port_80[] =
        "{\"method\":\"io.twmon.Monitor.GetPort\",\"parameters\":{\"port\":80}}";
static const char destinations[] = "{\"method\":\"io.twmon.Monitor.ListDestinations\"}";

static const char *reason_of(const json_t *reply)
{
        assert_string_equal(error_of(reply), UNAVAILABLE);
        return json_string_value(json_object_get(json_object_get(reply, "parameters"), "reason"));
}

static void a_reply_waits_for_its_look(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer, port_80);
        assert_silent(world, &peer);
        assert_int_equal(world->n_looked, 1);
        assert_int_equal(world->looked.kind, LOOK_PORT);
        assert_int_equal(world->looked.port, 80);
        tell_look(world, make_port_answer(81)); /* somebody else's */
        tell_look(world, make_destinations_answer(1));
        assert_silent(world, &peer);
        tell_look(world, make_port_answer(80));
        reply = receive(world, &peer);
        assert_int_equal(number_of(reply, "port"), 80);
        json_decref(reply);
        assert_silent(world, &peer); /* once */
        hang_up(world, &peer);
}

static void all_who_ask_share_one_answer(void **state)
{
        struct world *world = *state;
        struct peer peers[20];

        for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
                peers[i] = dial(world);
                send_text(world, &peers[i], port_80);
        }
        tell_look(world, make_port_answer(80));
        for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
                json_t *reply = receive(world, &peers[i]);

                assert_int_equal(number_of(reply, "port"), 80);
                json_decref(reply);
                hang_up(world, &peers[i]);
        }
}

static void what_is_known_is_answered_at_once(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        world->look_result = CONTROL_LOOK_KNOWN;
        world->known_look = make_port_answer(80);
        for (int i = 0; i < 3; i++) {
                reply = call(world, &peer, port_80);
                assert_int_equal(number_of(reply, "port"), 80);
                json_decref(reply);
        }
        hang_up(world, &peer);
}

static void who_is_refused_is_told_why(void **state)
{
        static const struct {
                int result;
                const char *reason;
                json_int_t retry_sec; /* 0: it is not said when to ask again */
        } refusals[] = { { -EBUSY, "too many", 1 },
                         { -EDQUOT, "CPU", 42 },
                         { -ENOMEM, "memory", 0 } };
        struct world *world = *state;
        struct peer peer = dial(world);

        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                json_t *reply, *retry;

                world->look_wait_usec = 41 * USEC_PER_SEC + 1;
                world->look_result = refusals[i].result;
                reply = call(world, &peer, port_80);
                assert_non_null(strstr(reason_of(reply), refusals[i].reason));
                retry = json_object_get(json_object_get(reply, "parameters"), "retryAfterSec");
                assert_int_equal(json_is_integer(retry), refusals[i].retry_sec > 0);
                assert_int_equal(json_integer_value(retry), refusals[i].retry_sec);
                json_decref(reply);
                reply = call(world, &peer, destinations);
                assert_non_null(strstr(reason_of(reply), refusals[i].reason));
                json_decref(reply);
        }
        hang_up(world, &peer);
}

static void a_look_that_failed_says_why(void **state)
{
        struct world *world = *state;
        const struct look_question question = { LOOK_PORT, 80 };
        struct look_answer *answer = look_answer_new(&question);
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer, port_80);
        answer->error = -EPERM;
        tell_look(world, answer);
        reply = receive(world, &peer);
        assert_non_null(strstr(reason_of(reply), "Operation not permitted"));
        json_decref(reply);
        hang_up(world, &peer);
}

static void it_does_not_wait_for_ever(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer, port_80);
        assert_true(world->control->timer_usec <= world->now_usec + LOOKWAIT_USEC);
        world->now_usec += LOOKWAIT_USEC - 1;
        tell_look(world, make_port_answer(81)); /* anything that wakes it */
        assert_silent(world, &peer);
        world->now_usec += 1;
        tell_look(world, make_port_answer(81));
        reply = receive(world, &peer);
        assert_non_null(strstr(reason_of(reply), "4 s"));
        json_decref(reply);
        tell_look(world, make_port_answer(80)); /* too late */
        assert_silent(world, &peer);
        hang_up(world, &peer);
}

static void later_calls_wait_their_turn_and_others_do_not(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world), other = dial(world);
        json_t *reply;

        send_text(world, &peer, port_80);
        send_text(world, &peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
        assert_silent(world, &peer);
        reply = call(world, &other, "{\"method\":\"io.twmon.Monitor.GetStatus\"}");
        assert_null(error_of(reply));
        json_decref(reply);
        tell_look(world, make_port_answer(80));
        reply = receive(world, &peer);
        assert_int_equal(number_of(reply, "port"), 80);
        json_decref(reply);
        reply = receive(world, &peer);
        assert_string_equal(string_of(reply, "product"), "twmond");
        json_decref(reply);
        hang_up(world, &peer);
        hang_up(world, &other);
}

/* The leak checker sees to it that nothing stays of it. */
static void leaving_is_safe(void **state)
{
        struct world *world = *state;
        struct peer gone = dial(world), half = dial(world);
        json_t *reply;

        send_text(world, &gone, port_80);
        send_text(world, &half, port_80);
        hang_up(world, &gone);
        assert_int_equal(stats_of(world).clients, 1);
        assert_int_equal(shutdown(half.fd, SHUT_WR), 0); /* still reads */
        tell_look(world, make_port_answer(80));
        reply = receive(world, &half);
        assert_int_equal(number_of(reply, "port"), 80);
        json_decref(reply);
        assert_closed(world, &half);
        close(half.fd);
        varlink_buffer_done(&half.in);
}

static void oneway_asks_for_nothing(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer,
                  "{\"method\":\"io.twmon.Monitor.GetPort\",\"parameters\":{\"port\":80},"
                  "\"oneway\":true}");
        send_text(world, &peer,
                  "{\"method\":\"io.twmon.Monitor.ListDestinations\",\"oneway\":true}");
        assert_silent(world, &peer);
        assert_int_equal(world->n_looked, 0);
        reply = call(world, &peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
        assert_string_equal(string_of(reply, "product"), "twmond");
        json_decref(reply);
        hang_up(world, &peer);
}

#define GET_PORT(parameters)                                                                       \
        "{\"method\":\"io.twmon.Monitor.GetPort\",\"parameters\":" parameters "}"
#define LIST(parameters)                                                                           \
        "{\"method\":\"io.twmon.Monitor.ListDestinations\",\"parameters\":" parameters "}"

static void wrong_parameters_are_named(void **state)
{
        static const struct {
                const char *call, *parameter;
        } wrong[] = {
                { GET_PORT("{}"), "port" },
                { GET_PORT("{\"port\":0}"), "port" },
                { GET_PORT("{\"port\":65536}"), "port" },
                { GET_PORT("{\"port\":-1}"), "port" },
                { GET_PORT("{\"port\":80.5}"), "port" },
                { GET_PORT("{\"port\":\"80\"}"), "port" },
                { GET_PORT("{\"port\":80,\"address\":7}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"\"}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"localhost\"}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"1.2.3\"}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"1.2.3.4/8\"}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"[::1]\"}"), "address" },
                { GET_PORT("{\"port\":80,\"address\":\"fe80::1%lo\"}"), "address" },
                { GET_PORT("{\"port\":80,\"limit\":1}"), "limit" },
                { LIST("{\"limit\":-1}"), "limit" },
                { LIST("{\"limit\":\"all\"}"), "limit" },
                { LIST("{\"port\":80}"), "port" },
        };
        struct world *world = *state;
        struct peer peer = dial(world);

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                json_t *reply = call(world, &peer, wrong[i].call);

                assert_string_equal(error_of(reply), "org.varlink.service.InvalidParameter");
                assert_string_equal(json_string_value(json_object_get(
                                            json_object_get(reply, "parameters"), "parameter")),
                                    wrong[i].parameter);
                json_decref(reply);
        }
        assert_int_equal(world->n_looked, 0);
        hang_up(world, &peer);
}

static void each_gets_the_address_it_asked_about(void **state)
{
        struct world *world = *state;
        struct peer plain = dial(world), other = dial(world);
        json_t *reply, *bind;

        send_text(world, &plain, port_80);
        send_text(world, &other, GET_PORT("{\"port\":80,\"address\":\"10.1.2.3\"}"));
        tell_look(world, make_port_answer(80));
        reply = receive(world, &plain);
        assert_int_equal(json_array_size(json_object_get(parameters_of(reply), "binds")), 3);
        json_decref(reply);
        reply = receive(world, &other);
        bind = json_array_get(json_object_get(parameters_of(reply), "binds"), 3);
        assert_string_equal(json_string_value(json_object_get(bind, "address")), "10.1.2.3");
        assert_true(json_is_false(json_object_get(bind, "canBind"))); /* no such address */
        json_decref(reply);
        hang_up(world, &plain);
        hang_up(world, &other);
}

/* Sends the call, tells a look at 300 destinations, and returns how many come. */
static size_t listed(struct world *world, struct peer *peer, const char *text)
{
        json_t *reply;
        size_t n;

        send_text(world, peer, text);
        tell_look(world, make_destinations_answer(300));
        reply = receive(world, peer);
        assert_int_equal(number_of(reply, "total"), 300);
        n = json_array_size(json_object_get(parameters_of(reply), "destinations"));
        json_decref(reply);
        return n;
}

static void destinations_are_limited(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        assert_int_equal(listed(world, &peer, destinations), 20);
        assert_int_equal(world->looked.kind, LOOK_DESTINATIONS);
        assert_int_equal(listed(world, &peer, LIST("{\"limit\":0}")), 0);
        assert_int_equal(listed(world, &peer, LIST("{\"limit\":7}")), 7);
        assert_int_equal(listed(world, &peer, LIST("{\"limit\":256}")), 256);
        assert_int_equal(listed(world, &peer, LIST("{\"limit\":9000000000000000000}")), 256);
        hang_up(world, &peer);
}

static void destinations_have_their_owners(void **state)
{
        struct world *world = *state;
        struct look_answer *answer = make_destinations_answer(2);
        struct peer peer = dial(world);
        json_t *reply, *array, *owner;

        send_text(world, &peer, destinations);
        strcpy(answer->owners[1].unit, "pool.service");
        tell_look(world, answer);
        reply = receive(world, &peer);
        array = json_object_get(parameters_of(reply), "destinations");
        assert_null(json_object_get(json_array_get(array, 0), "owner"));
        owner = json_object_get(json_array_get(array, 1), "owner");
        assert_string_equal(json_string_value(json_object_get(owner, "unit")), "pool.service");
        json_decref(reply);
        hang_up(world, &peer);
}

static void refused_looks_and_unsaved_ages_show_in_status(void **state)
{
        struct world *world = *state;

        world->looks_refused = 7;
        world->ages_unsaved = 3;
        assert_int_equal(limit_hit(world, "looksRefused"), 7);
        assert_int_equal(limit_hit(world, "unsaved"), 3);
}

static void what_half_open_could_not_see_shows_in_status(void **state)
{
        struct world *world = *state;
        struct snapshot *snapshot = world_scan(world, 1);

        snapshot->census = calloc(1, sizeof(*snapshot->census));
        assert_non_null(snapshot->census);
        snapshot->census->refs = 1;
        assert_int_equal(limit_hit(world, "halfOpen"), -1);
        snapshot->census->half_open_overflow = 12;
        assert_int_equal(limit_hit(world, "halfOpen"), 12);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_reply_waits_for_its_look),
                TEST(all_who_ask_share_one_answer),
                TEST(what_is_known_is_answered_at_once),
                TEST(who_is_refused_is_told_why),
                TEST(a_look_that_failed_says_why),
                TEST(it_does_not_wait_for_ever),
                TEST(later_calls_wait_their_turn_and_others_do_not),
                TEST(leaving_is_safe),
                TEST(oneway_asks_for_nothing),
                TEST(wrong_parameters_are_named),
                TEST(each_gets_the_address_it_asked_about),
                TEST(destinations_are_limited),
                TEST(destinations_have_their_owners),
                TEST(refused_looks_and_unsaved_ages_show_in_status),
                TEST(what_half_open_could_not_see_shows_in_status),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
