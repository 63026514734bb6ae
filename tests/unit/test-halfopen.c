/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which established connections may be half-open, per port; and when that is looked at again. */

#include "fixture.h"

#include "halfopen.h"

#define HOUR_MSEC 3600000u

struct world {
        struct half_opens *half_opens;
        struct rules *rules;
        struct services *services;
        struct host_facts host;
        struct census_request request;
        struct census *census; /* the last one */
};

static struct rule half_open_rule(uint16_t port, int64_t warning, uint64_t silent_after_sec)
{
        return (struct rule){ .kind = ALERT_HALF_OPEN,
                              .scope = { .side = SIDE_LOCAL, .port = port },
                              .warning = warning,
                              .critical = RULE_LEVEL_OFF,
                              .silent_after_usec = silent_after_sec * USEC_PER_SEC,
                              .raise_after_usec = 20 * USEC_PER_SEC,
                              .clear_below_pct = 80 };
}

static void add_rule(struct world *world, struct rule rule)
{
        assert_int_equal(rules_add(world->rules, &rule), 0);
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(half_opens_new(&world->half_opens), 0);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(services_new(&world->services), 0);
        services_set_range(world->services, 32768, 60999);
        host_facts_clear(&world->host);
        world->host.limits.keepalive_time_sec = 7200;
        world->host.limits.keepalive_intvl_sec = 75;
        world->host.limits.keepalive_probes = 9;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        half_opens_free(world->half_opens);
        rules_free(world->rules);
        services_free(world->services);
        census_unref(world->census);
        free(world);
        return 0;
}

/* A connection of a client to local port `port`, on which nothing came for so long. */
static struct sockrec connection(uint16_t port, enum sock_timer timer, uint32_t silent_msec)
{
        return (struct sockrec){ .state = SOCK_ESTABLISHED,
                                 .family = ADDR_IPV4,
                                 .local_port = port,
                                 .remote_port = 40000,
                                 .timer = timer,
                                 .last_ack_recv_msec = silent_msec,
                                 .last_data_recv_msec = silent_msec + 5,
                                 .inode = 7,
                                 .uid = 33,
                                 .have = SOCKREC_INFO | SOCKREC_OWNER };
}

static void begin(struct world *world)
{
        world->request = (struct census_request){ .now_usec = 1,
                                                  .rules = world->rules,
                                                  .host = &world->host,
                                                  .services = world->services };
        half_opens_begin(world->half_opens, &world->request);
}

static void add(struct world *world, struct sockrec record)
{
        assert_int_equal(half_opens_add(world->half_opens, &record), 0);
}

static const struct census *end(struct world *world, bool whole)
{
        census_unref(world->census);
        world->census = calloc(1, sizeof(*world->census));
        assert_non_null(world->census);
        world->census->refs = 1;
        world->census->whole = whole;
        assert_int_equal(half_opens_end(world->half_opens, world->census), 0);
        return world->census;
}

static struct half_open count_one(struct sockrec record, uint64_t silent_after_sec)
{
        struct half_open counts = { 0 };

        half_open_count(&counts, &record, silent_after_sec * USEC_PER_SEC);
        assert_int_equal(counts.established, counts.known ? 1 : 0);
        return counts;
}

static void silent_without_any_timer(void **state)
{
        struct sockrec record = connection(80, SOCK_TIMER_NONE, HOUR_MSEC);

        (void)state;
        assert_int_equal(count_one(record, 3600).silent, 1);
        assert_int_equal(count_one(record, 3600).oldest_usec, USEC_PER_HOUR);
        assert_int_equal(count_one(record, 3601).silent, 0);
        assert_int_equal(count_one(record, 3601).oldest_usec, 0);
        record.last_data_recv_msec = 10; /* data alone, as the ACK that carried it */
        assert_int_equal(count_one(record, 3600).silent, 0);
        record.have &= ~(uint32_t)SOCKREC_INFO;
        record.last_data_recv_msec = HOUR_MSEC;
        assert_int_equal(count_one(record, 3600).silent, 0); /* unknown */
        assert_int_equal(count_one(record, 3600).established, 1);
}

static void keepalive_is_never_counted(void **state)
{
        struct sockrec record = connection(80, SOCK_TIMER_KEEPALIVE, 2 * HOUR_MSEC);
        struct half_open counts;

        (void)state;
        record.retransmits = 8; /* of its probes: the peer is gone, and it will end */
        counts = count_one(record, 60);
        assert_int_equal(counts.keepalive, 1);
        assert_int_equal(counts.silent + counts.unanswered + counts.busy, 0);
}

