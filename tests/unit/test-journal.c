/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which events have been told to somebody, where there is no journal. That a journal takes them is
 * tests/live/test_journal.py's.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "fixture.h"

#include "journal-entry.h"
#include "journal.h"
#include "tempdir.h"

#define NO_JOURNAL "/nonexistent/socket"

/* stderr is a file of its own while a test runs. */
static int saved_stderr;
static char directory[TEMPDIR_SIZE];
static char path[TEMPDIR_SIZE + 8];

static int set_up(void **state)
{
        int fd;

        (void)state;
        tempdir_make(directory);
        snprintf(path, sizeof(path), "%s/stderr", directory);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        saved_stderr = dup(STDERR_FILENO);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        return close(fd);
}

static int tear_down(void **state)
{
        (void)state;
        (void)unsetenv("JOURNAL_STREAM");
        (void)dup2(saved_stderr, STDERR_FILENO);
        (void)tempdir_remove(directory);
        return close(saved_stderr);
}

static void send_event(struct journal *journal, uint64_t sequence)
{
        struct journal_entry *entry = journal_entry_new(NULL, LOG_WARNING, "an alert");

        assert_non_null(entry);
        entry->sequence = sequence;
        assert_int_equal(journal_send(journal, entry), 0);
}

static uint64_t told(struct journal *journal)
{
        struct journal_stats stats;

        journal_get_stats(journal, &stats);
        return stats.told;
}

static void wait_until_echoed(size_t bytes)
{
        struct stat st = { 0 };

        for (int i = 0; i < 500 && (size_t)st.st_size < bytes; i++) {
                (void)usleep(10000);
                assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        }
        assert_true((size_t)st.st_size >= bytes);
}

/* A write beyond that fails. */
static void limit_files(rlim_t bytes)
{
        struct rlimit limit;

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = MIN(bytes, limit.rlim_max);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool is_readable(int fd, int timeout_msec)
{
        struct pollfd item = { .fd = fd, .events = POLLIN };

        return poll(&item, 1, timeout_msec) == 1;
}

static void test_stderr_has_readers(void **state)
{
        struct journal *journal;

        (void)state;
        assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
        assert_int_equal(journal_start(journal), 0);
        assert_int_equal(told(journal), 0);
        send_event(journal, 7);
        send_event(journal, 0); /* no event */
        assert_true(is_readable(journal_get_fd(journal), 5000));
        assert_int_equal(told(journal), 7);
        journal_acknowledge(journal);
        assert_false(is_readable(journal_get_fd(journal), 0));
        send_event(journal, 8);
        journal_stop(journal);
        assert_int_equal(told(journal), 8);
        assert_int_equal(journal_send(journal, journal_entry_new(NULL, LOG_INFO, "late")),
                         -ENOBUFS);
        journal_free(journal);
}

/* Under a service manager stderr leads to the journal that is away: nobody has read it. */
static void test_stderr_is_the_journal(void **state)
{
        struct journal *journal;
        char stream[64];
        struct stat st;

        (void)state;
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
        assert_int_equal(journal_start(journal), 0);
        send_event(journal, 7);
        wait_until_echoed(sizeof("twmond: warning: an alert"));
        journal_stop(journal);
        assert_int_equal(told(journal), 0);
        journal_free(journal);
}

/* A pipe whose reader has gone, a disk that is full. */
static void test_stderr_fails(void **state)
{
        struct journal *journal;
        int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), ends[2];

        (void)state;
        assert_int_equal(pipe(ends), 0);
        (void)close(ends[0]);
        (void)signal(SIGPIPE, SIG_IGN);
        for (int i = 0; i < 2; i++) {
                assert_true(dup2(i == 0 ? ends[1] : fd, STDERR_FILENO) >= 0);
                assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
                send_event(journal, 3);
                journal_stop(journal);
                assert_int_equal(told(journal), 0);
                journal_free(journal);
        }
        (void)close(ends[1]);
        (void)close(fd);
}

/* One that nobody could read is told again, whatever became of the next one. */
static void test_stderr_fails_once(void **state)
{
        struct journal *journal;

        (void)state;
        assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
        assert_int_equal(journal_start(journal), 0);
        send_event(journal, 3);
        assert_true(is_readable(journal_get_fd(journal), 5000));
        limit_files(1);
        send_event(journal, 4);
        (void)usleep(200000);
        limit_files(RLIM_INFINITY);
        send_event(journal, 5);
        wait_until_echoed(2 * sizeof("twmond: warning: an alert") - 2);
        journal_stop(journal);
        assert_int_equal(told(journal), 3);
        journal_free(journal);
}

/* What a service manager gives to whoever it starts while the journal is away. */
static void test_stderr_is_nowhere(void **state)
{
        struct journal *journal;
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

        (void)state;
        assert_true(fd >= 0);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        (void)close(fd);
        assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
        send_event(journal, 3);
        journal_stop(journal);
        assert_int_equal(told(journal), 0);
        journal_free(journal);
}

/* A stream of that name which is not ours, as after a redirection, is none. */
static void test_stderr_was_redirected(void **state)
{
        struct journal *journal;

        (void)state;
        assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
        assert_int_equal(journal_new(NO_JOURNAL, false, &journal), 0);
        send_event(journal, 3); /* never started: what waits is given up at the end */
        journal_stop(journal);
        assert_int_equal(told(journal), 3);
        journal_free(journal);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_stderr_has_readers, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stderr_is_the_journal, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stderr_fails, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stderr_fails_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stderr_is_nowhere, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stderr_was_redirected, set_up, tear_down),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
