/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kernel counts for the host: sockstat, the table of mini-sockets, how connections end. */

#include "faketree.h"

#include "closing.h"
#include "endings.h"
#include "hostfacts.h"

static const char sockstat[] = "sockets: used 15\n"
                               "TCP: inuse 12 orphan 3 tw 40 alloc 20 mem 174\n"
                               "UDP: inuse 7 mem 0\n";
static const char sockstat6[] = "TCP6: inuse 5\nUDP6: inuse 9\n";

static void test_sockstat(void **state)
{
        struct sockstat stat;

        (void)state;
        sockstat_parse(sockstat, sockstat6, &stat);
        assert_int_equal(stat.inuse, 17);
        assert_int_equal(stat.tw, 40);
        sockstat_parse(sockstat, NULL, &stat); /* a kernel without IPv6 */
        assert_int_equal(stat.inuse, 12);
        sockstat_parse(sockstat, "", &stat); /* it has IPv6, and does not say */
        assert_int_equal(stat.inuse, HOST_UNKNOWN);
        assert_int_equal(stat.tw, 40);
}

static void test_sockstat_nonsense(void **state)
{
        static const char *const texts[] = {
                "",          "TCP:",         "TCP: ",
                "TCP: tw",   "TCP: tw \n",   "TCP: tw -1\n",
                "TCP: tw x", "TCP: tw 1x\n", "TCP: tw 99999999999999999999\n",
                "tw 5\n",    "UDP: tw 5\n",  "TCP: xtw 5 twx 6\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct sockstat stat;

                sockstat_parse(texts[i], texts[i], &stat);
                assert_int_equal(stat.inuse, HOST_UNKNOWN);
                assert_int_equal(stat.tw, HOST_UNKNOWN);
        }
}

static void test_read(void **state)
{
        struct tree *tree = *state;
        struct host_facts facts;

        make_dir(tree->proc, "net");
        make_dir(tree->proc, "sys/net/ipv4");
        make_file(tree->proc, "net/sockstat", sockstat);
        make_file(tree->proc, "net/sockstat6", sockstat6);
        make_file(tree->proc, "net/netstat", "TcpExt: TCPAbortOnData\nTcpExt: 8\n");
        make_file(tree->proc, "sys/net/ipv4/tcp_max_tw_buckets", "100\n");
        host_facts_read(&tree->reader, &facts);
        assert_int_equal(facts.counters.known, 0);
        host_facts_read_counters(&tree->reader, &facts);
        assert_int_equal(facts.sockstat.inuse, 17);
        assert_int_equal(facts.counters.known, 1U << TCP_ABORT_ON_DATA);
        assert_int_equal(facts.limits.max_tw_buckets, 100);
        assert_false(facts.tw_table.known);
        assert_int_equal(facts.rates.known, 0);
}

static void test_unreadable_is_unknown(void **state)
{
        struct proc_reader reader;
        struct host_facts facts;

        (void)state;
        proc_reader_init(&reader, "/nonexistent");
        host_facts_read(&reader, &facts);
        host_facts_read_counters(&reader, &facts);
        assert_int_equal(facts.sockstat.inuse, HOST_UNKNOWN);
        assert_int_equal(facts.sockstat.tw, HOST_UNKNOWN);
        assert_int_equal(facts.limits.max_tw_buckets, KERNLIMITS_UNKNOWN);
        assert_int_equal(facts.counters.known, 0);
        proc_reader_done(&reader);
}

/* A file that is longer than its bound is none at all: half of it might be half a number. */
static void test_too_long_is_unknown(void **state)
{
        struct tree *tree = *state;
        const size_t size = 40000;
        char *text = malloc(size + 1);
        struct host_facts facts;

        assert_non_null(text);
        memset(text, ' ', size);
        text[size] = '\0';
        memcpy(text, "TcpExt: TCPAbortOnData\nTcpExt: 8\n", 33);
        make_dir(tree->proc, "net");
        make_file(tree->proc, "net/netstat", text);
        host_facts_read(&tree->reader, &facts);
        host_facts_read_counters(&tree->reader, &facts);
        assert_int_equal(facts.counters.known, 0);
        free(text);
}

