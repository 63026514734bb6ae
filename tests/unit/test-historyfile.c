/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The history file: what comes back of what was written, and what becomes of files that are wrong. */

#include "historyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fixture.h"
#include "historyrings.h"
#include "tempdir.h"

#define START_SEC UINT64_C(1767225600) /* 2026-01-01 */
#define MINUTE    ((uint32_t)(START_SEC / 60))

struct world {
        char dir[TEMPDIR_SIZE];
        struct history_file file;
        char note[HISTORYFILE_NOTE];
};

static struct history_file file_of(const char *dir)
{
        return (struct history_file){ .dir = dir, .origin = { { 1 }, 7 }, .fd = -1 };
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        tempdir_make(world->dir);
        world->file = file_of(world->dir);
        assert_int_equal(history_file_open(&world->file, world->note), 0);
        assert_string_equal(world->note, "");
        *state = world;
        return 0;
}

static char *path_of(const struct world *world, const char *name, char *buf, size_t size)
{
        snprintf(buf, size, "%s/%s", world->dir, name);
        return buf;
}

static int teardown(void **state)
{
        static const char *const names[] = { "history", "history.damaged", "history.foreign",
                                             "history.newer" };
        struct world *world = *state;
        char path[128];

        history_file_close(&world->file);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)unlink(path_of(world, names[i], path, sizeof(path)));
        assert_int_equal(tempdir_remove(world->dir), 0);
        free(world);
        return 0;
}

/* Local port 80 had so many stuck sockets in that minute. */
static void put(struct world *world, uint32_t minute, uint32_t stuck)
{
        struct history_row row = { .slot = minute, .flags = HISTORY_SAW_CLOSE_WAIT, .n = 1 };

        row.cells[0].key = local_port(80);
        history_absent(row.flags, &row.cells[0].point);
        row.cells[0].point.spans[HISTORY_STUCK] = history_span_of(stuck);
        assert_int_equal(history_file_put(&world->file, &row), 0);
}

static struct history_series *read_series(struct world *world, const struct history_time *time)
{
        const struct port_key key = local_port(80);
        struct history_series *series = history_series_new(&key, time);

        assert_non_null(series);
        assert_int_equal(history_file_read(&world->file, UINT64_MAX, series), 0);
        return series;
}

static struct history_series *get(struct world *world, uint64_t now_sec, uint64_t since_sec)
{
        struct history_time time;

        history_plan(now_sec, since_sec, HISTORY_SERIES_MAX, &time);
        return read_series(world, &time);
}

static void reopen(struct world *world)
{
        history_file_close(&world->file);
        world->file = file_of(world->dir);
        assert_int_equal(history_file_open(&world->file, world->note), 0);
}

static uint32_t stuck_at(const struct history_series *series, uint64_t sec)
{
        assert_in_range(sec, series->time.start_sec,
                        series->time.start_sec + series->time.n * series->time.step_sec - 1);
        return series->points[(sec - series->time.start_sec) / series->time.step_sec]
                .spans[HISTORY_STUCK]
                .max;
}

static void minutes_come_back(void **state)
{
        struct world *world = *state;
        struct history_series *series;

        put(world, MINUTE, 5);
        put(world, MINUTE + 2, 9);
        reopen(world);
        assert_string_equal(world->note, "");
        series = get(world, START_SEC + 3 * 60, 2 * 3600);
        assert_int_equal(series->time.step_sec, 60);
        assert_int_equal(stuck_at(series, START_SEC - 60), HISTORY_UNKNOWN);
        assert_int_equal(stuck_at(series, START_SEC), 5);
        assert_int_equal(stuck_at(series, START_SEC + 60), HISTORY_UNKNOWN);
        assert_int_equal(stuck_at(series, START_SEC + 120), 9);
        free(series);
}

