/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which stuck sockets are no longer there than is usual, from records to a snapshot. */

#include "fixture.h"

#include "conf.h"
#include "grouptab.h"
#include "observe.h"

#define STEP (10 * USEC_PER_SEC)

struct world {
        struct conf *conf;
        struct observer *observer;
        uint64_t now;
        uint64_t generation;
        uint64_t first; /* cookies first..last are there */
        uint64_t last;
        bool outgoing;
        uint32_t queue;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(conf_new_default(&world->conf), 0);
        assert_int_equal(observer_new(&world->observer), 0);
        world->now = USEC_PER_DAY;
        world->first = 1;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        observer_free(world->observer);
        conf_unref(world->conf);
        free(world);
        return 0;
}

static struct sockrec record_of(const struct world *world, uint64_t cookie)
{
        struct sockrec record = { .cookie = cookie,
                                  .state = SOCK_CLOSE_WAIT,
                                  .family = ADDR_IPV4,
                                  .inode = (uint32_t)cookie,
                                  .receive_queue = world->queue,
                                  .local_port = 80,
                                  .remote_port = 40000,
                                  .have = SOCKREC_OWNER };

        if (world->outgoing) {
                record.local_port = 40000;
                record.remote_port = 80;
        }
        return record;
}

/* One scan, then 10 s pass. The row of port 80. */
static struct port_row see(struct world *world)
{
        const struct scan_request request = { .generation = ++world->generation,
                                              .now_usec = world->now,
                                              .rules = world->conf->rules };
        const struct scan_outcome outcome = { .sockets_whole = true };
        const struct port_key key = { .side = world->outgoing ? SIDE_REMOTE : SIDE_LOCAL,
                                      .port = 80 };
        struct port_row row = { 0 };
        struct snapshot *snapshot;

        observer_begin(world->observer, &request);
        observer_begin_listeners(world->observer);
        observer_end_listeners(world->observer, true);
        observer_begin_sockets(world->observer);
        for (uint64_t cookie = world->first; cookie <= world->last; cookie++) {
                const struct sockrec record = record_of(world, cookie);

                assert_int_equal(observer_socket(world->observer, &record), 0);
        }
        assert_int_equal(observer_finish(world->observer, &outcome, &snapshot), 0);
        if (snapshot_find(snapshot, &key))
                row = *snapshot_find(snapshot, &key);
        snapshot_unref(snapshot);
        world->now += STEP;
        return row;
}

static struct port_row see_for(struct world *world, uint64_t usec)
{
        struct port_row row = see(world);

        for (; usec > 0; usec -= STEP)
                row = see(world);
        return row;
}

static void assert_counts(struct port_row row, uint32_t stuck, uint32_t usual)
{
        assert_int_equal(row.stuck, stuck);
        assert_int_equal(row.stuck_usual, usual);
}

static void test_nothing_is_usual_at_first(void **state)
{
        struct world *world = *state;
        struct port_row row;

        world->last = 20;
        assert_counts(see_for(world, 50 * USEC_PER_SEC), 0, 0);
        assert_counts(see(world), 20, 0);
        row = see(world);
        assert_int_equal(row.stuck_held, 0);
        row = see(world); /* RaiseAfter later */
        assert_int_equal(row.stuck_held, 20);
        assert_int_equal(row.stuck_held_usual, 0);
}

static void test_what_was_seen_to_leave_is_usual(void **state)
{
        struct world *world = *state;
        struct port_row row;

        world->last = 3;
        (void)see_for(world, 5 * USEC_PER_MIN);
        for (int i = 0; i < 3; i++) { /* one after the other */
                world->first++;
                (void)see(world);
        }
        world->last = 30; /* patience is 10 min from now on */
        assert_counts(see_for(world, 9 * USEC_PER_MIN + 50 * USEC_PER_SEC), 27, 27);
        row = see(world);
        assert_counts(row, 27, 0);
        assert_int_equal(row.stuck_held - row.stuck_held_usual, 27);
}

