/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rings in memory: where rows stand, which are told, and errors. What a disk adds to that is
 * test-historyfile.c's.
 */

#include "historyrings.h"

#include <errno.h>

#include "fixture.h"

#define START_SEC UINT64_C(1767225600) /* 2026-01-01 */
#define MINUTE    ((uint32_t)(START_SEC / 60))

struct store {
        uint8_t bytes[HISTORY_FILE_MAX];
        unsigned reads;
        unsigned writes;
        unsigned fail_at; /* that read or write fails, from 1; 0: none */
};

static int count(struct store *store, unsigned *which)
{
        ++*which;
        return store->fail_at > 0 && store->reads + store->writes == store->fail_at ? -EIO : 0;
}

static int read_store(void *userdata, uint64_t offset, uint8_t *data, size_t len)
{
        struct store *store = userdata;

        assert_in_range(offset, HISTORY_HEADER_BYTES, HISTORY_FILE_MAX - HISTORY_ROW_BYTES);
        assert_int_equal(len, HISTORY_ROW_BYTES);
        memcpy(data, store->bytes + offset, len);
        return count(store, &store->reads);
}

static int write_store(void *userdata, uint64_t offset, const uint8_t *data, size_t len)
{
        struct store *store = userdata;

        assert_in_range(offset, HISTORY_HEADER_BYTES, HISTORY_FILE_MAX - HISTORY_ROW_BYTES);
        assert_in_range(len, HISTORY_ROW_HEAD, HISTORY_ROW_BYTES);
        memcpy(store->bytes + offset, data, len);
        return count(store, &store->writes);
}

static struct history_io io_of(struct store *store)
{
        return (struct history_io){ .read = read_store, .write = write_store, .userdata = store };
}

static int setup(void **state)
{
        *state = calloc(1, sizeof(struct store));
        assert_non_null(*state);
        return 0;
}

static int teardown(void **state)
{
        free(*state);
        return 0;
}

/* Local port 80 had so many stuck sockets in that minute. */
static int put(struct store *store, uint32_t minute, uint32_t stuck)
{
        struct history_row row = { .slot = minute, .flags = HISTORY_SAW_CLOSE_WAIT, .n = 1 };
        const struct history_io io = io_of(store);

        row.cells[0].key = local_port(80);
        history_absent(row.flags, &row.cells[0].point);
        row.cells[0].point.spans[HISTORY_STUCK] = history_span_of(stuck);
        return history_rings_put(&io, &row);
}

/* The greatest number of stuck sockets that is told of that time. */
static uint32_t greatest(struct store *store, uint64_t now_sec, uint64_t since_sec,
                         uint64_t until_sec)
{
        const struct port_key key = local_port(80);
        const struct history_io io = io_of(store);
        struct history_series *series;
        struct history_time time;
        uint32_t max = HISTORY_UNKNOWN;

        history_plan_minutes(now_sec, since_sec, HISTORY_SERIES_MAX, &time);
        series = history_series_new(&key, &time);
        assert_non_null(series);
        assert_int_equal(history_rings_read(&io, until_sec, series), 0);
        for (uint32_t i = 0; i < time.n; i++) {
                const uint32_t here = series->points[i].spans[HISTORY_STUCK].max;

                if (here != HISTORY_UNKNOWN)
                        max = max == HISTORY_UNKNOWN ? here : MAX(max, here);
        }
        free(series);
        return max;
}

/* Two writes, a minute and its ten; and reads of all that these ten minutes are made of. */
static void test_cost(void **state)
{
        struct store *store = *state;

        assert_int_equal(put(store, MINUTE, 5), 0);
        assert_int_equal(store->writes, 2);
        assert_int_equal(store->reads, 11);
}

