/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which bind() of a port are judged, and by what. */

#include "fixture.h"

#include "portbinds.h"

static const struct bind_claims nothing = { .whole = true, .bound_known = true };

static const struct bind_address local_10 = { .family = ADDR_IPV4,
                                              .address = { { 10, 0, 0, 1 } },
                                              .local = HOST_ADDR_YES };

static struct port_binds judge(const struct bind_claims *claims, const struct bind_address *asked)
{
        struct port_binds binds;

        port_binds_judge(claims, asked, &binds);
        return binds;
}

static void test_the_wildcards(void **state)
{
        static const struct bind_address any4 = { .family = ADDR_IPV4, .local = HOST_ADDR_YES };
        static const struct bind_address any6 = { .family = ADDR_IPV6, .local = HOST_ADDR_YES };
        const struct port_binds binds = judge(&nothing, NULL);

        (void)state;
        assert_int_equal(binds.n, 3);
        assert_int_equal(binds.asked, 0);
        assert_int_equal(binds.items[0].question.family, BIND_IPV4);
        assert_int_equal(binds.items[1].question.family, BIND_DUAL);
        assert_int_equal(binds.items[2].question.family, BIND_IPV6);
        for (size_t i = 0; i < binds.n; i++)
                assert_int_equal(binds.items[i].verdict.plain, BIND_YES);
        assert_int_equal(judge(&nothing, &any4).n, 3);
        assert_int_equal(judge(&nothing, &any4).asked, 0);
        assert_int_equal(judge(&nothing, &any6).n, 3);
        assert_int_equal(judge(&nothing, &any6).asked, 1);
}

static void test_an_address(void **state)
{
        struct bind_address asked = local_10;
        struct port_binds binds = judge(&nothing, &asked);

        (void)state;
        assert_int_equal(binds.n, 4);
        assert_int_equal(binds.asked, 3);
        assert_int_equal(binds.items[3].question.family, BIND_IPV4);
        assert_int_equal(binds.items[3].question.address.bytes[0], 10);
        assert_int_equal(binds.items[3].verdict.plain, BIND_YES);
        asked.family = ADDR_IPV6;
        assert_int_equal(judge(&nothing, &asked).items[3].question.family, BIND_IPV6);
}

static void test_an_address_of_nobody(void **state)
{
        struct bind_address asked = local_10;
        struct port_binds binds;

        (void)state;
        asked.local = HOST_ADDR_NO;
        binds = judge(&nothing, &asked);
        assert_int_equal(binds.items[3].verdict.plain, BIND_NO);
        assert_int_equal(binds.items[3].verdict.reuse, BIND_NO);
        assert_int_equal(binds.items[3].verdict.reuseport, BIND_NO);
        assert_false(binds.items[3].verdict.free_known); /* never by itself */
        assert_int_equal(binds.items[0].verdict.plain, BIND_YES);
}

/* A no stays, and the time is no more certain than the yes that it leads to. */
static void test_an_address_that_may_be_ours(void **state)
{
        struct bind_address asked = local_10;
        const struct sockrec time_wait = { .state = SOCK_TIME_WAIT,
                                           .family = ADDR_IPV4,
                                           .local = { { 10, 0, 0, 1 } },
                                           .expires_msec = 9000,
                                           .have = SOCKREC_MINI };
        struct bind_claims claims = nothing;
        struct port_binds binds;

        (void)state;
        asked.local = HOST_ADDR_UNKNOWN;
        binds = judge(&claims, &asked);
        assert_int_equal(binds.items[3].verdict.plain, BIND_UNKNOWN);
        assert_int_equal(binds.items[3].verdict.reuse, BIND_UNKNOWN);
        assert_int_equal(binds.items[3].verdict.reuseport, BIND_UNKNOWN);
        assert_false(binds.items[3].verdict.free_known);
        assert_int_equal(binds.items[0].verdict.plain, BIND_YES);
        bind_claims_add(&claims, &time_wait, false);
        binds = judge(&claims, &asked);
        assert_int_equal(binds.items[3].verdict.plain, BIND_NO);
        assert_false(binds.items[3].verdict.free_known);
        assert_int_equal(binds.items[3].verdict.free_in_msec, 0);
        assert_int_equal(binds.items[0].verdict.free_in_msec, 9000 + BIND_TIMER_SLACK_MSEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_wildcards),
                cmocka_unit_test(test_an_address),
                cmocka_unit_test(test_an_address_of_nobody),
                cmocka_unit_test(test_an_address_that_may_be_ours),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