static void test_idle_members_of_a_pool(void **state)
{
        struct world *world = *state;

        world->outgoing = true;
        world->queue = 1;
        world->last = 256;
        assert_counts(see_for(world, USEC_PER_MIN), 256, 256);
        assert_counts(see_for(world, 13 * USEC_PER_MIN), 256, 256);
        assert_counts(see_for(world, USEC_PER_MIN), 256, 0);
}

/* TLS says goodbye before the end, and nobody reads that either. */
static void test_idle_members_that_were_told_goodbye(void **state)
{
        struct world *world = *state;

        world->outgoing = true;
        world->queue = 32;
        world->last = 20;
        assert_counts(see_for(world, 14 * USEC_PER_MIN), 20, 20);
        assert_counts(see_for(world, USEC_PER_MIN), 20, 0);
}

static void test_a_pool_has_its_size(void **state)
{
        struct world *world = *state;
        struct port_row row;

        world->outgoing = true;
        world->queue = 1;
        world->last = 300;
        row = see_for(world, 80 * USEC_PER_SEC);
        assert_counts(row, 300, 256);
        assert_int_equal(row.stuck_held - row.stuck_held_usual, 44);
}

static void test_no_pool_here(void **state)
{
        struct world *world = *state;

        world->last = 20;
        world->queue = 1; /* a server must poll what it has accepted */
        assert_counts(see_for(world, USEC_PER_MIN), 20, 0);
        world->first = 21;
        world->last = 40;
        world->outgoing = true;
        world->queue = 0; /* the end was read: not idle but forgotten */
        assert_counts(see_for(world, USEC_PER_MIN), 20, 0);
}

/* One scan of LEDGER_GROUPS_MAX groups and more, on remote ports, or served where we listen. */
static void see_many_groups(struct world *world, bool listening)
{
        const struct scan_request request = { .generation = ++world->generation,
                                              .now_usec = world->now,
                                              .rules = world->conf->rules };
        const struct scan_outcome outcome = { .sockets_whole = true };
        struct snapshot *snapshot;

        observer_begin(world->observer, &request);
        observer_begin_listeners(world->observer);
        for (uint16_t port = 10000; listening && port < 11000; port++) {
                const struct sockrec listener = { .state = SOCK_LISTEN, .local_port = port };

                observer_listener(world->observer, &listener);
        }
        observer_end_listeners(world->observer, true);
        observer_begin_sockets(world->observer);
        for (uint32_t i = 0; i < 2 * LEDGER_GROUPS_MAX; i++) {
                struct sockrec record = record_of(world, i + 1);

                record.local_port = (uint16_t)(10000 + i / 2 % 1000);
                record.remote_port = (uint16_t)(20000 + i / 2 % 1000);
                record.cgroup_id = i / 2 + 1;
                record.have |= SOCKREC_CGROUP;
                assert_int_equal(observer_socket(world->observer, &record), 0);
        }
        assert_int_equal(observer_finish(world->observer, &outcome, &snapshot), 0);
        for (size_t i = 0; i < snapshot->n_rows; i++)
                assert_true(snapshot->rows[i].stuck <= snapshot->rows[i].count[SOCK_CLOSE_WAIT]);
        snapshot_unref(snapshot);
        world->now += 2 * USEC_PER_MIN;
}

/* No group is left for the other side: entries keep theirs, whose ports have no rows any more. */
static void test_full_groups_change_sides(void **state)
{
        see_many_groups(*state, false);
        see_many_groups(*state, true);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_nothing_is_usual_at_first),
                T(test_what_was_seen_to_leave_is_usual),
                T(test_idle_members_of_a_pool),
                T(test_a_pool_has_its_size),
                T(test_idle_members_that_were_told_goodbye),
                T(test_no_pool_here),
                T(test_full_groups_change_sides),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
