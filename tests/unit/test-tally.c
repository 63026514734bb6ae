/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets in, snapshot out: counts by port and state, ages, order, bounds. */

#include "fixture.h"

#include "tally.h"

struct world {
        struct services *services;
        struct ledger *ledger;
        struct tally *tally;
        struct rules *rules;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct rule rule = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                   .warning = 10,
                                   .critical = 100,
                                   .stuck_after_usec = 60 * USEC_PER_SEC,
                                   .raise_after_usec = 20 * USEC_PER_SEC };

        assert_non_null(world);
        assert_int_equal(services_new(&world->services), 0);
        assert_int_equal(ledger_new(&world->ledger), 0);
        assert_int_equal(tally_new(&world->tally), 0);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        tally_free(world->tally);
        ledger_free(world->ledger);
        services_free(world->services);
        rules_free(world->rules);
        free(world);
        return 0;
}

static void begin(struct world *world, uint64_t now)
{
        tally_begin(world->tally, world->services, world->ledger);
        ledger_begin(world->ledger, now);
}

static struct snapshot *finish(struct world *world, uint64_t now)
{
        struct snapshot *snapshot;

        ledger_end(world->ledger, true, NULL, NULL);
        assert_int_equal(tally_finish(world->tally, world->rules, now, &snapshot), 0);
        return snapshot;
}

static void add(struct world *world, enum sock_state state, uint16_t local, uint16_t remote)
{
        static uint64_t cookie;
        const struct sockrec record = { .cookie = ++cookie,
                                        .state = (uint8_t)state,
                                        .local_port = local,
                                        .remote_port = remote,
                                        .inode = 5,
                                        .expires_msec = 60000 };

        assert_int_equal(tally_add(world->tally, &record), 0);
}

/* By uid 0, with the inode 1000 + port. */
static void listen_on(struct world *world, uint16_t port)
{
        const struct sockrec record = { .state = SOCK_LISTEN,
                                        .local_port = port,
                                        .inode = 1000U + port,
                                        .cgroup_id = 6,
                                        .have = SOCKREC_OWNER };

        services_listening(world->services, &record);
}

static void test_counts_by_port_side_and_state(void **state)
{
        struct world *world = *state;
        const struct port_key postgres = { .side = SIDE_REMOTE, .port = 5432 };
        const struct port_key http = local_port(80);
        struct snapshot *snapshot;

        begin(world, 1);
        add(world, SOCK_CLOSE_WAIT, 80, 40000);
        add(world, SOCK_TIME_WAIT, 80, 40001);
        add(world, SOCK_TIME_WAIT, 40002, 5432);
        add(world, SOCK_TIME_WAIT, 40003, 5432);
        add(world, SOCK_FIN_WAIT2, 80, 40004);
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->n_rows, 2);
        assert_int_equal(snapshot_find(snapshot, &http)->count[SOCK_CLOSE_WAIT], 1);
        assert_int_equal(snapshot_find(snapshot, &http)->count[SOCK_TIME_WAIT], 1);
        assert_int_equal(snapshot_find(snapshot, &http)->count[SOCK_FIN_WAIT2], 1);
        assert_int_equal(snapshot_find(snapshot, &postgres)->count[SOCK_TIME_WAIT], 2);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], 3);
        assert_int_equal(snapshot->total[SOCK_CLOSE_WAIT], 1);
        snapshot_unref(snapshot);
}

static void test_same_cookie_twice_counts_once(void **state)
{
        struct world *world = *state;
        const struct sockrec record = {
                .cookie = 9, .state = SOCK_CLOSE_WAIT, .local_port = 80, .remote_port = 40000
        };
        struct snapshot *snapshot;

        begin(world, 1);
        assert_int_equal(tally_add(world->tally, &record), 0);
        assert_int_equal(tally_add(world->tally, &record), 0);
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->total[SOCK_CLOSE_WAIT], 1);
        assert_int_equal(snapshot->rows[0].count[SOCK_CLOSE_WAIT], 1);
        snapshot_unref(snapshot);
}

