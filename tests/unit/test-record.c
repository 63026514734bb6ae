/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file that is recorded to: made, continued, mended, refused. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording.h"

#include "record.h"
#include "tempdir.h"

#define INTERVAL (10 * USEC_PER_SEC)

struct place {
        char directory[TEMPDIR_SIZE];
        char path[80];
};

static int setup(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        tempdir_make(place->directory);
        snprintf(place->path, sizeof(place->path), "%s/rec", place->directory);
        *state = place;
        return 0;
}

static int teardown(void **state)
{
        struct place *place = *state;

        (void)unlink(place->path);
        (void)rmdir(place->path);
        assert_int_equal(tempdir_remove(place->directory), 0);
        free(place);
        return 0;
}

static size_t size_of(const struct place *place)
{
        struct stat st;

        assert_int_equal(stat(place->path, &st), 0);
        return (size_t)st.st_size;
}

static void append(const struct place *place, const void *data, size_t len)
{
        FILE *file = fopen(place->path, "ae");

        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
}

static struct tape load(const struct place *place)
{
        struct tape tape = { .len = size_of(place) };
        FILE *file = fopen(place->path, "re");

        assert_non_null(file);
        tape.data = malloc(tape.len + 1);
        assert_non_null(tape.data);
        assert_int_equal(fread(tape.data, 1, tape.len, file), tape.len);
        assert_int_equal(fclose(file), 0);
        return tape;
}

static void scan(struct record *record, uint64_t generation)
{
        const struct scan_request request = { .generation = generation };
        struct snapshot *snapshot = make_snapshot(generation, NULL, 0);
        struct recorder *recorder = record_get_recorder(record);

        snapshot->start_usec = snapshot->end_usec = generation * INTERVAL;
        recorder_begin(recorder);
        recorder_begin_sockets(recorder);
        recorder_end_sockets(recorder, true);
        recorder_finish(recorder, &request, snapshot);
        snapshot_unref(snapshot);
}

/* One session of so many scans. */
static void record_scans(const struct place *place, uint64_t first, uint64_t last)
{
        struct record *record;

        assert_int_equal(record_open(place->path, INTERVAL, &record), 0);
        for (uint64_t i = first; i <= last; i++)
                scan(record, i);
        record_free(record);
}

static void assert_holds(const struct place *place, uint64_t sessions, uint64_t scans)
{
        struct tape tape = load(place);
        struct replay_survey survey;

        assert_int_equal(replay_survey(tape_read, &tape, &survey), 0);
        assert_true(survey.whole);
        assert_int_equal(survey.sessions, sessions);
        assert_int_equal(survey.scans, scans);
        free(tape.data);
}

static void assert_refused(const struct place *place)
{
        const size_t before = size_of(place);
        struct record *record;

        assert_int_equal(record_open(place->path, INTERVAL, &record), RECORD_REFUSED);
        assert_int_equal(size_of(place), before);
}

