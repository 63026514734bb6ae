/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files that outlive the daemon, and the thread that writes them. */

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "statetest.h"

#define ALERTS STATEFILE_ALERTS
#define SCAN   STATEFILE_SCAN

/* ---- saved and loaded ---- */

static void test_round(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        struct statefile_header first;
        struct stat st;

        put(state, ALERTS, "one", true);
        put(state, SCAN, "", false);
        state_free(state);
        assert_int_equal(stat(place->state, &st), 0);
        assert_int_equal(st.st_mode & 07777 & ~0750U, 0);
        assert_int_equal(stat(path_of(place, "alerts"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        first = load_next(place, ALERTS, "one", NULL);
        (void)load_next(place, SCAN, "", NULL);
        assert_int_equal(first.version, STATEFILE_VERSION);
        assert_true(first.saved_usec <= clock_now_usec());
        assert_true(first.saved_usec + USEC_PER_MIN > clock_now_usec());
        assert_true(first.saved_wall_usec <= clock_wall_usec());

        state = make_state(place->state);
        (void)load_one(state, ALERTS, "one", NULL);
        (void)load_one(state, SCAN, "", NULL);
        assert_int_equal(state_start(state), 0);
        put(state, ALERTS, "two", true);
        state_free(state);
        assert_true(load_next(place, ALERTS, "two", NULL).serial > first.serial + 1);
}

static void test_elsewhere(void **cookie)
{
        const struct place *place = *cookie;
        struct recbuf image = image_of(ALERTS, 7, STATEFILE_VERSION, "x");
        struct state_loaded loaded;
        struct state *state;
        char *notes;

        assert_int_equal(mkdir(place->state, 0700), 0);
        write_bytes(path_of(place, "alerts"), image.data, image.len); /* of boot 0, namespace 0 */
        recbuf_done(&image);
        state = make_state(place->state);
        assert_int_equal(state_load(state, ALERTS, &loaded, &notes), 0);
        assert_non_null(loaded.data);
        assert_false(loaded.same_boot);
        assert_false(loaded.same_netns);
        state_loaded_done(&loaded);
        state_free(state);
}

static void test_without_directory(void **cookie)
{
        struct state *state = start_state(NULL);
        struct recbuf body;

        (void)cookie;
        put(state, ALERTS, "one", true);
        pause_msec(100);
        assert_int_equal(stats_of(state).error, 0);
        assert_int_equal(stats_of(state).written, 0);
        state_free(state);
        state = make_state(NULL);
        (void)load_one(state, ALERTS, NULL, NULL);
        body = body_of("never started");
        assert_int_equal(state_put(state, ALERTS, &body, true), -ENOTCONN);
        assert_null(body.data);
        state_free(state);
        assert_null(state_free(NULL));
}

/* ---- what is in the way ---- */

/* Saves "old", lets spoil at it, and tells how that must be reported. */
static void check_wrong(struct place *place, void (*spoil)(const char *path), const char *what,
                        const char *kept_as)
{
        struct state *state = start_state(place->state);
        char notes[512];

        put(state, ALERTS, "old", true);
        state_free(state);
        spoil(path_of(place, "alerts"));
        snprintf(notes, sizeof(notes), "%s: %s, kept as %s; starting without it",
                 path_of(place, "alerts"), what, kept_as);
        (void)load_next(place, ALERTS, NULL, notes);
        assert_false(exists(path_of(place, "alerts")));
        assert_true(exists(path_of(place, kept_as)));
        (void)load_next(place, ALERTS, NULL, NULL);
}

static void spoil_byte(const char *path)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "X", 1, STATEFILE_HEADER_BYTES), 1);
        (void)close(fd);
}

static void spoil_end(const char *path)
{
        assert_int_equal(truncate(path, STATEFILE_HEADER_BYTES + 1), 0);
}

static void spoil_all(const char *path)
{
        assert_int_equal(truncate(path, 0), 0);
}

static void spoil_length(const char *path)
{
        assert_int_equal(truncate(path, STATEFILE_MAX + 1), 0);
}

static void spoil_owner(const char *path)
{
        write_bytes(path, "something else", 14);
}

static void spoil_kind(const char *path)
{
        struct recbuf image = image_of(SCAN, 1, STATEFILE_VERSION, "x");

        write_bytes(path, image.data, image.len);
        recbuf_done(&image);
}

static void spoil_version(const char *path)
{
        struct recbuf image = image_of(ALERTS, 1, STATEFILE_VERSION + 1, "x");

        write_bytes(path, image.data, image.len);
        recbuf_done(&image);
}

