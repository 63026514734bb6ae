/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table against a brute-force count of random streams; what counts as used, reusable and usable;
 * when a walk is due.
 */

#include "fixture.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "destinations.h"
#include "observe.h"

#define FIRST 40000
#define LAST  40199

struct world {
        struct destinations *destinations;
        struct services *services;
        struct rules *rules;
        struct host_facts host;
        struct census_request request;
        struct census *census;
};

static struct rule exhaustion_rule(uint16_t port, int64_t warning)
{
        return (struct rule){ .kind = ALERT_PORT_EXHAUSTION,
                              .scope = { .side = port > 0 ? SIDE_REMOTE : SIDE_HOST, .port = port },
                              .warning = warning,
                              .critical = warning > 0 ? 85 : RULE_LEVEL_OFF,
                              .clear_after_usec = 30 * USEC_PER_SEC,
                              .clear_below_pct = 80 };
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct rule rule = exhaustion_rule(0, 70);

        assert_non_null(world);
        assert_int_equal(destinations_new(&world->destinations), 0);
        assert_int_equal(services_new(&world->services), 0);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        services_set_range(world->services, FIRST, LAST);
        host_facts_clear(&world->host);
        world->host.limits.port_range_known = true;
        world->host.limits.port_first = FIRST;
        world->host.limits.port_last = LAST;
        world->host.limits.reserved_in_range = 0;
        world->host.limits.tw_reuse = 2;
        world->host.limits.tw_reuse_delay_msec = KERNLIMITS_TW_REUSE_DELAY_MSEC;
        world->host.limits.timestamps = 1;
        world->request = (struct census_request){ .now_usec = 1000 * USEC_PER_SEC,
                                                  .rules = world->rules,
                                                  .conf_serial = 1,
                                                  .interval_usec = 10 * USEC_PER_SEC,
                                                  .host = &world->host,
                                                  .services = world->services };
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        destinations_free(world->destinations);
        services_free(world->services);
        rules_free(world->rules);
        census_unref(world->census);
        free(world);
        return 0;
}

static struct sock_addr address(const char *text)
{
        struct sock_addr result = { 0 };

        if (inet_pton(AF_INET, text, result.bytes) != 1)
                assert_int_equal(inet_pton(AF_INET6, text, result.bytes), 1);
        return result;
}

static struct sockrec outgoing(const char *from, uint16_t local_port, const char *to,
                               uint16_t remote_port)
{
        return (struct sockrec){ .local = address(from),
                                 .remote = address(to),
                                 .local_port = local_port,
                                 .remote_port = remote_port,
                                 .family = strchr(to, ':') ? ADDR_IPV6 : ADDR_IPV4,
                                 .state = SOCK_ESTABLISHED };
}

static void begin(struct world *world)
{
        destinations_begin(world->destinations, &world->request);
}

static const struct census *finish(struct world *world)
{
        census_unref(world->census);
        world->census = calloc(1, sizeof(*world->census));
        assert_non_null(world->census);
        world->census->refs = 1;
        world->census->whole = true;
        world->census->destinations_counted = true;
        world->census->asof_usec = world->request.now_usec;
        assert_int_equal(destinations_end(world->destinations, world->census), 0);
        return world->census;
}

/* A walk that finds n connections from 10.0.0.1 to 10.0.0.2 port 5432. */
static const struct exhaustion *walk(struct world *world, unsigned n)
{
        begin(world);
        for (unsigned i = 0; i < n; i++) {
                const struct sockrec record =
                        outgoing("10.0.0.1", (uint16_t)(FIRST + i), "10.0.0.2", 5432);

                destinations_add(world->destinations, &record);
        }
        return n > 0 ? &finish(world)->destinations[0].exhaustion : (finish(world), NULL);
}

