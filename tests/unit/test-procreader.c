/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that stay open: that each read tells what stands there now, and what is held for it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "faketree.h"

#include "hostfacts.h"
#include "procreader.h"

#define TEXT_BYTES 64

static unsigned count_fds(void)
{
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        closedir(directory);
        return n;
}

static void assert_reads(struct proc_reader *reader, const char *name, const char *text)
{
        char buf[TEXT_BYTES];

        assert_int_equal(proc_reader_read(reader, name, buf, sizeof(buf)), 0);
        assert_string_equal(buf, text);
}

static void test_what_is_there_now(void **state)
{
        struct tree *tree = *state;
        const unsigned before = count_fds();

        make_file(tree->proc, "a", "1\n");
        make_file(tree->proc, "b", "one\n");
        assert_reads(&tree->reader, "a", "1\n");
        assert_reads(&tree->reader, "b", "one\n");
        assert_int_equal(count_fds(), before + 2);
        make_file(tree->proc, "a", "22\n");
        assert_reads(&tree->reader, "a", "22\n");
        make_file(tree->proc, "a", "");
        assert_reads(&tree->reader, "a", "");
        assert_reads(&tree->reader, "b", "one\n");
        assert_int_equal(count_fds(), before + 2);
        for (size_t i = 0; i < tree->reader.n_files; i++)
                assert_int_equal(fcntl(tree->reader.files[i].fd, F_GETFD), FD_CLOEXEC);
        proc_reader_done(&tree->reader);
        assert_int_equal(count_fds(), before);
}

static void test_too_long(void **state)
{
        struct tree *tree = *state;
        char buf[4], longer[16];

        make_file(tree->proc, "a", "12345\n");
        assert_int_equal(proc_reader_read(&tree->reader, "a", buf, sizeof(buf)), -E2BIG);
        assert_int_equal(proc_reader_read(&tree->reader, "a", longer, sizeof(longer)), 0);
        assert_string_equal(longer, "12345\n");
        assert_int_equal(tree->reader.n_files, 1);
}

static void test_not_there(void **state)
{
        struct tree *tree = *state;
        const unsigned before = count_fds();
        char buf[TEXT_BYTES];

        assert_int_equal(proc_reader_read(&tree->reader, "a", buf, sizeof(buf)), -ENOENT);
        assert_int_equal(count_fds(), before);
        make_file(tree->proc, "a", "1\n");
        assert_reads(&tree->reader, "a", "1\n");
}

/* More names than it keeps open: they are read all the same. */
static void test_many(void **state)
{
        struct tree *tree = *state;
        const unsigned before = count_fds();
        char names[2 * PROC_READER_FILES_MAX][8];

        for (unsigned round = 0; round < 2; round++)
                for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                        char text[16];

                        snprintf(names[i], sizeof(names[i]), "f%zu", i);
                        snprintf(text, sizeof(text), "%zu %u\n", i, round);
                        make_file(tree->proc, names[i], text);
                        assert_reads(&tree->reader, names[i], text);
                }
        assert_int_equal(count_fds(), before + PROC_READER_FILES_MAX);
}