static void spoil_by_link(const char *path)
{
        char elsewhere[PATH_SIZE + 16];

        snprintf(elsewhere, sizeof(elsewhere), "%s.elsewhere", path);
        assert_int_equal(rename(path, elsewhere), 0);
        assert_int_equal(symlink(elsewhere, path), 0);
}

static void spoil_by_fifo(const char *path)
{
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
}

static void spoil_by_directory(const char *path)
{
        char inside[PATH_SIZE + 16];

        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(inside, sizeof(inside), "%s/inside", path);
        write_bytes(inside, "x", 1);
}

static void test_wrong(void **cookie)
{
        struct place *place = *cookie;

        check_wrong(place, spoil_byte, "damaged (checksum)", "alerts.damaged");
        check_wrong(place, spoil_end, "damaged (checksum)", "alerts.damaged");
        check_wrong(place, spoil_all, "damaged (empty)", "alerts.damaged");
        check_wrong(place, spoil_length, "damaged (67108865 bytes, expected at most 67108864)",
                    "alerts.damaged");
        check_wrong(place, spoil_owner, "not a state file of this kind", "alerts.foreign");
        check_wrong(place, spoil_kind, "not a state file of this kind", "alerts.foreign");
        check_wrong(place, spoil_version, "of a later version (format 2, expected at most 1)",
                    "alerts.newer");
        check_wrong(place, spoil_by_fifo, "damaged (not a regular file)", "alerts.damaged");
        check_wrong(place, spoil_by_link, "damaged (a symbolic link)", "alerts.damaged");
        assert_true(exists(path_of(place, "alerts.elsewhere")));
        assert_int_equal(unlink(path_of(place, "alerts.damaged")), 0);
        check_wrong(place, spoil_by_directory, "damaged (not a regular file)", "alerts.damaged");
}

static void test_cannot_be_renamed(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        char notes[512];

        put(state, ALERTS, "old", true);
        state_free(state);
        spoil_byte(path_of(place, "alerts"));
        assert_int_equal(mkdir(path_of(place, "alerts.damaged"), 0700), 0);
        snprintf(notes, sizeof(notes),
                 "%s: damaged (checksum), and cannot be renamed (Is a directory); "
                 "starting without it",
                 path_of(place, "alerts"));
        state = make_state(place->state);
        (void)load_one(state, ALERTS, NULL, notes);
        (void)load_one(state, ALERTS, NULL, NULL); /* said once */
        assert_true(exists(path_of(place, "alerts")));
        state_free(state);
}

static void test_reject(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        char *said, notes[512];

        put(state, ALERTS, "old", true);
        state_free(state);
        state = make_state(place->state);
        (void)load_one(state, ALERTS, "old", NULL);
        assert_int_equal(state_reject(state, ALERTS, "number of alerts", &said), 0);
        snprintf(notes, sizeof(notes),
                 "%s: damaged (number of alerts), kept as alerts.damaged; it is not used",
                 path_of(place, "alerts"));
        assert_string_equal(said, notes);
        free(said);
        (void)load_one(state, ALERTS, NULL, NULL);
        assert_int_equal(state_reject(state, ALERTS, "nothing", &said), 0);
        assert_null(said);
        state_free(state);
}

/* Where it has to stay, it is said once and not given again; what is saved replaces it. */
static void test_reject_in_place(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        char *said;

        put(state, ALERTS, "old", true);
        state_free(state);
        assert_int_equal(mkdir(path_of(place, "alerts.damaged"), 0700), 0);
        state = make_state(place->state);
        (void)load_one(state, ALERTS, "old", NULL);
        assert_int_equal(state_reject(state, ALERTS, "number of alerts", &said), 0);
        assert_non_null(strstr(said, "cannot be renamed"));
        free(said);
        (void)load_one(state, ALERTS, NULL, NULL);
        (void)load_one(state, SCAN, NULL, NULL);
        assert_int_equal(state_start(state), 0);
        put(state, ALERTS, "new", true);
        state_free(state);
        (void)load_next(place, ALERTS, "new", NULL);
}