static void test_this_kernel(void **state)
{
        struct proc_reader reader;
        struct host_facts facts;

        (void)state;
        proc_reader_init(&reader, "/proc");
        host_facts_read(&reader, &facts);
        host_facts_read_counters(&reader, &facts);
        assert_true(facts.sockstat.inuse >= 0);
        assert_true(facts.sockstat.tw >= 0);
        assert_int_equal(facts.counters.known, (1U << TCP_COUNTER_COUNT) - 1);
        proc_reader_done(&reader);
}

static struct host_facts facts_of(int64_t tw, int64_t max, int64_t overflows)
{
        struct host_facts facts;

        host_facts_clear(&facts);
        facts.sockstat.tw = tw;
        facts.limits.max_tw_buckets = max;
        if (overflows >= 0) {
                facts.counters.known = 1U << TCP_TIME_WAIT_OVERFLOW;
                facts.counters.value[TCP_TIME_WAIT_OVERFLOW] = (uint64_t)overflows;
        }
        return facts;
}

static struct tw_table fill(int64_t tw, int64_t max, int64_t overflows, struct tw_overflow *last)
{
        struct host_facts facts = facts_of(tw, max, overflows);
        const uint64_t time_wait = 30;

        host_facts_set_table(&facts, &time_wait, last);
        return facts.tw_table;
}

static void test_table(void **state)
{
        struct tw_overflow last = { 0 };
        struct tw_table table = fill(40, 160, 7, &last);

        (void)state;
        assert_true(table.known);
        assert_int_equal(table.used, 40);
        assert_int_equal(table.max, 160);
        assert_int_equal(table.time_wait, 30);
        assert_int_equal(tw_table_percent(&table), 25);
        assert_false(table.overflow_known); /* nothing to compare with */
        assert_int_equal(table.overflows, 0);

        table = fill(20, 160, 7, &last);
        assert_int_equal(table.time_wait, 20); /* not more than there are */
        assert_true(table.overflow_known);
        assert_int_equal(table.overflows, 0);
        assert_int_equal(fill(40, 160, 10, &last).overflows, 3);
        assert_int_equal(fill(40, 160, 10, &last).overflows, 0);
}

/* A scan that reads the counters if they are wanted; else they have moved unseen. */
static struct host_facts scan_at(uint64_t now_usec, int64_t tw, int64_t overflows,
                                 struct tcp_history *history, struct counters_past *past)
{
        const struct counters_pace pace = { .now_usec = now_usec,
                                            .every_usec = HOST_COUNTERS_USEC };
        struct host_facts facts = facts_of(tw, 100, -1);

        if (host_facts_want_counters(&facts, past, &pace))
                facts = facts_of(tw, 100, overflows);
        host_facts_set_counters(&facts, history, past, &pace);
        return facts;
}

static void test_counters_are_read_now_and_then(void **state)
{
        struct tcp_history history = { 0 };
        struct counters_past past = { 0 };
        struct host_facts facts;

        (void)state;
        (void)scan_at(7, 1, 10, &history, &past);
        facts = scan_at(HOST_COUNTERS_USEC + 6, 1, 14, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 10); /* as last read */
        facts = scan_at(HOST_COUNTERS_USEC + 7, 1, 14, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 14);
        assert_int_equal(facts.rates.delta[TCP_TIME_WAIT_OVERFLOW], 4);
        facts = scan_at(HOST_COUNTERS_USEC + 8, 1, 19, &history, &past);
        assert_int_equal(facts.rates.delta[TCP_TIME_WAIT_OVERFLOW], 4); /* and so are the rates */

        facts = scan_at(HOST_COUNTERS_USEC + 9, 50, 20, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 20);
        facts = scan_at(HOST_COUNTERS_USEC + 10, 1, 21, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 21); /* it was half full */
        facts = scan_at(HOST_COUNTERS_USEC + 11, 1, 22, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 21);
        facts = scan_at(HOST_COUNTERS_USEC + 12, HOST_UNKNOWN, 23, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 23);
        facts = scan_at(HOST_COUNTERS_USEC + 13, 1, -1, &history, &past);
        assert_int_equal(facts.counters.known, 0); /* they cannot be read */
        facts = scan_at(HOST_COUNTERS_USEC + 14, 1, 24, &history, &past);
        assert_int_equal(facts.counters.value[TCP_TIME_WAIT_OVERFLOW], 24); /* again at once */
        assert_int_equal(facts.counters_age_usec, 0);
        facts = scan_at(HOST_COUNTERS_USEC + 20, 1, 25, &history, &past);
        assert_int_equal(facts.counters_age_usec, 6);
}

