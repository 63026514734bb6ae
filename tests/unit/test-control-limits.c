/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Too many, too long, too slow: who is turned away, and that nobody else and no memory pays for it.
 */

#include <sys/resource.h>

#include "control-world.h"

#define M "{\"method\":\"io.twmon.Monitor."

static void assert_answers(struct world *world, struct peer *peer)
{
        json_decref(call(world, peer, M "GetStatus\"}"));
}

static void two_thousand_connects_harm_nobody(void **state)
{
        struct world *world = *state;
        struct peer before = dial(world), after;
        struct peer flood[500];
        unsigned fds = count_fds();

        for (unsigned round = 0; round < 4; round++) {
                for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
                        flood[i] = dial(world);
                assert_true(stats_of(world).clients <= CONTROL_CLIENTS_MAX);
                assert_true(count_fds() <= fds + ARRAY_SIZE(flood) + CONTROL_CLIENTS_MAX);
                assert_answers(world, &before);
                for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
                        hang_up(world, &flood[i]);
        }
        assert_int_equal(stats_of(world).clients, 1);
        assert_true(stats_of(world).refused >= 4 * (ARRAY_SIZE(flood) - CONTROL_CLIENTS_MAX));
        assert_int_equal(count_fds(), fds);
        after = dial(world);
        assert_answers(world, &after);
        hang_up(world, &before);
        hang_up(world, &after);
}

/* How many clients of this process are let in. */
static size_t places(void)
{
        return geteuid() == 0 ? CONTROL_CLIENTS_MAX : CONTROL_CLIENTS_PER_UID_MAX;
}

static void the_idlest_makes_room(void **state)
{
        struct world *world = *state;
        struct peer watch = dial(world), peers[CONTROL_CLIENTS_MAX], newcomer;
        size_t n_peers = places() - 1;
        json_t *refusal;

        send_text(world, &watch, M "Watch\",\"more\":true}");
        json_decref(receive(world, &watch));
        for (size_t i = 0; i < n_peers; i++)
                peers[i] = dial(world);

        newcomer = dial(world); /* nobody has been idle for long */
        refusal = receive(world, &newcomer);
        assert_string_equal(error_of(refusal), "io.twmon.Monitor.TooManyClients");
        json_decref(refusal);
        assert_closed(world, &newcomer);
        hang_up(world, &newcomer);

        world->now_usec += 2 * USEC_PER_SEC;
        for (size_t i = 0; i < n_peers; i++)
                if (i != 7)
                        assert_answers(world, &peers[i]);
        newcomer = dial(world);
        assert_answers(world, &newcomer);
        assert_closed(world, &peers[7]);
        assert_silent(world, &watch);

        hang_up(world, &watch);
        hang_up(world, &newcomer);
        for (size_t i = 0; i < n_peers; i++)
                hang_up(world, &peers[i]);
}

static void a_user_cannot_take_every_place(void **state)
{
        struct world *world = *state;
        struct peer peers[CONTROL_CLIENTS_MAX - CONTROL_CLIENTS_RESERVED];
        uint64_t now_usec = world->now_usec;

        for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
                peers[i] = dial(world);
                world->control->clients->uid = i < CONTROL_CLIENTS_PER_UID_MAX ? 12345 : 54321;
        }
        assert_false(quota_admit(world->control, 12345, now_usec));
        assert_false(quota_admit(world->control, 54321, now_usec)); /* the rest is reserved */
        assert_true(quota_admit(world->control, 0, now_usec));
        assert_int_equal(world->control->dropped, 0);
        assert_true(
                quota_admit(world->control, 777, now_usec)); /* who has none gets one of theirs */
        assert_int_equal(world->control->dropped, 1);
        for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
                hang_up(world, &peers[i]);
}

/* Fills a client's output without a peer that reads. */
static void stuff(struct client *client, size_t bytes)
{
        char *waste = calloc(1, bytes);

        assert_non_null(waste);
        assert_int_equal(client_queue(client, waste, bytes), 0);
}

static void whoever_uses_most_output_pays(void **state)
{
        struct world *world = *state;
        struct peer peers[11];
        struct client *modest;
        unsigned i = 0;

        for (size_t n = 0; n < ARRAY_SIZE(peers); n++)
                peers[n] = dial(world);
        modest = world->control->clients;
        for (struct client *c = modest; c; c = c->next) {
                c->uid = c == modest ? 1 : 2;
                /* uid 2: ten of 800 kB and more each; uid 1: one reply, the greatest of all */
                stuff(c, c == modest ? 1000000 : 800000 + i++ * 1000);
        }
        quota_output(world->control);
        assert_false(modest->dead);
        assert_true(quota_output_bytes(world->control) <= CONTROL_OUTPUT_TOTAL_MAX);
        assert_int_equal(world->control->dropped, 1);
        for (size_t n = 0; n < ARRAY_SIZE(peers); n++)
                hang_up(world, &peers[n]);
}