/* What lies where the new file is written must not be written through. */
static void test_beside(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        struct stat st;

        put(state, ALERTS, "one", true);
        assert_true(wait_written(state, 1, 5000));
        write_bytes(path_of(place, "victim"), "untouched", 9);
        assert_int_equal(symlink(path_of(place, "victim"), path_of(place, "alerts.new")), 0);
        assert_int_equal(mkfifo(path_of(place, "scan.new"), 0600), 0);
        put(state, ALERTS, "two", true);
        put(state, SCAN, "two", true);
        state_free(state);
        (void)load_next(place, ALERTS, "two", NULL);
        (void)load_next(place, SCAN, "two", NULL);
        assert_int_equal(stat(path_of(place, "victim"), &st), 0);
        assert_int_equal(st.st_size, 9);
        assert_false(exists(path_of(place, "alerts.new")));
        assert_false(exists(path_of(place, "scan.new")));
}

/* ---- whole at every moment ---- */

struct reader {
        int dirfd;
        pthread_t thread;
        bool stop;
        unsigned wrong;
        unsigned read;
};

static bool reads_whole(int dirfd)
{
        CLEANUP(free_text) char *bytes = NULL;
        char why[STATE_WRONG_MAX];
        struct statefile_header header;
        struct recview body;
        uint8_t *data;
        size_t len;

        if (state_file_read(dirfd, "alerts", &data, &len, why) != 0)
                return false;
        bytes = (char *)data;
        return statefile_open(data, len, ALERTS, &header, &body) == 0;
}

static void *read_on(void *userdata)
{
        struct reader *reader = userdata;

        while (!__atomic_load_n(&reader->stop, __ATOMIC_RELAXED)) {
                reader->wrong += !reads_whole(reader->dirfd);
                reader->read++;
        }
        return NULL;
}

/* Bodies of very different lengths. */
static int write_number(int dirfd, unsigned i)
{
        const struct statefile_header header = { .version = STATEFILE_VERSION,
                                                 .kind = ALERTS,
                                                 .serial = i };
        struct recbuf body = { .data = NULL }, image = { .data = NULL };
        int r;

        for (unsigned k = 0; k < 1 + i * 7919 % 5000; k++)
                recbuf_put(&body, i + k);
        r = statefile_wrap(&header, &body, &image);
        if (r == 0)
                r = state_file_write(dirfd, "alerts", image.data, image.len);
        recbuf_done(&image);
        recbuf_done(&body);
        return r;
}

static void test_atomic(void **cookie)
{
        const struct place *place = *cookie;
        struct reader reader = { .dirfd = -1 };
        const char *doing;

        assert_int_equal(state_directory_open(place->state, &reader.dirfd, &doing), 0);
        assert_int_equal(write_number(reader.dirfd, 0), 0);
        assert_int_equal(pthread_create(&reader.thread, NULL, read_on, &reader), 0);
        for (unsigned i = 1; i <= 200; i++)
                assert_int_equal(write_number(reader.dirfd, i), 0);
        __atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
        assert_int_equal(pthread_join(reader.thread, NULL), 0);
        assert_int_equal(reader.wrong, 0);
        assert_true(reader.read > 10);
        (void)close(reader.dirfd);
}

static void test_killed(void **cookie)
{
        const struct place *place = *cookie;

        for (unsigned round = 0; round < 20; round++) {
                CLEANUP(close_fdp) int dirfd = -1;
                const char *doing;
                pid_t pid;

                assert_int_equal(state_directory_open(place->state, &dirfd, &doing), 0);
                assert_int_equal(write_number(dirfd, round), 0);
                pid = fork();
                if (pid == 0)
                        for (unsigned i = 0;; i++)
                                (void)write_number(dirfd, i);
                pause_msec(1 + round * 3);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                assert_true(reads_whole(dirfd));
        }
}

/* ---- how often ---- */

static void test_pace(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        uint64_t before_usec;

        put(state, ALERTS, "a", false);
        assert_true(wait_written(state, 1, 5000)); /* the first at once */
        put(state, ALERTS, "b", false);
        assert_false(wait_written(state, 2, 1500)); /* the next one waits */
        put(state, ALERTS, "c", true);
        assert_true(wait_written(state, 2, 900)); /* ... but not for something urgent */
        before_usec = clock_now_usec();
        put(state, ALERTS, "d", true);
        put(state, ALERTS, "e", false); /* not less urgent for what is added to it */
        assert_true(wait_written(state, 3, 10000));
        assert_in_range(clock_now_usec() - before_usec, STATE_DISK_MIN_USEC - 100 * USEC_PER_MSEC,
                        9 * USEC_PER_SEC);
        put(state, SCAN, "f", false);
        assert_true(wait_written(state, 4, 900)); /* kinds do not wait for each other */
        put(state, ALERTS, "g", false);
        assert_false(wait_written(state, 5, 1500));
        state_free(state); /* the end waits for nothing */
        (void)load_next(place, ALERTS, "g", NULL);
        (void)load_next(place, SCAN, "f", NULL);
}

