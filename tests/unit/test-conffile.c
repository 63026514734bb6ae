/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conf: files, drop-ins and their order, and everything that is no file to be read. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "conftest.h"
#include "tempdir.h"
#include "units.h"

#define ETC "/etc/twmon/twmon.conf.d/"
#define RUN "/run/twmon/twmon.conf.d/"
#define USR "/usr/lib/twmon/twmon.conf.d/"

struct tree {
        char root[TEMPDIR_SIZE];
        char path[256]; /* at() */
};

/* The path of name below the root; one at a time. */
static const char *at(struct tree *tree, const char *name)
{
        (void)snprintf(tree->path, sizeof(tree->path), "%s%s", tree->root, name);
        return tree->path;
}

static void write_file(struct tree *tree, const char *name, const char *text)
{
        FILE *file = fopen(at(tree, name), "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
        static const char *const directories[] = {
                "/etc", "/etc/twmon", ETC,        "/run",           "/run/twmon",
                RUN,    "/usr",       "/usr/lib", "/usr/lib/twmon", USR,
        };
        struct tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        tempdir_make(tree->root);
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
                assert_int_equal(mkdir(at(tree, directories[i]), 0755), 0);
        *state = tree;
        return 0;
}

static int teardown(void **state)
{
        struct tree *tree = *state;

        (void)tempdir_remove(tree->root);
        free(tree);
        return 0;
}

/* Interval= of the tree, in seconds. */
static uint64_t load_interval(const struct tree *tree)
{
        CLEANUP(conftest_freep) char *errors = NULL;
        CLEANUP(conf_unrefp) struct conf *conf = NULL;

        if (conf_load_system(tree->root, &conf, &errors) != 0)
                fail_msg("refused: %s", errors);
        return conf->interval_usec / USEC_PER_SEC;
}

/* The tree must be refused with this one line, after its root. */
static void assert_refused(const struct tree *tree, const char *expected)
{
        CLEANUP(conftest_freep) char *errors = NULL;
        struct conf *conf = NULL;

        assert_int_equal(conf_load_system(tree->root, &conf, &errors), CONF_BAD);
        assert_null(conf);
        assert_memory_equal(errors, tree->root, strlen(tree->root));
        assert_string_equal(errors + strlen(tree->root), expected);
}

static void assert_file_refused(const char *path, const char *expected)
{
        CLEANUP(conftest_freep) char *errors = NULL;
        struct conf *conf = NULL;

        assert_int_equal(conf_load_file(path, &conf, &errors), CONF_BAD);
        assert_null(conf);
        assert_memory_equal(errors, path, strlen(path));
        assert_string_equal(errors + strlen(path), expected);
}

static void test_no_file(void **state)
{
        struct tree *tree = *state, nowhere = *tree;

        assert_int_equal(load_interval(tree), 10);
        nowhere.root[strlen(nowhere.root) - 1] = '-'; /* no made one ends so */
        assert_int_equal(load_interval(&nowhere), 10);
}

/* The first main file alone is read, not all of them. */
static void test_main_file(void **state)
{
        struct tree *tree = *state;

        write_file(tree, "/usr/lib/twmon/twmon.conf", "[Scan]\nInterval=1s\n");
        assert_int_equal(load_interval(tree), 1);
        write_file(tree, "/run/twmon/twmon.conf", "[Scan]\nInterval=2s\n");
        assert_int_equal(load_interval(tree), 2);
        write_file(tree, "/etc/twmon/twmon.conf", "");
        assert_int_equal(load_interval(tree), 10);
}

static void test_main_masked(void **state)
{
        struct tree *tree = *state;

        write_file(tree, "/usr/lib/twmon/twmon.conf", "[Scan]\nInterval=1s\n");
        assert_int_equal(symlink("/dev/null", at(tree, "/etc/twmon/twmon.conf")), 0);
        assert_int_equal(load_interval(tree), 10);
}

/* By name over all directories; after the main file. */
static void test_drop_in_order(void **state)
{
        struct tree *tree = *state;

        write_file(tree, "/etc/twmon/twmon.conf", "[Scan]\nInterval=1s\n");
        assert_int_equal(load_interval(tree), 1);
        write_file(tree, ETC "20-b.conf", "[Scan]\nInterval=2s\n");
        write_file(tree, USR "10-a.conf", "[Scan]\nInterval=3s\n");
        assert_int_equal(load_interval(tree), 2);
        write_file(tree, USR "30-c.conf", "[Scan]\nInterval=4s\n");
        assert_int_equal(load_interval(tree), 4);
        write_file(tree, RUN "30-b.conf", "[Scan]\nInterval=5s\n");
        assert_int_equal(load_interval(tree), 4);
        write_file(tree, RUN "40.conf", "[Scan]\nInterval=6s\n");
        assert_int_equal(load_interval(tree), 6);
}

static void test_drop_in_hidden(void **state)
{
        struct tree *tree = *state;

        write_file(tree, USR "50.conf", "[Scan]\nInterval=1s\n");
        write_file(tree, RUN "50.conf", "[Scan]\nInterval=2s\n");
        assert_int_equal(load_interval(tree), 2);
        write_file(tree, ETC "50.conf", "[Scan]\nInterval=3s\n");
        assert_int_equal(load_interval(tree), 3);
}

/* A mask hides even a file that is wrong. */
static void test_drop_in_masked(void **state)
{
        struct tree *tree = *state;

        write_file(tree, USR "50.conf", "not a configuration\n");
        write_file(tree, RUN "60.conf", "[Scan]\nInterval=2s\n");
        assert_int_equal(symlink("/dev/null", at(tree, ETC "50.conf")), 0);
        assert_int_equal(load_interval(tree), 2);
        write_file(tree, ETC "60.conf", "");
        assert_int_equal(load_interval(tree), 10);
}

static void test_other_names(void **state)
{
        static const char *const names[] = { ETC "a.conf.bak", ETC ".hidden.conf", ETC "README",
                                             ETC ".conf",      ETC "a.CONF",       ETC "conf" };
        struct tree *tree = *state;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                write_file(tree, names[i], "not a configuration\n");
        assert_int_equal(load_interval(tree), 10);
}

/* Over files too: later wins, lists add up, ports inherit, errors name their file. */
static void test_over_files(void **state)
{
        struct tree *tree = *state;
        CLEANUP(conf_unrefp) struct conf *conf = NULL;
        struct port_key key;
        char *errors = NULL, origin[sizeof(tree->path) + 2];

        write_file(tree, ETC "10.conf", "[Port 80]\nStuckWarning=5\n[Ports]\nIgnore=1\n");
        write_file(tree, ETC "20.conf", "[CloseWait]\nStuckCritical=50\n[Ports]\nIgnore=2\n");
        write_file(tree, ETC "30.conf", "[Port 80]\nStuckAfter=1s\n");
        assert_int_equal(conf_load_system(tree->root, &conf, &errors), 0);
        key = conftest_local(80);
        assert_string_equal(conftest_levels(conf, ALERT_CLOSE_WAIT_STUCK, key), "5/50");
        assert_int_equal(rules_find(conf->rules, ALERT_CLOSE_WAIT_STUCK, &key)->stuck_after_usec,
                         USEC_PER_SEC);
        (void)snprintf(origin, sizeof(origin), "%s:2", at(tree, ETC "10.conf"));
        assert_string_equal(conftest_origin(conf, ALERT_CLOSE_WAIT_STUCK, key), origin);
        for (uint16_t port = 1; port <= 2; port++) {
                key = conftest_local(port);
                assert_true(rules_ignored(conf->rules, &key));
        }

        write_file(tree, ETC "40.conf", "[Scan]\n\nIntervall=3s\n");
        assert_refused(tree, ETC "40.conf:3: [Scan] has no key Intervall, expected Interval");
}

/* A section does not reach into the next file. */
static void test_section_ends(void **state)
{
        struct tree *tree = *state;

        write_file(tree, ETC "10.conf", "[Scan]\n");
        write_file(tree, ETC "20.conf", "Interval=3s\n");
        assert_refused(tree, ETC "20.conf:1: \"Interval=3s\" stands in no section, expected a "
                                 "header such as [Scan] above it");
}

static void test_too_many_drop_ins(void **state)
{
        struct tree *tree = *state;
        char name[64];

        for (unsigned i = 0; i <= CONF_FILES_MAX; i++) {
                if (i == CONF_FILES_MAX)
                        assert_int_equal(load_interval(tree), 10);
                (void)snprintf(name, sizeof(name), USR "%u.conf", i);
                write_file(tree, name, "");
        }
        assert_refused(tree,
                       "/usr/lib/twmon/twmon.conf.d: too many drop-ins, expected at most 256");
}

static void test_broken_links(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(symlink("nowhere", at(tree, ETC "10.conf")), 0);
        assert_refused(tree, ETC "10.conf: cannot be read (No such file or directory), expected a "
                                 "regular file");
        assert_int_equal(unlink(at(tree, ETC "10.conf")), 0);
        assert_int_equal(symlink("nowhere", at(tree, "/etc/twmon/twmon.conf")), 0);
        assert_refused(tree, "/etc/twmon/twmon.conf: cannot be read (No such file or directory), "
                             "expected a regular file");
}

static void test_drop_ins_no_directory(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(rmdir(at(tree, ETC)), 0);
        write_file(tree, "/etc/twmon/twmon.conf.d", "");
        assert_refused(tree,
                       "/etc/twmon/twmon.conf.d: cannot be read (Not a directory), expected a "
                       "directory");
}

/* Permissions do not bind root, so root tries as nobody. */
static void test_unreadable(void **state)
{
        struct tree *tree = *state;
        bool root = geteuid() == 0;

        write_file(tree, ETC "10.conf", "");
        assert_int_equal(chmod(at(tree, ETC "10.conf"), 0), 0);
        assert_int_equal(chmod(tree->root, 0755), 0);
        if (root && seteuid(65534) < 0)
                skip(); /* a user namespace without that uid */
        assert_refused(tree, ETC "10.conf: cannot be read (Permission denied), expected a regular "
                                 "file");
        if (root)
                assert_int_equal(seteuid(0), 0);

        assert_int_equal(chmod(at(tree, ETC), 0), 0);
        if (root)
                assert_int_equal(seteuid(65534), 0);
        assert_refused(tree,
                       "/etc/twmon/twmon.conf.d: cannot be read (Permission denied), expected "
                       "a directory");
        if (root)
                assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(at(tree, ETC), 0755), 0);
}

