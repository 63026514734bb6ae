/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The starter against a bus and a service manager made up here: what is started and when, what is
 * said, and that nothing of it ever waits. The clock is the test's.
 */

#include "fakemanager.h"

#include <errno.h>
#include <time.h>

#include "base.h"
#include "starter-private.h"

#define SEC UINT64_C(1000000)

struct world {
        sd_event *event;
        struct fake fake;
        struct starter *starter;
        uint64_t offset_usec; /* of the test's clock from the real one */
        unsigned problems;
        char problem[1024];    /* the last: "what|error" */
        uint64_t longest_usec; /* that one step of the loop has taken */
};

static uint64_t real_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t now(void *userdata)
{
        return real_usec() + ((struct world *)userdata)->offset_usec;
}

static void problem(void *userdata, const char *what, int error, const char *next)
{
        struct world *world = userdata;

        assert_string_equal(next, "alerts are still told in the journal");
        world->problems++;
        (void)snprintf(world->problem, sizeof(world->problem), "%s|%s", what,
                       error < 0 ? strerror(-error) : "");
}

static int setup(void **state)
{
        static const struct starter_ops ops = { problem, now };
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_true(sd_event_new(&world->event) >= 0);
        fake_init(&world->fake, world->event);
        assert_int_equal(starter_new(world->event, &ops, world, &world->starter), 0);
        starter_configure(world->starter, "t@.service");
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        starter_free(world->starter);
        fake_done(&world->fake);
        sd_event_unref(world->event);
        free(world);
        return 0;
}

/* Runs the loop until nothing has happened for 20 ms. */
static void settle(struct world *world)
{
        for (;;) {
                int r = sd_event_prepare(world->event);
                uint64_t before_usec;

                if (r == 0)
                        r = sd_event_wait(world->event, 20000);
                assert_true(r >= 0);
                if (r == 0)
                        return;
                before_usec = real_usec();
                assert_true(sd_event_dispatch(world->event) >= 0);
                world->longest_usec = MAX(world->longest_usec, real_usec() - before_usec);
        }
}

static void pass(struct world *world, uint64_t usec)
{
        world->offset_usec += usec;
        starter_step(world->starter); /* the loop's timer goes by another clock */
        settle(world);
}

static void tell(struct world *world, uint16_t port, enum transition transition)
{
        const struct event event = {
                .transition = transition,
                .alert.key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = { 0, port, SIDE_LOCAL } },
        };

        starter_tell(world->starter, &event);
}

static void raise_alert(struct world *world, uint16_t port)
{
        tell(world, port, TRANSITION_RAISED);
        settle(world);
}

/* "started/failed/dropped/waiting", with "!" where the service manager was out of reach. */
static const char *stats(const struct world *world)
{
        static char text[128];
        struct starter_stats stats;

        starter_get_stats(world->starter, &stats);
        (void)snprintf(text, sizeof(text), "%d/%d/%d/%d%s", (int)stats.started, (int)stats.failed,
                       (int)stats.dropped, (int)stats.waiting, stats.reachable ? "" : "!");
        return text;
}

#define UNIT(port) "t@close\\x2dwait\\x2dstuck:\\x2d:local:" #port ":\\x2d.service"

static bool is_connected(const struct world *world)
{
        const struct fake *fake = &world->fake;

        for (unsigned i = 0; i < fake->n_clients; i++)
                if (fake->clients[i] && sd_bus_is_open(fake->clients[i]) > 0)
                        return true;
        return false;
}

static void test_starts(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        settle(world);
        assert_int_equal(world->fake.n_clients, 0); /* nothing to start: no connection */
        raise_alert(world, 80);
        assert_int_equal(world->fake.n_starts, 1);
        assert_string_equal(world->fake.starts[0], UNIT(80));
        assert_string_equal(world->fake.modes[0], "replace");
        assert_int_equal(world->fake.subscribed, 1);
        assert_int_equal(world->fake.matches, 1);
        assert_string_equal(stats(world), "1/0/0/0");
        assert_true(is_connected(world)); /* for the end of the job */
        fake_end_job(&world->fake, 1, "done");
        settle(world);
        assert_false(is_connected(world));
        raise_alert(world, 80);
        assert_int_equal(world->fake.n_starts, 2);
        assert_int_equal(world->fake.n_clients, 2);
        assert_int_equal(world->problems, 0);
}

static void test_transitions(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        for (int i = 0; i < TRANSITION_COUNT; i++)
                tell(world, (uint16_t)(80 + i), (enum transition)i);
        settle(world);
        assert_int_equal(world->fake.n_starts, 3);
        assert_string_equal(world->fake.starts[0], UNIT(80)); /* raised */
        assert_string_equal(world->fake.starts[1], UNIT(81)); /* escalated */
        assert_string_equal(world->fake.starts[2], UNIT(84)); /* cleared */
}

