/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* On which side a connection counts. */

#include "fixture.h"

#include "service.h"

#define HOUR SERVICE_KEEP_USEC

static int setup(void **state)
{
        struct services *services;

        assert_int_equal(services_new(&services), 0);
        services_set_range(services, 32768, 60999);
        *state = services;
        return 0;
}

static int teardown(void **state)
{
        services_free(*state);
        return 0;
}

static void listen_on(struct services *services, unsigned port, uint32_t inode)
{
        const struct sockrec record = { .state = SOCK_LISTEN,
                                        .local_port = (uint16_t)port,
                                        .inode = inode,
                                        .uid = 33,
                                        .cgroup_id = 7,
                                        .have = SOCKREC_OWNER };

        services_listening(services, &record);
}

static void dump(struct services *services, uint64_t now, int port, bool complete)
{
        services_begin(services);
        if (port > 0)
                listen_on(services, (unsigned)port, 5);
        services_end(services, now, complete);
}

static void assert_side(struct services *services, uint16_t local, uint16_t remote,
                        enum port_side side)
{
        const struct port_key key = services_classify(services, local, remote);

        assert_int_equal(key.side, side);
        assert_int_equal(key.port, side == SIDE_LOCAL ? local : remote);
}

static void test_without_listeners(void **state)
{
        assert_side(*state, 80, 40000, SIDE_LOCAL);
        assert_side(*state, 40000, 5432, SIDE_REMOTE);
        assert_side(*state, 793, 2049, SIDE_REMOTE); /* an NFS client */
        assert_side(*state, 61000, 40000, SIDE_LOCAL);
        assert_side(*state, 32768, 40000, SIDE_REMOTE);
        assert_side(*state, 32767, 32768, SIDE_LOCAL);
}

static void test_listener_decides(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        assert_side(services, 40000, 5432, SIDE_LOCAL);
        assert_side(services, 40001, 5432, SIDE_REMOTE);
}

/* Those that services_side() calls so, whatever the peer's port is. */
static void test_outgoing_ports(void **state)
{
        static const uint16_t ranges[][2] = { { 32768, 60999 }, { 40000, 40000 }, { 40001, 40000 },
                                              { 0, 65535 },     { 40010, 40050 }, { 64, 127 } };
        struct services *services = *state;

        dump(services, 1, 40000, true);
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
                const uint16_t first = ranges[i][0], last = ranges[i][1];
                struct port_set ports;

                services_set_range(services, first, last);
                memset(&ports, 0xff, sizeof(ports));
                services_outgoing(services, first, last, &ports);
                for (unsigned port = 0; port < PORT_NUMBERS; port++) {
                        const bool outgoing =
                                port >= first && port <= last &&
                                services_side(services, (uint16_t)port, 65535) == SIDE_REMOTE;

                        assert_int_equal(port_set_has(&ports, (uint16_t)port), outgoing);
                }
        }
}

static void count_port(uint16_t port, bool listening, void *userdata)
{
        (void)port;
        (void)listening;
        ++*(size_t *)userdata;
}

static size_t count_ports(const struct services *services)
{
        size_t n = 0;

        services_each(services, count_port, &n);
        return n;
}

static void test_lost_listener_is_remembered_for_an_hour(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        dump(services, 2, 0, true);
        assert_int_equal(count_ports(services), 1);
        dump(services, 1 + HOUR, 0, true);
        assert_int_equal(count_ports(services), 1);
        dump(services, 2 + HOUR, 0, true);
        assert_int_equal(count_ports(services), 0);
        assert_side(services, 40000, 5432, SIDE_REMOTE);
}

/* What leaks on a port without a listener does not change its name while it leaks. */
static void test_sockets_keep_a_port_a_service(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        for (uint64_t now = 2; now < 20 * HOUR; now += HOUR / 2) {
                dump(services, now, 0, true);
                assert_side(services, 40000, 5432, SIDE_LOCAL); /* a socket of this scan */
        }
}