static void one_clients_output_is_bounded(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        struct client *client = world->control->clients;

        stuff(client, CONTROL_OUTPUT_MAX - 1);
        stuff(client, 1);
        assert_int_equal(client_queue(client, calloc(1, 1), 1), -ENOBUFS);
        assert_int_equal(client_pending(client), CONTROL_OUTPUT_MAX);
        hang_up(world, &peer);
}

static void who_asks_and_never_reads_is_held_back_then_closed(void **state)
{
        static const char ask[] = M "ListPorts\"}";
        struct world *world = *state;
        struct peer deaf = dial(world), peer = dial(world);

        world_scan(world, 1000);
        for (unsigned i = 0; i < 100000; i++) {
                if (send(deaf.fd, ask, sizeof(ask), MSG_NOSIGNAL) < 0)
                        break;
                spin(world);
                assert_true(stats_of(world).output_bytes < CLIENT_LOW_WATER + VARLINK_REPLY_MAX);
                assert_true(i < 99999);
        }
        assert_int_equal(errno, EAGAIN);
        assert_answers(world, &peer);
        assert_int_equal(stats_of(world).dropped, 0);

        world->now_usec += CONTROL_IDLE_USEC;
        assert_answers(world, &peer);
        quota_idle(world->control, world->now_usec);
        control_tell_scan(world->control);
        assert_int_equal(stats_of(world).dropped, 1);
        assert_int_equal(stats_of(world).clients, 1);
        assert_int_equal(stats_of(world).output_bytes, 0);
        hang_up(world, &deaf);
        hang_up(world, &peer);
}

static void idle_time_is_for_those_who_could_ask(void **state)
{
        struct world *world = *state;
        struct peer watch = dial(world), idle;

        send_text(world, &watch, M "Watch\",\"more\":true}");
        json_decref(receive(world, &watch));
        assert_int_equal(world->control->timer_usec, CONTROL_NEVER); /* nothing wakes the loop */

        idle = dial(world);
        assert_int_equal(world->control->timer_usec, world->now_usec + CONTROL_IDLE_USEC);
        world->now_usec += CONTROL_IDLE_USEC - 1;
        quota_idle(world->control, world->now_usec);
        assert_int_equal(stats_of(world).clients, 2);
        world->now_usec++;
        quota_idle(world->control, world->now_usec);
        control_tell_scan(world->control);
        assert_closed(world, &idle);
        assert_silent(world, &watch);
        assert_int_equal(world->control->timer_usec, CONTROL_NEVER);
        hang_up(world, &watch);
        hang_up(world, &idle);
}

static void without_descriptors_accept_rests(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world), waiting = { .fd = -1 };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct rlimit limit, low;

        strcpy(address.sun_path, world->path);
        waiting.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        varlink_buffer_init(&waiting.in, VARLINK_REPLY_MAX);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = limit;
        low.rlim_cur = (rlim_t)waiting.fd + 1;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        assert_int_equal(connect(waiting.fd, (struct sockaddr *)&address, sizeof(address)), 0);
        spin(world); /* ends: the listener does not spin */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_answers(world, &peer);
        assert_silent(world, &waiting);

        world->now_usec += CONTROL_PAUSE_USEC;
        assert_true(sd_event_run(world->event, 5 * USEC_PER_SEC) > 0); /* the timer */
        assert_answers(world, &waiting);
        hang_up(world, &peer);
        hang_up(world, &waiting);
}

#ifndef __SANITIZE_ADDRESS__
static size_t resident_bytes(void)
{
        FILE *file = fopen("/proc/self/statm", "re");
        unsigned long size, resident;

        assert_non_null(file);
        assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
        fclose(file);
        return resident * (size_t)sysconf(_SC_PAGESIZE);
}
#endif

