/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ListPorts page by page, and Watch: order, resuming, missed events, and what ends them. */

#include "control-world.h"

#define M "{\"method\":\"io.twmon.Monitor."

static size_t ports_in(const json_t *reply)
{
        return json_array_size(json_object_get(parameters_of(reply), "ports"));
}

static bool truncated(const json_t *reply)
{
        return json_is_true(json_object_get(parameters_of(reply), "truncated"));
}

static void no_scan_is_no_zero(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        reply = call(world, &peer, M "ListPorts\",\"parameters\":{\"ports\":[80]},\"more\":true}");
        assert_int_equal(ports_in(reply), 0);
        assert_false(continues(reply));
        assert_true(json_is_true(json_object_get(parameters_of(reply), "partial")));
        assert_null(json_object_get(parameters_of(reply), "scannedAt"));
        json_decref(reply);
        hang_up(world, &peer);
}

static void one_reply_is_bounded(void **state)
{
        static const struct {
                const char *limit;
                size_t expected;
        } limits[] = { { "null", 1000 },
                       { "0", 0 },
                       { "7", 7 },
                       { "1001", 1000 },
                       { "9223372036854775807", 1000 } };
        struct world *world = *state;
        struct peer peer = dial(world);

        world_scan(world, 1500);
        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                char text[128];
                json_t *reply;

                snprintf(text, sizeof(text), M "ListPorts\",\"parameters\":{\"limit\":%s}}",
                         limits[i].limit);
                reply = call(world, &peer, text);
                assert_int_equal(ports_in(reply), limits[i].expected);
                assert_int_equal(number_of(reply, "total"), 1500);
                assert_true(truncated(reply));
                json_decref(reply);
        }
        hang_up(world, &peer);
}

/* Reads a whole listing; how many ports came, in how many replies. */
static size_t read_listing(struct world *world, struct peer *peer, size_t *ret_replies,
                           bool *ret_truncated)
{
        size_t ports = 0, replies = 0;
        bool more = true;

        while (more) {
                json_t *reply = receive(world, peer);
                json_t *array = json_object_get(parameters_of(reply), "ports");

                assert_true(json_array_size(array) <= CONTROL_PORTS_PER_REPLY);
                for (size_t i = 0; i < json_array_size(array); i++)
                        assert_int_equal(json_integer_value(
                                                 json_object_get(json_array_get(array, i), "port")),
                                         ++ports);
                more = continues(reply);
                *ret_truncated = truncated(reply);
                assert_false(more && *ret_truncated);
                json_decref(reply);
                replies++;
        }
        *ret_replies = replies;
        return ports;
}

static void more_gives_every_port_in_pages(void **state)
{
        static const struct {
                const char *limit;
                size_t ports, replies;
                bool truncated;
        } cases[] = { { "null", 1024, 4, false }, { "1024", 1024, 4, false },
                      { "1023", 1023, 4, true },  { "256", 256, 1, true },
                      { "257", 257, 2, true },    { "0", 0, 1, true } };
        struct world *world = *state;
        struct peer peer = dial(world);

        world_scan(world, 1024);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                size_t replies;
                char text[128];
                bool cut;

                snprintf(text, sizeof(text),
                         M "ListPorts\",\"more\":true,\"parameters\":{\"limit\":%s}}",
                         cases[i].limit);
                send_text(world, &peer, text);
                assert_int_equal(read_listing(world, &peer, &replies, &cut), cases[i].ports);
                assert_int_equal(replies, cases[i].replies);
                assert_int_equal(cut, cases[i].truncated);
        }
        hang_up(world, &peer);
}

static void a_listing_is_of_one_scan_and_delays_later_calls(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world), other = dial(world);
        size_t replies;
        json_t *reply;
        bool cut;

        world_scan(world, 60000);
        send_text(world, &peer, M "ListPorts\",\"more\":true}");
        send_text(world, &peer, M "ListAlerts\"}");
        world_scan(world, 3);
        control_tell_scan(world->control);
        assert_true(stats_of(world).output_bytes < 2 * CLIENT_LOW_WATER);

        /* While one reads slowly, others are served. */
        reply = call(world, &other, M "ListPorts\"}");
        assert_int_equal(ports_in(reply), 3);
        json_decref(reply);

        assert_int_equal(read_listing(world, &peer, &replies, &cut), 60000);
        reply = receive(world, &peer);
        assert_int_equal(number_of(reply, "total"), 0);
        json_decref(reply);
        assert_int_equal(stats_of(world).dropped, 0);
        hang_up(world, &peer);
        hang_up(world, &other);
}

static void a_half_closed_peer_gets_its_whole_listing(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        size_t replies;
        bool cut;

        world_scan(world, 5000);
        send_text(world, &peer, M "ListPorts\",\"more\":true}");
        shutdown(peer.fd, SHUT_WR);
        assert_int_equal(read_listing(world, &peer, &replies, &cut), 5000);
        assert_closed(world, &peer);
        hang_up(world, &peer);
}

static void leaving_in_the_middle_frees_the_scan(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        world_scan(world, 60000);
        send_text(world, &peer, M "ListPorts\",\"more\":true}");
        assert_int_equal(world->snapshot->refs, 2);
        hang_up(world, &peer);
        assert_int_equal(world->snapshot->refs, 1);
}

static void slow_listings_hold_few_scans(void **state)
{
        struct world *world = *state;
        struct peer peers[8];

        for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
                peers[i] = dial(world);
                world_scan(world, 60000);
                send_text(world, &peers[i], M "ListPorts\",\"more\":true}");
        }
        assert_int_equal(stats_of(world).dropped, 4); /* 4 x 60,000 rows fit */
        for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
                hang_up(world, &peers[i]);
}