static void unanswered_by_retransmissions_and_silence(void **state)
{
        static const enum sock_timer timers[] = { SOCK_TIMER_RETRANSMIT, SOCK_TIMER_PROBE };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
                struct sockrec record = connection(80, timers[i], 15000);

                record.retransmits = 3;
                assert_int_equal(count_one(record, 3600).unanswered, 1);
                assert_int_equal(count_one(record, 3600).busy, 1);
                assert_int_equal(count_one(record, 3600).silent, 0);
                record.retransmits = 2;
                assert_int_equal(count_one(record, 3600).unanswered, 0);
                record.retransmits = 3;
                record.last_ack_recv_msec = 14999;
                assert_int_equal(count_one(record, 3600).unanswered, 0);
                assert_int_equal(count_one(record, 14).unanswered, 1); /* SilentAfter is less */
                record.have &= ~(uint32_t)SOCKREC_INFO;
                assert_int_equal(count_one(record, 14).unanswered, 0);
        }
}

/* A peer that does not read answers each probe, however long ago the last one was. */
static void living_zero_window_is_none(void **state)
{
        struct sockrec record = connection(80, SOCK_TIMER_PROBE, 119000);
        struct half_open counts;

        (void)state;
        record.send_queue = 43416;
        record.retransmits = 1; /* sent just now */
        counts = count_one(record, 60);
        assert_int_equal(counts.unanswered + counts.silent, 0);
        assert_int_equal(counts.busy, 1);
}

static void other_states_are_left_out(void **state)
{
        struct sockrec record = connection(80, SOCK_TIMER_NONE, HOUR_MSEC);

        (void)state;
        record.state = SOCK_CLOSE_WAIT;
        assert_false(count_one(record, 60).known);
}

static void rows_of_ports_with_a_rule_in_key_order(void **state)
{
        struct world *world = *state;
        const struct census *census;

        add_rule(world, half_open_rule(9000, 1, 60));
        add_rule(world, half_open_rule(8000, 1, 7200));
        begin(world);
        add(world, connection(9000, SOCK_TIMER_NONE, 61000));
        add(world, connection(9000, SOCK_TIMER_KEEPALIVE, 61000));
        add(world, connection(8000, SOCK_TIMER_NONE, 61000));
        add(world, connection(7000, SOCK_TIMER_NONE, HOUR_MSEC));
        census = end(world, true);
        assert_int_equal(census->n_half_open, 2);
        assert_int_equal(census->half_open[0].port.port, 8000);
        assert_int_equal(census->half_open[0].half_open.silent, 0);
        assert_int_equal(census->half_open[0].half_open.established, 1);
        assert_int_equal(census->half_open[1].port.port, 9000);
        assert_int_equal(census->half_open[1].half_open.silent, 1);
        assert_int_equal(census->half_open[1].half_open.keepalive, 1);
        assert_int_equal(census->half_open[1].half_open.default_usec, 7875 * USEC_PER_SEC);
        begin(world);
        assert_int_equal(end(world, true)->n_half_open, 0);
}

static void the_default_is_unknown_without_the_sysctls(void **state)
{
        struct world *world = *state;

        add_rule(world, half_open_rule(0, 1, 60));
        world->host.limits.keepalive_probes = KERNLIMITS_UNKNOWN;
        begin(world);
        add(world, connection(80, SOCK_TIMER_NONE, 1));
        assert_int_equal(end(world, true)->half_open[0].half_open.default_usec, 0);
}

/* The server's end counts under its port, the client's end under the server's as well. */
static void sides_are_those_of_the_ports(void **state)
{
        struct world *world = *state;
        struct sockrec client = connection(40000, SOCK_TIMER_NONE, HOUR_MSEC);
        struct rule rule = half_open_rule(5432, 1, 60);
        const struct census *census;

        client.remote_port = 5432;
        rule.scope.side = SIDE_REMOTE;
        add_rule(world, rule);
        begin(world);
        add(world, client);
        add(world, connection(5432, SOCK_TIMER_NONE, HOUR_MSEC)); /* its rule is off */
        census = end(world, true);
        assert_int_equal(census->n_half_open, 1);
        assert_int_equal(census->half_open[0].port.side, SIDE_REMOTE);
        assert_int_equal(census->half_open[0].port.port, 5432);
}

static void the_witness_is_the_most_silent_with_an_owner(void **state)
{
        struct world *world = *state;
        struct sockrec record = connection(80, SOCK_TIMER_NONE, 2 * HOUR_MSEC);
        const struct port_witness *witness;

        add_rule(world, half_open_rule(0, 1, 60));
        begin(world);
        record.inode = 0; /* in the accept queue */
        add(world, record);
        assert_true(end(world, true)->half_open[0].witness.known);
        begin(world);
        add(world, record);
        record = connection(80, SOCK_TIMER_NONE, HOUR_MSEC);
        record.inode = 11;
        record.cgroup_id = 99;
        record.have |= SOCKREC_CGROUP;
        add(world, record);
        record = connection(80, SOCK_TIMER_NONE, HOUR_MSEC / 2);
        record.inode = 12;
        add(world, record);
        record = connection(80, SOCK_TIMER_KEEPALIVE, 3 * HOUR_MSEC);
        record.inode = 13;
        add(world, record);
        witness = &end(world, true)->half_open[0].witness;
        assert_int_equal(witness->inode, 11);
        assert_int_equal(witness->cgroup_id, 99);
        assert_int_equal(witness->uid, 33);
        assert_false(witness->by_listener);
}