static void test_time_wait_bins(void **state)
{
        static const struct {
                uint32_t msec;
                int bin; /* -1: beyond */
        } cases[] = { { 0, 0 },      { 1, 0 },      { 5000, 0 },   { 5001, 1 },
                      { 59999, 11 }, { 60000, 11 }, { 60001, -1 }, { UINT32_MAX, -1 } };
        struct world *world = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct sockrec record = { .state = SOCK_TIME_WAIT,
                                                .local_port = 80,
                                                .remote_port = 40000,
                                                .expires_msec = cases[i].msec };
                struct snapshot *snapshot;

                begin(world, 1);
                assert_int_equal(tally_add(world->tally, &record), 0);
                snapshot = finish(world, 1);
                if (cases[i].bin < 0)
                        assert_int_equal(snapshot->rows[0].tw_beyond, 1);
                else
                        assert_int_equal(snapshot->rows[0].tw_remaining[cases[i].bin], 1);
                snapshot_unref(snapshot);
        }
}

static void test_stuck_by_age(void **state)
{
        static const struct {
                uint64_t sec;
                uint32_t stuck, held;
        } cases[] = { { 59, 0, 0 }, { 60, 1, 0 }, { 79, 1, 0 }, { 80, 1, 1 } };
        struct world *world = *state;
        const struct sockrec record = { .cookie = 1,
                                        .state = SOCK_CLOSE_WAIT,
                                        .local_port = 80,
                                        .remote_port = 40000,
                                        .uid = 33,
                                        .inode = 99,
                                        .cgroup_id = 7 };

        struct snapshot *first;

        begin(world, 1000);
        assert_int_equal(tally_add(world->tally, &record), 0);
        first = finish(world, 1000);
        assert_true(first->rows[0].oldest_usec >
                    0); /* new, and that is known: not the same as none */
        snapshot_unref(first);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const uint64_t now = 1000 + cases[i].sec * USEC_PER_SEC;
                struct snapshot *snapshot;

                begin(world, now);
                assert_int_equal(tally_add(world->tally, &record), 0);
                snapshot = finish(world, now);
                assert_int_equal(snapshot->rows[0].stuck, cases[i].stuck);
                assert_int_equal(snapshot->rows[0].stuck_held, cases[i].held);
                assert_int_equal(snapshot->rows[0].oldest_usec, cases[i].sec * USEC_PER_SEC);
                assert_true(snapshot->rows[0].witness.known);
                assert_int_equal(snapshot->rows[0].witness.inode, 99);
                assert_int_equal(snapshot->rows[0].witness.cgroup_id, 7);
                assert_int_equal(snapshot->tracked, 1);
                snapshot_unref(snapshot);
        }
}

/* StuckAfter holds for what is shown, too, where nothing is judged. */
static void test_stuck_after_without_levels(void **state)
{
        struct world *world = *state;
        const struct rule off = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                  .warning = RULE_LEVEL_OFF,
                                  .critical = RULE_LEVEL_OFF,
                                  .stuck_after_usec = 5 * USEC_PER_SEC };
        const struct sockrec record = {
                .cookie = 1, .state = SOCK_CLOSE_WAIT, .local_port = 80, .remote_port = 40000
        };

        assert_int_equal(rules_add(world->rules, &off), 0);
        for (uint64_t sec = 0; sec <= 5; sec++) {
                struct snapshot *snapshot;

                begin(world, 1000 + sec * USEC_PER_SEC);
                assert_int_equal(tally_add(world->tally, &record), 0);
                snapshot = finish(world, 1000 + sec * USEC_PER_SEC);
                assert_int_equal(snapshot->rows[0].stuck, sec == 5);
                snapshot_unref(snapshot);
        }
}

/* A CLOSE_WAIT socket of local port 80, unless told otherwise. */
static void add_held(struct world *world, uint64_t cookie, uint32_t inode, uint16_t local)
{
        const struct sockrec record = { .cookie = cookie,
                                        .state = SOCK_CLOSE_WAIT,
                                        .local_port = local,
                                        .remote_port = 5432,
                                        .uid = 33,
                                        .inode = inode,
                                        .cgroup_id = 7 };

        assert_int_equal(tally_add(world->tally, &record), 0);
}

/* Ports 80 to 83. */
static void listen_on_all(struct world *world)
{
        services_begin(world->services);
        for (uint16_t port = 80; port < 84; port++)
                listen_on(world, port);
        services_end(world->services, 1, true);
}