static void test_same(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);

        put(state, ALERTS, "a", true);
        assert_true(wait_written(state, 1, 5000));
        put(state, ALERTS, "a", true);
        assert_false(wait_written(state, 2, 1500));
        put(state, ALERTS, "b", false);
        pause_msec(100);
        put(state, ALERTS, "a", true); /* what the file has */
        assert_false(wait_written(state, 2, 1500));
        put(state, ALERTS, "b", false); /* and nothing is left of the urgency */
        assert_false(wait_written(state, 2, 1500));
        put(state, ALERTS, "b", true); /* the same, now urgent */
        assert_true(wait_written(state, 2, 5000));
        state_free(state);
        (void)load_next(place, ALERTS, "b", NULL);
}

/* ---- failures ---- */

static void test_full_disk(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        struct pollfd changed = { .fd = state_get_fd(state), .events = POLLIN };
        char what[PATH_SIZE];

        snprintf(what, sizeof(what), "writing %s", path_of(place, "alerts"));
        put(state, ALERTS, "old", true);
        assert_true(wait_written(state, 1, 5000));
        set_disk(ENOSPC, false);
        put(state, ALERTS, "new", true);
        expect_error(state, -ENOSPC, what, 5000);
        assert_false(exists(path_of(place, "alerts.new")));
        assert_int_equal(poll(&changed, 1, 2500), 0); /* tried again, and not said again */
        assert_in_range(stats_of(state).failures, 2, 4);
        put(state, SCAN, "one", true);
        pause_msec(200);
        assert_int_equal(poll(&changed, 1, 0), 0); /* nor for the other kind */
        set_disk(EIO, false);
        expect_error(state, -EIO, what, 10000);
        set_disk(0, false);
        expect_error(state, 0, "", 15000);
        state_free(state);
        (void)load_next(place, ALERTS, "new", NULL);
        (void)load_next(place, SCAN, "one", NULL);
}

/* A file that the kernel cuts short: the old one stays. */
static void test_limit(void **cookie)
{
        const struct place *place = *cookie;
        const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
        const struct rlimit little = { 100, RLIM_INFINITY };
        struct state *state = start_state(place->state);
        char what[PATH_SIZE], text[1000];

        snprintf(what, sizeof(what), "writing %s", path_of(place, "alerts"));
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)signal(SIGXFSZ, SIG_IGN);
        put(state, ALERTS, "old", true);
        assert_true(wait_written(state, 1, 5000));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        put(state, ALERTS, text, true);
        expect_error(state, -EFBIG, what, 5000);
        assert_false(exists(path_of(place, "alerts.new")));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        expect_error(state, 0, "", 5000);
        state_free(state);
        (void)load_next(place, ALERTS, text, NULL);
}