static void assert_event(struct world *world, struct peer *peer, json_int_t sequence)
{
        json_t *reply = receive(world, peer);

        assert_true(continues(reply));
        assert_int_equal(number_of(reply, "sequence"), sequence);
        assert_int_equal(json_integer_value(json_object_get(
                                 json_object_get(parameters_of(reply), "event"), "sequence")),
                         sequence);
        json_decref(reply);
}

/* The reply without an event: at the beginning, and after a scan. */
static void assert_no_event(struct world *world, struct peer *peer, json_int_t newest,
                            json_int_t missed)
{
        json_t *reply = receive(world, peer);

        assert_true(continues(reply));
        assert_int_equal(number_of(reply, "sequence"), newest);
        assert_null(json_object_get(parameters_of(reply), "event"));
        assert_int_equal(json_integer_value(json_object_get(parameters_of(reply), "missed")),
                         missed);
        json_decref(reply);
}

static void watch_streams_events_and_scans(void **state)
{
        struct world *world = *state;
        struct peer events = dial(world), scans = dial(world);

        world_tell(world);
        send_text(world, &events, M "Watch\",\"more\":true}");
        send_text(world, &scans, M "Watch\",\"more\":true,\"parameters\":{\"scans\":true}}");
        assert_no_event(world, &events, 1, 0);
        assert_no_event(world, &scans, 1, 0);
        assert_silent(world, &events);

        world_tell(world);
        assert_event(world, &events, 2);
        assert_event(world, &scans, 2);
        world_scan(world, 1);
        control_tell_scan(world->control);
        assert_no_event(world, &scans, 2, 0);
        assert_silent(world, &events);
        hang_up(world, &events);
        hang_up(world, &scans);
}

static void watch_resumes_after_a_sequence_number(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        for (unsigned i = 0; i < 10; i++)
                world_tell(world);
        send_text(world, &peer, M "Watch\",\"more\":true,\"parameters\":{\"after\":7}}");
        assert_no_event(world, &peer, 10, 0);
        for (json_int_t sequence = 8; sequence <= 10; sequence++)
                assert_event(world, &peer, sequence);
        world_tell(world);
        assert_event(world, &peer, 11);
        hang_up(world, &peer);

        /* Up to date; and a number from before a restart. */
        peer = dial(world);
        send_text(world, &peer, M "Watch\",\"more\":true,\"parameters\":{\"after\":11}}");
        assert_no_event(world, &peer, 11, 0);
        assert_silent(world, &peer);
        hang_up(world, &peer);
        peer = dial(world);
        send_text(world, &peer, M "Watch\",\"more\":true,\"parameters\":{\"after\":500}}");
        assert_no_event(world, &peer, 11, 0);
        assert_event(world, &peer, 1);
        hang_up(world, &peer);
}

static void watch_says_how_many_were_missed(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        for (unsigned i = 0; i < CONTROL_EVENTS_KEPT + 50; i++)
                world_tell(world);
        send_text(world, &peer, M "Watch\",\"more\":true,\"parameters\":{\"after\":20}}");
        assert_no_event(world, &peer, CONTROL_EVENTS_KEPT + 50, 30);
        for (json_int_t sequence = 51; sequence <= CONTROL_EVENTS_KEPT + 50; sequence++)
                assert_event(world, &peer, sequence);
        assert_silent(world, &peer);
        hang_up(world, &peer);
}

static void a_call_behind_watch_closes(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, M "Watch\",\"more\":true}");
        assert_no_event(world, &peer, 0, 0);
        send_bytes(world, &peer, "\n", 1); /* echo's newline is no call */
        assert_silent(world, &peer);
        send_text(world, &peer, M "GetStatus\"}");
        assert_closed(world, &peer);
        assert_int_equal(stats_of(world).dropped, 1);
        hang_up(world, &peer);
}

static void watch_survives_a_half_close_and_ends_with_the_peer(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, M "Watch\",\"more\":true}");
        shutdown(peer.fd, SHUT_WR);
        assert_no_event(world, &peer, 0, 0);
        world_tell(world);
        assert_event(world, &peer, 1);
        hang_up(world, &peer);
        assert_int_equal(stats_of(world).clients, 0);
}

static void a_watcher_that_never_reads_is_dropped(void **state)
{
        struct world *world = *state;
        struct peer deaf = dial(world), peer = dial(world);
        json_int_t sequence = 0;

        send_text(world, &deaf, M "Watch\",\"more\":true}");
        send_text(world, &peer, M "Watch\",\"more\":true}");
        assert_no_event(world, &peer, 0, 0);
        while (stats_of(world).dropped == 0) {
                world_tell(world);
                assert_event(world, &peer, ++sequence);
                assert_true(stats_of(world).output_bytes <= CONTROL_OUTPUT_MAX);
                assert_true(sequence < 10000);
        }
        assert_int_equal(stats_of(world).clients, 1);
        assert_int_equal(stats_of(world).output_bytes, 0);
        hang_up(world, &deaf);
        hang_up(world, &peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(no_scan_is_no_zero),
                TEST(one_reply_is_bounded),
                TEST(more_gives_every_port_in_pages),
                TEST(a_listing_is_of_one_scan_and_delays_later_calls),
                TEST(a_half_closed_peer_gets_its_whole_listing),
                TEST(leaving_in_the_middle_frees_the_scan),
                TEST(slow_listings_hold_few_scans),
                TEST(watch_streams_events_and_scans),
                TEST(watch_resumes_after_a_sequence_number),
                TEST(watch_says_how_many_were_missed),
                TEST(a_call_behind_watch_closes),
                TEST(watch_survives_a_half_close_and_ends_with_the_peer),
                TEST(a_watcher_that_never_reads_is_dropped),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