/* One socket of that age, in seconds, on that local port: when it means something else; 0: never. */
static uint64_t due_of(struct world *world, uint16_t port, uint64_t age, uint8_t flags)
{
        static uint64_t cookie = 1000;
        const uint64_t now = 10000 * USEC_PER_SEC;
        struct ages *ages;
        struct snapshot *snapshot;
        uint64_t due_usec;

        listen_on_all(world);
        assert_int_equal(ages_new(1, &ages), 0);
        ages_add(ages, ++cookie, now - age * USEC_PER_SEC, flags);
        assert_int_equal(ages_index(ages), 0);
        world->ledger = ledger_free(world->ledger);
        assert_int_equal(ledger_new(&world->ledger), 0);
        ledger_restore(world->ledger, ages);
        begin(world, now);
        add_held(world, cookie, 5, port);
        snapshot = finish(world, now);
        due_usec = snapshot->due_usec;
        snapshot_unref(snapshot);
        assert_true(due_usec > now);
        return due_usec == UINT64_MAX ? 0 : (due_usec - now) / USEC_PER_SEC;
}

static void test_due_when_an_age_means_something(void **state)
{
        static const struct {
                uint64_t age, due;
        } cases[] = { { 0, 60 }, { 59, 1 }, { 60, 20 }, { 79, 1 }, { 80, 0 }, { 9000, 0 } };
        struct world *world = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(due_of(world, 80, cases[i].age, 0), cases[i].due);
        assert_int_equal(due_of(world, 80, 50, LEDGER_AT_LEAST), 10);
}

/* On a port that takes up to two minutes to close, and so is given four. */
static void test_due_when_it_is_usual_no_more(void **state)
{
        static const struct {
                uint64_t age, due;
                uint8_t flags;
        } cases[] = { { 70, 10, 0 },
                      { 80, 160, 0 },
                      { 239, 1, 0 },
                      { 240, 0, 0 },
                      { 80, 0, LEDGER_OUTLIVED },
                      { 70, 10, LEDGER_OUTLIVED } };
        const struct survival_lessons lessons = {
                .port = local_port(80),
                .ages_usec = { 120 * USEC_PER_SEC, 120 * USEC_PER_SEC, 120 * USEC_PER_SEC },
                .learnt_usec = 10000 * USEC_PER_SEC
        };
        struct world *world = *state;
        struct survival *survival;

        assert_int_equal(survival_new(&survival), 0);
        assert_int_equal(survival_restore(survival, &lessons), 0);
        survival_begin(survival, world->rules, 10000 * USEC_PER_SEC);
        tally_set_survival(world->tally, survival);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(due_of(world, 80, cases[i].age, cases[i].flags), cases[i].due);
        tally_set_survival(world->tally, NULL);
        survival_free(survival);
}

/* The first of all, on ports that are judged: by either kind, and neither ignored nor off. */
static void test_due_where_a_rule_judges(void **state)
{
        const struct rule stuck_off = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                        .scope = local_port(81),
                                        .warning = RULE_LEVEL_OFF,
                                        .critical = RULE_LEVEL_OFF,
                                        .stuck_after_usec = 5 * USEC_PER_SEC };
        struct rule leak_only = stuck_off, leak = stuck_off;
        struct world *world = *state;
        struct snapshot *snapshot;

        assert_int_equal(rules_add(world->rules, &stuck_off), 0);
        assert_int_equal(due_of(world, 81, 0, 0), 0);
        leak_only.scope = local_port(82);
        leak.scope = local_port(82);
        leak.kind = ALERT_CLOSE_WAIT_LEAK;
        leak.warning = 3;
        assert_int_equal(rules_add(world->rules, &leak_only), 0);
        assert_int_equal(rules_add(world->rules, &leak), 0);
        assert_int_equal(due_of(world, 82, 0, 0), 5);
        assert_int_equal(rules_ignore(world->rules, SIDE_LOCAL, 83, 83), 0);
        assert_int_equal(due_of(world, 83, 0, 0), 0);

        begin(world, 10000 * USEC_PER_SEC);
        add_held(world, 1, 5, 80);
        add_held(world, 2, 5, 81);
        snapshot = finish(world, 10000 * USEC_PER_SEC);
        assert_int_equal(snapshot->due_usec, 10060 * USEC_PER_SEC);
        snapshot_unref(snapshot);
        begin(world, 10010 * USEC_PER_SEC);
        add_held(world, 1, 5, 80);
        add_held(world, 3, 5, 82);
        add_held(world, 4, 5, 80);
        snapshot = finish(world, 10010 * USEC_PER_SEC);
        assert_int_equal(snapshot->due_usec, 10015 * USEC_PER_SEC);
        snapshot_unref(snapshot);
        begin(world, 10020 * USEC_PER_SEC); /* those that were there are not waited for */
        snapshot = finish(world, 10020 * USEC_PER_SEC);
        assert_true(snapshot->due_usec == UINT64_MAX);
        snapshot_unref(snapshot);
}

