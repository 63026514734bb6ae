/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel's own answers, recorded by tests/data/record.py: 3 IPv4-mapped, 2 IPv6 and one
 * unaccepted connection in CLOSE_WAIT on port 7865, 4 in TIME_WAIT on port 8080.
 */

#include <linux/netlink.h>
#include <stdio.h>

#include "fixture.h"

#include "diagmsg.h"
#include "ledger.h"

#define DATAGRAM_MAX 65536

struct counts {
        size_t state[SOCK_STATE_COUNT];
        size_t stage[STAGE_COUNT];
        size_t ipv6, mapped, mini, info, cgroup, owner;
        size_t port_7865, port_8080;
};

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct counts *counts = userdata;

        counts->state[record->state]++;
        counts->ipv6 += record->family == ADDR_IPV6;
        counts->mapped += (record->have & SOCKREC_MAPPED) != 0;
        counts->mini += (record->have & SOCKREC_MINI) != 0;
        counts->info += (record->have & SOCKREC_INFO) != 0;
        counts->cgroup += (record->have & SOCKREC_CGROUP) != 0;
        counts->owner += (record->have & SOCKREC_OWNER) != 0;
        counts->port_7865 += record->local_port == 7865;
        counts->port_8080 += record->local_port == 8080;
        if (record->state == SOCK_CLOSE_WAIT)
                counts->stage[close_wait_stage(record)]++;
        return 0;
}

/* Sequence 1 and the port id of the first message, as the recording socket had them. */
static struct counts replay(const char *name)
{
        static char data[DATAGRAM_MAX] __attribute__((aligned(8)));
        struct counts counts = { 0 };
        struct diagmsg_reader reader = { .seq = 1,
                                         .sink = { .fn = on_socket, .userdata = &counts } };
        char path[256];
        uint32_t len;
        FILE *file;
        int r = 0;

        snprintf(path, sizeof(path), "tests/data/%s", name);
        file = fopen(path, "rb");
        assert_non_null(file);
        while (r == 0 && fread(&len, sizeof(len), 1, file) == 1) {
                assert_in_range(len, sizeof(struct nlmsghdr), sizeof(data));
                assert_int_equal(fread(data, 1, len, file), len);
                reader.portid = ((const struct nlmsghdr *)data)->nlmsg_pid;
                r = diagmsg_read(&reader, data, len);
        }
        (void)fclose(file);
        assert_int_equal(r, DIAGMSG_DONE);
        assert_false(reader.interrupted);
        assert_int_equal(reader.malformed, 0);
        assert_int_equal(reader.foreign, 0);
        return counts;
}

static void test_both_states_in_one_walk(void **state)
{
        const struct counts counts = replay("close-wait-and-time-wait.dump");

        (void)state;
        assert_int_equal(counts.state[SOCK_CLOSE_WAIT], 6);
        assert_int_equal(counts.state[SOCK_TIME_WAIT], 4);
        assert_int_equal(counts.ipv6, 2);
        assert_int_equal(counts.mapped, 4);
        assert_int_equal(counts.mini, 4);
        assert_int_equal(counts.owner, 6);
        assert_int_equal(counts.cgroup, 6);
        assert_int_equal(counts.port_7865, 6);
        assert_int_equal(counts.port_8080, 4);
        assert_int_equal(counts.stage[STAGE_UNACCEPTED], 1);
        assert_int_equal(counts.stage[STAGE_EOF_UNREAD], 5);
}

static void test_info(void **state)
{
        const struct counts counts = replay("close-wait-with-info.dump");

        (void)state;
        assert_int_equal(counts.state[SOCK_CLOSE_WAIT], 6);
        assert_int_equal(counts.info, 6);
}

/* The clients of the five accepted connections and of the unaccepted one: not TIME_WAIT. */
static void test_fin_wait2_mini_sockets(void **state)
{
        const struct counts counts = replay("fin-wait2.dump");

        (void)state;
        assert_int_equal(counts.state[SOCK_FIN_WAIT2], 6);
        assert_int_equal(counts.state[SOCK_TIME_WAIT], 0);
}

static void test_listeners(void **state)
{
        const struct counts counts = replay("listen.dump");

        (void)state;
        assert_int_equal(counts.state[SOCK_LISTEN], 2);
        assert_int_equal(counts.port_7865, 1);
        assert_int_equal(counts.port_8080, 1);
}

static void test_every_state(void **state)
{
        const struct counts counts = replay("every-state.dump");

        (void)state;
        assert_int_equal(counts.state[SOCK_LISTEN], 2);
        assert_int_equal(counts.state[SOCK_CLOSE_WAIT], 6);
        assert_int_equal(counts.state[SOCK_TIME_WAIT], 4);
        assert_int_equal(counts.state[SOCK_FIN_WAIT2], 6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_states_in_one_walk),
                cmocka_unit_test(test_info),
                cmocka_unit_test(test_fin_wait2_mini_sockets),
                cmocka_unit_test(test_listeners),
                cmocka_unit_test(test_every_state),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