/*
 * A table of 100, in which each stays for a minute. Bursts come at random, and scans; whatever
 * overflows is told by the first scan after it, and before it is told nobody says that none has.
 */
static void test_no_overflow_waits(void **state)
{
        enum { TABLE = 100, STAYS = 60, SECONDS = 200000 };
        static int64_t enters[SECONDS];
        struct tcp_history history = { 0 };
        struct counters_past past = { 0 };
        struct tw_overflow last = { 0 };
        int64_t overflows = 0, told = 0, scans = 0, used = 0;
        unsigned next = 1, skipped = 0;

        (void)state;
        srandom(1);
        for (unsigned t = 0; t < SECONDS; t++) {
                const int64_t come = random() % 40 == 0 ? random() % (random() % 2 ? 120 : 20) : 0;
                struct host_facts facts;

                used -= t >= STAYS ? enters[t - STAYS] : 0;
                enters[t] = come < TABLE - used ? come : TABLE - used;
                overflows += come - enters[t];
                used += enters[t];
                if (t < next)
                        continue;
                next = t + 1 + (unsigned)(random() % 30);
                facts = scan_at(t * UINT64_C(1000000), used, overflows, &history, &past);
                skipped += past.asof_usec < t * UINT64_C(1000000);
                host_facts_set_table(&facts, NULL, &last);
                told += scans++ > 0 ? (int64_t)facts.tw_table.overflows : overflows;
                assert_int_equal(told, overflows);
        }
        assert_true(overflows > 10000 && skipped > 1000);
}

static void test_table_unknown(void **state)
{
        struct tw_overflow last = { 0 };
        struct host_facts facts = facts_of(40, 100, 7);
        struct tw_table table;

        (void)state;
        assert_false(fill(HOST_UNKNOWN, 100, 7, &last).known);
        assert_false(fill(40, KERNLIMITS_UNKNOWN, 7, &last).known);

        host_facts_set_table(&facts, NULL, &last); /* a scan that did not count them */
        assert_true(facts.tw_table.known);
        assert_false(facts.tw_table.time_wait_known);

        /* what came while nobody could tell is told when somebody can */
        assert_false(fill(40, 100, -1, &last).overflow_known);
        assert_false(fill(HOST_UNKNOWN, 100, 8, &last).known);
        table = fill(40, 100, 12, &last);
        assert_int_equal(table.overflows, 5);
        assert_int_equal(table.overflows_total, 5);

        table = fill(40, 100, 3, &last); /* it went down: another counter */
        assert_false(table.overflow_known);
        assert_int_equal(table.overflows, 0);
        assert_int_equal(table.overflows_total, 5); /* which never falls */
        table = fill(40, 100, 5, &last);
        assert_int_equal(table.overflows, 2);
        assert_int_equal(table.overflows_total, 7);
}

