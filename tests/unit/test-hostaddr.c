/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which addresses bind() takes on a host that is made up, and which texts are addresses. */

#include "fixture.h"

#include <arpa/inet.h>

#include "hostaddr.h"

struct made {
        struct host_addrs addrs;
        struct kernlimits limits;
};

static void add(struct made *made, const char *text, uint8_t prefix_bits, bool loopback,
                const char *broadcast)
{
        struct host_addr *item = &made->addrs.items[made->addrs.n++];
        uint8_t family;

        assert_true(host_addr_parse(text, &item->family, &item->address));
        item->prefix_bits = prefix_bits;
        item->loopback = loopback;
        if (broadcast)
                assert_true(host_addr_parse(broadcast, &family, &item->broadcast));
}

static int setup(void **state)
{
        struct made *made = calloc(1, sizeof(*made));

        kernlimits_clear(&made->limits);
        made->addrs.known = made->addrs.known6 = made->addrs.routes_known = true;
        add(made, "127.0.0.1", 8, true, NULL);
        add(made, "172.20.0.1", 29, true, NULL); /* on a loopback interface as well */
        add(made, "192.0.2.10", 24, false, "192.0.2.255");
        add(made, "::1", 128, true, NULL);
        add(made, "2001:db8::10", 128, false, NULL);
        add(made, "fe80::10", 128, false, NULL);
        *state = made;
        return 0;
}

static int teardown(void **state)
{
        free(*state);
        return 0;
}

static enum host_addr_answer can_bind(const struct made *made, const char *text)
{
        struct sock_addr address;
        uint8_t family;

        assert_true(host_addr_parse(text, &family, &address));
        return host_addrs_can_bind(&made->addrs, &made->limits, family, &address);
}

static void test_addresses_of_the_host(void **state)
{
        static const char *const yes[] = { "0.0.0.0",         "::",          "127.0.0.1",
                                           "127.9.9.9",       "172.20.0.1",  "172.20.0.6",
                                           "192.0.2.10",      "192.0.2.255", "255.255.255.255",
                                           "224.0.0.1",       "::1",         "2001:db8::10",
                                           "::ffff:127.0.0.1" };
        static const char *const no[] = { "192.0.2.11",   "172.20.0.8", "10.0.0.1",
                                          "2001:db8::11", "::2",        "::ffff:10.0.0.1",
                                          "240.0.0.1" };

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                if (can_bind(*state, yes[i]) != HOST_ADDR_YES)
                        fail_msg("%s", yes[i]);
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (can_bind(*state, no[i]) != HOST_ADDR_NO)
                        fail_msg("%s", no[i]);
        assert_int_equal(can_bind(*state, "fe80::10"), HOST_ADDR_LINK_LOCAL); /* own or not */
        assert_int_equal(can_bind(*state, "fe80::11"), HOST_ADDR_LINK_LOCAL);
        assert_int_equal(can_bind(*state, "ff02::1"), HOST_ADDR_MULTICAST);
        assert_int_equal(can_bind(*state, "0.0.0.5"), HOST_ADDR_UNKNOWN); /* it was one once */
        assert_false(host_addr_is_no(HOST_ADDR_UNKNOWN) || host_addr_is_no(HOST_ADDR_YES));
        assert_true(host_addr_is_no(HOST_ADDR_NO) && host_addr_is_no(HOST_ADDR_MULTICAST));
}

#define INET6_LINE(address, flags) address " 04 40 00 " flags "     eth0\n"

static void test_flags_of_ipv6(void **state)
{
        static const char text[] =
                INET6_LINE("20010db8000000000000000000000020", "c0")  /* tentative */
                INET6_LINE("20010db8000000000000000000000021", "44")  /* and optimistic */
                INET6_LINE("20010db8000000000000000000000022", "c8")  /* and a duplicate */
                INET6_LINE("20010db8000000000000000000000023", "4c")  /* all three */
                INET6_LINE("20010db8000000000000000000000024", "80")  /* permanent */
                INET6_LINE("20010db8000000000000000000000025", "40")  /* tentative here ... */
                INET6_LINE("20010db8000000000000000000000025", "80"); /* ... but not there */
        struct made *made = *state;

        made->addrs.known6 = false;
        host_addrs_parse_inet6(text, &made->addrs);
        assert_true(made->addrs.known6);
        assert_int_equal(can_bind(made, "2001:db8::20"), HOST_ADDR_TENTATIVE);
        assert_int_equal(can_bind(made, "2001:db8::21"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "2001:db8::22"), HOST_ADDR_TENTATIVE);
        assert_int_equal(can_bind(made, "2001:db8::23"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "2001:db8::24"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "2001:db8::25"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "2001:db8::26"), HOST_ADDR_NO);
        made->limits.nonlocal_bind6 = 1;
        assert_int_equal(can_bind(made, "2001:db8::20"), HOST_ADDR_YES);
}

static void test_text_of_ipv6_that_is_not_understood(void **state)
{
        static const char *const wrong[] = { "x\n",
                                             "20010db8\n",
                                             "20010db8000000000000000000000020\n",
                                             "20010db8000000000000000000000020 04 40 00 zz eth0\n",
                                             "20010db80000000000000000000000 20 04 40 00 80 eth0\n",
                                             "20010db8000000000000000000000020 04 40 00 80 eth0" };
        struct made *made = *state;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                made->addrs.known6 = false;
                host_addrs_parse_inet6(wrong[i], &made->addrs);
                if (made->addrs.known6)
                        fail_msg("%s", wrong[i]);
        }
        assert_int_equal(can_bind(made, "2001:db8::11"), HOST_ADDR_UNKNOWN);
        host_addrs_parse_inet6("", &made->addrs);
        assert_int_equal(can_bind(made, "2001:db8::11"), HOST_ADDR_NO);
}