/* When within a minute there were so many is not known, so ten seconds of it are not told. */
static void a_minute_is_no_shorter(void **state)
{
        struct world *world = *state;
        struct history_series *series;
        struct history_time time;

        put(world, MINUTE, 5);
        series = get(world, START_SEC + 90, 300);
        assert_int_equal(series->time.step_sec, 10);
        assert_false(history_series_tells(series));
        assert_false(history_series_knows(series, UINT64_MAX));
        free(series);
        history_plan_minutes(START_SEC + 90, 300, HISTORY_SERIES_MAX, &time);
        assert_int_equal(time.step_sec, 60);
        series = read_series(world, &time);
        assert_int_equal(stuck_at(series, START_SEC), 5);
        assert_int_equal(stuck_at(series, START_SEC - 60), HISTORY_UNKNOWN);
        assert_int_equal(stuck_at(series, START_SEC + 60), HISTORY_UNKNOWN);
        assert_true(history_series_knows(series, START_SEC + 60));
        assert_false(history_series_knows(series, START_SEC + 59)); /* not the whole minute */
        free(series);
        for (uint32_t points = 2; points <= HISTORY_SERIES_MAX; points++) {
                history_plan_minutes(START_SEC + 90, 3600, points, &time);
                assert_int_equal(time.step_sec % 60, 0);
        }
}

/* The edge of a day, of which the ten minutes know more than the minutes do. */
static void ten_minutes_are_no_shorter(void **state)
{
        struct world *world = *state;
        struct history_series *series;

        put(world, MINUTE, 5);
        series = get(world, START_SEC + 86400, 86400);
        assert_int_equal(series->time.step_sec, 180);
        for (uint64_t sec = START_SEC + 180; sec < START_SEC + 600; sec += 180)
                assert_int_equal(stuck_at(series, sec), HISTORY_UNKNOWN);
        free(series);
}

static void a_minute_in_two_parts_is_one(void **state)
{
        struct world *world = *state;
        struct history_series *series;

        put(world, MINUTE, 5);
        reopen(world);
        put(world, MINUTE, 3);
        series = get(world, START_SEC, 7200);
        assert_int_equal(series->points[series->time.n - 1].spans[HISTORY_STUCK].max, 5);
        assert_int_equal(series->points[series->time.n - 1].spans[HISTORY_STUCK].min, 3);
        assert_int_equal(series->points[series->time.n - 1].spans[HISTORY_STUCK].last, 3);
        free(series);
}

/* 31 days, every ten minutes another number: the file stays as small, the first day is gone. */
static void a_month(void **state)
{
        struct world *world = *state;
        const uint32_t end = MINUTE + 31 * 24 * 60;
        struct history_series *series;
        struct stat st;

        for (uint32_t minute = MINUTE; minute < end; minute += 5)
                put(world, minute, (minute - MINUTE) / 10);
        assert_int_equal(fstat(world->file.fd, &st), 0);
        assert_true(st.st_size <= HISTORY_FILE_MAX);
        series = get(world, end * UINT64_C(60) - 1, UINT64_C(40) * 86400);
        assert_int_equal(series->time.step_sec, 4200);
        for (uint32_t i = 1; i < series->time.n; i++) {
                const uint64_t last_sec = series->time.start_sec + (i + 1) * UINT64_C(4200) - 600;
                const uint64_t last = (MIN(last_sec, end * UINT64_C(60) - 600) - START_SEC) / 600;

                assert_int_equal(series->points[i].spans[HISTORY_STUCK].last, last);
        }
        free(series);
        series = get(world, end * UINT64_C(60) - 1, 86400); /* the minutes of a day alone */
        assert_int_equal(series->time.step_sec, 180);
        assert_int_equal(stuck_at(series, (end - 5) * UINT64_C(60)), 31 * 24 * 6 - 1);
        free(series);
        series = get(world, START_SEC + 86399, 7200); /* they have been written over */
        assert_false(history_series_tells(series));
        free(series);
}

static void a_damaged_row_is_a_gap(void **state)
{
        struct world *world = *state;
        struct history_series *series;
        const off_t at =
                HISTORY_HEADER_BYTES + (off_t)((MINUTE + 1) % HISTORY_MINUTES) * HISTORY_ROW_BYTES;

        for (uint32_t i = 0; i < 3; i++)
                put(world, MINUTE + i, 5);
        assert_int_equal(pwrite(world->file.fd, "?", 1, at + 20), 1);
        reopen(world);
        assert_string_equal(world->note, "");
        series = get(world, START_SEC + 180, 7200);
        assert_int_equal(stuck_at(series, START_SEC), 5);
        assert_int_equal(stuck_at(series, START_SEC + 60), HISTORY_UNKNOWN);
        assert_int_equal(stuck_at(series, START_SEC + 120), 5);
        free(series);
}