/* A descriptor that has stopped telling anything. */
static void test_opened_again(void **state)
{
        struct tree *tree = *state;
        const unsigned before = count_fds();
        char path[256], buf[TEXT_BYTES];
        int broken;

        make_file(tree->proc, "a", "1\n");
        assert_reads(&tree->reader, "a", "1\n");
        broken = open(tree->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* EISDIR */
        assert_true(dup2(broken, tree->reader.files[0].fd) >= 0);
        close(broken);
        assert_reads(&tree->reader, "a", "1\n");
        assert_int_equal(count_fds(), before + 1);

        broken = open(tree->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dup2(broken, tree->reader.files[0].fd) >= 0);
        close(broken);
        snprintf(path, sizeof(path), "%s/a", tree->proc);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(proc_reader_read(&tree->reader, "a", buf, sizeof(buf)), -ENOENT);
        assert_int_equal(count_fds(), before);
}

static bool keeps(const struct proc_reader *reader, const char *name)
{
        for (size_t i = 0; i < reader->n_files; i++)
                if (strcmp(reader->files[i].name, name) == 0)
                        return true;
        return false;
}

/* All that a scan reads stays open, and nothing that only a census asks. */
static void test_what_a_scan_holds(void **state)
{
        static const char *const names[] = {
                "net/sockstat",
                "net/sockstat6",
                "net/netstat",
                "sys/net/ipv4/ip_local_port_range",
                "sys/net/ipv4/ip_local_reserved_ports",
                "sys/net/ipv4/tcp_max_tw_buckets",
                "sys/net/ipv4/tcp_tw_reuse",
                "sys/net/ipv4/tcp_tw_reuse_delay",
                "sys/net/ipv4/tcp_timestamps",
        };
        const unsigned before = count_fds();
        struct proc_reader reader;
        struct host_facts facts;

        (void)state;
        proc_reader_init(&reader, "/proc");
        for (unsigned round = 0; round < 3; round++) {
                host_facts_read(&reader, &facts);
                host_facts_read_counters(&reader, &facts);
                kernlimits_read_rest(&reader, &facts.limits);
                assert_int_equal(reader.n_files, ARRAY_SIZE(names));
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        assert_true(keeps(&reader, names[i]));
                assert_true(count_fds() <= before + ARRAY_SIZE(names));
        }
        assert_true(facts.limits.keepalive_time_sec > 0);
        proc_reader_done(&reader);
        assert_int_equal(count_fds(), before);
}

static bool write_sysctl(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");
        bool written = file && fputs(text, file) >= 0;

        return file && fclose(file) == 0 && written;
}

static bool enter_netns(void)
{
        return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

enum { PASSED, FAILED, NO_NAMESPACE };

static bool is_text(struct proc_reader *reader, const char *name, const char *expected)
{
        char buf[TEXT_BYTES];

        return proc_reader_read(reader, name, buf, sizeof(buf)) == 0 && strcmp(buf, expected) == 0;
}

/* The kernel's own settings, in namespaces that nobody else sees. */
static int change_settings(void)
{
        static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
        static const char name[] = "sys/net/ipv4/ip_local_port_range";
        struct proc_reader reader;

        if (!enter_netns() || !write_sysctl(path, "20000 30000"))
                return NO_NAMESPACE;
        proc_reader_init(&reader, "/proc");
        if (!is_text(&reader, name, "20000\t30000\n"))
                return FAILED;
        if (!write_sysctl(path, "1024 2048") || !is_text(&reader, name, "1024\t2048\n"))
                return FAILED;
        if (!write_sysctl(path, "30000 60001") || !is_text(&reader, name, "30000\t60001\n"))
                return FAILED;
        if (!enter_netns() || !write_sysctl(path, "5000 6000"))
                return NO_NAMESPACE;
        if (!is_text(&reader, name, "30000\t60001\n")) /* where it was opened */
                return FAILED;
        proc_reader_done(&reader);
        proc_reader_init(&reader, "/proc");
        return is_text(&reader, name, "5000\t6000\n") ? PASSED : FAILED;
}

/* sockstat, too, is of now: a socket more is a socket more. */
static int count_sockets(void)
{
        struct proc_reader reader;
        struct host_facts facts;

        if (!enter_netns())
                return NO_NAMESPACE;
        proc_reader_init(&reader, "/proc");
        for (int n = 0; n < 3; n++) {
                int fd;

                host_facts_read(&reader, &facts);
                if (facts.sockstat.inuse != n)
                        return FAILED;
                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd < 0 || listen(fd, 1) < 0)
                        return FAILED;
        }
        return PASSED;
}

static void run_apart(int (*fn)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fn());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == NO_NAMESPACE)
                skip();
        assert_int_equal(WEXITSTATUS(status), PASSED);
}

static void test_settings_change(void **state)
{
        (void)state;
        run_apart(change_settings);
}

static void test_counts_change(void **state)
{
        (void)state;
        run_apart(count_sockets);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_is_there_now, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_too_long, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_there, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_many, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_opened_again, tree_setup, tree_teardown),
                cmocka_unit_test(test_what_a_scan_holds),
                cmocka_unit_test(test_settings_change),
                cmocka_unit_test(test_counts_change),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