static void triples_are_counted_apart(void **state)
{
        struct world *world = *state;
        const struct {
                const char *from, *to;
                uint16_t port;
                unsigned n;
        } cases[] = { { "10.0.0.1", "10.0.0.2", 5432, 7 },
                      { "10.0.0.9", "10.0.0.2", 5432, 6 },
                      { "10.0.0.1", "10.0.0.3", 5432, 5 },
                      { "10.0.0.1", "10.0.0.2", 80, 4 },
                      { "fe80::1", "fe80::2", 80, 3 } };
        const struct census *census;

        begin(world);
        for (size_t c = 0; c < ARRAY_SIZE(cases); c++)
                for (unsigned i = 0; i < cases[c].n; i++) {
                        const struct sockrec record = outgoing(cases[c].from, (uint16_t)(FIRST + i),
                                                               cases[c].to, cases[c].port);

                        destinations_add(world->destinations, &record);
                }
        census = finish(world);
        assert_int_equal(census->n_destinations, 5);
        assert_int_equal(census->destinations_total, 5);
        assert_int_equal(census->error_max, 0);
        assert_int_equal(census->usable, 200);
        for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
                const struct destination_row *row = &census->destinations[c];

                assert_int_equal(row->port.port, cases[c].port);
                assert_int_equal(row->port.side, SIDE_REMOTE);
                assert_int_equal(row->exhaustion.used, cases[c].n);
                assert_int_equal(row->exhaustion.usable, 200);
                assert_int_equal(row->exhaustion.error_max, 0);
                assert_ptr_equal(census_find_destination(census, &row->port, &row->destination),
                                 row);
        }
}

static void only_outgoing_ports_of_the_range_count(void **state)
{
        struct world *world = *state;
        const struct sockrec listener = { .local_port = FIRST + 3, .state = SOCK_LISTEN };
        const struct sockrec served = outgoing("10.0.0.1", FIRST + 3, "10.0.0.2", 50000);
        const struct sockrec below = outgoing("10.0.0.1", FIRST - 1, "10.0.0.2", 80);
        const struct sockrec above = outgoing("10.0.0.1", LAST + 1, "10.0.0.2", 80);
        const struct sockrec first = outgoing("10.0.0.1", FIRST, "10.0.0.2", 80);
        const struct sockrec last = outgoing("10.0.0.1", LAST, "10.0.0.2", 80);
        const struct sockrec outside = { .local_port = 80, .state = SOCK_LISTEN };
        const struct census *census;

        services_begin(world->services);
        services_listening(world->services, &listener);
        services_listening(world->services, &outside);
        services_end(world->services, world->request.now_usec, true);
        world->host.limits.reserved_in_range = 10;
        begin(world);
        destinations_add(world->destinations, &served);
        destinations_add(world->destinations, &below);
        destinations_add(world->destinations, &above);
        destinations_add(world->destinations, &first);
        destinations_add(world->destinations, &last);
        census = finish(world);
        assert_int_equal(census->n_destinations, 1);
        assert_int_equal(census->destinations[0].exhaustion.used, 2);
        assert_int_equal(census->usable, 200 - 10 - 1);

        world->host.limits.reserved_in_range = KERNLIMITS_UNKNOWN;
        assert_int_equal(walk(world, 200)->usable, 0);
        assert_false(destinations_may_be_near(world->destinations, &world->request));
}

struct reuse_case {
        const char *from, *to;
        int64_t reuse, delay_msec, timestamps;
        uint32_t expires_msec;
        enum sock_state state;
        bool reusable;
};

