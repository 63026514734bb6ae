/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GetHistory: a reply that may wait for the disk. */

#include "control-history.h"
#include "control-world.h"

#define UNAVAILABLE "io.twmon.Monitor.HistoryUnavailable"

static const char port_80[] =
        "{\"method\":\"io.twmon.Monitor.GetHistory\",\"parameters\":{\"port\":80}}";

static void tell_history(struct world *world)
{
        world->history->done = true;
        control_tell_history(world->control);
        spin(world);
}

static const char *reason_of(const json_t *reply)
{
        assert_string_equal(error_of(reply), UNAVAILABLE);
        return json_string_value(json_object_get(json_object_get(reply, "parameters"), "reason"));
}

static void a_reply_waits_for_its_answer(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        struct history_series *remote;
        json_t *reply, *sides, *side, *stuck;

        send_text(world, &peer, port_80);
        assert_silent(world, &peer);
        control_tell_history(world->control); /* somebody else's */
        assert_silent(world, &peer);
        remote = world->history->series[1];
        assert_int_equal(remote->port.port, 80);
        history_absent(HISTORY_SAW_CLOSE_WAIT, &remote->points[1]);
        remote->points[1].spans[HISTORY_STUCK] = (struct history_span){ 3, 9, 4 };
        remote->points[1].severity = HISTORY_CRITICAL;
        tell_history(world);
        reply = receive(world, &peer);
        assert_int_equal(number_of(reply, "port"), 80);
        assert_int_equal(number_of(reply, "stepSec"), 60);
        assert_null(json_object_get(parameters_of(reply), "missing"));
        sides = json_object_get(parameters_of(reply), "sides");
        assert_int_equal(json_array_size(sides), 1);
        side = json_array_get(sides, 0);
        assert_string_equal(json_string_value(json_object_get(side, "side")), "remote");
        stuck = json_object_get(side, "stuck");
        assert_int_equal(json_array_size(json_object_get(stuck, "min")), remote->time.n);
        assert_true(json_is_null(json_array_get(json_object_get(stuck, "min"), 0)));
        assert_int_equal(json_integer_value(json_array_get(json_object_get(stuck, "min"), 1)), 3);
        assert_int_equal(json_integer_value(json_array_get(json_object_get(stuck, "max"), 1)), 9);
        assert_int_equal(json_integer_value(json_array_get(json_object_get(stuck, "last"), 1)), 4);
        assert_true(json_is_null(json_array_get(json_object_get(side, "severity"), 0)));
        assert_true(json_is_false(json_object_get(side, "leftOut")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(side, "severity"), 1)),
                            "critical");
        json_decref(reply);
        assert_silent(world, &peer); /* once */
        hang_up(world, &peer);
}

static void configured_sides_are_told(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply, *sides;

        send_text(world, &peer, port_80);
        spin(world);
        world->history->named[1] = true; /* with nothing to tell */
        tell_history(world);
        reply = receive(world, &peer);
        sides = json_object_get(parameters_of(reply), "sides");
        assert_int_equal(json_array_size(sides), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(sides, 0), "side")),
                            "remote");
        json_decref(reply);
        hang_up(world, &peer);
}

static void the_side_that_is_asked_for(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply, *sides;

        send_text(world, &peer,
                  "{\"method\":\"io.twmon.Monitor.GetHistory\",\"parameters\":{\"port\":80,"
                  "\"side\":\"remote\"}}");
        spin(world);
        world->history->named[0] = true;
        tell_history(world);
        reply = receive(world, &peer);
        sides = json_object_get(parameters_of(reply), "sides");
        assert_int_equal(json_array_size(sides), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(sides, 0), "side")),
                            "remote");
        json_decref(reply);
        hang_up(world, &peer);
}

static void what_is_missing_is_said(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply, *sides;

        send_text(world, &peer, port_80);
        world->history->error = -EIO;
        tell_history(world);
        reply = receive(world, &peer);
        assert_non_null(strstr(string_of(reply, "missing"), "Input/output error"));
        sides = json_object_get(parameters_of(reply), "sides");
        assert_int_equal(json_array_size(sides), 1); /* nothing is known: the local one */
        json_decref(reply);
        hang_up(world, &peer);
}

static void it_does_not_wait_for_ever(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer, port_80);
        world->now_usec += HISTORYWAIT_USEC - 1;
        control_tell_history(world->control);
        assert_silent(world, &peer);
        world->now_usec++;
        control_tell_history(world->control);
        reply = receive(world, &peer);
        assert_non_null(strstr(reason_of(reply), "disk"));
        json_decref(reply);
        tell_history(world); /* too late */
        assert_silent(world, &peer);
        hang_up(world, &peer);
}