static void test_table_percent(void **state)
{
        static const struct {
                uint64_t used, max, percent;
        } cases[] = { { 0, 100, 0 }, { 79, 99, 79 },         { 4, 5, 80 }, { 150, 100, 150 },
                      { 1, 1, 100 }, { 262143, 262144, 99 }, { 5, 0, 0 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct tw_table table = { .used = cases[i].used, .max = cases[i].max };

                assert_int_equal(tw_table_percent(&table), cases[i].percent);
        }
}

/* 55 connections in the last 55 s; what is about to expire is older, or expired already. */
static void test_closing(void **state)
{
        struct port_row row = { .tw_remaining = { [0] = 1000 } };

        (void)state;
        assert_true(closing_per_sec(&row) == 0);
        for (size_t i = 1; i < SNAPSHOT_TW_BINS; i++)
                row.tw_remaining[i] = 5;
        assert_true(closing_per_sec(&row) == 1);
        row.tw_beyond = 55;
        assert_true(closing_per_sec(&row) == 2);
}

static void test_closes_at_least(void **state)
{
        struct host_facts facts = { .rates = { .known = 1U << TCP_TW_RECYCLED |
                                                        1U << TCP_TIME_WAIT_OVERFLOW,
                                               .window_usec = 56 * USEC_PER_SEC } };
        struct tcp_rates *rates = &facts.rates;

        (void)state;
        assert_int_equal(closing_is_at_least(&facts), CLOSING_NO);
        facts.counters_age_usec = 1; /* nobody has looked since */
        assert_int_equal(closing_is_at_least(&facts), CLOSING_UNKNOWN);
        rates->delta[TCP_TW_RECYCLED] = 1;
        assert_int_equal(closing_is_at_least(&facts), CLOSING_YES);
        facts.counters_age_usec = 0;
        assert_int_equal(closing_is_at_least(&facts), CLOSING_YES);
        rates->delta[TCP_TW_RECYCLED] = 0;
        rates->delta[TCP_TIME_WAIT_OVERFLOW] = 1;
        assert_int_equal(closing_is_at_least(&facts), CLOSING_YES);
        rates->window_usec = 10 * USEC_PER_SEC; /* that much is known at once */
        assert_int_equal(closing_is_at_least(&facts), CLOSING_YES);
        rates->delta[TCP_TIME_WAIT_OVERFLOW] = 0;
        assert_int_equal(closing_is_at_least(&facts), CLOSING_UNKNOWN);
        rates->window_usec = 60 * USEC_PER_SEC;
        rates->known = 1U << TCP_TW_RECYCLED;
        rates->delta[TCP_TIME_WAIT_OVERFLOW] = 1; /* of what is not known nothing is */
        assert_int_equal(closing_is_at_least(&facts), CLOSING_UNKNOWN);
}

static struct host_facts endings_of(enum tcp_counter counter, uint64_t delta, int64_t time_wait)
{
        struct host_facts facts = facts_of(time_wait, 1000, 0);

        facts.rates = (struct tcp_rates){ .known = 1U << counter,
                                          .window_usec = 29600000 }; /* told as 30 s */
        facts.rates.delta[counter] = delta;
        return facts;
}

static void assert_reading(const struct host_facts *facts, const char *expected)
{
        char text[ENDINGS_TEXT_MAX] = "x";

        assert_int_equal(endings_reading(facts, text), expected[0] != '\0');
        assert_string_equal(text, expected);
}

static void test_readings(void **state)
{
        struct host_facts facts = endings_of(TCP_ABORT_ON_DATA, 10, 0);

        (void)state;
        assert_reading(
                &facts,
                "aborts high, TIME_WAIT low: this host ended 10 connections by a reset in 30s, "
                "0 are in TIME_WAIT: somebody uses SO_LINGER 0, or closes while the peer still "
                "sends (10) (perf trace -e tcp:tcp_send_reset shows who)");
        facts.rates.known |= 1U << TCP_ABORT_ON_CLOSE;
        facts.rates.delta[TCP_ABORT_ON_CLOSE] = 4;
        assert_reading(
                &facts,
                "aborts high, TIME_WAIT low: this host ended 14 connections by a reset in 30s, "
                "0 are in TIME_WAIT: somebody uses SO_LINGER 0, or closes while the peer still "
                "sends (10), or closes with unread data (4) (perf trace -e tcp:tcp_send_reset "
                "shows who)");
        facts.sockstat.tw = 4; /* 14 to 4: not low any more */
        assert_reading(&facts,
                       "aborts high: this host ended 14 connections by a reset in 30s, 4 are in "
                       "TIME_WAIT: somebody uses SO_LINGER 0, or closes while the peer still sends "
                       "(10), or closes with unread data (4) (perf trace -e tcp:tcp_send_reset "
                       "shows who)");
        facts = endings_of(TCP_ABORT_ON_CLOSE, 12, 3);
        assert_reading(
                &facts,
                "aborts high, TIME_WAIT low: this host ended 12 connections by a reset in 30s, "
                "3 are in TIME_WAIT: somebody closes with unread data (12) (perf "
                "trace -e tcp:tcp_send_reset shows who)");
        facts = endings_of(TCP_LISTEN_OVERFLOWS, 10, 1000);
        assert_reading(&facts,
                       "accept queues overflow: 10 times in 30s a connection found its listener's "
                       "queue full: a program accepts too slowly, or its backlog is too short (ss "
                       "-ltnp shows whose)");
        facts.rates.known |= 1U << TCP_ABORT_ON_TIMEOUT;
        facts.rates.delta[TCP_ABORT_ON_TIMEOUT] = 11;
        assert_reading(
                &facts,
                "accept queues overflow: 10 times in 30s a connection found its listener's "
                "queue full: a program accepts too slowly, or its backlog is too short (ss -ltnp shows whose); peers "
                "vanish: 11 connections in 30s were given up because the peer did not answer "
                "any more");
}

static void test_nothing_to_read(void **state)
{
        static const enum tcp_counter quiet[] = { TCP_ABORT_ON_LINGER, TCP_TIME_WAIT_OVERFLOW,
                                                  TCP_TW_RECYCLED, TCP_LISTEN_DROPS };
        struct host_facts facts;

        (void)state;
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++) {
                facts = endings_of(i, 9, 0); /* below every threshold */
                assert_reading(&facts, "");
        }
        for (size_t i = 0; i < ARRAY_SIZE(quiet); i++) {
                facts = endings_of(quiet[i], 1000000, 0);
                assert_reading(&facts, "");
        }
        facts = endings_of(TCP_ABORT_ON_DATA, 20, 21);
        assert_reading(&facts, "");
        facts = endings_of(TCP_ABORT_ON_DATA, 20, 20);
        assert_int_equal(endings_reading(&facts, (char[ENDINGS_TEXT_MAX]){ 0 }), true);
        facts.rates.known |= 1U << TCP_TIME_WAIT_OVERFLOW;
        facts.rates.delta[TCP_TIME_WAIT_OVERFLOW] = 1; /* it would be in TIME_WAIT as well */
        assert_reading(&facts, "");
        facts = endings_of(TCP_ABORT_ON_DATA, 20, 4);
        facts.rates.window_usec = 300 * USEC_PER_SEC; /* 4 a minute against 4 */
        assert_int_equal(endings_reading(&facts, (char[ENDINGS_TEXT_MAX]){ 0 }), true);
        facts.rates.delta[TCP_ABORT_ON_DATA] = 19;
        assert_reading(&facts, "");
        facts = endings_of(TCP_ABORT_ON_DATA, 20, 20);
        facts.sockstat.tw = HOST_UNKNOWN; /* nobody knows whether they are many */
        assert_reading(&facts, "");
        host_facts_clear(&facts);
        assert_reading(&facts, "");
}