static void reuse_is_as_in_the_kernel(void **state)
{
        struct world *world = *state;
        static const struct reuse_case cases[] = {
                { "10.0.0.1", "10.0.0.2", 1, -1, 1, 1000, SOCK_TIME_WAIT, false }, /* unknown */
                { "10.0.0.1", "10.0.0.2", 1, 1000, 1, 59000, SOCK_TIME_WAIT, true },
                { "10.0.0.1", "10.0.0.2", 1, 1000, 1, 59001, SOCK_TIME_WAIT, false },
                { "10.0.0.1", "10.0.0.2", 1, 10000, 1, 50000, SOCK_TIME_WAIT, true },
                { "10.0.0.1", "10.0.0.2", 1, 10000, 1, 50001, SOCK_TIME_WAIT, false },
                { "10.0.0.1", "10.0.0.2", 1, 0, 1, 60000, SOCK_TIME_WAIT, true },
                { "10.0.0.1", "10.0.0.2", 1, 1000, 0, 1000, SOCK_TIME_WAIT, false },
                { "10.0.0.1", "10.0.0.2", 1, 1000, -1, 1000, SOCK_TIME_WAIT, false },
                { "10.0.0.1", "10.0.0.2", 2, 1000, 1, 1000, SOCK_TIME_WAIT, false },
                { "127.0.0.1", "127.0.0.2", 2, 1000, 1, 1000, SOCK_TIME_WAIT, true },
                { "127.0.0.1", "127.0.0.2", 2, 1000, 1, 59999, SOCK_TIME_WAIT, false },
                { "::1", "::1", 2, 1000, 1, 1000, SOCK_TIME_WAIT, true },
                { "fe80::1", "fe80::1", 2, 1000, 1, 1000, SOCK_TIME_WAIT, false },
                { "127.0.0.1", "127.0.0.2", 0, 1000, 1, 1000, SOCK_TIME_WAIT, false },
                { "127.0.0.1", "127.0.0.2", -1, 1000, 1, 1000, SOCK_TIME_WAIT, false },
                { "127.0.0.1", "127.0.0.2", 2, 1000, 1, 1000, SOCK_FIN_WAIT2, false },
                { "127.0.0.1", "127.0.0.2", 2, 1000, 1, 0, SOCK_ESTABLISHED, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct reuse_case *c = &cases[i];
                struct sockrec record = outgoing(c->from, FIRST, c->to, 80);
                const struct exhaustion *exhaustion;

                world->host.limits.tw_reuse = c->reuse;
                world->host.limits.tw_reuse_delay_msec = c->delay_msec;
                world->host.limits.timestamps = c->timestamps;
                record.state = c->state;
                record.expires_msec = c->expires_msec;
                begin(world);
                destinations_add(world->destinations, &record);
                exhaustion = &finish(world)->destinations[0].exhaustion;
                if (exhaustion->reusable != c->reusable || exhaustion->used == c->reusable)
                        fail_msg("case %zu", i);
        }
}

static void the_owner_is_remembered(void **state)
{
        struct world *world = *state;
        struct sockrec record = outgoing("10.0.0.1", FIRST, "10.0.0.2", 80);
        const struct port_witness *witness;

        record.have = SOCKREC_OWNER | SOCKREC_CGROUP;
        record.cgroup_id = 5;
        record.uid = 33;
        begin(world);
        destinations_add(world->destinations, &record); /* closed: no file */
        record.inode = 77;
        destinations_add(world->destinations, &record);
        record.inode = 0;
        destinations_add(world->destinations, &record);
        witness = &finish(world)->destinations[0].witness;
        assert_true(witness->known);
        assert_int_equal(witness->inode, 77);
        assert_int_equal(witness->cgroup_id, 5);
        assert_int_equal(witness->uid, 33);

        record.have = 0;
        record.state = SOCK_TIME_WAIT;
        record.expires_msec = 60000;
        world->request.now_usec += USEC_PER_SEC;
        begin(world);
        destinations_add(world->destinations, &record);
        witness = &finish(world)->destinations[0].witness;
        assert_true(witness->known);
        assert_int_equal(witness->inode, 77);
}

/* The table alone, against a count in an array. */
static void compare_with_brute_force(uint32_t seed, uint32_t n_keys, uint32_t n_sockets)
{
        static struct destination_table table;
        static const struct port_witness nobody;
        uint32_t *truth = calloc(n_keys, sizeof(*truth)), listed = 0, listed_sum = 0;

        assert_non_null(truth);
        destination_table_clear(&table);
        for (uint32_t i = 0; i < n_sockets; i++) {
                const struct port_key port = { .side = SIDE_REMOTE, .port = 80 };
                struct destination destination = { .family = ADDR_IPV4 };
                uint32_t key, spread;

                seed = seed * 1664525 + 1013904223;
                spread = seed >> 8;
                seed = seed * 1664525 + 1013904223;
                key = (seed >> 8) % (spread % 4 == 0 ? n_keys : n_keys / 64 + 1); /* skewed */
                memcpy(destination.address.bytes, &key, sizeof(key));
                truth[key]++;
                destination_table_add(&table, &port, &destination, false, &nobody);
        }
        assert_true(table.floor <= n_sockets / (DESTINATIONS_TRACKED_MAX + 1));
        if (n_keys <= DESTINATIONS_TRACKED_MAX)
                assert_int_equal(table.floor, 0);
        for (uint32_t i = 0; i < table.n; i++) {
                const struct destination_entry *entry = &table.entries[i];
                uint32_t key;

                memcpy(&key, entry->destination.address.bytes, sizeof(key));
                assert_true(entry->used >= truth[key]);
                assert_true(entry->used - entry->error <= truth[key]);
                assert_true(entry->error <= table.floor);
                listed++;
                listed_sum += truth[key];
                truth[key] = 0; /* each stands there once */
        }
        for (uint32_t key = 0; key < n_keys; key++)
                assert_true(truth[key] <= table.floor);
        if (n_keys <= DESTINATIONS_TRACKED_MAX)
                assert_int_equal(listed_sum, n_sockets);
        assert_true(listed <= DESTINATIONS_TRACKED_MAX);
        free(truth);
}

static void counts_are_exact_or_bounded(void **state)
{
        (void)state;
        compare_with_brute_force(1, 1, 1000);
        compare_with_brute_force(2, 4096, 100000);
        compare_with_brute_force(3, 4097, 100000);
        compare_with_brute_force(4, 20000, 300000);
        compare_with_brute_force(5, 200000, 1000000);
        compare_with_brute_force(6, 200000, 4096);
}

/* What connect() takes over anyway drives nothing else out. */
static void reusable_ones_give_way(void **state)
{
        struct world *world = *state;
        const struct census *census;

        begin(world);
        for (unsigned i = 0; i < 3 * DESTINATIONS_TRACKED_MAX; i++) {
                struct sockrec record = outgoing("127.0.0.1", FIRST, "127.0.0.1", 80);

                record.remote.bytes[1] = (uint8_t)(i >> 8);
                record.remote.bytes[2] = (uint8_t)i;
                record.state = SOCK_TIME_WAIT;
                destinations_add(world->destinations, &record);
        }
        for (unsigned i = 0; i < 50; i++) {
                const struct sockrec record =
                        outgoing("10.0.0.1", (uint16_t)(FIRST + i), "10.0.0.2", 5432);

                destinations_add(world->destinations, &record);
        }
        census = finish(world);
        assert_int_equal(census->error_max, 0);
        assert_int_equal(census->n_destinations, CENSUS_DESTINATIONS_MAX);
        assert_int_equal(census->destinations[0].exhaustion.used, 50);
        assert_int_equal(census->destinations[1].exhaustion.used, 0);
}

static void rates_come_from_walk_to_walk(void **state)
{
        struct world *world = *state;
        const struct exhaustion *exhaustion;

        for (unsigned used = 80; used <= 160; used += 40) {
                exhaustion = walk(world, used);
                assert_int_equal(exhaustion->burning, used > 80);
                if (exhaustion->burning) {
                        assert_true(exhaustion->burn_per_min > 230 &&
                                    exhaustion->burn_per_min < 250);
                        assert_in_range(exhaustion->eta_usec / USEC_PER_SEC, (200 - used) / 4 - 1,
                                        (200 - used) / 4 + 1);
                }
                world->request.now_usec += 10 * USEC_PER_SEC;
        }
        for (unsigned i = 0; i < 4; i++) {
                exhaustion = walk(world, 160);
                assert_false(exhaustion->burning);
                world->request.now_usec += 10 * USEC_PER_SEC;
        }
        exhaustion = walk(world, 200);
        assert_false(exhaustion->burning); /* there is none left to burn */
}

static bool is_due(struct world *world, int64_t inuse, int64_t tw)
{
        world->request.now_usec += 10 * USEC_PER_SEC;
        world->host.sockstat.inuse = inuse;
        world->host.sockstat.tw = tw;
        return destinations_may_be_near(world->destinations, &world->request);
}

static void quiet_hosts_are_never_walked(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 1000; i++)
                assert_false(is_due(world, 30, 39)); /* half of 70 % of 200 is 70 */
        assert_true(is_due(world, 30, 40));
}

