/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who listens on a port: one for each, the one with the longest queue. */

#include "fixture.h"

#include "listeners.h"

static int setup(void **state)
{
        *state = calloc(1, sizeof(struct listeners));
        return *state ? 0 : -1;
}

static int teardown(void **state)
{
        listeners_done(*state);
        free(*state);
        return 0;
}

static void see(struct listeners *listeners, uint16_t port, uint32_t inode, uint32_t waiting,
                bool again)
{
        const struct sockrec record = { .state = SOCK_LISTEN,
                                        .local_port = port,
                                        .inode = inode,
                                        .uid = 33,
                                        .cgroup_id = 7,
                                        .receive_queue = waiting,
                                        .have = SOCKREC_OWNER };

        listeners_see(listeners, &record, again);
}

/* 0: unknown. */
static uint32_t inode_on(const struct listeners *listeners, uint16_t port)
{
        struct port_witness witness;

        listeners_find(listeners, port, &witness);
        assert_int_equal(witness.known, witness.by_listener);
        if (!witness.known)
                return 0;
        assert_int_equal(witness.uid, 33);
        assert_int_equal(witness.cgroup_id, 7);
        return witness.inode;
}

static void test_found_by_port(void **state)
{
        struct listeners *listeners = *state;

        assert_int_equal(inode_on(listeners, 80), 0);
        see(listeners, 80, 500, 0, false);
        assert_int_equal(inode_on(listeners, 80), 500);
        assert_int_equal(inode_on(listeners, 81), 0);
        see(listeners, 80, 501, 0, false); /* a later dump: restarted */
        assert_int_equal(inode_on(listeners, 80), 501);
        assert_int_equal(listeners->n, 1);
}

static void test_longest_queue_of_one_dump(void **state)
{
        struct listeners *listeners = *state;

        see(listeners, 80, 500, 3, false);
        see(listeners, 80, 501, 9, true);
        see(listeners, 80, 502, 9, true);
        see(listeners, 80, 503, 4, true);
        assert_int_equal(inode_on(listeners, 80), 501);
        see(listeners, 80, 504, 0, false); /* the queues of an earlier dump are over */
        assert_int_equal(inode_on(listeners, 80), 504);
}

static void test_without_an_owner(void **state)
{
        const struct sockrec record = { .state = SOCK_LISTEN, .local_port = 80, .inode = 5 };

        listeners_see(*state, &record, false);
        assert_int_equal(inode_on(*state, 80), 0);
}

static bool below(uint16_t port, const void *userdata)
{
        return port < *(const unsigned *)userdata;
}

/* Memory follows the number of ports up and down again. */
static void test_size_follows_the_ports(void **state)
{
        struct listeners *listeners = *state;
        unsigned limit = 10;

        for (unsigned port = 0; port < 65536; port++)
                see(listeners, (uint16_t)port, port + 1, 0, false);
        assert_int_equal(listeners->n, 65536);
        assert_int_equal(listeners->size, 131072);
        for (unsigned port = 0; port < 65536; port++)
                assert_int_equal(inode_on(listeners, (uint16_t)port), port + 1);

        listeners_keep(listeners, below, &limit);
        assert_int_equal(listeners->n, 10);
        assert_true(listeners->size <= 32);
        for (unsigned port = 0; port < 65536; port++)
                assert_int_equal(inode_on(listeners, (uint16_t)port), port < limit ? port + 1 : 0);

        limit = 0;
        listeners_keep(listeners, below, &limit);
        assert_int_equal(listeners->n, 0);
        assert_int_equal(inode_on(listeners, 9), 0);
        see(listeners, 9, 77, 0, false);
        assert_int_equal(inode_on(listeners, 9), 77);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_found_by_port),
                T(test_longest_queue_of_one_dump),
                T(test_without_an_owner),
                T(test_size_follows_the_ports),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
