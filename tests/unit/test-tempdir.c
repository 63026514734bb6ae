/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The directories that other tests use: where they are, and that nothing stays of them. */

#include "tempdir.h"

#include <sys/wait.h>

/* One in another, so that it can be seen where TMPDIR puts it. */
struct nest {
        char base[TEMPDIR_SIZE];
        char *tmpdir; /* of the process; NULL: none */
};

static int setup(void **state)
{
        static struct nest nest;
        const char *tmpdir = getenv("TMPDIR");

        nest.tmpdir = tmpdir ? strdup(tmpdir) : NULL;
        tempdir_make(nest.base);
        assert_int_equal(setenv("TMPDIR", nest.base, 1), 0);
        *state = &nest;
        return 0;
}

static int teardown(void **state)
{
        struct nest *nest = *state;

        if (nest->tmpdir)
                assert_int_equal(setenv("TMPDIR", nest->tmpdir, 1), 0);
        else
                assert_int_equal(unsetenv("TMPDIR"), 0);
        free(nest->tmpdir);
        (void)tempdir_remove(nest->base);
        return 0;
}

static void put_file(const char *dir, const char *name)
{
        char path[2 * TEMPDIR_SIZE];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
}

static void put_dir(const char *dir, const char *name)
{
        char path[2 * TEMPDIR_SIZE];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(mkdir(path, 0700), 0);
}

/* With nothing in stdout's buffer that the child would print again. */
static pid_t fork_now(void)
{
        (void)fflush(stdout);
        return fork();
}

/* Of a child that ends without a teardown, as one whose test failed does. */
static void assert_child_ends_well(pid_t pid)
{
        int status;

        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_below_tmpdir(void **state)
{
        struct nest *nest = *state;
        char dir[TEMPDIR_SIZE];
        struct stat st;

        tempdir_make(dir);
        assert_memory_equal(dir, nest->base, strlen(nest->base));
        assert_int_equal(dir[strlen(nest->base)], '/');
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(tempdir_remove(dir), 0);
        assert_int_equal(access(dir, F_OK), -1);
}

static void test_removed_with_its_content(void **state)
{
        char dir[TEMPDIR_SIZE];

        (void)state;
        tempdir_make(dir);
        put_file(dir, "one");
        put_dir(dir, "deep");
        put_file(dir, "deep/two");
        assert_int_equal(tempdir_remove(dir), 3);
        assert_int_equal(access(dir, F_OK), -1);
}

static void test_removed_without_teardown(void **state)
{
        struct nest *nest = *state;
        pid_t pid = fork_now();

        if (pid == 0) {
                char dir[TEMPDIR_SIZE];

                tempdir_make(dir);
                put_file(dir, "one");
                exit(EXIT_SUCCESS);
        }
        assert_child_ends_well(pid);
        assert_int_equal(rmdir(nest->base), 0); /* as empty as it was */
        assert_int_equal(mkdir(nest->base, 0700), 0);
}

static void test_child_leaves_its_parents(void **state)
{
        char dir[TEMPDIR_SIZE];
        pid_t pid;

        (void)state;
        tempdir_make(dir);
        put_file(dir, "one");
        pid = fork_now();
        if (pid == 0)
                exit(EXIT_SUCCESS);
        assert_child_ends_well(pid);
        assert_int_equal(tempdir_remove(dir), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_below_tmpdir),
                TEST(test_removed_with_its_content),
                TEST(test_removed_without_teardown),
                TEST(test_child_leaves_its_parents),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("tempdir", tests, NULL, NULL);
}