/* Every row of both rings has its place, none another's. */
static void test_places(void **state)
{
        struct store *store = *state;
        const uint32_t end = MINUTE + HISTORY_TENS * 10;

        for (uint32_t minute = MINUTE; minute < end; minute += 10)
                assert_int_equal(put(store, minute, (minute - MINUTE) / 10), 0);
        for (uint32_t ten = 0; ten < HISTORY_TENS; ten++) {
                const uint64_t at = HISTORY_HEADER_BYTES +
                                    (HISTORY_MINUTES + (MINUTE / 10 + ten) % HISTORY_TENS) *
                                            (uint64_t)HISTORY_ROW_BYTES;
                struct history_row row;

                assert_true(history_row_unpack(store->bytes + at, &row));
                assert_int_equal(row.slot, MINUTE / 10 + ten);
                assert_int_equal(row.n, 1);
                assert_int_equal(row.cells[0].point.spans[HISTORY_STUCK].max, ten);
        }
}

/* Minutes where they are kept, ten minutes before. */
static void test_both_rings(void **state)
{
        struct store *store = *state;
        const uint64_t now = START_SEC + 2 * 86400;

        assert_int_equal(put(store, MINUTE, 9), 0);
        assert_int_equal(put(store, MINUTE + 2 * 1440 - 5, 4), 0);
        assert_int_equal(greatest(store, now, 3 * 86400, UINT64_MAX), 9);
        assert_int_equal(greatest(store, now, 7200, UINT64_MAX), 4);
        assert_int_equal(greatest(store, now, 7200, now - 600), HISTORY_UNKNOWN);
}

/* A row of another round of the ring is none of this one. */
static void test_rounds(void **state)
{
        struct store *store = *state;

        assert_int_equal(put(store, MINUTE, 9), 0);
        assert_int_equal(greatest(store, START_SEC + 86400, 7200, UINT64_MAX), HISTORY_UNKNOWN);
        assert_int_equal(greatest(store, START_SEC + 60, 7200, UINT64_MAX), 9);

        /* nor is it added to a row in its place, or beside it */
        assert_int_equal(put(store, MINUTE + 1, 8), 0);
        assert_int_equal(put(store, MINUTE + 1440, 2), 0);
        assert_int_equal(put(store, MINUTE + 1442, 3), 0);
        assert_int_equal(greatest(store, START_SEC + 86400 + 600, 7200, UINT64_MAX), 3);
        assert_int_equal(
                greatest(store, START_SEC + 86400 + 600, 5 * 86400, START_SEC + 86400 + 600), 9);
}

static void test_beginning_of_time(void **state)
{
        struct store *store = *state;

        assert_int_equal(put(store, 1, 9), 0);
        assert_int_equal(greatest(store, 100, 86400, UINT64_MAX), 9);
        assert_int_equal(greatest(store, 0, 86400, UINT64_MAX), HISTORY_UNKNOWN);
}

/* Whatever fails is said, and nothing is written after it. */
static void test_errors(void **state)
{
        struct store *store = *state;

        for (unsigned at = 1; at <= 13; at++) {
                *store = (struct store){ .fail_at = at };
                assert_int_equal(put(store, MINUTE, 5), -EIO);
                assert_int_equal(store->reads + store->writes, at);
        }
        *store = (struct store){ .fail_at = 14 };
        assert_int_equal(put(store, MINUTE, 5), 0);
}

static void test_read_errors(void **state)
{
        struct store *store = *state;
        const struct port_key key = local_port(80);
        const struct history_io io = io_of(store);
        struct history_series *series;
        struct history_time time;

        history_plan(START_SEC, 3 * 86400, HISTORY_SERIES_MAX, &time);
        series = history_series_new(&key, &time);
        assert_non_null(series);
        for (unsigned at = 1; at <= 301; at += 100) { /* the last one within the minutes */
                *store = (struct store){ .fail_at = at };
                assert_int_equal(history_rings_read(&io, UINT64_MAX, series), -EIO);
                assert_int_equal(store->reads, at);
        }
        free(series);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_cost),        TEST(test_places), TEST(test_rounds),
                TEST(test_both_rings),  TEST(test_errors), TEST(test_beginning_of_time),
                TEST(test_read_errors),
        };
#undef TEST

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("historyrings", tests, NULL, NULL);
}