static void test_worst_first(void **state)
{
        struct world *world = *state;
        struct snapshot *snapshot;

        begin(world, 1);
        add(world, SOCK_TIME_WAIT, 81, 40000);
        for (uint16_t i = 0; i < 3; i++)
                add(world, SOCK_CLOSE_WAIT, 80, 40000 + i);
        for (uint16_t i = 0; i < 2; i++)
                add(world, SOCK_CLOSE_WAIT, 82, 40000 + i);
        for (uint16_t i = 0; i < 9; i++)
                add(world, SOCK_TIME_WAIT, 83, 40000 + i);
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->n_rows, 4);
        assert_int_equal(snapshot->rows[0].key.port, 80);
        assert_int_equal(snapshot->rows[1].key.port, 82);
        assert_int_equal(snapshot->rows[2].key.port, 83);
        assert_int_equal(snapshot->rows[3].key.port, 81);
        snapshot_unref(snapshot);
}

static void test_listening_ports_stand_at_zero(void **state)
{
        struct world *world = *state;
        const struct port_key http = local_port(80), gone = local_port(81), none = local_port(82);
        struct snapshot *snapshot;

        services_begin(world->services);
        listen_on(world, 80);
        listen_on(world, 81);
        services_end(world->services, 1, true);
        services_begin(world->services);
        listen_on(world, 80);
        services_end(world->services, 2, true);
        begin(world, 2);
        snapshot = finish(world, 2);
        assert_int_equal(snapshot_find(snapshot, &http)->flags, PORT_LISTENING);
        assert_int_equal(snapshot_find(snapshot, &gone)->flags, PORT_LISTENED);
        assert_null(snapshot_find(snapshot, &none));
        snapshot_unref(snapshot);
}

static struct port_witness witness_on(struct world *world, const struct port_key *key)
{
        struct snapshot *snapshot = finish(world, 2);
        const struct port_row *row = snapshot_find(snapshot, key);
        struct port_witness witness;

        assert_non_null(row);
        assert_true(row->key.side == SIDE_LOCAL || !row->listener.known);
        assert_true(!row->listener.known || row->listener.inode == 1000U + key->port);
        witness = row->witness;
        snapshot_unref(snapshot);
        return witness;
}

static void test_witness_is_a_socket_or_the_listener(void **state)
{
        struct world *world = *state;
        const struct port_key http = local_port(80);
        const struct port_key postgres = { .side = SIDE_REMOTE, .port = 5432 };
        struct port_witness witness;

        services_begin(world->services);
        listen_on(world, 80);
        services_end(world->services, 1, true);

        begin(world, 1); /* TIME_WAIT names nobody */
        add(world, SOCK_TIME_WAIT, 80, 40000);
        witness = witness_on(world, &http);
        assert_true(witness.known && witness.by_listener);
        assert_int_equal(witness.inode, 1080);
        assert_int_equal(witness.uid, 0);
        assert_int_equal(witness.cgroup_id, 6);

        begin(world, 2); /* never accepted */
        add_held(world, 1001, 0, 80);
        witness = witness_on(world, &http);
        assert_true(witness.known && witness.by_listener);
        assert_int_equal(witness.inode, 1080);

        begin(world, 3); /* accepted, and younger: the oldest decides */
        add_held(world, 1001, 0, 80);
        add_held(world, 1002, 99, 80);
        assert_true(witness_on(world, &http).by_listener);

        begin(world, 4); /* accepted at last */
        add_held(world, 1001, 98, 80);
        witness = witness_on(world, &http);
        assert_true(witness.known && !witness.by_listener);
        assert_int_equal(witness.inode, 98);
        assert_int_equal(witness.uid, 33);

        begin(world, 5); /* what it was is not forgotten */
        add_held(world, 1001, 0, 80);
        assert_int_equal(witness_on(world, &http).inode, 98);

        begin(world, 6); /* a service of another host */
        add_held(world, 1003, 0, 40000);
        witness = witness_on(world, &postgres);
        assert_true(witness.known && !witness.by_listener);
        begin(world, 7);
        add(world, SOCK_TIME_WAIT, 40000, 5432);
        assert_false(witness_on(world, &postgres).known);
}