/* The unit runs still when the alert clears: it is started once more, and only after its end. */
static void test_job_still_runs(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        raise_alert(world, 80);
        tell(world, 80, TRANSITION_ESCALATED);
        tell(world, 80, TRANSITION_CLEARED);
        settle(world);
        assert_int_equal(world->fake.n_starts, 1);
        assert_string_equal(stats(world), "1/0/0/1");
        raise_alert(world, 81); /* others do not wait for it */
        assert_int_equal(world->fake.n_starts, 2);
        fake_end_job(&world->fake, 2, "done");
        settle(world);
        assert_int_equal(world->fake.n_starts, 2);
        fake_end_job(&world->fake, 1, "done");
        settle(world);
        assert_int_equal(world->fake.n_starts, 3);
        assert_string_equal(world->fake.starts[2], UNIT(80));
        fake_end_job(&world->fake, 3, "done");
        settle(world);
        assert_string_equal(stats(world), "3/0/0/0");
        assert_false(is_connected(world));
}

static void test_job_without_end(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        raise_alert(world, 80);
        raise_alert(world, 80);
        pass(world, STARTER_JOB_USEC - SEC);
        assert_int_equal(world->fake.n_starts, 1);
        pass(world, SEC);
        assert_int_equal(world->fake.n_starts, 2);
        pass(world, STARTER_JOB_USEC);
        assert_false(is_connected(world));
        assert_int_equal(world->problems, 0);
}

/* Its end would never be recognized, so that nothing waits for it. */
static void test_answer_without_job(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.jobless = true;
        raise_alert(world, 80);
        assert_string_equal(stats(world), "1/0/0/0");
        assert_false(is_connected(world));
        raise_alert(world, 80);
        assert_int_equal(world->fake.n_starts, 2);
}

static void test_rate(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        for (uint16_t port = 1; port <= 30; port++)
                tell(world, port, TRANSITION_RAISED);
        settle(world);
        assert_int_equal(world->fake.n_starts, STARTER_BURST);
        assert_string_equal(stats(world), "10/0/0/20");
        pass(world, STARTER_REFILL_USEC);
        assert_int_equal(world->fake.n_starts, STARTER_BURST + 1);
        pass(world, 5 * STARTER_REFILL_USEC);
        assert_int_equal(world->fake.n_starts, STARTER_BURST + 6);
        for (uint16_t port = 100; port < 200; port++)
                tell(world, port, TRANSITION_RAISED);
        pass(world, 0);
        /* 30 + 100 keys; those that were started hold a place until their jobs end. */
        assert_string_equal(stats(world), "16/0/66/48");
}

static void test_no_bus(void **state)
{
        struct world *world = *state;

        raise_alert(world, 80);
        assert_int_equal(world->problems, 1);
        assert_string_equal(world->problem, "could not ask the service manager to start " UNIT(
                                                    80) "|No such file or directory");
        assert_string_equal(stats(world), "0/0/0/1!");
        for (int i = 0; i < 5; i++)
                pass(world, STARTER_RETRY_USEC);
        raise_alert(world, 81);
        assert_int_equal(world->problems, 1); /* said once */
        assert_string_equal(stats(world), "0/0/0/2!");
        pass(world, STARTER_KEEP_USEC - 5 * STARTER_RETRY_USEC);
        assert_string_equal(stats(world), "0/0/1/1!");
        pass(world, STARTER_KEEP_USEC);
        assert_string_equal(stats(world), "0/0/2/0!");
}

static void test_bus_comes_back(void **state)
{
        struct world *world = *state;

        raise_alert(world, 80);
        raise_alert(world, 81);
        fake_listen(&world->fake);
        pass(world, STARTER_RETRY_USEC - SEC);
        assert_int_equal(world->fake.n_clients, 0); /* not tried before its time */
        pass(world, SEC);
        assert_int_equal(world->fake.n_starts, 2);
        assert_string_equal(world->fake.starts[0], UNIT(80));
        assert_string_equal(world->fake.starts[1], UNIT(81));
        assert_string_equal(stats(world), "2/0/0/0");
        assert_int_equal(world->problems, 1);
        fake_close(&world->fake);
        settle(world);
        assert_int_equal(world->problems, 1); /* nothing waits: nobody needs to know */
        assert_string_equal(stats(world), "2/0/0/0");
        raise_alert(world, 82);
        pass(world, STARTER_RETRY_USEC);
        assert_int_equal(world->problems, 2); /* it has worked since */
        assert_non_null(strstr(world->problem, "No such file or directory"));
}

/* The bus goes away between StartUnit() and its answer: it is asked again. */
static void test_bus_lost(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.mute = true;
        raise_alert(world, 80);
        assert_int_equal(world->fake.n_starts, 1);
        fake_close(&world->fake);
        settle(world);
        assert_int_equal(world->problems, 1);
        assert_string_equal(world->problem, "could not ask the service manager to start " UNIT(
                                                    80) "|Connection reset by peer");
        assert_string_equal(stats(world), "0/0/0/1!");
        world->fake.mute = false;
        fake_listen(&world->fake);
        pass(world, STARTER_RETRY_USEC);
        assert_int_equal(world->fake.n_starts, 2);
        assert_string_equal(stats(world), "1/0/0/0");
}

