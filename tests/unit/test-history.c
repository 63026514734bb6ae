/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is kept of ports, scan by scan, in made-up time. */

#include "history.h"

#include "fixture.h"
#include "historyseries.h"

#define START_SEC UINT64_C(1767225600) /* 2026-01-01, a whole number of ten minutes */

struct world {
        struct history *history;
        struct history_row row; /* the newest */
        unsigned rows;
        uint64_t pause_usec;
};

static struct port_row counts(uint16_t port, uint32_t close_wait, uint32_t stuck,
                              uint32_t time_wait)
{
        struct port_row row = { .key = local_port(port), .stuck = stuck };

        row.count[SOCK_CLOSE_WAIT] = close_wait;
        row.count[SOCK_TIME_WAIT] = time_wait;
        return row;
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(history_new(&world->history), 0);
        world->pause_usec = 30 * USEC_PER_SEC;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        history_free(world->history);
        free(world);
        return 0;
}

/* Takes the snapshot over. */
static void step(struct world *world, uint64_t sec, struct snapshot *snapshot)
{
        struct history_row row;

        snapshot->start_wall_usec = (START_SEC + sec) * USEC_PER_SEC;
        snapshot->pause_usec = world->pause_usec;
        if (history_step(world->history, snapshot, NULL, 0, &row) == HISTORY_ROW) {
                world->row = row;
                world->rows++;
        }
        snapshot_unref(snapshot);
}

static void scan(struct world *world, uint64_t sec, const struct port_row *rows, size_t n)
{
        step(world, sec, make_snapshot(1, rows, n));
}

static void scan_one(struct world *world, uint64_t sec, struct port_row row)
{
        scan(world, sec, &row, 1);
}

static uint32_t fine(const struct world *world, uint16_t port, uint64_t sec,
                     enum history_metric metric)
{
        const struct port_key key = local_port(port);
        struct history_point point;

        history_get(world->history, &key, (uint32_t)((START_SEC + sec) / HISTORY_FINE_SEC), &point);
        return point.spans[metric].last;
}

static void test_numbers(void **state)
{
        static const struct {
                uint32_t count, kept;
        } table[] = {
                { 0, 0 },
                { 1, 1 },
                { 131071, 131071 },
                { 131072, 131072 },
                { 131073, 131072 },
                { 1000001, 1000000 },
                { HISTORY_COUNT_MAX, HISTORY_COUNT_MAX },
                { HISTORY_COUNT_MAX + 1, HISTORY_COUNT_MAX },
                { UINT32_MAX - 1, HISTORY_COUNT_MAX },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                uint8_t packed[HISTORY_PACKED_BYTES];
                struct history_point point, back;

                history_point_clear(&point);
                point.spans[HISTORY_STUCK] = history_span_of(table[i].count);
                point.severity = HISTORY_CRITICAL;
                history_unpack_last(history_pack_last(&point), &back);
                assert_int_equal(back.spans[HISTORY_STUCK].last, table[i].kept);
                assert_int_equal(back.spans[HISTORY_CLOSE_WAIT].last, HISTORY_UNKNOWN);
                assert_int_equal(back.severity, HISTORY_CRITICAL);
                history_pack(&point, packed);
                history_unpack(packed, &back);
                assert_int_equal(back.spans[HISTORY_STUCK].max, table[i].kept);
                assert_int_equal(back.spans[HISTORY_TIME_WAIT].min, HISTORY_UNKNOWN);
        }
}

static void test_counted_beats_estimated(void **state)
{
        struct history_point point, guess, count;

        (void)state;
        history_point_clear(&point);
        history_absent(HISTORY_GUESSED_TIME_WAIT, &guess);
        guess.spans[HISTORY_TIME_WAIT] = history_span_of(900);
        history_absent(HISTORY_SAW_TIME_WAIT, &count);
        count.spans[HISTORY_TIME_WAIT] = history_span_of(500);
        history_point_add(&point, &guess);
        assert_true(point.estimated);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].max, 900);
        history_point_add(&point, &count);
        history_point_add(&point, &guess);
        assert_false(point.estimated);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].max, 500);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].last, 500);
}