static void test_no_regular_file(void **state)
{
        struct tree *tree = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        CLEANUP(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_file_refused(
                at(tree, "/missing.conf"),
                ": cannot be read (No such file or directory), expected a regular file");
        assert_file_refused(at(tree, "/etc"), ": is a directory, expected a regular file");
        assert_int_equal(mkfifo(at(tree, "/fifo.conf"), 0600), 0);
        assert_file_refused(tree->path,
                            ": is a device, a FIFO or a socket, expected a regular file");
        assert_file_refused("/dev/zero",
                            ": is a device, a FIFO or a socket, expected a regular file");
        at(tree, "/socket.conf");
        assert_true(strlen(tree->path) < sizeof(address.sun_path));
        memcpy(address.sun_path, tree->path, strlen(tree->path) + 1);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_file_refused(tree->path, ": cannot be read (No such device or address), expected a "
                                        "regular file");
        assert_file_refused("", ": cannot be read (No such file or directory), expected a regular "
                                "file");
}

static void test_empty_files(void **state)
{
        struct tree *tree = *state;
        char *errors = NULL;
        struct conf *conf = NULL;

        assert_int_equal(conf_load_file("/dev/null", &conf, &errors), 0);
        assert_int_equal(conf->interval_usec, 10 * USEC_PER_SEC);
        conf = conf_unref(conf);
        write_file(tree, "/empty.conf", "");
        assert_int_equal(conf_load_file(tree->path, &conf, &errors), 0);
        assert_null(conf_unref(conf));
        assert_null(errors);
}

/* A hole of any size costs nothing to refuse; a file of just the limit is read. */
static void test_huge(void **state)
{
        struct tree *tree = *state;
        CLEANUP(conf_unrefp) struct conf *conf = NULL;
        char *errors = NULL;
        FILE *file;

        write_file(tree, "/huge.conf", "");
        assert_int_equal(truncate(tree->path, INT64_C(1) << 40), 0);
        assert_file_refused(tree->path, ": is larger than 1048576 bytes, expected at most that");

        file = fopen(at(tree, "/full.conf"), "we");
        assert_non_null(file);
        for (size_t i = 0; i < CONF_FILE_MAX; i += 16)
                fputs("# just a remark\n", file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(conf_load_file(tree->path, &conf, &errors), 0);
        file = fopen(tree->path, "ae");
        assert_non_null(file);
        fputs("\n", file);
        assert_int_equal(fclose(file), 0);
        assert_file_refused(tree->path, ": is larger than 1048576 bytes, expected at most that");
}

#define TREE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TREE_TEST(test_no_file),        TREE_TEST(test_main_file),
                TREE_TEST(test_main_masked),    TREE_TEST(test_drop_in_order),
                TREE_TEST(test_drop_in_hidden), TREE_TEST(test_drop_in_masked),
                TREE_TEST(test_other_names),    TREE_TEST(test_over_files),
                TREE_TEST(test_section_ends),   TREE_TEST(test_too_many_drop_ins),
                TREE_TEST(test_broken_links),   TREE_TEST(test_drop_ins_no_directory),
                TREE_TEST(test_unreadable),     TREE_TEST(test_no_regular_file),
                TREE_TEST(test_empty_files),    TREE_TEST(test_huge),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