static const char trie[] = "Id 100:\n"
                           "     |-- 0.0.0.0\n"
                           "        /0 host LOCAL\n"
                           "Main:\n"
                           "  +-- 0.0.0.0/0 3 0 5\n"
                           "     |-- 10.98.0.0\n"
                           "        /16 link UNICAST\n"
                           "Local:\n"
                           "  +-- 0.0.0.0/0 3 0 5\n"
                           "     |-- 0.0.0.0\n"
                           "        /0 universe UNICAST\n"
                           "     +-- 10.96.0.0/14 2 0 2\n"
                           "        |-- 10.98.0.0\n"
                           "           /16 link UNICAST\n"
                           "        |-- 10.99.0.0\n"
                           "           /24 link UNICAST\n"
                           "           /16 host LOCAL tos=0x10\n"
                           "     |-- 10.97.0.255\n"
                           "        /32 scope 7 BROADCAST\n";

static void test_local_routes(void **state)
{
        struct made *made = *state;

        made->addrs.routes_known = false;
        host_addrs_parse_routes(trie, &made->addrs);
        assert_true(made->addrs.routes_known);
        assert_int_equal(made->addrs.n_routes, 2);
        assert_int_equal(can_bind(made, "10.99.1.1"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "10.99.255.255"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "10.97.0.255"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "10.100.0.0"), HOST_ADDR_NO);
        assert_int_equal(can_bind(made, "10.98.1.1"), HOST_ADDR_NO);
        assert_int_equal(can_bind(made, "10.97.0.254"), HOST_ADDR_NO);
        assert_int_equal(can_bind(made, "192.0.2.10"), HOST_ADDR_YES);
}

static void test_routes_that_are_not_all_known(void **state)
{
        struct made *made = *state;

        made->addrs.routes_known = false;
        assert_int_equal(can_bind(made, "10.100.0.0"), HOST_ADDR_UNKNOWN);
        host_addrs_parse_routes("Local:\n     |-- 10.99.0.0\n   /16 host", &made->addrs);
        assert_false(made->addrs.routes_known);
        made->addrs.n_routes = HOST_ROUTES_MAX - 1;
        host_addrs_parse_routes(trie, &made->addrs);
        assert_false(made->addrs.routes_known);
        assert_int_equal(can_bind(made, "2001:db8::11"), HOST_ADDR_NO);
}

static void test_what_is_not_known_is_not_denied(void **state)
{
        struct made *made = *state;

        made->addrs.overflow = true;
        assert_int_equal(can_bind(made, "10.0.0.1"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "192.0.2.10"), HOST_ADDR_YES);
        made->addrs = (struct host_addrs){ 0 };
        assert_int_equal(can_bind(made, "192.0.2.10"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "2001:db8::10"), HOST_ADDR_UNKNOWN);
        assert_int_equal(can_bind(made, "0.0.0.0"), HOST_ADDR_YES);
}

static void test_nonlocal_bind_takes_any(void **state)
{
        struct made *made = *state;

        made->limits.nonlocal_bind = 1;
        assert_int_equal(can_bind(made, "10.0.0.1"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "2001:db8::11"), HOST_ADDR_NO);
        made->limits.nonlocal_bind6 = 1;
        assert_int_equal(can_bind(made, "2001:db8::11"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "ff02::1"), HOST_ADDR_MULTICAST);
        assert_int_equal(can_bind(made, "fe80::10"), HOST_ADDR_LINK_LOCAL);
}

static void test_what_is_no_address(void **state)
{
        static const char *const wrong[] = { "",         "localhost", "1.2.3",     "1.2.3.256",
                                             "1.2.3.4 ", "[::1]",     "fe80::1%1", "::1/128" };
        struct sock_addr address;
        uint8_t family;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (host_addr_parse(wrong[i], &family, &address))
                        fail_msg("%s", wrong[i]);
        assert_true(host_addr_parse("::ffff:1.2.3.4", &family, &address));
        assert_int_equal(family, ADDR_IPV4);
        assert_memory_equal(&address, (&(struct sock_addr){ { 1, 2, 3, 4 } }), sizeof(address));
}

/* Whatever this host has, loopback is there, or nothing is up at all. */
static void test_this_host(void **state)
{
        struct made *made = *state;

        host_addrs_read("/proc", &made->addrs);
        assert_true(made->addrs.known);
        if (made->addrs.n == 0)
                skip();
        assert_int_equal(can_bind(made, "127.0.0.1"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "127.1.2.3"), HOST_ADDR_YES);
        assert_int_equal(can_bind(made, "203.0.113.77"), HOST_ADDR_NO); /* TEST-NET-3 */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_addresses_of_the_host),
                TEST(test_flags_of_ipv6),
                TEST(test_text_of_ipv6_that_is_not_understood),
                TEST(test_local_routes),
                TEST(test_routes_that_are_not_all_known),
                TEST(test_what_is_not_known_is_not_denied),
                TEST(test_nonlocal_bind_takes_any),
                TEST(test_what_is_no_address),
                TEST(test_this_host),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
