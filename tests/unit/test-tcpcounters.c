/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counters by name, whatever stands around them, and their rates over about a minute. */

#include "fixture.h"

#include "tcpcounters.h"

#define SEC USEC_PER_SEC

static bool is_known(uint32_t known, enum tcp_counter counter)
{
        return known & 1U << counter;
}

static void test_parse(void **state)
{
        static const char text[] =
                "TcpExt: SyncookiesSent TCPAbortOnClose ListenOverflows XTCPAbortOnData TWRecycled\n"
                "TcpExt: 1 22 18446744073709551615 4 5\n"
                "IpExt: TCPAbortOnTimeout\n"
                "IpExt: 9\n";
        struct tcp_counters counters;

        (void)state;
        tcp_counters_parse(text, &counters);
        assert_true(is_known(counters.known, TCP_ABORT_ON_CLOSE));
        assert_int_equal(counters.value[TCP_ABORT_ON_CLOSE], 22);
        assert_true(counters.value[TCP_LISTEN_OVERFLOWS] == UINT64_MAX);
        assert_int_equal(counters.value[TCP_TW_RECYCLED], 5);
        assert_false(is_known(counters.known, TCP_ABORT_ON_DATA));    /* part of a longer name */
        assert_false(is_known(counters.known, TCP_ABORT_ON_TIMEOUT)); /* of another group */
        assert_false(is_known(counters.known, TCP_LISTEN_DROPS));
}

static void test_order_does_not_matter(void **state)
{
        struct tcp_counters counters;

        (void)state;
        tcp_counters_parse("IpExt: A\nIpExt: 1\nTcpExt: ListenDrops TCPAbortOnData\nTcpExt: 7 8\n",
                           &counters);
        assert_int_equal(counters.value[TCP_LISTEN_DROPS], 7);
        assert_int_equal(counters.value[TCP_ABORT_ON_DATA], 8);
}

static void test_nonsense_is_unknown(void **state)
{
        static const char *const texts[] = {
                "",
                "TcpExt:",
                "TcpExt: TCPAbortOnClose",
                "TcpExt: TCPAbortOnClose\n",
                "TcpExt: TCPAbortOnClose\nIpExt: 1\n",
                "TcpExt: TCPAbortOnClose\nTcpExt:\n",
                "TcpExt: TCPAbortOnClose\nTcpExt: x\n",
                "TcpExt: TCPAbortOnClose\nTcpExt: -1\n",
                "TcpExt: TCPAbortOnClose\nTcpExt: 1x\n",
                "TcpExt: TCPAbortOnClose\nTcpExt: 18446744073709551616\n",
                "IpExt: TCPAbortOnClose\nIpExt: 1\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct tcp_counters counters = { .known = UINT32_MAX };

                tcp_counters_parse(texts[i], &counters);
                assert_int_equal(counters.known, 0);
        }
}

static void test_short_values_leave_the_rest_unknown(void **state)
{
        struct tcp_counters counters;

        (void)state;
        tcp_counters_parse("TcpExt: TCPAbortOnClose ListenDrops\nTcpExt: 3\n", &counters);
        assert_int_equal(counters.known, 1U << TCP_ABORT_ON_CLOSE);
}

static struct tcp_rates add(struct tcp_history *history, uint64_t sec, uint64_t aborts)
{
        struct tcp_counters counters = { .known = 1U << TCP_ABORT_ON_CLOSE };
        struct tcp_rates rates;

        counters.value[TCP_ABORT_ON_CLOSE] = aborts;
        tcp_history_add(history, sec * SEC, &counters, &rates);
        return rates;
}

static void assert_rates(struct tcp_rates rates, uint64_t window_sec, uint64_t delta)
{
        assert_int_equal(rates.known, 1U << TCP_ABORT_ON_CLOSE);
        assert_int_equal(rates.window_usec, window_sec * SEC);
        assert_int_equal(rates.delta[TCP_ABORT_ON_CLOSE], delta);
}

static void test_rates_grow_to_a_minute(void **state)
{
        struct tcp_history history = { 0 };

        (void)state;
        assert_int_equal(add(&history, 1000, 50).known, 0);
        for (uint64_t sec = 1; sec <= 60; sec++)
                assert_rates(add(&history, 1000 + sec, 50 + sec), sec, sec);
        for (uint64_t sec = 61; sec <= 300; sec++) {
                struct tcp_rates rates = add(&history, 1000 + sec, 50 + sec);

                assert_in_range(rates.window_usec, 56 * SEC, 60 * SEC);
                assert_int_equal(rates.delta[TCP_ABORT_ON_CLOSE] * SEC, rates.window_usec);
                assert_true(history.n <= TCP_RATES_SAMPLES);
        }
}

/* A scan every 100 ms and one every ten minutes. */
static void test_any_interval(void **state)
{
        struct tcp_history history = { 0 };
        struct tcp_counters counters = { .known = 1U << TCP_ABORT_ON_CLOSE };
        struct tcp_rates rates = { 0 };

        (void)state;
        for (uint64_t i = 0; i <= 2000; i++) {
                counters.value[TCP_ABORT_ON_CLOSE] = i;
                tcp_history_add(&history, i * SEC / 10, &counters, &rates);
        }
        assert_in_range(rates.window_usec, 56 * SEC, 60 * SEC);
        assert_int_equal(rates.delta[TCP_ABORT_ON_CLOSE], rates.window_usec * 10 / SEC);

        assert_rates(add(&history, 800, 2600), 600, 600);
        assert_rates(add(&history, 1400, 2607), 600, 7);
}

static void test_what_went_down_begins_anew(void **state)
{
        struct tcp_history history = { 0 };

        (void)state;
        add(&history, 1000, 50);
        assert_rates(add(&history, 1010, 60), 10, 10);
        assert_int_equal(add(&history, 1020, 5).known, 0);
        assert_rates(add(&history, 1030, 6), 10, 1);
}

static void test_unknown_is_no_sample(void **state)
{
        const struct tcp_counters unknown = { 0 };
        struct tcp_counters other = { .known = 1U << TCP_LISTEN_DROPS };
        struct tcp_history history = { 0 };
        struct tcp_rates rates;

        (void)state;
        add(&history, 1000, 50);
        tcp_history_add(&history, 1010 * SEC, &unknown, &rates);
        assert_int_equal(rates.known, 0);
        assert_rates(add(&history, 1020, 57), 20, 7);
        tcp_history_add(&history, 1030 * SEC, &other, &rates);
        assert_int_equal(rates.known, 0); /* it has no past, the other one no present */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_order_does_not_matter),
                cmocka_unit_test(test_nonsense_is_unknown),
                cmocka_unit_test(test_short_values_leave_the_rest_unknown),
                cmocka_unit_test(test_rates_grow_to_a_minute),
                cmocka_unit_test(test_any_interval),
                cmocka_unit_test(test_what_went_down_begins_anew),
                cmocka_unit_test(test_unknown_is_no_sample),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
