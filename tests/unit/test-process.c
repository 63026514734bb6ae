/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One process of a made-up /proc: as Linux 6.2 and later show it, and as older kernels do. */

#include <errno.h>
#include <sys/wait.h>

#include "faketree.h"

#include "process.h"

static struct process_source source_of(const struct tree *tree)
{
        struct process_source source;

        process_source_init(&source, tree->proc);
        return source;
}

static struct owner_process describe(const struct tree *tree, int pid)
{
        struct process_source source = source_of(tree);
        struct owner_process process;

        process_describe(&source, pid, &process);
        assert_int_equal(process.pid, pid);
        return process;
}

static void test_counted_by_the_kernel(void **state)
{
        struct tree *tree = *state;
        struct owner_process process;

        make_fd_size(tree, "self", 4);
        make_process(tree, 10, "leaky\n");
        make_fd_size(tree, "10", 25);
        make_limit(tree, 10, "1024");
        process = describe(tree, 10);
        assert_string_equal(process.comm, "leaky");
        assert_int_equal(process.fds, 25);
        assert_int_equal(process.fd_limit, 1024);
}

/* A size of 0 says that it was not counted: a kernel thread, or a process that is ending. */
static void test_never_zero(void **state)
{
        struct tree *tree = *state;

        make_fd_size(tree, "self", 4);
        make_process(tree, 10, "leaky\n");
        make_fd_size(tree, "10", 0);
        assert_int_equal(describe(tree, 10).fds, OWNER_UNKNOWN);
        make_process(tree, 11, "gone\n");
        assert_int_equal(describe(tree, 11).fds, OWNER_UNKNOWN);
}

/* Older kernels: whatever stat() says is not the number, and who may not count does not know. */
static void test_older_kernel_unreadable(void **state)
{
        struct tree *tree = *state;

        make_process(tree, 10, "leaky\n");
        make_fd_size(tree, "10", 25);
        make_limit(tree, 10, "1024");
        assert_int_equal(describe(tree, 10).fds, OWNER_UNKNOWN); /* self is missing */
        make_fd_size(tree, "self", 0);
        assert_int_equal(describe(tree, 10).fds, OWNER_UNKNOWN);
        assert_int_equal(describe(tree, 10).fd_limit, 1024);
}

static void test_older_kernel_readable(void **state)
{
        struct tree *tree = *state;

        make_fd_size(tree, "self", 0);
        make_process(tree, 10, "leaky\n");
        for (int fd = 0; fd < 7; fd++)
                make_socket(tree, 10, fd, 500);
        assert_int_equal(describe(tree, 10).fds, 7);
}

/* A count that was not brought to its end is none. */
static void test_count_at_the_limit(void **state)
{
        struct tree *tree = *state;
        struct process_source source = source_of(tree);
        struct owner_process process;
        struct holder holder;

        make_process(tree, 10, "leaky\n");
        for (int fd = 0; fd < 7; fd++)
                make_socket(tree, 10, fd, 500);
        source.fds_left = 6;
        process_describe(&source, 10, &process);
        assert_int_equal(process.fds, OWNER_UNKNOWN);
        assert_int_equal(process_holds(&source, 10, 500, &holder), -ENOBUFS);
}

static void test_limits(void **state)
{
        static const struct {
                const char *text;
                int64_t limit;
        } cases[] = {
                { "1024", 1024 },
                { "1", 1 },
                { "0", 0 },
                { "unlimited", OWNER_UNLIMITED },
                { "9223372036854775806", INT64_MAX - 1 },
                { "9223372036854775807", OWNER_UNKNOWN },
                { "99999999999999999999999999", OWNER_UNKNOWN },
                { "-1", OWNER_UNKNOWN },
                { "12x", OWNER_UNKNOWN },
                { "", 524288 }, /* whatever comes first */
        };
        struct tree *tree = *state;

        make_process(tree, 10, "leaky\n");
        assert_true(describe(tree, 10).fd_limit == OWNER_UNKNOWN);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                make_limit(tree, 10, cases[i].text);
                assert_true(describe(tree, 10).fd_limit == cases[i].limit);
        }
        make_file(tree->proc, "10/limits", "Max open files");
        assert_true(describe(tree, 10).fd_limit == OWNER_UNKNOWN);
        make_file(tree->proc, "10/limits", "Max open files \n");
        assert_true(describe(tree, 10).fd_limit == OWNER_UNKNOWN);
}