static void test_witness_is_the_last_listener(void **state)
{
        struct world *world = *state;
        const struct port_key http = local_port(80), other = local_port(81);

        services_begin(world->services);
        listen_on(world, 80);
        services_end(world->services, 1, true);
        services_begin(world->services);
        services_end(world->services, 2, true);
        begin(world, 1);
        add(world, SOCK_TIME_WAIT, 80, 40000);
        add(world, SOCK_TIME_WAIT, 81, 40000);
        assert_int_equal(witness_on(world, &http).inode, 1080);
        begin(world, 2);
        add(world, SOCK_TIME_WAIT, 81, 40000);
        assert_false(witness_on(world, &other).known);
}

static void test_every_port_on_both_sides(void **state)
{
        struct world *world = *state;
        struct snapshot *snapshot;

        begin(world, 1);
        services_set_range(world->services, 65535, 65535);
        for (unsigned port = 0; port < 65535; port++)
                add(world, SOCK_TIME_WAIT, (uint16_t)port, 65535);
        for (unsigned port = 0; port < 65536; port++)
                add(world, SOCK_TIME_WAIT, 65535, (uint16_t)port);
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->n_rows, 131071);
        assert_int_equal(snapshot->ports_overflow, 0);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], 131071);
        for (size_t i = 0; i < snapshot->n_rows; i += 97)
                assert_ptr_equal(snapshot_find(snapshot, &snapshot->rows[i].key),
                                 &snapshot->rows[i]);
        snapshot_unref(snapshot);
}

/* A second namespace takes the last rows; what finds none counts in the totals, and is counted. */
static void test_overflow_is_counted(void **state)
{
        struct world *world = *state;
        struct snapshot *snapshot;
        const unsigned sockets = TALLY_PORTS_MAX + 1000;

        begin(world, 1);
        services_set_range(world->services, 65535, 65535);
        for (unsigned i = 0; i < sockets; i++) {
                const struct sockrec record = { .state = SOCK_TIME_WAIT,
                                                .netns = i / 60000,
                                                .local_port = (uint16_t)(i % 60000),
                                                .remote_port = 65535 };

                assert_int_equal(tally_add(world->tally, &record), 0);
        }
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->n_rows, TALLY_PORTS_MAX);
        assert_int_equal(snapshot->ports_overflow, 1000);
        assert_int_equal(snapshot->total[SOCK_TIME_WAIT], sockets);
        snapshot_unref(snapshot);
}

static void test_empty(void **state)
{
        struct world *world = *state;
        const struct port_key http = local_port(80);
        struct snapshot *snapshot;

        begin(world, 1);
        snapshot = finish(world, 1);
        assert_int_equal(snapshot->n_rows, 0);
        assert_null(snapshot_find(snapshot, &http));
        snapshot_unref(snapshot);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_counts_by_port_side_and_state),
                T(test_same_cookie_twice_counts_once),
                T(test_time_wait_bins),
                T(test_stuck_by_age),
                T(test_stuck_after_without_levels),
                T(test_due_when_an_age_means_something),
                T(test_due_when_it_is_usual_no_more),
                T(test_due_where_a_rule_judges),
                T(test_worst_first),
                T(test_listening_ports_stand_at_zero),
                T(test_witness_is_a_socket_or_the_listener),
                T(test_witness_is_the_last_listener),
                T(test_every_port_on_both_sides),
                T(test_overflow_is_counted),
                T(test_empty),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
