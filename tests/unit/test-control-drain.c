/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end: who is owed an answer gets it, who comes late waits for the next daemon. */

#include "control-looks.h"
#include "control-owners.h"
#include "control-world.h"

static const char get_status[] = "{\"method\":\"io.twmon.Monitor.GetStatus\"}";
static const char port_80[] =
        "{\"method\":\"io.twmon.Monitor.GetPort\",\"parameters\":{\"port\":80}}";
static const char ports_1[] =
        "{\"method\":\"io.twmon.Monitor.ListPorts\",\"parameters\":{\"ports\":[1]}}";
static const char all_ports[] = "{\"method\":\"io.twmon.Monitor.ListPorts\",\"more\":true}";
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

/* Lets the time pass, and anything wake it. */
static void pass(struct world *world, uint64_t usec)
{
        const struct owner_answer owner = { .port = { .side = SIDE_LOCAL, .port = 81 } };

        world->now_usec += usec;
        control_tell_scan(world->control);
        control_tell_owner(world->control, &owner); /* nobody's */
        tell_look(world, make_port_answer(81));     /* likewise */
}

static void a_look_has_its_own_time(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, port_80);
        drain(world);
        assert_true(world->control->timer_usec <= world->now_usec + LOOKWAIT_USEC);
        pass(world, LOOKWAIT_USEC - 1);
        assert_int_equal(drained, 0);
        tell_look(world, make_port_answer(80));
        assert_int_equal(drained, 1);
        json_decref(receive(world, &peer));
        assert_closed(world, &peer);
        hang_up(world, &peer);
}

/* Asked at the last moment, and nothing comes: told so, before everything is given up. */
static void a_look_that_takes_too_long_is_told(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        drain(world);
        pass(world, CONTROL_DRAIN_USEC - 1);
        send_text(world, &peer, port_80);
        pass(world, LOOKWAIT_USEC - 1);
        assert_int_equal(drained, 0);
        pass(world, 1);
        assert_int_equal(drained, 1);
        reply = receive(world, &peer);
        assert_string_equal(error_of(reply), "io.twmon.Monitor.LookUnavailable");
        json_decref(reply);
        hang_up(world, &peer);
}

static void owners_have_their_own_time(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        world_scan(world, 1)->rows[0].witness.known = true;
        send_text(world, &peer, ports_1);
        assert_int_equal(world->n_asked, 1);
        drain(world);
        pass(world, OWNERS_WAIT_USEC - 1);
        assert_int_equal(drained, 0);
        pass(world, 1);
        assert_int_equal(drained, 1);
        json_decref(receive(world, &peer));
        hang_up(world, &peer);
}

/* Messages in what the kernel holds for the peer. */
static unsigned take_messages(const struct peer *peer)
{
        static char bytes[4096];
        unsigned n = 0;
        ssize_t len;

        while ((len = recv(peer->fd, bytes, sizeof(bytes), 0)) > 0)
                for (ssize_t i = 0; i < len; i++)
                        n += bytes[i] == '\0';
        return n;
}

/* More than the kernel takes at once: it comes as it is read, though more slowly than usual. */
static void output_is_waited_for_while_it_is_read(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        const uint64_t began_usec = world->now_usec;
        unsigned n = 0;

        world_scan(world, 4 * CONTROL_PORTS_PER_REPLY);
        for (unsigned i = 0; i < 3; i++)
                send_text(world, &peer, all_ports);
        drain(world);
        while (drained == 0) {
                pass(world, CONTROL_DRAIN_USEC / 2);
                n += take_messages(&peer);
                spin(world);
        }
        n += take_messages(&peer);
        assert_int_equal(n, 3 * 4);
        assert_true(world->now_usec > began_usec + 2 * CONTROL_DRAIN_USEC);
        hang_up(world, &peer);
}

static void output_that_is_not_read_is_given_up(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world), waits = dial(world);

        world_scan(world, 4 * CONTROL_PORTS_PER_REPLY);
        for (unsigned i = 0; i < 8; i++)
                send_text(world, &peer, all_ports);
        send_text(world, &waits, port_80);
        drain(world);
        pass(world, CONTROL_DRAIN_USEC - 1);
        assert_int_equal(stats_of(world).clients, 2);
        pass(world, 1);
        assert_int_equal(stats_of(world).clients, 1);
        assert_int_equal(drained, 0); /* that is another's */
        tell_look(world, make_port_answer(80));
        json_decref(receive(world, &waits));
        assert_int_equal(drained, 1);
        hang_up(world, &peer);
        hang_up(world, &waits);
}

/* Whose calls come without end is not waited for without end. */
static void all_together_have_a_limit(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, port_80);
        send_text(world, &peer, port_80);
        drain(world);
        pass(world, LOOKWAIT_USEC);
        json_decref(receive(world, &peer));
        pass(world, CONTROL_DRAIN_MAX_USEC - LOOKWAIT_USEC - 1);
        assert_int_equal(world->n_looked, 2);
        assert_int_equal(drained, 0);
        assert_true(world->control->timer_usec <= world->now_usec + 1);
        pass(world, 1);
        assert_int_equal(drained, 1);
        assert_closed(world, &peer);
        hang_up(world, &peer);
}