static void test_names(void **state)
{
        struct tree *tree = *state;

        make_process(tree, 10, "fifteen letters\n");
        assert_string_equal(describe(tree, 10).comm, "fifteen letters");
        make_process(tree, 10, "many more than fifteen\n");
        assert_string_equal(describe(tree, 10).comm, "many more than ");
        make_process(tree, 10, "");
        assert_string_equal(describe(tree, 10).comm, "");
        assert_string_equal(describe(tree, 99).comm, "");
}

static void test_holds(void **state)
{
        struct tree *tree = *state;
        struct process_source source = source_of(tree);
        struct holder holder = { 0 };

        make_process(tree, 10, "leaky\n");
        make_socket(tree, 10, 0, 50);
        make_socket(tree, 10, 1048575, 500);
        assert_int_equal(process_holds(&source, 10, 500, &holder), PROCESS_HOLDS);
        assert_int_equal(holder.inode, 500);
        assert_int_equal(holder.pid, 10);
        assert_int_equal(holder.fd, 1048575);
        assert_int_equal(process_holds(&source, 10, 5, &holder), 0);
        assert_int_equal(process_holds(&source, 10, 5000, &holder), 0);
        make_process(tree, 11, "hidden\n");
        assert_int_equal(process_holds(&source, 11, 500, &holder), -ENOENT);
        make_fd_size(tree, "12", 9);
        assert_int_equal(process_holds(&source, 12, 500, &holder), -ENOTDIR);
        assert_int_equal(holder.fd, 1048575); /* untouched */
        assert_int_equal(process_holds(&source, 10, 50, &holder), PROCESS_HOLDS);
        assert_int_equal(holder.fd, 0);
}

/* In a process of its own: root may read everything in a made-up /proc. */
static int count_links_without_leave(const struct tree *tree)
{
        struct process_source source;
        struct holder holder;

        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
                return -1;
        source = source_of(tree);
        if (process_holds(&source, 10, 500, &holder) != -EACCES)
                return -2;
        return (int)(OWNER_FDS_MAX - source.fds_left);
}