static void too_many_ports_are_counted(void **state)
{
        struct world *world = *state;
        const struct census *census;

        add_rule(world, half_open_rule(0, 1, 60));
        begin(world);
        for (unsigned i = 0; i < CENSUS_HALF_OPEN_MAX + 3; i++) {
                add(world, connection((uint16_t)(30000 - i), SOCK_TIMER_NONE, HOUR_MSEC));
                add(world, connection((uint16_t)(30000 - i), SOCK_TIMER_NONE, HOUR_MSEC));
        }
        census = end(world, true);
        assert_int_equal(census->n_half_open, CENSUS_HALF_OPEN_MAX);
        assert_int_equal(census->half_open_overflow, 6);
        for (size_t i = 0; i < census->n_half_open; i++) {
                assert_int_equal(census->half_open[i].half_open.silent, 2);
                assert_ptr_equal(census_find_half_open(census, &census->half_open[i].port),
                                 &census->half_open[i]);
        }
        begin(world);
        add(world, connection(80, SOCK_TIMER_NONE, HOUR_MSEC));
        assert_int_equal(end(world, true)->half_open_overflow, 0);
}

static void wanted_where_a_rule_is_on(void **state)
{
        struct world *world = *state;
        struct rule rule = half_open_rule(443, RULE_LEVEL_OFF, 60);

        assert_false(half_opens_are_wanted(world->rules));
        add_rule(world, half_open_rule(0, RULE_LEVEL_OFF, 60));
        add_rule(world, rule);
        assert_false(half_opens_are_wanted(world->rules));
        rule.critical = 5;
        add_rule(world, rule);
        assert_true(half_opens_are_wanted(world->rules));
        assert_int_equal(rules_ignore(world->rules, SIDE_LOCAL, 443, 443), 0);
        assert_false(half_opens_are_wanted(world->rules));
        add_rule(world, half_open_rule(0, 1, 60));
        assert_true(half_opens_are_wanted(world->rules));
}

static uint64_t every_sec(const struct world *world)
{
        return half_opens_every_usec(world->half_opens, world->rules) / USEC_PER_SEC;
}

static void walks_as_often_as_the_shortest_rule_needs(void **state)
{
        struct world *world = *state;

        add_rule(world, half_open_rule(0, 1, 3600));
        assert_int_equal(every_sec(world), 60);
        add_rule(world, half_open_rule(443, RULE_LEVEL_OFF, 10));
        assert_int_equal(every_sec(world), 60);
        add_rule(world, half_open_rule(80, 1, 40));
        assert_int_equal(every_sec(world), 20);
}

static void walk(struct world *world, unsigned silent, bool whole)
{
        begin(world);
        for (unsigned i = 0; i < silent; i++)
                add(world, connection(80, SOCK_TIMER_NONE, HOUR_MSEC));
        (void)end(world, whole);
}

static void looks_again_when_a_level_is_newly_reached(void **state)
{
        struct world *world = *state;
        struct rule rule = half_open_rule(0, 2, 3600);

        rule.critical = 5;
        add_rule(world, rule);
        walk(world, 1, true);
        assert_int_equal(every_sec(world), 60);
        walk(world, 2, true);
        assert_int_equal(every_sec(world), 20);
        walk(world, 2, false); /* decides nothing */
        assert_int_equal(every_sec(world), 20);
        walk(world, 3, true);
        assert_int_equal(every_sec(world), 60);
        walk(world, 5, true);
        assert_int_equal(every_sec(world), 20);
        walk(world, 4, true);
        assert_int_equal(every_sec(world), 60);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(silent_without_any_timer),
                cmocka_unit_test(keepalive_is_never_counted),
                cmocka_unit_test(unanswered_by_retransmissions_and_silence),
                cmocka_unit_test(living_zero_window_is_none),
                cmocka_unit_test(other_states_are_left_out),
                T(rows_of_ports_with_a_rule_in_key_order),
                T(the_default_is_unknown_without_the_sysctls),
                T(sides_are_those_of_the_ports),
                T(the_witness_is_the_most_silent_with_an_owner),
                T(too_many_ports_are_counted),
                T(wanted_where_a_rule_is_on),
                T(walks_as_often_as_the_shortest_rule_needs),
                T(looks_again_when_a_level_is_newly_reached),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