static void a_minute_lies_between_walks_until_one_is_near(void **state)
{
        struct world *world = *state;

        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 10);
        for (unsigned i = 0; i < 5; i++)
                assert_false(is_due(world, 5000, 5000));
        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 69);
        assert_false(is_due(world, 5000, 5000));
        assert_true(is_due(world, 5000, 5001)); /* it may have been that one */
        (void)walk(world, 70);
        for (unsigned i = 0; i < 5; i++) {
                assert_true(is_due(world, 5000, 5000));
                (void)walk(world, 70);
        }
        for (unsigned i = 0; i < 5; i++) { /* and for as long as it takes to clear */
                assert_true(is_due(world, 5000, 5000));
                (void)walk(world, 20);
        }
        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 20);
        assert_false(is_due(world, 5000, 5000));
        assert_false(is_due(world, 10, 10));
}

static void without_sockstat_there_is_a_walk_a_minute(void **state)
{
        struct world *world = *state;

        assert_true(is_due(world, HOST_UNKNOWN, 5));
        (void)walk(world, 10);
        for (unsigned i = 0; i < 5; i++)
                assert_false(is_due(world, HOST_UNKNOWN, HOST_UNKNOWN));
        assert_true(is_due(world, 100000, HOST_UNKNOWN));
}

static void rules_decide_what_is_near(void **state)
{
        struct world *world = *state;
        const struct rule exception = exhaustion_rule(5432, 10);
        const struct rule off = exhaustion_rule(0, RULE_LEVEL_OFF);

        assert_false(is_due(world, 5, 5));
        assert_int_equal(rules_add(world->rules, &exception), 0);
        assert_false(is_due(world, 5, 5)); /* the same serial: the same rules */
        world->request.conf_serial++;
        assert_true(is_due(world, 5, 5)); /* half of 10 % of 200 is 10 */
        (void)walk(world, 9);
        assert_false(is_due(world, 5, 5));
        assert_true(is_due(world, 5, 6));

        assert_int_equal(rules_ignore(world->rules, SIDE_REMOTE, 5432, 5432), 0);
        assert_int_equal(rules_add(world->rules, &off), 0);
        world->request.conf_serial++;
        assert_false(is_due(world, 100000, 100000));
}