/* As uid 0 without capabilities: descriptors are listed, and not told. The first says it of all. */
static void test_links_that_are_not_for_us(void **state)
{
        struct tree *tree = *state;
        char path[256];
        int status;
        pid_t pid;

        make_process(tree, 10, "another\n");
        for (int fd = 0; fd < 20; fd++)
                make_socket(tree, 10, fd, 100);
        snprintf(path, sizeof(path), "%s/10/fd", tree->proc);
        assert_int_equal(chmod(path, 0444), 0);
        assert_int_equal(chmod(tree->base, 0755), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(count_links_without_leave(tree) == 1 ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(chmod(path, 0755), 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* That very descriptor, and that very socket. */
static void test_holds_still(void **state)
{
        static const struct {
                struct holder holder;
                bool still;
        } cases[] = {
                { { 500, 10, 4 }, true },  { { 50, 10, 4 }, false },  { { 500, 10, 3 }, false },
                { { 500, 10, 5 }, false }, { { 500, 11, 4 }, false }, { { 500, 12, 4 }, false },
                { { 500, 13, 4 }, false }, { { 50, 10, 3 }, true },
        };
        struct tree *tree = *state;
        const struct process_source source = source_of(tree);

        make_process(tree, 10, "leaky\n");
        make_socket(tree, 10, 3, 50);
        make_socket(tree, 10, 4, 500);
        make_process(tree, 11, "hidden\n");
        make_fd_size(tree, "12", 9);
        make_dir(tree->proc, "10/fd/5"); /* no link at all */
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(process_holds_still(&source, &cases[i].holder), cases[i].still);
}

static void test_uid(void **state)
{
        struct tree *tree = *state;
        struct process_source source = source_of(tree);

        make_process(tree, 10, "leaky\n");
        assert_int_equal(process_uid(&source, 10), geteuid());
        assert_int_equal(process_uid(&source, 11), OWNER_UNKNOWN);
}

static void test_network_namespaces(void **state)
{
        struct tree *tree = *state;
        struct process_source source = source_of(tree);

        make_process(tree, 10, "ours\n");
        make_process(tree, 11, "foreign\n");
        make_process(tree, 12, "hidden\n");
        make_netns(tree, "10", "host");
        make_netns(tree, "11", "box");
        assert_false(process_is_foreign(&source, 11)); /* to whom? */
        make_netns(tree, "self", "host");
        source = source_of(tree);
        assert_false(process_is_foreign(&source, 10));
        assert_true(process_is_foreign(&source, 11));
        assert_false(process_is_foreign(&source, 12));
}

static void test_cgroup_paths(void **state)
{
        static const struct {
                const char *text, *path;
        } cases[] = {
                { "0::/system.slice/a.service\n", "/system.slice/a.service" },
                { "1:name=systemd:/x.scope\n0::/a.service\n", "/a.service" },
                { "0::/a.service\n1:name=systemd:/x.scope\n", "/a.service" },
                { "12:cpu,cpuacct:/b\n1:name=systemd:/a.service\n0::/\n", "/a.service" },
                { "1:name=systemd:/a.service\n", "/a.service" },
                { "1:name=systemd:/\n0::/\n", NULL },
                { "4:memory:/system.slice/a.service\n", NULL },
                { "0::\n", NULL },
                { "", NULL },
        };
        struct tree *tree = *state;
        struct process_source source = source_of(tree);
        char path[PATH_MAX];

        make_process(tree, 10, "leaky\n");
        assert_int_equal(process_cgroup(&source, 10, path), -ENOENT);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                make_file(tree->proc, "10/cgroup", cases[i].text);
                assert_int_equal(process_cgroup(&source, 10, path), cases[i].path ? 0 : -ENOENT);
                if (cases[i].path)
                        assert_string_equal(path, cases[i].path);
        }
}

static void test_pid_numbers(void **state)
{
        (void)state;
        assert_int_equal(pid_parse("1\n"), 1);
        assert_int_equal(pid_parse("4194304"), 4194304);
        assert_int_equal(pid_parse("0\n"), 0); /* of another namespace */
        assert_int_equal(pid_parse("-1"), 0);
        assert_int_equal(pid_parse("self"), 0);
        assert_int_equal(pid_parse(""), 0);
        assert_int_equal(pid_parse("99999999999999999999"), 0);
}

static void test_list_is_bounded(void **state)
{
        struct pids pids = { 0 };

        (void)state;
        for (int64_t pid = 1; pid <= OWNER_PROCESSES_MAX; pid++)
                assert_true(pids_add(&pids, pid));
        assert_false(pids_add(&pids, 1));
        assert_int_equal(pids.n, OWNER_PROCESSES_MAX);
        assert_int_equal(pids.items[pids.n - 1], OWNER_PROCESSES_MAX);
        pids_done(&pids);
        assert_int_equal(pids.n, 0);
}

/* The real one: this process is its own oracle. */
static void test_ourselves(void **state)
{
        struct process_source source;
        struct owner_process process;

        (void)state;
        process_source_init(&source, "/proc");
        process_describe(&source, getpid(), &process);
        assert_string_equal(process.comm, "test-process");
        assert_true(process.fds >= 3 || process.fds == OWNER_UNKNOWN);
        assert_true(process.fd_limit == OWNER_UNLIMITED ||
                    process.fd_limit == sysconf(_SC_OPEN_MAX));
        assert_int_equal(process_uid(&source, getpid()), geteuid());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tree_setup, tree_teardown)
        const struct CMUnitTest tests[] = {
                T(test_counted_by_the_kernel),
                T(test_never_zero),
                T(test_older_kernel_unreadable),
                T(test_older_kernel_readable),
                T(test_count_at_the_limit),
                T(test_limits),
                T(test_names),
                T(test_holds),
                T(test_links_that_are_not_for_us),
                T(test_holds_still),
                T(test_uid),
                T(test_network_namespaces),
                T(test_cgroup_paths),
                cmocka_unit_test(test_pid_numbers),
                cmocka_unit_test(test_list_is_bounded),
                cmocka_unit_test(test_ourselves),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
