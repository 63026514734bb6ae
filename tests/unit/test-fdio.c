/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads and writes at an offset: whole where that is possible, and what is told where it is not. */

#include "fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "tempdir.h"

#define LIMIT 4096

struct place {
        char directory[TEMPDIR_SIZE];
        int fd;
};

static int setup(void **state)
{
        struct place *place = calloc(1, sizeof(*place));
        char path[TEMPDIR_SIZE + 8];

        assert_non_null(place);
        tempdir_make(place->directory);
        snprintf(path, sizeof(path), "%s/file", place->directory);
        place->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(place->fd >= 0);
        *state = place;
        return 0;
}

static int teardown(void **state)
{
        struct place *place = *state;

        (void)close(place->fd);
        (void)tempdir_remove(place->directory);
        free(place);
        return 0;
}

static void test_there_and_back(void **state)
{
        struct place *place = *state;
        char back[8] = "";

        assert_int_equal(fd_write_at(place->fd, "abcdef", 6, 100), 0);
        assert_int_equal(fd_read_at(place->fd, back, 3, 102), 3);
        assert_string_equal(back, "cde");
        assert_int_equal(fd_read_at(place->fd, back, 2, 98), 2); /* a hole */
        assert_memory_equal(back, "\0\0", 2);
        assert_int_equal(lseek(place->fd, 0, SEEK_CUR), 0);
        assert_int_equal(fd_write_at(place->fd, "", 0, 0), 0);
}

static void test_end_of_file(void **state)
{
        struct place *place = *state;
        char back[8] = "";

        assert_int_equal(fd_write_at(place->fd, "abcdef", 6, 0), 0);
        assert_int_equal(fd_read_at(place->fd, back, sizeof(back), 4), 2);
        assert_memory_equal(back, "ef", 2);
        assert_int_equal(fd_read_at(place->fd, back, sizeof(back), 6), 0);
        assert_int_equal(fd_read_at(place->fd, back, sizeof(back), 1000), 0);
}

static void test_errors(void **state)
{
        struct place *place = *state;
        int full = open("/dev/full", O_RDWR | O_CLOEXEC),
            none = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char byte = 0;

        assert_true(full >= 0 && none >= 0);
        assert_int_equal(fd_write_at(full, &byte, 1, 0), -ENOSPC);
        assert_int_equal(fd_write_at(none, &byte, 1, 0), -EBADF);
        assert_int_equal(fd_read_at(-1, &byte, 1, 0), -EBADF);
        assert_int_equal(fd_read_at(place->fd, &byte, 1, -1), -EINVAL);
        (void)close(full);
        (void)close(none);
}

/* The kernel takes what there is room for, and refuses the rest: that is no success. */
static void test_room_for_a_part(void **state)
{
        struct place *place = *state;
        uint8_t data[100];
        struct rlimit before, limit;

        memset(data, 7, sizeof(data));
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = before;
        limit.rlim_cur = LIMIT;
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(fd_write_at(place->fd, data, sizeof(data), LIMIT - 60), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(lseek(place->fd, 0, SEEK_END), LIMIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_there_and_back),
                TEST(test_end_of_file),
                TEST(test_errors),
                TEST(test_room_for_a_part),
        };
#undef TEST

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("fdio", tests, NULL, NULL);
}