static void test_restart_renews(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        dump(services, 2, 0, true);
        dump(services, 3, 40000, true);
        dump(services, 4 + HOUR, 0, true);
        assert_side(services, 40000, 5432, SIDE_LOCAL);
}

static void test_partial_dump_proves_nothing(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        for (uint64_t now = 2; now < 10; now++)
                dump(services, now * HOUR, 40001, false);
        assert_side(services, 40000, 5432, SIDE_LOCAL);
        assert_side(services, 40001, 5432, SIDE_LOCAL);
}

struct listed {
        size_t n;
        size_t listening;
        uint16_t last;
};

static void on_port(uint16_t port, bool listening, void *userdata)
{
        struct listed *listed = userdata;

        assert_true(listed->n == 0 || port > listed->last);
        listed->n++;
        listed->listening += listening;
        listed->last = port;
}

static void test_listing(void **state)
{
        struct services *services = *state;
        struct listed listed = { 0 };

        services_begin(services);
        for (unsigned port = 1; port <= 65535; port += 2)
                listen_on(services, port, port);
        services_end(services, 1, true);
        dump(services, 2, 65535, true);
        services_each(services, on_port, &listed);
        assert_int_equal(listed.n, 32768);
        assert_int_equal(listed.listening, 1);
}

static void test_configured_port_is_a_service(void **state)
{
        struct services *services = *state;
        struct rules *rules;
        const struct rule rule = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                   .scope = { .side = SIDE_LOCAL, .port = 40000 },
                                   .warning = 1,
                                   .critical = RULE_LEVEL_OFF };

        assert_int_equal(rules_new(&rules), 0);
        assert_int_equal(rules_add(rules, &rule), 0);
        services_set_configured(services, rules);
        assert_side(services, 40000, 5432, SIDE_LOCAL);
        rules_free(rules);
        assert_int_equal(rules_new(&rules), 0);
        services_set_configured(services, rules);
        assert_side(services, 40000, 5432, SIDE_REMOTE);
        rules_free(rules);
}

static struct port_witness listener_of(const struct services *services, uint16_t port)
{
        struct port_witness witness;

        services_listener(services, port, &witness);
        return witness;
}

/* As long as the port is a service; of several, the one of the newest dump. */
static void test_last_listener_is_remembered(void **state)
{
        struct services *services = *state;
        struct port_witness witness;

        assert_false(listener_of(services, 40000).known);
        dump(services, 1, 40000, true);
        witness = listener_of(services, 40000);
        assert_true(witness.known && witness.by_listener);
        assert_int_equal(witness.inode, 5);
        assert_int_equal(witness.uid, 33);
        assert_int_equal(witness.cgroup_id, 7);
        assert_false(listener_of(services, 40001).known);

        services_begin(services);
        listen_on(services, 40000, 6);
        services_end(services, 2, true);
        dump(services, 3, 0, true);
        assert_int_equal(listener_of(services, 40000).inode, 6);
        dump(services, 2 + HOUR, 0, true);
        assert_int_equal(listener_of(services, 40000).inode, 6);
        dump(services, 3 + HOUR, 0, true);
        assert_false(listener_of(services, 40000).known);
}

static void test_partial_dump_forgets_no_listener(void **state)
{
        struct services *services = *state;

        dump(services, 1, 40000, true);
        dump(services, 2, 40001, false);
        assert_int_equal(listener_of(services, 40000).inode, 5);
        assert_int_equal(listener_of(services, 40001).inode, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_without_listeners),
                T(test_listener_decides),
                T(test_outgoing_ports),
                T(test_lost_listener_is_remembered_for_an_hour),
                T(test_sockets_keep_a_port_a_service),
                T(test_restart_renews),
                T(test_partial_dump_proves_nothing),
                T(test_listing),
                T(test_configured_port_is_a_service),
                T(test_last_listener_is_remembered),
                T(test_partial_dump_forgets_no_listener),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