static bool write_text(const char *path, const char *text)
{
        CLEANUP(close_fdp) int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A mount namespace, and where we are not root, a user namespace in which we are. */
static bool enter_namespaces(void)
{
        char uids[32], gids[32];

        if (getuid() == 0)
                return unshare(CLONE_NEWNS) == 0;
        snprintf(uids, sizeof(uids), "0 %u 1", getuid());
        snprintf(gids, sizeof(gids), "0 %u 1", getgid());
        return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
               write_text("/proc/self/setgroups", "deny") &&
               write_text("/proc/self/uid_map", uids) && write_text("/proc/self/gid_map", gids);
}

/* In a process of its own: 0: passed; 77: cannot be tried; else a number that says where. */
static int fill_tmpfs(const struct place *place)
{
        struct state *state;
        struct recbuf body = { .data = NULL };
        int r;

        if (mkdir(place->state, 0700) < 0 || !enter_namespaces() ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", place->state, "tmpfs", 0, "size=64k,mode=700") < 0)
                return 77;
        state = start_state(place->state);
        put(state, ALERTS, "old", true);
        if (!wait_written(state, 1, 5000))
                return 1;
        for (unsigned i = 0; i < 100000; i++)
                recbuf_put(&body, i);
        if (state_put(state, ALERTS, &body, true) < 0)
                return 4;
        for (unsigned i = 0; i < 500 && stats_of(state).error == 0; i++)
                pause_msec(10);
        r = stats_of(state).error;
        if (r != -ENOSPC || exists(path_of(place, "alerts.new")))
                return 2;
        put(state, ALERTS, "small again", true);
        for (unsigned i = 0; i < 1000 && stats_of(state).error != 0; i++)
                pause_msec(10);
        if (stats_of(state).error != 0)
                return 3;
        state_free(state);
        (void)load_next(place, ALERTS, "small again", NULL);
        return 0;
}

static void test_tmpfs(void **cookie)
{
        int status;
        const pid_t pid = fork();

        if (pid == 0)
                _exit(fill_tmpfs(*cookie));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_directory(void **cookie)
{
        const struct place *place = *cookie;
        char below[PATH_SIZE], what[PATH_SIZE + 16];
        struct state *state;

        snprintf(below, sizeof(below), "%s/below", place->state);
        snprintf(what, sizeof(what), "making %s", below);
        state = start_state(below);
        expect_error(state, -ENOENT, what, 5000);
        put(state, ALERTS, "one", true);
        write_bytes(place->state, "in the way", 10);
        snprintf(what, sizeof(what), "opening %s", below);
        expect_error(state, -ENOTDIR, what, 5000);
        assert_int_equal(unlink(place->state), 0);
        assert_int_equal(mkdir(place->state, 0700), 0);
        expect_error(state, 0, "", 10000); /* tried again, with what had waited */
        assert_true(wait_written(state, 1, 1000));
        state_free(state);
}

/* The error that loading finds is said once the thread runs. */
static void test_directory_at_load(void **cookie)
{
        const struct place *place = *cookie;
        char what[PATH_SIZE];
        struct state *state = make_state(place->state);

        snprintf(what, sizeof(what), "opening %s", place->state);
        write_bytes(place->state, "in the way", 10);
        (void)load_one(state, ALERTS, NULL, NULL);
        (void)load_one(state, SCAN, NULL, NULL);
        assert_int_equal(state_start(state), 0);
        expect_error(state, -ENOTDIR, what, 0);
        state_free(state);
}

/* A directory that is taken away and made again is found again. */
static void test_moved(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        char away[PATH_SIZE];

        put(state, ALERTS, "one", true);
        assert_true(wait_written(state, 1, 5000));
        snprintf(away, sizeof(away), "%s/away", place->directory);
        assert_int_equal(rename(place->state, away), 0);
        put(state, ALERTS, "two", true);
        assert_true(wait_written(state, 2, 5000));
        assert_int_equal(stats_of(state).error, 0);
        state_free(state);
        (void)load_next(place, ALERTS, "two", NULL);
}

/* The old one away, an empty one in its place: all that is known belongs into that. */
static void replace_directory(const struct place *place, const char *as)
{
        char away[PATH_SIZE];

        snprintf(away, sizeof(away), "%s/%s", place->directory, as);
        assert_int_equal(rename(place->state, away), 0);
        assert_int_equal(mkdir(place->state, 0700), 0);
}

static void test_replaced(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);

        put(state, SCAN, "scan", false);
        assert_true(wait_written(state, 1, 5000));
        put(state, ALERTS, "one", true);
        assert_true(wait_written(state, 2, 5000));
        replace_directory(place, "first");
        put(state, ALERTS, "two", true); /* only this one has changed */
        assert_true(wait_written(state, 4, 5000));
        assert_true(exists(path_of(place, "alerts")));
        assert_true(exists(path_of(place, "scan")));
        replace_directory(place, "second"); /* nothing changes any more */
        state_free(state);
        (void)load_next(place, ALERTS, "two", NULL);
        (void)load_next(place, SCAN, "scan", NULL);
}

/* ---- another process ---- */

static void test_two(void **cookie)
{
        const struct place *place = *cookie;
        char what[PATH_SIZE], byte;
        struct state *state;
        int ready[2];
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                struct state *first = start_state(place->state);

                put(first, ALERTS, "the first", true);
                if (!wait_written(first, 1, 5000) || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        (void)pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        state = make_state(place->state);
        (void)load_one(state, ALERTS, NULL, NULL);
        assert_int_equal(state_start(state), 0);
        snprintf(what, sizeof(what), "locking %s", place->state);
        expect_error(state, -EBUSY, what, 1000);
        put(state, ALERTS, "the second", true);
        assert_false(wait_written(state, 1, 1500));
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        expect_error(state, 0, "", 10000);
        assert_true(wait_written(state, 1, 1000));
        state_free(state);
        (void)load_next(place, ALERTS, "the second", NULL);
        (void)close(ready[0]);
        (void)close(ready[1]);
}

/* ---- the end ---- */

/* Until the thread that was left behind has ended. */
static void wait_unlocked(const struct place *place)
{
        const char *doing;
        int dirfd;

        for (unsigned i = 0; i < 500; i++, pause_msec(10)) {
                if (state_directory_open(place->state, &dirfd, &doing) == 0) {
                        (void)close(dirfd);
                        break;
                }
        }
}

static void test_hang(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        struct state_stats stats;
        uint64_t before_usec;

        put(state, ALERTS, "one", true);
        assert_true(wait_written(state, 1, 5000));
        set_disk(0, true);
        put(state, ALERTS, "two", true);
        expect_hang();
        (void)pthread_mutex_lock(&state->lock);
        state->writing_usec -= STATE_SLOW_USEC; /* as if it had taken that long */
        (void)pthread_mutex_unlock(&state->lock);
        before_usec = clock_now_usec();
        put(state, ALERTS, "three", true); /* waits for nobody */
        state_get_stats(state, &stats);
        assert_int_equal(stats.error, -ETIME);
        assert_non_null(strstr(stats.what, "writing to"));
        assert_true(clock_now_usec() - before_usec < 500 * USEC_PER_MSEC);
        state_free(state);
        assert_in_range(clock_now_usec() - before_usec, (STATE_FLUSH_SEC - 1) * USEC_PER_SEC,
                        (STATE_FLUSH_SEC + 5) * USEC_PER_SEC);
        set_disk(0, false); /* and the thread that was left behind ends by itself */
        wait_unlocked(place);
        (void)load_next(place, ALERTS, "three", NULL);
}

/* What went wrong at last is told to whoever still can say it. */
static void test_last_note(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        uint64_t before_usec;
        char *note, text[2 * PATH_SIZE];

        put(state, ALERTS, "one", true);
        state_stop(state, &note);
        assert_null(note);
        state_free(state);

        state = start_state(place->state);
        set_disk(ENOSPC, false);
        put(state, ALERTS, "two", true);
        state_stop(state, &note);
        snprintf(text, sizeof(text), "writing %s failed: No space left on device",
                 path_of(place, "alerts"));
        assert_non_null(note);
        assert_string_equal(note, text);
        free(note);
        state_free(state);

        state = start_state(place->state);
        set_disk(0, true);
        put(state, ALERTS, "three", true);
        before_usec = clock_now_usec();
        state_stop(state, &note);
        snprintf(text, sizeof(text), "writing to %s has not ended after %d s", place->state,
                 STATE_FLUSH_SEC);
        assert_non_null(note);
        assert_string_equal(note, text);
        free(note);
        state_free(state); /* does not wait again */
        assert_in_range(clock_now_usec() - before_usec, (STATE_FLUSH_SEC - 1) * USEC_PER_SEC,
                        (2 * STATE_FLUSH_SEC - 1) * USEC_PER_SEC);
        set_disk(0, false);
        wait_unlocked(place);

        state = make_state(place->state);
        state_stop(state, &note); /* never started */
        assert_null(note);
        state_free(state);
}

/* What cannot be put together is an error like any other. */
static void test_no_memory(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state = start_state(place->state);
        struct recbuf body = { .error = -ENOMEM };
        char what[PATH_SIZE];

        snprintf(what, sizeof(what), "putting together %s", path_of(place, "alerts"));
        put(state, ALERTS, "one", true);
        assert_true(wait_written(state, 1, 5000));
        assert_int_equal(state_put(state, ALERTS, &body, true), -ENOMEM);
        expect_error(state, -ENOMEM, what, 0);
        assert_int_equal(stats_of(state).failures, 1);
        put(state, ALERTS, "one", true);
        expect_error(state, 0, "", 5000);
        state_free(state);
        (void)load_next(place, ALERTS, "one", NULL);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                in_place(test_round),
                in_place(test_elsewhere),
                in_place(test_wrong),
                in_place(test_cannot_be_renamed),
                in_place(test_reject),
                in_place(test_reject_in_place),
                in_place(test_beside),
                in_place(test_atomic),
                in_place(test_killed),
                in_place(test_pace),
                in_place(test_same),
                in_place(test_full_disk),
                in_place(test_limit),
                in_place(test_tmpfs),
                in_place(test_directory),
                in_place(test_moved),
                in_place(test_replaced),
                in_place(test_directory_at_load),
                in_place(test_two),
                in_place(test_hang),
                in_place(test_last_note),
                in_place(test_no_memory),
                in_place(test_without_directory),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        (void)unsetenv("NOTIFY_SOCKET");
        return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