/* It would have a question whenever somebody looks. */
static void who_has_been_answered_is_closed_while_others_wait(void **state)
{
        struct world *world = *state;
        struct peer waits = dial(world), asks = dial(world), watcher = dial(world);

        send_text(world, &waits, port_80);
        send_text(world, &watcher, watch);
        json_decref(call(world, &asks, get_status));
        drain(world);
        pass(world, CONTROL_DRAIN_USEC - 1);
        json_decref(call(world, &asks, get_status)); /* there is time for a few more */
        assert_int_equal(stats_of(world).clients, 3);
        pass(world, 1);
        assert_int_equal(stats_of(world).clients, 1);
        assert_closed(world, &asks);
        assert_int_equal(drained, 0);
        hang_up(world, &waits);
        assert_int_equal(drained, 1);
        hang_up(world, &asks);
        hang_up(world, &watcher);
}

static void who_watches_or_is_silent_is_not(void **state)
{
        struct world *world = *state;
        struct peer watcher = dial(world), idle = dial(world);

        send_text(world, &watcher, watch);
        json_decref(call(world, &idle, get_status));
        drain(world);
        assert_int_equal(drained, 1);
        assert_int_equal(stats_of(world).clients,
                         0); /* what ends after us need not be waited for */
        hang_up(world, &watcher);
        hang_up(world, &idle);
}

static int dial_again(const struct world *world)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        strcpy(address.sun_path, world->path);
        r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* Bound by the daemon itself: those in its backlog would be lost with it, however many. */
static void who_has_connected_already_is_let_in(void **state)
{
        struct world *world = *state;
        struct peer early[2 * CONTROL_ACCEPTS_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(early); i++)
                early[i] = dial_unseen(world);
        drained = 0;
        control_drain(world->control, on_drained);
        assert_int_equal(drained, 0);
        assert_int_equal(stats_of(world).clients, ARRAY_SIZE(early));
        for (size_t i = 0; i < ARRAY_SIZE(early); i++)
                json_decref(call(world, &early[i], get_status));
        assert_int_equal(drained, 1);
        for (size_t i = 0; i < ARRAY_SIZE(early); i++)
                hang_up(world, &early[i]);
}

/* Nobody hangs before a socket that nobody serves any more, whatever else is still to be done. */
static void a_socket_of_our_own_is_gone_at_once(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        drain(world);
        assert_int_equal(drained, 0);
        assert_int_equal(access(world->path, F_OK), -1);
        assert_int_equal(dial_again(world), -ENOENT);
        hang_up(world, &peer);
}

/* Another daemon may have bound it anew by the time that we are done. */
static void what_is_there_later_is_left_alone(void **state)
{
        struct world *world = *state;
        FILE *file;

        drain(world);
        file = fopen(world->path, "wx");
        assert_non_null(file);
        fclose(file);
        world->control = control_free(world->control);
        assert_int_equal(unlink(world->path), 0);
}

static int adopt(struct world *world)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(world->path, sizeof(world->path), "%s/adopted", world->directory);
        strcpy(address.sun_path, world->path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(control_adopt(world->control, dup(fd)), 0);
        return fd; /* the service manager's */
}

static void who_comes_to_an_adopted_one_waits_for_the_next_daemon(void **state)
{
        struct world *world = *state;
        int fd = adopt(world), accepted;
        struct peer early = dial(world), late;

        late = dial_unseen(world);
        drain(world);
        send_text(world, &late, get_status);
        assert_silent(world, &late);
        assert_int_equal(dial_again(world), 0);
        json_decref(call(world, &early, get_status));
        assert_int_equal(drained, 1);
        assert_silent(world, &late);
        world->control = control_free(world->control);
        assert_silent(world, &late);
        accepted = accept(fd, NULL, NULL);
        assert_true(accepted >= 0);
        close(accepted);
        close(fd);
        hang_up(world, &early);
        hang_up(world, &late);
        assert_int_equal(unlink(world->path), 0);
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
                DRAIN_TEST(a_look_has_its_own_time),
                DRAIN_TEST(a_look_that_takes_too_long_is_told),
                DRAIN_TEST(owners_have_their_own_time),
                DRAIN_TEST(output_is_waited_for_while_it_is_read),
                DRAIN_TEST(output_that_is_not_read_is_given_up),
                DRAIN_TEST(all_together_have_a_limit),
                DRAIN_TEST(who_has_been_answered_is_closed_while_others_wait),
                DRAIN_TEST(who_watches_or_is_silent_is_not),
                DRAIN_TEST(who_has_connected_already_is_let_in),
                DRAIN_TEST(a_socket_of_our_own_is_gone_at_once),
                DRAIN_TEST(what_is_there_later_is_left_alone),
                DRAIN_TEST(who_comes_to_an_adopted_one_waits_for_the_next_daemon),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("control-drain", tests, NULL, NULL);
}