static void test_minute(void **state)
{
        struct world *world = *state;
        const struct port_key key = local_port(80);
        struct history_point point;

        scan_one(world, 0, counts(80, 5, 0, 7));
        scan_one(world, 10, counts(80, 9, 2, 3));
        scan_one(world, 50, counts(80, 6, 1, 4));
        assert_int_equal(world->rows, 0);
        scan_one(world, 60, counts(80, 99, 99, 99));
        assert_int_equal(world->rows, 1);
        assert_int_equal(world->row.slot, START_SEC / 60);
        history_row_get(&world->row, &key, &point);
        assert_int_equal(point.spans[HISTORY_CLOSE_WAIT].min, 5);
        assert_int_equal(point.spans[HISTORY_CLOSE_WAIT].max, 9);
        assert_int_equal(point.spans[HISTORY_CLOSE_WAIT].last, 6);
        assert_int_equal(point.spans[HISTORY_STUCK].min, 0);
        assert_int_equal(point.spans[HISTORY_STUCK].max, 2);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].min, 3);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].last, 4);
}

/* The slots between two scans hold, unless the second came late. */
static void test_holds_and_gaps(void **state)
{
        struct world *world = *state;

        scan_one(world, 0, counts(80, 5, 0, 0));
        scan_one(world, 30, counts(80, 6, 0, 0));
        assert_int_equal(fine(world, 80, 0, HISTORY_CLOSE_WAIT), 5);
        assert_int_equal(fine(world, 80, 10, HISTORY_CLOSE_WAIT), 5);
        assert_int_equal(fine(world, 80, 20, HISTORY_CLOSE_WAIT), 5);
        assert_int_equal(fine(world, 80, 30, HISTORY_CLOSE_WAIT), 6);
        scan_one(world, 90, counts(80, 7, 0, 0));
        assert_int_equal(fine(world, 80, 40, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 80, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 90, HISTORY_CLOSE_WAIT), 7);
}