/* Writes there, opens again: the note says so, the file is kept by that name and begun anew. */
static void check_set_aside(struct world *world, const char *bytes, off_t at, const char *suffix)
{
        struct history_series *series;
        char path[128], name[32];

        put(world, MINUTE, 5);
        assert_int_equal(pwrite(world->file.fd, bytes, 1, at), 1);
        reopen(world);
        snprintf(name, sizeof(name), "history.%s", suffix);
        assert_non_null(strstr(world->note, name));
        assert_null(strchr(world->note, '\n'));
        assert_int_equal(access(path_of(world, name, path, sizeof(path)), F_OK), 0);
        series = get(world, START_SEC + 60, 7200);
        assert_false(history_series_tells(series));
        free(series);
        put(world, MINUTE, 6);
        reopen(world);
        assert_string_equal(world->note, "");
}

static void what_is_damaged_is_set_aside(void **state)
{
        check_set_aside(*state, "?", 33, "damaged");
}

static void what_is_foreign_is_set_aside(void **state)
{
        check_set_aside(*state, "?", 0, "foreign");
}

static void what_is_too_long_is_set_aside(void **state)
{
        check_set_aside(*state, "?", HISTORY_FILE_MAX, "damaged");
}

static void what_is_no_file_is_set_aside(void **state)
{
        struct world *world = *state;
        char path[128];

        history_file_close(&world->file);
        path_of(world, "history", path, sizeof(path));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        reopen(world);
        assert_non_null(strstr(world->note, "history.foreign"));
        history_file_close(&world->file);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/null", path), 0);
        reopen(world);
        assert_non_null(strstr(world->note, "history.foreign"));
        history_file_close(&world->file);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)unlink(path_of(world, "history.foreign", path, sizeof(path)));
        reopen(world);
        assert_non_null(strstr(world->note, "history.foreign"));
        assert_int_equal(rmdir(path_of(world, "history.foreign", path, sizeof(path))), 0);
}

static void namespaces_are_told_apart(void **state)
{
        struct world *world = *state;

        history_file_close(&world->file);
        world->file = file_of(world->dir);
        world->file.origin.netns = 8;
        world->file.origin.boot_id[0] = 2; /* numbers of another boot mean nothing */
        assert_int_equal(history_file_open(&world->file, world->note), 0);
        assert_string_equal(world->note, "");
        history_file_close(&world->file);
        world->file.origin.netns = 7;
        assert_int_equal(history_file_open(&world->file, world->note), 0);
        assert_non_null(strstr(world->note, "of another network namespace"));
}

static void it_is_one_process_s(void **state)
{
        struct world *world = *state;
        struct history_file other = file_of(world->dir);
        char note[HISTORYFILE_NOTE];

        assert_int_equal(history_file_open(&other, note), -EBUSY);
        assert_int_equal(other.fd, -1);
        history_file_close(&world->file);
        assert_int_equal(history_file_open(&other, note), 0);
        history_file_close(&other);
}

static void what_is_removed_is_made_again(void **state)
{
        struct world *world = *state;
        char path[128];

        path_of(world, "history", path, sizeof(path));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(history_file_open(&world->file, world->note), 0);
        put(world, MINUTE, 5);
        assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(minutes_come_back),
                TEST(a_minute_is_no_shorter),
                TEST(ten_minutes_are_no_shorter),
                TEST(a_minute_in_two_parts_is_one),
                TEST(a_month),
                TEST(a_damaged_row_is_a_gap),
                TEST(what_is_damaged_is_set_aside),
                TEST(what_is_foreign_is_set_aside),
                TEST(what_is_too_long_is_set_aside),
                TEST(what_is_no_file_is_set_aside),
                TEST(namespaces_are_told_apart),
                TEST(it_is_one_process_s),
                TEST(what_is_removed_is_made_again),
        };
#undef TEST

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