static void who_is_refused_is_told_why(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        world->history_error = -EBUSY;
        reply = call(world, &peer, port_80);
        assert_non_null(strstr(reason_of(reply), "too many"));
        json_decref(reply);
        hang_up(world, &peer);
}

static void wrong_parameters(void **state)
{
        static const char *const wrong[] = {
                "{}",
                "{\"port\":0}",
                "{\"port\":65536}",
                "{\"port\":80,\"sinceSec\":0}",
                "{\"port\":80,\"sinceSec\":-1}",
                "{\"port\":80,\"points\":1}",
                "{\"port\":80,\"points\":\"many\"}",
                "{\"port\":80,\"side\":1}",
                "{\"port\":80,\"side\":\"host\"}",
        };
        struct world *world = *state;
        struct peer peer = dial(world);

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                char text[160];
                json_t *reply;

                snprintf(text, sizeof(text),
                         "{\"method\":\"io.twmon.Monitor.GetHistory\",\"parameters\":%s}",
                         wrong[i]);
                reply = call(world, &peer, text);
                assert_string_equal(error_of(reply), "org.varlink.service.InvalidParameter");
                json_decref(reply);
        }
        assert_null(world->history);
        hang_up(world, &peer);
}

/* The greatest reply that there is fits, of numbers that are as long as they can be. */
static void the_greatest_reply_fits(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        send_text(world, &peer,
                  "{\"method\":\"io.twmon.Monitor.GetHistory\",\"parameters\":{\"port\":80,"
                  "\"sinceSec\":9223372036854775807,\"points\":9223372036854775807}}");
        for (unsigned side = 0; side < HISTORY_ANSWER_SIDES; side++) {
                struct history_series *series = world->history->series[side];

                for (uint32_t i = 0; i < series->time.n; i++) {
                        for (unsigned m = 0; m < HISTORY_METRICS; m++)
                                series->points[i].spans[m] = history_span_of(HISTORY_COUNT_MAX);
                        series->points[i].severity = HISTORY_CRITICAL;
                }
        }
        tell_history(world);
        reply = receive(world, &peer);
        assert_int_equal(json_array_size(json_object_get(parameters_of(reply), "sides")), 2);
        json_decref(reply);
        hang_up(world, &peer);
}

/* Steps were made longer for what the file may know. */
static void steps_are_as_short_as_what_is_known(void **state)
{
        const struct history_time minutes = { .start_sec = 6000, .step_sec = 60, .n = 5 };
        const struct history_time finer = { .start_sec = 6000, .step_sec = 10, .n = 30 };
        struct history_answer *answer = history_answer_new(80, &minutes);

        (void)state;
        assert_non_null(answer);
        answer->finer = finer;
        answer->until_sec = 6090;
        history_absent(HISTORY_SAW_CLOSE_WAIT, &answer->series[1]->points[0]);
        history_answer_settle(answer);
        assert_int_equal(answer->series[0]->time.step_sec, 60);
        history_point_clear(&answer->series[1]->points[0]);
        history_absent(HISTORY_SAW_CLOSE_WAIT,
                       &answer->series[1]->points[1]); /* is resident, too */
        history_answer_settle(answer);
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++) {
                assert_int_equal(answer->series[i]->time.step_sec, 10);
                assert_int_equal(answer->series[i]->port.port, 80);
                assert_false(history_series_knows(answer->series[i], UINT64_MAX));
        }
        history_answer_unref(answer);
}

static void a_client_that_leaves_harms_nobody(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, port_80);
        hang_up(world, &peer);
        tell_history(world);
        assert_int_equal(stats_of(world).clients, 0);
}

static void lost_minutes_show_in_status(void **state)
{
        struct world *world = *state;

        assert_int_equal(limit_hit(world, "history"), -1);
        world->history_lost = 3;
        assert_int_equal(limit_hit(world, "history"), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_reply_waits_for_its_answer),
                TEST(configured_sides_are_told),
                TEST(the_side_that_is_asked_for),
                TEST(what_is_missing_is_said),
                TEST(it_does_not_wait_for_ever),
                TEST(who_is_refused_is_told_why),
                TEST(wrong_parameters),
                TEST(the_greatest_reply_fits),
                TEST(steps_are_as_short_as_what_is_known),
                TEST(a_client_that_leaves_harms_nobody),
                TEST(lost_minutes_show_in_status),
        };
#undef TEST

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
