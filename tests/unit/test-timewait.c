/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TIME_WAIT sockets brought up to date: numbers worked out by hand, and what holds for any numbers,
 * from fixed seeds.
 */

#include "fixture.h"

#include "timewait.h"

#define PORTS_MAX 40
#define THEN      (1000 * USEC_PER_SEC)
#define BEYOND    SNAPSHOT_TW_BINS
#define BINS      (SNAPSHOT_TW_BINS + 1)

/* What an estimate gave, by port number. */
struct given {
        uint64_t bins[PORTS_MAX][BINS];
        uint64_t ports[PORTS_MAX];
        uint64_t calls;
        uint64_t total;
        uint64_t rest;
};

static int on_port(const struct time_wait_counts *counts, void *userdata)
{
        struct given *given = userdata;
        const uint16_t port = counts->key.port;
        uint64_t sum = 0;

        assert_in_range(port, 0, PORTS_MAX - 1);
        assert_int_equal(given->ports[port], 0); /* once each */
        for (unsigned bin = 0; bin < BINS; bin++) {
                given->bins[port][bin] = bin < BEYOND ? counts->remaining[bin] : counts->beyond;
                sum += given->bins[port][bin];
        }
        assert_true(sum > 0);
        given->ports[port] = sum;
        given->total += sum;
        given->calls++;
        return 0;
}

/* A count of these ports, 0 to n - 1, at THEN. */
static struct snapshot *count_of(uint32_t bins[][BINS], size_t n)
{
        struct port_row rows[PORTS_MAX] = { 0 };
        struct snapshot *snapshot;
        uint64_t total = 0;

        for (size_t i = 0; i < n; i++) {
                rows[i].key = local_port((uint16_t)i);
                for (unsigned bin = 0; bin < BINS; bin++) {
                        rows[i].count[SOCK_TIME_WAIT] += bins[i][bin];
                        *(bin < BEYOND ? &rows[i].tw_remaining[bin] : &rows[i].tw_beyond) =
                                bins[i][bin];
                }
                total += rows[i].count[SOCK_TIME_WAIT];
        }
        snapshot = make_snapshot(1, rows, n);
        snapshot->start_usec = THEN;
        snapshot->total[SOCK_TIME_WAIT] = total;
        return snapshot;
}

static struct given estimate(const struct time_wait_past *past, uint64_t passed_usec, int64_t used)
{
        struct given given = { 0 };

        assert_int_equal(
                time_wait_estimate(past, THEN + passed_usec, used, on_port, &given, &given.rest),
                0);
        return given;
}

/* Counted then, with used by sockstat; now used by sockstat. */
static struct given once(uint32_t bins[][BINS], size_t n, int64_t used_then, uint64_t passed_usec,
                         int64_t used)
{
        struct snapshot *snapshot = count_of(bins, n);
        struct time_wait_past past = { .snapshot = snapshot, .used = used_then };
        const struct given given = estimate(&past, passed_usec, used);

        snapshot_unref(snapshot);
        return given;
}

static void assert_port(const struct given *given, unsigned port, const uint64_t wanted[BINS])
{
        for (unsigned bin = 0; bin < BINS; bin++)
                if (given->bins[port][bin] != wanted[bin])
                        fail_msg("port %u, bin %u: %d instead of %d", port, bin,
                                 (int)given->bins[port][bin], (int)wanted[bin]);
}

#define WANT(...) ((const uint64_t[BINS]){ __VA_ARGS__ })