/* FIN_WAIT2 is nothing that has ended as it should. */
static void test_fin_wait2_is_no_time_wait(void **state)
{
        struct host_facts facts = endings_of(TCP_ABORT_ON_DATA, 20, 500);
        struct tw_overflow last = { 0 };
        const uint64_t time_wait = 2;
        char text[ENDINGS_TEXT_MAX];

        (void)state;
        assert_reading(&facts, "");
        host_facts_set_table(&facts, &time_wait, &last);
        assert_true(endings_reading(&facts, text));
        assert_non_null(strstr(text, " 2 are in TIME_WAIT"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sockstat),
                cmocka_unit_test(test_sockstat_nonsense),
                cmocka_unit_test_setup_teardown(test_read, tree_setup, tree_teardown),
                cmocka_unit_test(test_unreadable_is_unknown),
                cmocka_unit_test_setup_teardown(test_too_long_is_unknown, tree_setup,
                                                tree_teardown),
                cmocka_unit_test(test_this_kernel),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_counters_are_read_now_and_then),
                cmocka_unit_test(test_no_overflow_waits),
                cmocka_unit_test(test_table_unknown),
                cmocka_unit_test(test_table_percent),
                cmocka_unit_test(test_closing),
                cmocka_unit_test(test_closes_at_least),
                cmocka_unit_test(test_readings),
                cmocka_unit_test(test_nothing_to_read),
                cmocka_unit_test(test_fin_wait2_is_no_time_wait),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