static void memory_returns_after_large_replies(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        bool more = true;
        size_t ports = 0;

        world_scan(world, UINT16_MAX);
        assert_answers(world, &peer);
#ifndef __SANITIZE_ADDRESS__
        size_t before = resident_bytes();
#endif
        send_text(world, &peer, M "ListPorts\",\"more\":true}");
        while (more) {
                json_t *reply = receive(world, &peer);

                ports += json_array_size(json_object_get(parameters_of(reply), "ports"));
                more = continues(reply);
                json_decref(reply);
        }
        assert_int_equal(ports, UINT16_MAX);
        json_decref(call(world, &peer, M "ListPorts\"}"));

        /* Not while little has passed, nor twice within a second; then at once. */
        world->now_usec += CONTROL_TRIM_USEC;
        assert_answers(world, &peer);
        assert_true(world->control->untrimmed_bytes < 2048);
        assert_int_equal(world->control->trimmed_usec, world->now_usec);
        hang_up(world, &peer);
#ifndef __SANITIZE_ADDRESS__
        assert_true(resident_bytes() < before + 2 * 1024 * 1024);
#endif
}

static int listen_again(struct world *world, const char *path)
{
        struct control *control;
        int r;

        assert_int_equal(control_new(world->event, &world_ops, world, &control), 0);
        r = control_listen(control, path);
        control_free(control);
        return r;
}

static void a_served_socket_is_not_taken(void **state)
{
        struct world *world = *state;
        struct peer peer;

        assert_int_equal(listen_again(world, world->path), CONTROL_IN_USE);
        spin(world); /* the probe's connection comes and goes */
        assert_int_equal(access(world->path, F_OK), 0);
        peer = dial(world);
        assert_answers(world, &peer);
        assert_int_equal(stats_of(world).clients, 1);
        hang_up(world, &peer);
}

static void a_dead_socket_is_replaced(void **state)
{
        struct world *world = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int dead = socket(AF_UNIX, SOCK_STREAM, 0);
        struct stat st;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/dead", world->directory);
        assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
        close(dead);
        assert_int_equal(access(address.sun_path, F_OK), 0);
        assert_int_equal(listen_again(world, address.sun_path), 0);
        assert_int_equal(access(address.sun_path, F_OK), -1); /* gone with its control */

        assert_int_equal(stat(world->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0666);
}

static void another_ones_socket_stays(void **state)
{
        struct world *world = *state;
        struct control *control;
        char path[120];
        int fd;

        snprintf(path, sizeof(path), "%s/moved", world->directory);
        assert_int_equal(control_new(world->event, &world_ops, world, &control), 0);
        assert_int_equal(control_listen(control, path), 0);
        unlink(path);
        fd = open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
        control_free(control);
        assert_int_equal(access(path, F_OK), 0);
        unlink(path);
}

static void wrong_paths_are_refused(void **state)
{
        struct world *world = *state;
        struct sockaddr_un address;
        char path[sizeof(address.sun_path) + 100];

        assert_int_equal(listen_again(world, ""), -EINVAL);
        assert_int_equal(listen_again(world, world->directory), -EEXIST);
        snprintf(path, sizeof(path), "%s/no/such", world->directory);
        assert_int_equal(listen_again(world, path), -ENOENT);

        /* The longest that fits, and one more. */
        snprintf(path, sizeof(path), "%s/", world->directory);
        memset(path + strlen(path), 'x', sizeof(address.sun_path));
        path[sizeof(address.sun_path)] = '\0';
        assert_int_equal(listen_again(world, path), -ENAMETOOLONG);
        path[sizeof(address.sun_path) - 1] = '\0';
        assert_int_equal(listen_again(world, path), 0);
}

static void a_passed_socket_is_served(void **state)
{
        struct world *world = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), wrong = open("/dev/null", O_RDONLY);
        struct peer peer;

        assert_true(control_adopt(world->control, wrong) < 0);
        assert_int_equal(control_adopt(world->control, fd), -EINVAL); /* does not listen */
        close(wrong);

        unlink(world->path);
        strcpy(address.sun_path, world->path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(control_adopt(world->control, fd), 0);
        peer = dial(world);
        assert_answers(world, &peer);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        hang_up(world, &peer);

        control_free(TAKE_PTR(world->control));
        assert_int_equal(unlink(world->path), 0); /* the service manager's file was left alone */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(two_thousand_connects_harm_nobody),
                TEST(the_idlest_makes_room),
                TEST(a_user_cannot_take_every_place),
                TEST(whoever_uses_most_output_pays),
                TEST(one_clients_output_is_bounded),
                TEST(who_asks_and_never_reads_is_held_back_then_closed),
                TEST(idle_time_is_for_those_who_could_ask),
                TEST(without_descriptors_accept_rests),
                TEST(memory_returns_after_large_replies),
                TEST(a_served_socket_is_not_taken),
                TEST(a_dead_socket_is_replaced),
                TEST(another_ones_socket_stays),
                TEST(wrong_paths_are_refused),
                TEST(a_passed_socket_is_served),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