static void bins_move_down(void **state)
{
        uint32_t bins[1][BINS] = { { [0] = 10, [1] = 20, [11] = 5, [BEYOND] = 4 } };
        struct given given;

        (void)state;
        given = once(bins, 1, HOST_UNKNOWN, 0, HOST_UNKNOWN);
        assert_port(&given, 0, WANT([0] = 10, [1] = 20, [11] = 5, [BEYOND] = 4));
        given = once(bins, 1, HOST_UNKNOWN, 5 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_port(&given, 0, WANT([0] = 20, [10] = 5, [11] = 4));
        given = once(bins, 1, HOST_UNKNOWN, 55 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_port(&given, 0, WANT([0] = 5, [1] = 4));
        given = once(bins, 1, HOST_UNKNOWN, 60 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_port(&given, 0, WANT([0] = 4));
        given = once(bins, 1, HOST_UNKNOWN, 65 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_int_equal(given.calls, 0);
        assert_int_equal(given.rest, 0);
        given = once(bins, 1, HOST_UNKNOWN, 1000000 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_int_equal(given.calls, 0);
}

/* Sums so far: 15, 25, 27.5, 32 (2 of 4 from beyond, 2.5 of 5), 34. */
static void parts_of_a_bin_move_down(void **state)
{
        uint32_t bins[1][BINS] = { { [0] = 10, [1] = 20, [11] = 5, [BEYOND] = 4 } };
        const struct given given = once(bins, 1, HOST_UNKNOWN, 2500 * USEC_PER_MSEC, HOST_UNKNOWN);

        (void)state;
        assert_port(&given, 0, WANT([0] = 15, [1] = 10, [10] = 3, [11] = 4, [BEYOND] = 2));
}

/* Ten ports with one socket each: after a fifth of their time two have none, after four fifths eight. */
static void small_ports_lose_their_share(void **state)
{
        uint32_t bins[10][BINS] = { { [0] = 0 } };
        struct given given;

        (void)state;
        for (size_t i = 0; i < 10; i++)
                bins[i][0] = 1;
        given = once(bins, 10, HOST_UNKNOWN, USEC_PER_SEC, HOST_UNKNOWN);
        assert_int_equal(given.total, 8);
        given = once(bins, 10, HOST_UNKNOWN, 4 * USEC_PER_SEC, HOST_UNKNOWN);
        assert_int_equal(given.total, 2);
}

/*
 * 40 counted, 47 in sockstat: 7 in FIN_WAIT2. 10 s later 20 are left: 5 of the first port, all 15 of
 * the second. By sockstat there are 50 then: 30 have come within 10 s, with 50 to 60 s left. 20 of
 * them take the places of those that have gone, all on the first port; where the others are, nobody
 * knows.
 */
static void newcomers_take_places(void **state)
{
        uint32_t bins[2][BINS] = { { [1] = 20, [11] = 5 }, { [11] = 15 } };
        const struct given given = once(bins, 2, 47, 10 * USEC_PER_SEC, 57);

        (void)state;
        assert_port(&given, 0, WANT([9] = 5, [10] = 10, [11] = 10));
        assert_port(&given, 1, WANT([9] = 15));
        assert_int_equal(given.total, 40);
        assert_int_equal(given.rest, 10);
}

/* A steady stream: each port keeps what it had. */
static void a_steady_stream_stays(void **state)
{
        uint32_t bins[2][BINS];
        struct given given;

        (void)state;
        for (unsigned bin = 0; bin < BINS; bin++) {
                bins[0][bin] = bin < BEYOND ? 30 : 0;
                bins[1][bin] = bin < BEYOND ? 10 : 0;
        }
        for (uint64_t sec = 0; sec <= 60; sec += 5) {
                given = once(bins, 2, 487, sec * USEC_PER_SEC, 487);
                assert_int_equal(given.ports[0], 360);
                assert_int_equal(given.ports[1], 120);
                assert_int_equal(given.rest, 0);
        }
}

/* Within 3 s: all of them in the last bin. Nothing passed: none has a place. After 2 min: everywhere. */
static void newcomers_have_what_is_left_of_a_minute(void **state)
{
        uint32_t bins[1][BINS] = { { [0] = 40, [5] = 60 } };
        struct given given = once(bins, 1, 100, 3 * USEC_PER_SEC, 100);

        (void)state;
        assert_port(&given, 0, WANT([0] = 16, [4] = 36, [5] = 24, [11] = 24));
        given = once(bins, 1, 100, 0, 124);
        assert_port(&given, 0, WANT([0] = 40, [5] = 60));
        assert_int_equal(given.rest, 24);
        given = once(bins, 1, 100, 120 * USEC_PER_SEC, 124); /* 100 * n / 12: 8.3, 16.7, 25, ... */
        assert_port(&given, 0, WANT(8, 9, 8, 8, 9, 8, 8, 9, 8, 8, 9, 8));
        assert_int_equal(given.rest, 24);
}

static void fewer_than_expected_are_scaled(void **state)
{
        uint32_t bins[2][BINS] = { { [11] = 30 }, { [11] = 10 } };
        struct given given = once(bins, 2, 47, 10 * USEC_PER_SEC, 27);

        (void)state;
        assert_port(&given, 0, WANT([9] = 15));
        assert_port(&given, 1, WANT([9] = 5));
        given = once(bins, 2, 47, 10 * USEC_PER_SEC, 7); /* all in FIN_WAIT2 */
        assert_int_equal(given.total, 0);
        given = once(bins, 2, 47, 10 * USEC_PER_SEC, 0);
        assert_int_equal(given.total, 0);
}

/* sockstat is read a moment before the dump, and may have had fewer. */
static void a_count_above_sockstat_is_no_debt(void **state)
{
        uint32_t bins[1][BINS] = { { [11] = 30 } };
        const struct given given = once(bins, 1, 25, 10 * USEC_PER_SEC, 32);

        (void)state;
        assert_int_equal(given.total + given.rest, 32);
}

static void nobody_to_give_them_to(void **state)
{
        uint32_t bins[1][BINS] = { { [0] = 0 } };
        struct given given = once(bins, 1, 3, 10 * USEC_PER_SEC, 50);

        (void)state;
        assert_int_equal(given.calls, 0);
        assert_int_equal(given.rest, 47);
        given = once(bins, 0, 3, 10 * USEC_PER_SEC, 50);
        assert_int_equal(given.rest, 47);
}

static int stop(const struct time_wait_counts *counts, void *userdata)
{
        (void)counts;
        ++*(unsigned *)userdata;
        return -12;
}

static void an_error_ends_it(void **state)
{
        uint32_t bins[2][BINS] = { { [11] = 30 }, { [11] = 10 } };
        struct snapshot *snapshot = count_of(bins, 2);
        const struct time_wait_past past = { .snapshot = snapshot, .used = 40 };
        uint64_t rest = 77;
        unsigned calls = 0;

        (void)state;
        assert_int_equal(time_wait_estimate(&past, THEN, 40, stop, &calls, &rest), -12);
        assert_int_equal(calls, 1);
        assert_int_equal(rest, 77);
        snapshot_unref(snapshot);
}

static void it_keeps_a_reference_and_no_more(void **state)
{
        uint32_t bins[1][BINS] = { { [11] = 30 } };
        struct snapshot *first = count_of(bins, 1), *second = count_of(bins, 1);
        struct time_wait_past past = { 0 };

        (void)state;
        assert_true(time_wait_past_is_useless(&past, 30));
        time_wait_past_set(&past, first, 30);
        assert_int_equal(first->refs, 2);
        assert_ptr_equal(past.snapshot, first);
        time_wait_past_set(&past, second, HOST_UNKNOWN);
        assert_int_equal(first->refs, 1);
        assert_true(time_wait_past_is_useless(&past, 30));
        time_wait_past_set(&past, second, 30);
        assert_int_equal(second->refs, 2);
        assert_true(time_wait_past_is_useless(&past, HOST_UNKNOWN));
        assert_false(time_wait_past_is_useless(&past, 0));
        assert_false(time_wait_past_is_useless(&past, 60));
        assert_true(time_wait_past_is_useless(&past, 61)); /* most have come since */
        time_wait_past_done(&past);
        assert_int_equal(second->refs, 1);
        assert_null(past.snapshot);
        snapshot_unref(first);
        snapshot_unref(second);
}

/* ---- any numbers ---- */

static uint64_t seed;

static unsigned roll(unsigned sides)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (unsigned)(seed >> 11) % sides;
}

static size_t random_ports(uint32_t bins[PORTS_MAX][BINS])
{
        const size_t n = 1 + roll(PORTS_MAX);
        const unsigned most = roll(4) == 0 ? 100000 : 1 + roll(30);

        for (size_t i = 0; i < n; i++)
                for (unsigned bin = 0; bin < BINS; bin++)
                        bins[i][bin] = roll(3) > 0 ? roll(most) : 0;
        return n;
}

static uint64_t sum_of(const uint32_t bins[BINS])
{
        uint64_t sum = 0;

        for (unsigned bin = 0; bin < BINS; bin++)
                sum += bins[bin];
        return sum;
}

/* Without newcomers: only ever fewer in all, and nowhere more than were counted. */
static void it_only_falls(void **state)
{
        (void)state;
        for (seed = 1; seed < 2000; seed += 7) {
                const uint64_t kept = seed;
                uint32_t bins[PORTS_MAX][BINS];
                const size_t n = random_ports(bins);
                struct snapshot *snapshot = count_of(bins, n);
                const struct time_wait_past past = { .snapshot = snapshot, .used = HOST_UNKNOWN };
                uint64_t last = snapshot->total[SOCK_TIME_WAIT];

                for (uint64_t now = 0; now < 70 * USEC_PER_SEC; now += roll(3000) * USEC_PER_MSEC) {
                        const struct given given = estimate(&past, now, 5);

                        assert_true(given.total <= last);
                        assert_int_equal(given.rest, 0);
                        last = given.total;
                        for (size_t i = 0; i < n; i++)
                                assert_true(given.ports[i] <= sum_of(bins[i]));
                }
                assert_int_equal(last, 0);
                snapshot_unref(snapshot);
                seed = kept;
        }
}

/*
 * With sockstat: exactly as many as that says. By hand's reckoning: what has gone is replaced as far
 * as there are newcomers, and no port has more than were counted.
 */
static void it_adds_up_to_sockstat(void **state)
{
        (void)state;
        for (seed = 1; seed < 20000; seed += 7) {
                const uint64_t kept = seed;
                uint32_t bins[PORTS_MAX][BINS];
                const size_t n = random_ports(bins);
                struct snapshot *snapshot = count_of(bins, n);
                const uint64_t counted = snapshot->total[SOCK_TIME_WAIT], fin_wait2 = roll(50);
                const struct time_wait_past past = { .snapshot = snapshot,
                                                     .used = (int64_t)(counted + fin_wait2) };
                const uint64_t now = roll(200) * 500 * USEC_PER_MSEC;
                const uint64_t used = roll((unsigned)(2 * counted + 100));
                const struct given given = estimate(&past, now, (int64_t)used);
                const struct given aged = estimate(&past, now, HOST_UNKNOWN);
                const double sum = (double)(given.total + given.rest);
                const double more = sum - (double)aged.total;
                const double gone = (double)(counted - aged.total);
                const double part = gone > 0 ? MIN(more, gone) / gone : 0;

                assert_int_equal(given.total + given.rest, used - MIN(fin_wait2, used));
                assert_true(given.total <= counted + 1);
                for (size_t i = 0; i < n; i++) {
                        const double left = (double)aged.ports[i];
                        const double wanted =
                                more >= 0 ? left + part * ((double)sum_of(bins[i]) - left)
                                          : left * sum / (double)aged.total;

                        assert_true((double)given.ports[i] - wanted < 3.01);
                        assert_true(wanted - (double)given.ports[i] < 3.01);
                        assert_true(given.ports[i] <= sum_of(bins[i]) + 1);
                }
                snapshot_unref(snapshot);
                seed = kept;
        }
}

/* Aged twice, first by whole bins: the same as aged once. */
static void aging_adds_up(void **state)
{
        (void)state;
        for (seed = 1; seed < 5000; seed += 7) {
                const uint64_t kept = seed;
                uint32_t bins[PORTS_MAX][BINS], later[PORTS_MAX][BINS];
                const size_t n = random_ports(bins);
                const uint64_t a = roll(13) * 5 * USEC_PER_SEC, b = roll(60000) * USEC_PER_MSEC;
                const struct given first = once(bins, n, HOST_UNKNOWN, a, HOST_UNKNOWN);
                const struct given both = once(bins, n, HOST_UNKNOWN, a + b, HOST_UNKNOWN);
                struct given second;

                for (size_t i = 0; i < n; i++)
                        for (unsigned bin = 0; bin < BINS; bin++)
                                later[i][bin] = (uint32_t)first.bins[i][bin];
                second = once(later, n, HOST_UNKNOWN, b, HOST_UNKNOWN);
                assert_memory_equal(second.bins, both.bins, sizeof(both.bins));
                seed = kept;
        }
}

/* First by a part of a bin: within rounding where sockets are spread evenly, as a bin takes them. */
static void aging_by_parts_adds_up(void **state)
{
        (void)state;
        for (seed = 1; seed < 5000; seed += 7) {
                const uint64_t kept = seed, a = roll(20000) * USEC_PER_MSEC,
                               b = roll(20000) * USEC_PER_MSEC;
                uint32_t bins[1][BINS], later[1][BINS];
                struct given first, second, both;

                for (unsigned bin = 0; bin < BINS; bin++)
                        bins[0][bin] = 1000;
                first = once(bins, 1, HOST_UNKNOWN, a, HOST_UNKNOWN);
                both = once(bins, 1, HOST_UNKNOWN, a + b, HOST_UNKNOWN);
                for (unsigned bin = 0; bin < BINS; bin++)
                        later[0][bin] = (uint32_t)first.bins[0][bin];
                second = once(later, 1, HOST_UNKNOWN, b, HOST_UNKNOWN);
                assert_in_range(second.total + 1, both.total, both.total + 2);
                for (unsigned bin = 0; bin < 3; bin++)
                        assert_in_range(second.bins[0][bin] + 2, both.bins[0][bin],
                                        both.bins[0][bin] + 4);
                seed = kept;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bins_move_down),
                cmocka_unit_test(parts_of_a_bin_move_down),
                cmocka_unit_test(small_ports_lose_their_share),
                cmocka_unit_test(newcomers_take_places),
                cmocka_unit_test(a_steady_stream_stays),
                cmocka_unit_test(newcomers_have_what_is_left_of_a_minute),
                cmocka_unit_test(fewer_than_expected_are_scaled),
                cmocka_unit_test(a_count_above_sockstat_is_no_debt),
                cmocka_unit_test(nobody_to_give_them_to),
                cmocka_unit_test(an_error_ends_it),
                cmocka_unit_test(it_keeps_a_reference_and_no_more),
                cmocka_unit_test(it_only_falls),
                cmocka_unit_test(it_adds_up_to_sockstat),
                cmocka_unit_test(aging_adds_up),
                cmocka_unit_test(aging_by_parts_adds_up),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