static void test_partial_is_unknown(void **state)
{
        struct world *world = *state;
        struct port_row row = counts(80, 50, 20, 30);
        struct snapshot *snapshot;

        scan(world, 0, &row, 1);
        row = counts(80, 1, 0, 31);
        snapshot = make_snapshot(2, &row, 1);
        snapshot->result = SCAN_PARTIAL;
        snapshot->complete = SOCK_MASK(SOCK_TIME_WAIT);
        step(world, 10, snapshot);
        assert_int_equal(fine(world, 80, 10, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 10, HISTORY_STUCK), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 10, HISTORY_TIME_WAIT), 31);
        assert_int_equal(fine(world, 81, 10, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        snapshot = make_snapshot(3, &row, 1);
        snapshot->result = SCAN_FAILED;
        step(world, 20, snapshot);
        assert_int_equal(fine(world, 80, 20, HISTORY_TIME_WAIT), HISTORY_UNKNOWN);
        scan_one(world, 60, counts(80, 51, 20, 30));
        assert_int_equal(world->row.cells[0].point.spans[HISTORY_CLOSE_WAIT].min, 50);
        assert_int_equal(world->row.cells[0].point.spans[HISTORY_TIME_WAIT].max, 31);
}

/* A port that is followed from now on had nothing before; one of too many may have had. */
static void test_zeros_before(void **state)
{
        struct world *world = *state;
        struct snapshot *snapshot;

        world->pause_usec = 0;
        scan(world, 0, NULL, 0);
        snapshot = make_snapshot(2, NULL, 0);
        snapshot->ports_overflow = 1;
        step(world, 20, snapshot);
        scan_one(world, 30, counts(80, 4, 0, 0));
        assert_int_equal(fine(world, 80, 0, HISTORY_CLOSE_WAIT), 0);
        assert_int_equal(fine(world, 80, 10, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 20, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 80, 30, HISTORY_CLOSE_WAIT), 4);
        assert_int_equal(fine(world, 99, 0, HISTORY_CLOSE_WAIT), 0);
}

static size_t followed(const struct world *world)
{
        struct history_stats stats;

        history_get_stats(world->history, &stats);
        return stats.followed;
}

static uint64_t replaced(const struct world *world)
{
        struct history_stats stats;

        history_get_stats(world->history, &stats);
        return stats.replaced;
}

static void test_quiet_ports_leave(void **state)
{
        struct world *world = *state;

        scan_one(world, 0, counts(80, 1, 0, 0));
        for (uint64_t sec = 30; sec <= 3600; sec += 30) {
                scan(world, sec, NULL, 0);
                assert_int_equal(followed(world), 1);
        }
        for (uint64_t sec = 3630; sec <= 3720; sec += 30)
                scan(world, sec, NULL, 0);
        assert_int_equal(followed(world), 0);
        assert_int_equal(fine(world, 80, 3600, HISTORY_CLOSE_WAIT), 0);
}

/* Ports 1000 to 1032 with their counts, the worst first. */
static void scan_33(struct world *world, uint64_t sec, uint32_t of_last)
{
        struct port_row rows[33];

        for (size_t i = 0; i < 32; i++)
                rows[i] = counts((uint16_t)(1000 + i), (uint32_t)(1000 - i), 0, 0);
        rows[32] = counts(1032, of_last, 0, 0);
        qsort(rows, 33, sizeof(rows[0]), port_row_compare);
        scan(world, sec, rows, 33);
}

static void test_33rd(void **state)
{
        struct world *world = *state;
        uint64_t sec = 0;

        /* those that are about as bad do not take turns */
        for (; sec < 1200; sec += 10)
                scan_33(world, sec, sec % 20 ? 1100 : 900);
        assert_int_equal(followed(world), 32);
        assert_int_equal(replaced(world), 0);
        assert_int_equal(fine(world, 1032, 0, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 1031, 0, HISTORY_CLOSE_WAIT), 969);
        /* one that is clearly worse stays, also when it is not any more */
        scan_33(world, sec, 1220);
        assert_int_equal(replaced(world), 1);
        assert_int_equal(fine(world, 1032, sec, HISTORY_CLOSE_WAIT), 1220);
        assert_int_equal(fine(world, 1031, 0, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        assert_int_equal(fine(world, 1031, sec, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        for (sec += 10; sec < 4000; sec += 10)
                scan_33(world, sec, sec % 20 ? 1 : 1220);
        assert_int_equal(replaced(world), 1);
}

static void test_named_ports_stay(void **state)
{
        struct world *world = *state;
        const struct port_key named[] = { local_port(1032) };
        uint64_t sec;

        history_configure(world->history, named, 1);
        for (sec = 0; sec < 600; sec += 10)
                scan_33(world, sec, 1);
        assert_int_equal(followed(world), 33);
        assert_int_equal(fine(world, 1032, 590, HISTORY_CLOSE_WAIT), 1);
        assert_int_equal(fine(world, 1031, 590, HISTORY_CLOSE_WAIT), 969);
        history_configure(world->history, NULL, 0);
        assert_int_equal(followed(world), 32);
        assert_int_equal(fine(world, 1032, 590, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
}

/* The clock is set back by a minute, then by a day, then far ahead. */
static void test_clock_jumps(void **state)
{
        struct world *world = *state;
        uint32_t first, end;

        scan_one(world, 7200, counts(80, 5, 0, 0));
        scan_one(world, 7210, counts(80, 6, 0, 0));
        scan_one(world, 7150, counts(80, 7, 0, 0));
        assert_int_equal(fine(world, 80, 7150, HISTORY_CLOSE_WAIT), 7);
        scan_one(world, 7220, counts(80, 8, 0, 0));
        assert_int_equal(fine(world, 80, 7200, HISTORY_CLOSE_WAIT), HISTORY_UNKNOWN);
        step(world, (uint64_t)-80000, make_snapshot(1, NULL, 0));
        history_bounds(world->history, &first, &end);
        assert_int_equal(end - first, 1);
        scan_one(world, 7220, counts(80, 8, 0, 0));
        history_bounds(world->history, &first, &end);
        assert_int_equal(end - first, 1);
        assert_int_equal(fine(world, 80, 7220, HISTORY_CLOSE_WAIT), 8);
}

static void test_alerts(void **state)
{
        struct world *world = *state;
        const struct history_alert alerts[] = {
                { local_port(80), HISTORY_CRITICAL },
                { local_port(80), HISTORY_WARNING },
        };
        struct port_row row = counts(80, 5, 5, 0);
        struct snapshot *snapshot = make_snapshot(1, &row, 1);
        struct history_row minute;

        snapshot->start_wall_usec = START_SEC * USEC_PER_SEC;
        assert_int_equal(history_step(world->history, snapshot, alerts, 2, &minute), 0);
        snapshot_unref(snapshot);
        assert_int_equal(history_end(world->history, &minute), HISTORY_ROW);
        assert_int_equal(minute.cells[0].point.severity, HISTORY_CRITICAL);
        assert_int_equal(history_end(world->history, &minute), 0);
}

static void scan_with_alert(struct world *world, uint64_t sec, const struct history_alert *alert)
{
        const struct port_row row = counts(80, 5, 5, 5);
        struct snapshot *snapshot = make_snapshot(1, &row, 1);

        snapshot->start_wall_usec = (START_SEC + sec) * USEC_PER_SEC;
        snapshot->pause_usec = world->pause_usec;
        (void)history_step(world->history, snapshot, alert, alert ? 1 : 0, &world->row);
        snapshot_unref(snapshot);
}

/* Its port has neither CLOSE_WAIT nor TIME_WAIT, as one that is running out, or is half-open. */
static void test_alert_without_a_row(void **state)
{
        struct world *world = *state;
        const struct history_alert alert = {
                { .port = 7130, .side = SIDE_REMOTE },
                HISTORY_WARNING,
        };
        struct history_point point;
        const uint32_t slot = START_SEC / HISTORY_FINE_SEC;

        scan_with_alert(world, 0, NULL);
        scan_with_alert(world, 10, &alert);
        scan_with_alert(world, 20, NULL);
        assert_int_equal(followed(world), 2);
        history_get(world->history, &alert.port, slot, &point);
        assert_int_equal(point.severity, HISTORY_CALM);
        assert_int_equal(point.spans[HISTORY_STUCK].last, 0);
        history_get(world->history, &alert.port, slot + 1, &point);
        assert_int_equal(point.severity, HISTORY_WARNING);
        assert_int_equal(point.spans[HISTORY_STUCK].last, 0);
        history_get(world->history, &alert.port, slot + 2, &point);
        assert_int_equal(point.severity, HISTORY_CALM);
}

/* Of too many ports with alerts, those that found no room are unknown. */
static void test_too_many_alerts(void **state)
{
        struct world *world = *state;
        struct history_alert alerts[HISTORY_WORST_MAX + 1];
        struct snapshot *snapshot = make_snapshot(1, NULL, 0);
        const size_t n = ARRAY_SIZE(alerts);

        for (size_t i = 0; i < n; i++)
                alerts[i] =
                        (struct history_alert){ local_port((uint16_t)(80 + i)), HISTORY_WARNING };
        snapshot->start_wall_usec = START_SEC * USEC_PER_SEC;
        assert_int_equal(history_step(world->history, snapshot, alerts, n, &world->row), 0);
        assert_int_equal(fine(world, 80, 0, HISTORY_STUCK), 0);
        assert_int_equal(fine(world, (uint16_t)(80 + n - 1), 0, HISTORY_STUCK), HISTORY_UNKNOWN);
        alerts[n - 1].severity = HISTORY_CRITICAL; /* a worse one takes a place */
        snapshot->start_wall_usec += 10 * USEC_PER_SEC;
        assert_int_equal(history_step(world->history, snapshot, alerts, n, &world->row), 0);
        snapshot_unref(snapshot);
        assert_int_equal(fine(world, (uint16_t)(80 + n - 1), 10, HISTORY_STUCK), 0);
        assert_int_equal(replaced(world), 1);
}

/* A port that is not followed: unknown before, but what the last scan saw is known. */
static void test_peek(void **state)
{
        struct world *world = *state;
        const struct port_key key = local_port(1032);
        const struct history_alert alert = { key, HISTORY_WARNING };
        const struct port_row row = counts(1032, 16, 2, 3);
        struct snapshot *snapshot = make_snapshot(2, &row, 1);
        const struct history_scan scan = { snapshot, &alert, 1 };
        struct history_series *series;
        struct history_time time;

        for (uint64_t sec = 0; sec <= 60; sec += 10)
                scan_33(world, sec, 16);
        history_plan(START_SEC + 65, 60, 60, &time);
        series = history_series_new(&key, &time);
        assert_non_null(series);
        assert_false(history_series_left_out(series)); /* nobody looked */
        history_series_add_fine(series, world->history);
        assert_true(history_series_left_out(series));
        assert_false(history_series_tells(series));
        snapshot->start_wall_usec = (START_SEC + 60) * USEC_PER_SEC;
        history_series_add_scan(series, &scan);
        assert_int_equal(series->points[time.n - 1].spans[HISTORY_CLOSE_WAIT].last, 16);
        assert_int_equal(series->points[time.n - 1].severity, HISTORY_WARNING);
        assert_int_equal(series->points[time.n - 2].spans[HISTORY_CLOSE_WAIT].last,
                         HISTORY_UNKNOWN);
        snapshot_unref(snapshot);
        free(series);
}

/* Why nothing is known of a time stays so when it is followed later. */
static void test_left_out_before(void **state)
{
        struct world *world = *state;
        const struct port_key key = local_port(1032);
        struct history_point point;
        uint64_t sec = 0;

        for (; sec < 200; sec += 10)
                scan_33(world, sec, 16);
        for (; sec < 400; sec += 10)
                scan_33(world, sec, 5000);
        history_get(world->history, &key, (uint32_t)(START_SEC / 10), &point);
        assert_false(history_point_is_known(&point, HISTORY_CLOSE_WAIT));
        assert_true(point.left_out);
        history_get(world->history, &key, (uint32_t)((START_SEC + 390) / 10), &point);
        assert_true(history_point_is_known(&point, HISTORY_CLOSE_WAIT));
        assert_false(point.left_out);
}

static void test_row_bytes(void **state)
{
        struct history_row row = { .slot = 29453760, .flags = HISTORY_SAW_CLOSE_WAIT }, back;
        uint8_t packed[HISTORY_ROW_BYTES] = { 0 };
        struct history_point point;
        struct port_key key = local_port(1047);
        uint32_t slot;
        size_t len;

        (void)state;
        assert_false(history_row_unpack(packed, &back)); /* a hole in the file */
        for (uint16_t i = 0; i < HISTORY_PORTS_MAX; i++) {
                row.cells[i].key = local_port((uint16_t)(1000 + i));
                history_absent(HISTORY_SAW_CLOSE_WAIT, &row.cells[i].point);
                row.cells[i].point.spans[HISTORY_STUCK] = history_span_of(i);
        }
        row.n = HISTORY_PORTS_MAX;
        len = history_row_pack(&row, packed);
        assert_int_equal(len, HISTORY_ROW_BYTES);
        assert_true(history_row_unpack(packed, &back));
        assert_int_equal(back.n, row.n);
        assert_true(history_row_find(packed, &key, &slot, &point));
        assert_int_equal(slot, row.slot);
        assert_int_equal(point.spans[HISTORY_STUCK].max, 47);
        assert_int_equal(point.spans[HISTORY_TIME_WAIT].max, HISTORY_UNKNOWN);
        key = local_port(80);
        assert_true(history_row_find(packed, &key, &slot, &point));
        assert_int_equal(point.spans[HISTORY_STUCK].max, 0);
        for (size_t i = 0; i < len; i++) { /* every byte is covered */
                packed[i] ^= 0x20;
                assert_false(history_row_unpack(packed, &back));
                packed[i] ^= 0x20;
        }
}

/* No row of ours has a port twice. One that has it is told as one and the same by both readers. */
static void test_port_twice_in_a_row(void **state)
{
        struct history_row row = { .slot = 29453760, .n = 2 }, back;
        uint8_t packed[HISTORY_ROW_BYTES] = { 0 };
        const struct port_key key = local_port(80);
        struct history_point got, found;
        uint32_t slot;

        (void)state;
        for (size_t i = 0; i < row.n; i++) {
                row.cells[i].key = key;
                history_point_clear(&row.cells[i].point);
                row.cells[i].point.spans[HISTORY_STUCK] = history_span_of(i + 3);
        }
        (void)history_row_pack(&row, packed);
        assert_true(history_row_unpack(packed, &back));
        history_row_get(&back, &key, &got);
        assert_true(history_row_find(packed, &key, &slot, &found));
        assert_int_equal(found.spans[HISTORY_STUCK].max, 3);
        assert_int_equal(got.spans[HISTORY_STUCK].max, 3);
}

static void test_rows_add_up(void **state)
{
        struct history_row ten = { .n = 0 }, minute = { .n = 1, .flags = HISTORY_SAW_CLOSE_WAIT };
        const struct port_key a = local_port(80), b = local_port(81);
        struct history_point point;

        (void)state;
        minute.cells[0].key = a;
        history_absent(minute.flags, &minute.cells[0].point);
        minute.cells[0].point.spans[HISTORY_STUCK] = history_span_of(3);
        history_row_add(&ten, &minute);
        minute.cells[0].key = b;
        minute.cells[0].point.spans[HISTORY_STUCK] = history_span_of(9);
        history_row_add(&ten, &minute);
        history_row_get(&ten, &a, &point); /* 3, then not listed: 0 */
        assert_int_equal(point.spans[HISTORY_STUCK].max, 3);
        assert_int_equal(point.spans[HISTORY_STUCK].min, 0);
        assert_int_equal(point.spans[HISTORY_STUCK].last, 0);
        history_row_get(&ten, &b, &point);
        assert_int_equal(point.spans[HISTORY_STUCK].max, 9);
        assert_int_equal(point.spans[HISTORY_STUCK].min, 0);
        assert_int_equal(point.spans[HISTORY_STUCK].last, 9);
        assert_int_equal(ten.n, 2);
}

static void test_too_many_add_up(void **state)
{
        struct history_row ten = { .n = 0 }, minute = { .n = 1, .flags = HISTORY_SAW_CLOSE_WAIT };
        struct history_point point;
        struct port_key key;

        (void)state;
        for (uint16_t i = 0; i < 2 * HISTORY_PORTS_MAX; i++) {
                minute.cells[0].key = local_port((uint16_t)(1000 + i));
                history_absent(minute.flags, &minute.cells[0].point);
                minute.cells[0].point.spans[HISTORY_STUCK] = history_span_of(i + 1U);
                history_row_add(&ten, &minute);
        }
        assert_int_equal(ten.n, HISTORY_PORTS_MAX);
        key = local_port(1000); /* the least of them: known no more, and not zero */
        history_row_get(&ten, &key, &point);
        assert_false(history_point_is_known(&point, HISTORY_STUCK));
        key = local_port(1000 + 2 * HISTORY_PORTS_MAX - 1);
        history_row_get(&ten, &key, &point);
        assert_int_equal(point.spans[HISTORY_STUCK].max, 2 * HISTORY_PORTS_MAX);
}

static void test_plan(void **state)
{
        static const struct {
                uint64_t since_sec;
                uint32_t points, step_sec;
        } table[] = {
                { 1, 720, 10 },      { 3600, 720, 10 },         { 3600, 60, 70 },
                { 3601, 720, 60 },   { 86400, 720, 180 },       { 86400, 1 + 1440 / 2, 120 },
                { 86401, 720, 600 }, { 30 * 86400, 720, 4200 }, { 365 * 86400, 720, 4200 },
                { 7200, 2, 7200 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                for (uint64_t now = START_SEC; now < START_SEC + 700; now += 7) {
                        struct history_time time;
                        const uint64_t since = MIN(table[i].since_sec, UINT64_C(30) * 86400);

                        history_plan(now, table[i].since_sec, table[i].points, &time);
                        assert_int_equal(time.step_sec, table[i].step_sec);
                        assert_in_range(time.n, 1, table[i].points + 1);
                        assert_int_equal(time.start_sec % time.step_sec, 0);
                        assert_true(time.start_sec <= now - since);
                        assert_true(time.start_sec + time.step_sec > now - since);
                        assert_true(time.start_sec + (uint64_t)time.n * time.step_sec > now);
                        assert_true(time.start_sec + (time.n - UINT64_C(1)) * time.step_sec <= now);
                }
}

static void test_series(void **state)
{
        struct world *world = *state;
        const struct port_key key = local_port(80);
        struct history_series *series;
        struct history_point point;
        struct history_time time;

        for (uint64_t sec = 600; sec <= 1200; sec += 10)
                scan_one(world, sec, counts(80, (uint32_t)sec, 0, 0));
        history_plan(START_SEC + 1200, 1200, 21, &time);
        assert_int_equal(time.step_sec, 60);
        series = history_series_new(&key, &time);
        assert_non_null(series);
        history_absent(HISTORY_SAW_CLOSE_WAIT, &point);
        point.spans[HISTORY_CLOSE_WAIT] = history_span_of(1);
        history_series_add(series, START_SEC - 600, 600, &point); /* before it */
        assert_false(history_series_tells(series));
        history_series_add(series, START_SEC - 600 + 120, 600, &point); /* its end is inside */
        history_series_add_fine(series, world->history);
        assert_true(history_series_tells(series));
        assert_int_equal(series->points[0].spans[HISTORY_CLOSE_WAIT].max, 1);
        assert_int_equal(series->points[1].spans[HISTORY_CLOSE_WAIT].max, 1);
        assert_int_equal(series->points[2].spans[HISTORY_CLOSE_WAIT].max, HISTORY_UNKNOWN);
        assert_int_equal(series->points[9].spans[HISTORY_CLOSE_WAIT].max, HISTORY_UNKNOWN);
        assert_int_equal(series->points[10].spans[HISTORY_CLOSE_WAIT].min, 600);
        assert_int_equal(series->points[10].spans[HISTORY_CLOSE_WAIT].max, 650);
        assert_int_equal(series->points[20].spans[HISTORY_CLOSE_WAIT].last, 1200);
        free(series);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_counted_beats_estimated),
                cmocka_unit_test_setup_teardown(test_minute, setup, teardown),
                cmocka_unit_test_setup_teardown(test_holds_and_gaps, setup, teardown),
                cmocka_unit_test_setup_teardown(test_partial_is_unknown, setup, teardown),
                cmocka_unit_test_setup_teardown(test_zeros_before, setup, teardown),
                cmocka_unit_test_setup_teardown(test_quiet_ports_leave, setup, teardown),
                cmocka_unit_test_setup_teardown(test_33rd, setup, teardown),
                cmocka_unit_test_setup_teardown(test_named_ports_stay, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock_jumps, setup, teardown),
                cmocka_unit_test_setup_teardown(test_alerts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_alert_without_a_row, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_alerts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_left_out_before, setup, teardown),
                cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
                cmocka_unit_test(test_row_bytes),
                cmocka_unit_test(test_port_twice_in_a_row),
                cmocka_unit_test(test_rows_add_up),
                cmocka_unit_test(test_too_many_add_up),
                cmocka_unit_test(test_plan),
                cmocka_unit_test_setup_teardown(test_series, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
