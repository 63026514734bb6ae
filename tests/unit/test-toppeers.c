/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* toppeers: which sockets are of a port, the order, what the line says, and more than there is room. */

#include "toppeers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

#define PORT 7865

static struct sockrec socket_of(uint8_t state, uint32_t host)
{
        return (struct sockrec){ .state = state,
                                 .family = ADDR_IPV4,
                                 .local_port = PORT,
                                 .remote_port = 40000,
                                 .local = { { 10, 0, 0, 1 } },
                                 .remote = { { 10, (uint8_t)(host >> 16), (uint8_t)(host >> 8),
                                               (uint8_t)host } } };
}

static void add(struct toppeers *peers, uint8_t state, uint32_t host, unsigned count)
{
        const struct sockrec record = socket_of(state, host);

        for (unsigned i = 0; i < count; i++)
                toppeers_add(peers, &record);
}

static void assert_line(struct toppeers *peers, const char *expected)
{
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        assert_non_null(out);
        toppeers_sort(peers);
        toppeers_write(out, peers);
        fclose(out);
        assert_string_equal(text, expected);
        free(text);
}

static struct toppeers *new_peers(bool remote)
{
        struct toppeers *peers = calloc(1, sizeof(*peers));

        assert_non_null(peers);
        peers->remote = remote;
        peers->port = PORT;
        return peers;
}

static void test_order(void **state)
{
        struct toppeers *peers = new_peers(false);

        (void)state;
        add(peers, SOCK_ESTABLISHED, 1, 50);
        add(peers, SOCK_CLOSE_WAIT, 2, 3);
        add(peers, SOCK_TIME_WAIT, 2, 1);
        add(peers, SOCK_CLOSE_WAIT, 3, 7);
        assert_line(peers, "10.0.0.3: 7, 7 in CLOSE_WAIT; 10.0.0.2: 4, 3 in CLOSE_WAIT; "
                           "10.0.0.1: 50");
        free(peers);
}

static void test_sides(void **state)
{
        struct toppeers *peers = new_peers(false);
        struct sockrec record = socket_of(SOCK_CLOSE_WAIT, 9);

        (void)state;
        add(peers, SOCK_LISTEN, 1, 1);
        add(peers, SOCK_CLOSE, 1, 1);
        record.local_port = 40000;
        record.remote_port = PORT;
        toppeers_add(peers, &record); /* of a client of another host's service */
        assert_line(peers, "none");
        free(peers);
        peers = new_peers(true);
        add(peers, SOCK_ESTABLISHED, 1, 1); /* of a client of ours */
        toppeers_add(peers, &record);
        assert_line(peers, "10.0.0.9: 1, 1 in CLOSE_WAIT");
        free(peers);
}

/* One address over either family is two. */
static void test_families(void **state)
{
        struct toppeers *peers = new_peers(false);
        struct sockrec record = socket_of(SOCK_ESTABLISHED, 0);

        (void)state;
        memset(&record.remote, 0, sizeof(record.remote));
        toppeers_add(peers, &record);
        record.family = ADDR_IPV6;
        toppeers_add(peers, &record);
        toppeers_add(peers, &record);
        assert_line(peers, ":::"
                           " 2; 0.0.0.0: 1");
        free(peers);
}

static void test_too_many(void **state)
{
        struct toppeers *peers = new_peers(false);

        (void)state;
        for (uint32_t host = 0; host < TOPPEERS_ADDRESSES_MAX + 10; host++)
                add(peers, SOCK_ESTABLISHED, host, 2);
        add(peers, SOCK_CLOSE_WAIT, TOPPEERS_ADDRESSES_MAX - 1, 1);
        assert_int_equal(peers->n, TOPPEERS_ADDRESSES_MAX);
        assert_int_equal(peers->others, 20);
        assert_line(peers, "10.0.3.255: 3, 1 in CLOSE_WAIT; 10.0.0.0: 2; 10.0.0.1: 2; "
                           "10.0.0.2: 2; and 1020 more addresses; and 20 connections of others");
        free(peers);
}

/* What the kernel broke off is not told as if it were whole. */
static void test_partial(void **state)
{
        struct toppeers *peers = new_peers(false);

        (void)state;
        peers->partial = true;
        assert_line(peers, "none (not all were seen)");
        add(peers, SOCK_ESTABLISHED, 7, 14);
        assert_line(peers, "10.0.0.7: 14 (not all were seen)");
        free(peers);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),    cmocka_unit_test(test_sides),
                cmocka_unit_test(test_families), cmocka_unit_test(test_too_many),
                cmocka_unit_test(test_partial),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