static void test_new_file(void **state)
{
        const struct place *place = *state;
        struct stat st;

        record_scans(place, 1, 3);
        assert_int_equal(stat(place->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_holds(place, 1, 3);
        record_scans(place, 4, 5);
        assert_holds(place, 2, 5);
}

static void test_empty_file(void **state)
{
        const struct place *place = *state;

        append(place, "", 0);
        record_scans(place, 1, 2);
        assert_holds(place, 1, 2);
}

static void test_torn_tail(void **state)
{
        static const char zeros[100];
        const struct place *place = *state;
        size_t whole;

        record_scans(place, 1, 3);
        whole = size_of(place);
        for (off_t cut = 1; cut < 35; cut += 7) { /* the third scan is torn, and then not there */
                assert_int_equal(truncate(place->path, (off_t)whole - cut), 0);
                record_scans(place, 4, 4);
                assert_true(size_of(place) > whole);
                whole = size_of(place);
        }
        assert_holds(place, 6, 3);
        append(place, "\xff\0\0\0\2torn", 9);
        record_scans(place, 5, 5);
        assert_holds(place, 7, 4);
        append(place, zeros, sizeof(zeros)); /* what some crashes leave */
        record_scans(place, 6, 6);
        assert_holds(place, 8, 5);
}

static void test_foreign_files(void **state)
{
        const struct place *place = *state;
        static const char text[] =
                "a text that somebody else needs, longer than a header would be\n";
        uint8_t header[RECFILE_HEADER_BYTES];

        append(place, "short", 5);
        assert_refused(place);
        append(place, text, strlen(text));
        assert_refused(place);
        assert_int_equal(unlink(place->path), 0);
        recfile_write_header(&(struct recfile_header){ .version = RECFILE_VERSION + 1 }, header);
        append(place, header, sizeof(header));
        assert_refused(place);
}

static void test_damaged_file(void **state)
{
        const struct place *place = *state;
        FILE *file;

        record_scans(place, 1, 3);
        file = fopen(place->path, "r+e");
        assert_non_null(file);
        assert_int_equal(fseek(file, RECFILE_HEADER_BYTES + 8, SEEK_SET), 0);
        assert_int_equal(fputc('X', file), 'X');
        assert_int_equal(fclose(file), 0);
        assert_refused(place); /* or what comes after it would be lost */
}

/* It holds the addresses of peers. */
static void test_private(void **state)
{
        struct place *place = *state;
        struct stat st;
        struct place link = *place;

        append(place, "", 0);
        assert_int_equal(chmod(place->path, 0644), 0);
        record_scans(place, 1, 1);
        assert_int_equal(stat(place->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        snprintf(link.path, sizeof(link.path), "%s/link", place->directory);
        assert_int_equal(symlink(place->path, link.path), 0);
        assert_refused(&link);
        assert_int_equal(unlink(link.path), 0);
        if (geteuid() == 0) { /* nobody else can give files away */
                assert_int_equal(chown(place->path, 65534, (gid_t)-1), 0);
                assert_refused(place);
        }
}

static void test_no_file(void **state)
{
        struct place *place = *state;
        struct record *record;

        assert_int_equal(mkdir(place->path, 0700), 0);
        assert_int_equal(record_open(place->path, INTERVAL, &record), RECORD_REFUSED);
        assert_int_equal(rmdir(place->path), 0);
        assert_int_equal(mkfifo(place->path, 0600), 0);
        assert_int_equal(record_open(place->path, INTERVAL, &record), RECORD_REFUSED);
        assert_int_equal(record_open("/nowhere/at/all", INTERVAL, &record), RECORD_REFUSED);
}

static void test_two_at_once(void **state)
{
        const struct place *place = *state;
        struct record *first, *second;

        assert_int_equal(record_open(place->path, INTERVAL, &first), 0);
        assert_int_equal(record_open(place->path, INTERVAL, &second), RECORD_REFUSED);
        scan(first, 1);
        record_free(first);
        assert_holds(place, 1, 1);
}

/* The limit cuts a frame in the middle: what was written of it is taken back. */
static void test_full_disk(void **state)
{
        const struct place *place = *state;
        struct rlimit before, limit;
        struct recorder_stats stats;
        struct record *record;

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(record_open(place->path, INTERVAL, &record), 0);
        scan(record, 1);
        limit = (struct rlimit){ .rlim_cur = size_of(place) + 10, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        scan(record, 2);
        scan(record, 3);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        scan(record, 4);
        recorder_get_stats(record_get_recorder(record), &stats);
        assert_true(stats.error < 0);
        assert_int_equal(stats.lost, 3);
        record_free(record);
        assert_int_equal(size_of(place) + 10, limit.rlim_cur);
        assert_holds(place, 1, 1);
        record_scans(place, 5, 5);
        assert_holds(place, 2, 2);
}

/* Not even the header finds room: no reason not to watch. */
static void test_full_disk_at_once(void **state)
{
        const struct place *place = *state;
        struct rlimit before, limit;
        struct recorder_stats stats;
        struct record *record;

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = (struct rlimit){ .rlim_cur = 20, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(record_open(place->path, INTERVAL, &record), 0);
        scan(record, 1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        recorder_get_stats(record_get_recorder(record), &stats);
        assert_true(stats.error < 0);
        assert_int_equal(stats.lost, 1);
        assert_int_equal(size_of(place), 0);
        record_free(record);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_new_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn_tail, setup, teardown),
                cmocka_unit_test_setup_teardown(test_foreign_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_damaged_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_private, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_two_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_disk_at_once, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