/* A reload for another rule's sake makes no walk, nor does a line that has moved in its file. */
static void the_same_rules_by_another_name_are_the_same(void **state)
{
        struct world *world = *state;
        const struct rule other = { .kind = ALERT_TIME_WAIT_COUNT, .warning = 7, .critical = 9 };
        const struct rule general = exhaustion_rule(0, 70);
        struct rule moved = exhaustion_rule(5432, 10);
        struct rules *before = world->rules;

        assert_int_equal(rules_add(world->rules, &moved), 0);
        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 9);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &general), 0);
        snprintf(moved.origin, sizeof(moved.origin), "elsewhere:77");
        assert_int_equal(rules_add(world->rules, &moved), 0);
        assert_int_equal(rules_add(world->rules, &other), 0);
        world->request.rules = world->rules;
        world->request.conf_serial++;
        assert_false(is_due(world, 5000, 5000));

        moved.warning--;
        assert_int_equal(rules_add(world->rules, &moved), 0);
        world->request.conf_serial++;
        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 8);
        assert_int_equal(rules_ignore(world->rules, SIDE_REMOTE, 77, 77), 0);
        world->request.conf_serial++;
        assert_true(is_due(world, 5000, 5000));
        rules_free(before);
}

static void other_settings_are_another_count(void **state)
{
        struct world *world = *state;

        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 10);
        assert_false(is_due(world, 5000, 5000));
        world->host.limits.tw_reuse = 0;
        assert_true(is_due(world, 5000, 5000));
        (void)walk(world, 10);
        assert_false(is_due(world, 5000, 5000));
        world->host.limits.port_last -= 100;
        assert_true(is_due(world, 5000, 5000));
}

/* What the observer asks the kernel for. */
static void a_quiet_host_makes_no_wide_dump(void **state)
{
        struct world *world = *state;
        struct scan_request request = { .now_usec = 1000 * USEC_PER_SEC, .rules = world->rules };
        struct observer *observer;
        bool info;

        assert_int_equal(observer_new(&observer), 0);
        for (int64_t tw = 60; tw <= 80; tw += 20) {
                world->host.sockstat = (struct sockstat){ .inuse = 5, .tw = tw };
                request.now_usec += 10 * USEC_PER_SEC;
                observer_begin(observer, &request);
                observer_set_host(observer, &world->host);
                observer_begin_listeners(observer);
                observer_end_listeners(observer, true);
                assert_int_equal(observer_plan(observer, &info),
                                 OBSERVER_STATES | (tw == 60 ? 0 : CENSUS_STATES));
        }
        observer_free(observer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(triples_are_counted_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(only_outgoing_ports_of_the_range_count, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(reuse_is_as_in_the_kernel, setup, teardown),
                cmocka_unit_test_setup_teardown(the_owner_is_remembered, setup, teardown),
                cmocka_unit_test(counts_are_exact_or_bounded),
                cmocka_unit_test_setup_teardown(reusable_ones_give_way, setup, teardown),
                cmocka_unit_test_setup_teardown(rates_come_from_walk_to_walk, setup, teardown),
                cmocka_unit_test_setup_teardown(quiet_hosts_are_never_walked, setup, teardown),
                cmocka_unit_test_setup_teardown(a_minute_lies_between_walks_until_one_is_near,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(without_sockstat_there_is_a_walk_a_minute, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(rules_decide_what_is_near, setup, teardown),
                cmocka_unit_test_setup_teardown(the_same_rules_by_another_name_are_the_same, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(other_settings_are_another_count, setup, teardown),
                cmocka_unit_test_setup_teardown(a_quiet_host_makes_no_wide_dump, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