static void test_rude_bus(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.rude = true;
        raise_alert(world, 80);
        assert_int_equal(world->problems, 1);
        assert_non_null(strstr(world->problem, "|Connection reset by peer"));
        world->fake.rude = false;
        pass(world, STARTER_RETRY_USEC);
        assert_string_equal(stats(world), "1/0/0/0");
}

/* A bus that accepts and says nothing: given up after a while, and nothing waits for it. */
static void test_silent_bus(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.silent = true;
        raise_alert(world, 80);
        assert_int_equal(world->fake.n_clients, 1);
        assert_int_equal(world->problems, 0);
        pass(world, STARTER_TIMEOUT_USEC);
        assert_int_equal(world->problems, 1);
        assert_string_equal(world->problem, "could not ask the service manager to start " UNIT(
                                                    80) "|Connection timed out");
        assert_true(world->longest_usec < SEC / 2);
        world->fake.silent = false;
        pass(world, STARTER_RETRY_USEC);
        assert_string_equal(stats(world), "1/0/0/0");
}

/* The daemon ends meanwhile: that must not wait for the bus, either. */
static void test_free_while_silent(void **state)
{
        struct world *world = *state;
        uint64_t before_usec;

        fake_listen(&world->fake);
        world->fake.silent = true;
        raise_alert(world, 80);
        before_usec = real_usec();
        assert_true(sd_event_exit(world->event, 0) >= 0);
        assert_true(sd_event_loop(world->event) >= 0);
        world->starter = starter_free(world->starter);
        assert_true(real_usec() - before_usec < SEC / 2);
}

static void test_no_such_unit(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.error = "org.freedesktop.systemd1.NoSuchUnit";
        raise_alert(world, 80);
        raise_alert(world, 80);
        raise_alert(world, 81);
        assert_int_equal(world->fake.n_starts, 3);
        assert_int_equal(world->problems, 1);
        assert_string_equal(world->problem,
                            "could not start " UNIT(80) "|No such file or directory");
        assert_string_equal(stats(world), "0/3/0/0");
        world->fake.error = NULL;
        raise_alert(world, 80);
        fake_end_job(&world->fake, 4, "done");
        settle(world);
        world->fake.error = "org.freedesktop.DBus.Error.AccessDenied";
        raise_alert(world, 80);
        assert_int_equal(world->problems, 2); /* it has worked since */
        assert_string_equal(world->problem,
                            "could not start " UNIT(80) " (Unit " UNIT(80) " is not well.)|");
}

/* Nobody answers to the name: that is like no bus. */
static void test_no_manager(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        world->fake.error = "org.freedesktop.DBus.Error.ServiceUnknown";
        raise_alert(world, 80);
        assert_int_equal(world->problems, 1);
        assert_non_null(strstr(world->problem, "could not ask the service manager"));
        assert_string_equal(stats(world), "0/0/0/1!");
}

static void test_failed_job(void **state)
{
        struct world *world = *state;

        fake_listen(&world->fake);
        for (unsigned job = 1; job <= 3; job++) {
                raise_alert(world, 80);
                fake_end_job(&world->fake, job, job == 1 ? "timeout" : "failed");
                settle(world);
        }
        assert_int_equal(world->problems, 1);
        assert_string_equal(world->problem, "the start of " UNIT(80) " ended with \"timeout\"|");
        assert_string_equal(stats(world), "3/3/0/0");
}

static void test_configure(void **state)
{
        struct world *world = *state;

        raise_alert(world, 80);
        starter_configure(world->starter, "t@.service"); /* the same: what waits stays */
        assert_string_equal(stats(world), "0/0/0/1!");
        starter_configure(world->starter, "");
        raise_alert(world, 81);
        assert_string_equal(stats(world), "0/0/0/0");
        starter_configure(world->starter, "another@.service");
        assert_int_equal(world->problems, 1);
        raise_alert(world, 80);
        pass(world, STARTER_RETRY_USEC);
        assert_int_equal(world->problems, 2); /* of this one nothing had been said yet */
        assert_string_equal(stats(world), "0/0/0/1!");
        starter_configure(world->starter, "other@.target");
        assert_string_equal(stats(world), "0/0/0/0");
        fake_listen(&world->fake);
        raise_alert(world, 80);
        pass(world, STARTER_RETRY_USEC);
        assert_int_equal(world->fake.n_starts, 1);
        assert_string_equal(world->fake.starts[0],
                            "other@close\\x2dwait\\x2dstuck:\\x2d:local:80:\\x2d.target");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                WORLD_TEST(test_starts),
                WORLD_TEST(test_transitions),
                WORLD_TEST(test_job_still_runs),
                WORLD_TEST(test_job_without_end),
                WORLD_TEST(test_answer_without_job),
                WORLD_TEST(test_rate),
                WORLD_TEST(test_no_bus),
                WORLD_TEST(test_bus_comes_back),
                WORLD_TEST(test_bus_lost),
                WORLD_TEST(test_rude_bus),
                WORLD_TEST(test_silent_bus),
                WORLD_TEST(test_free_while_silent),
                WORLD_TEST(test_no_such_unit),
                WORLD_TEST(test_no_manager),
                WORLD_TEST(test_failed_job),
                WORLD_TEST(test_configure),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
