/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager keeps: memory files, here in the hands of a manager of our own. */

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "statetest.h"

#define ALERTS STATEFILE_ALERTS
#define SCAN   STATEFILE_SCAN

/* ---- a service manager's store ---- */

#define STORE_MAX 8

static struct {
        int socket;
        unsigned stored; /* ever */
        char names[STORE_MAX][64];
        int fds[STORE_MAX]; /* -1: free */
} manager;

static void manager_bind(const struct place *place)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", place->directory);
        (void)unlink(address.sun_path);
        manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(manager.socket, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void manager_start(const struct place *place)
{
        char path[PATH_SIZE];

        manager_bind(place);
        snprintf(path, sizeof(path), "%s/notify", place->directory);
        manager.stored = 0;
        assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
        for (size_t i = 0; i < STORE_MAX; i++)
                manager.fds[i] = -1;
}

static void manager_stop(void)
{
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        (void)close(manager.socket);
        for (size_t i = 0; i < STORE_MAX; i++)
                close_fdp(&manager.fds[i]);
}

static void manager_keep(const char *name, int fd)
{
        for (size_t i = 0; i < STORE_MAX; i++) {
                if (manager.fds[i] >= 0)
                        continue;
                snprintf(manager.names[i], sizeof(manager.names[i]), "%s", name);
                manager.fds[i] = fd;
                manager.stored++;
                return;
        }
        fail_msg("the store is full");
}

static void manager_drop(const char *name)
{
        for (size_t i = 0; i < STORE_MAX; i++) {
                if (manager.fds[i] < 0 || strcmp(manager.names[i], name) != 0)
                        continue;
                (void)close(manager.fds[i]);
                manager.fds[i] = -1;
        }
}

/* What systemd does with such a message. */
static void manager_obey(const char *text, int fd)
{
        const char *at = strstr(text, "FDNAME=");
        char name[64] = "";

        if (at)
                (void)sscanf(at, "FDNAME=%63[^\n]", name);
        if (strstr(text, "FDSTOREREMOVE=1"))
                manager_drop(name);
        else if (strstr(text, "FDSTORE=1") && strstr(text, "FDPOLL=0") && fd >= 0)
                manager_keep(name, fd);
        else
                fail_msg("not understood: %s", text);
}

static void manager_read(void)
{
        for (;;) {
                union {
                        char bytes[CMSG_SPACE(sizeof(int))];
                        struct cmsghdr align;
                } control;
                char text[512];
                struct iovec iov = { text, sizeof(text) - 1 };
                struct msghdr message = { .msg_iov = &iov,
                                          .msg_iovlen = 1,
                                          .msg_control = control.bytes,
                                          .msg_controllen = sizeof(control.bytes) };
                const ssize_t n = recvmsg(manager.socket, &message, MSG_CMSG_CLOEXEC);
                const struct cmsghdr *rights;
                int fd = -1;

                if (n < 0)
                        return;
                text[n] = '\0';
                rights = CMSG_FIRSTHDR(&message);
                if (rights && rights->cmsg_type == SCM_RIGHTS)
                        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
                manager_obey(text, fd);
        }
}

/* Our own descriptor of it; -1: not kept. */
static int manager_fd(const char *name)
{
        manager_read();
        for (size_t i = 0; i < STORE_MAX; i++)
                if (manager.fds[i] >= 0 && strcmp(manager.names[i], name) == 0)
                        return manager.fds[i];
        return -1;
}

/* The next instance, which is passed copies of all that is kept. */
static struct state *next_state(const char *dir)
{
        struct state *state = make_state(dir);

        manager_read();
        for (size_t i = 0; i < STORE_MAX; i++) {
                if (manager.fds[i] < 0)
                        continue;
                assert_true(state_adopt(state, fcntl(manager.fds[i], F_DUPFD_CLOEXEC, 3),
                                        manager.names[i]));
        }
        return state;
}

/* It is in memory when this returns. */
static void put_now(struct state *state, enum statefile_kind kind, const char *text)
{
        put(state, kind, text, true);
}

static off_t length_of(int fd)
{
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        return st.st_size;
}

/* ---- the tests ---- */

static void test_kept(void **cookie)
{
        struct state *state;
        uint64_t serial;

        manager_start(*cookie);
        state = start_state(NULL);
        put_now(state, ALERTS, "one");
        assert_true(manager_fd("twmon-alerts-0") >= 0);
        assert_int_equal(manager_fd("twmon-alerts-1"), -1);
        put_now(state, ALERTS, "two");
        put_now(state, ALERTS, "three");
        put_now(state, SCAN, "scan");
        assert_true(manager_fd("twmon-alerts-1") >= 0);
        assert_true(manager_fd("twmon-scan-0") >= 0);
        assert_int_equal(manager.stored, 3);
        assert_int_equal(stats_of(state).failures, 0);
        state_free(state);

        state = next_state(NULL);
        serial = load_one(state, ALERTS, "three", NULL).serial;
        (void)load_one(state, SCAN, "scan", NULL);
        assert_int_equal(state_start(state), 0);
        put_now(state, ALERTS, "four");
        manager_read();
        assert_int_equal(manager.stored, 3); /* what was passed is not handed over again */
        state_free(state);

        state = next_state(NULL);
        assert_true(load_one(state, ALERTS, "four", NULL).serial > serial);
        (void)load_one(state, SCAN, "scan", NULL);
        state_free(state);
        manager_stop();
}

/* The one that was not being written is whole, and is the one that stays when writing goes on. */
static void test_torn(void **cookie)
{
        struct state *state;

        manager_start(*cookie);
        state = start_state(NULL);
        put_now(state, ALERTS, "one");
        put_now(state, ALERTS, "two");
        put_now(state, ALERTS, "three"); /* in 0; "two" is in 1 */
        state_free(state);
        assert_int_equal(pwrite(manager_fd("twmon-alerts-0"), "X", 1, 80), 1);
        state = next_state(NULL);
        (void)load_one(state, ALERTS, "two", NULL);
        assert_int_equal(state_start(state), 0);
        put_now(state, ALERTS, "four");
        state_free(state);
        assert_int_equal(pwrite(manager_fd("twmon-alerts-0"), "X", 1, 80), 1);
        state = next_state(NULL);
        (void)load_one(state, ALERTS, "two", NULL);
        state_free(state);
        assert_int_equal(ftruncate(manager_fd("twmon-alerts-1"), 50), 0);
        state = next_state(NULL);
        (void)load_one(state, ALERTS, NULL,
                       "what the service manager kept of alerts: damaged (checksum); "
                       "starting without it");
        state_free(state);
        manager_stop();
}

static void test_length(void **cookie)
{
        struct recbuf body = { .data = NULL };
        struct state *state;
        struct stat st;

        manager_start(*cookie);
        state = start_state(NULL);
        for (unsigned i = 0; i < 100000; i++)
                recbuf_put(&body, i);
        assert_int_equal(state_put(state, SCAN, &body, false), 0);
        put_now(state, SCAN, "b");
        put_now(state, SCAN, "c");
        assert_int_equal(fstat(manager_fd("twmon-scan-0"), &st), 0);
        assert_int_equal(st.st_size, STATEFILE_EXTRA_BYTES + 1);
        assert_true(st.st_blocks * 512 <= 65536);
        state_free(state);
        manager_stop();
}

static void test_no_manager(void **cookie)
{
        const unsigned before = count_fds();
        struct state *state = start_state(NULL);
        const unsigned started = count_fds();

        (void)cookie;
        put_now(state, ALERTS, "one");
        put_now(state, ALERTS, "two");
        assert_int_equal(count_fds(), started);
        assert_int_equal(stats_of(state).failures, 0);
        state_free(state);
        assert_int_equal(count_fds(), before);
}

/* Without files it is all that there is: an error, until what is known is there after all. */
static void test_manager_away(void **cookie)
{
        struct state *state;

        manager_start(*cookie);
        (void)close(manager.socket); /* refuses from now on */
        state = start_state(NULL);
        put_now(state, ALERTS, "one");
        expect_error(state, -ECONNREFUSED, "keeping alerts in memory", 0);
        assert_int_equal(stats_of(state).memory_failures, 1);
        assert_int_equal(stats_of(state).failures, 0);
        manager_bind(*cookie);
        put(state, ALERTS, "one", false); /* nothing has changed */
        expect_error(state, 0, "", 0);
        assert_int_equal(stats_of(state).memory_failures, 1);
        state_free(state);
        state = next_state(NULL);
        (void)load_one(state, ALERTS, "one", NULL);
        state_free(state);
        manager_stop();
}

/* With files it is only counted, and apart from what is theirs. */
static void test_manager_away_with_files(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state;

        manager_start(place);
        (void)close(manager.socket);
        state = start_state(place->state);
        put_now(state, ALERTS, "one");
        assert_true(wait_written(state, 1, 5000));
        assert_int_equal(stats_of(state).memory_failures, 1);
        assert_int_equal(stats_of(state).failures, 0);
        assert_int_equal(stats_of(state).error, 0);
        state_free(state);
        manager.socket = -1;
        manager_stop();
}

/* A disk that hangs, for ever perhaps, keeps nothing from memory. */
static void test_hanging_disk(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state, *next;

        manager_start(place);
        state = start_state(place->state);
        put_now(state, ALERTS, "one");
        assert_true(wait_written(state, 1, 5000));
        set_disk(0, true);
        put_now(state, ALERTS, "two");
        expect_hang();
        put_now(state, ALERTS, "three");
        put_now(state, SCAN, "scan");
        next = next_state(NULL);
        (void)load_one(next, ALERTS, "three", NULL);
        (void)load_one(next, SCAN, "scan", NULL);
        state_free(next);
        put_now(state, ALERTS, "four");
        put_now(state, ALERTS, "three"); /* back to what is there twice already */
        assert_true(disk_hangs());
        next = next_state(NULL);
        (void)load_one(next, ALERTS, "three", NULL);
        state_free(next);
        set_disk(0, false);
        state_free(state);
        (void)load_next(place, ALERTS, "three", NULL);
        (void)load_next(place, SCAN, "scan", NULL);
        manager_stop();
}

/* Whichever was saved last: the disk may have been full, or the store have been emptied. */
static void test_newest(void **cookie)
{
        const struct place *place = *cookie;
        struct recbuf image = image_of(ALERTS, 1000, STATEFILE_VERSION, "file");
        struct state_loaded loaded;
        struct state *state;
        char *notes;

        manager_start(place);
        state = start_state(place->state);
        put_now(state, ALERTS, "one");
        assert_true(wait_written(state, 1, 5000));
        put_now(state, ALERTS, "two");
        assert_true(wait_written(state, 2, 5000));
        put_now(state, ALERTS, "three"); /* in memory, and not yet in the file */
        manager_read();
        state_free(state);

        assert_int_equal(unlink(path_of(place, "alerts")), 0);
        state = next_state(place->state);
        (void)load_one(state, ALERTS, "three", NULL);
        state_free(state);

        write_bytes(path_of(place, "alerts"), image.data, image.len);
        state = next_state(place->state);
        assert_int_equal(state_load(state, ALERTS, &loaded, &notes), 0);
        assert_int_equal(loaded.header.serial, 1000);
        assert_null(notes);
        state_loaded_done(&loaded);
        assert_int_equal(state_start(state), 0);
        put_now(state, ALERTS, "four"); /* goes on from 1000, in memory as well */
        state_free(state);
        assert_int_equal(unlink(path_of(place, "alerts")), 0);
        state = next_state(place->state);
        assert_int_equal(load_one(state, ALERTS, "four", NULL).serial, 1001);
        state_free(state);
        recbuf_done(&image);
        manager_stop();
}

static void test_damaged_file(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state;
        char text[512];

        manager_start(place);
        state = start_state(place->state);
        put_now(state, ALERTS, "one");
        manager_read();
        state_free(state);
        assert_int_equal(truncate(path_of(place, "alerts"), 10), 0);
        snprintf(text, sizeof(text),
                 "%s: damaged (checksum), kept as alerts.damaged; "
                 "what the service manager kept is used",
                 path_of(place, "alerts"));
        state = next_state(place->state);
        (void)load_one(state, ALERTS, "one", text);
        state_free(state);
        manager_stop();
}

/* One after the other, until nothing is left. */
static void test_reject(void **cookie)
{
        const struct place *place = *cookie;
        struct state *state;
        char *notes, text[512];

        manager_start(place);
        state = start_state(place->state);
        put_now(state, ALERTS, "one");
        assert_true(wait_written(state, 1, 5000));
        put_now(state, ALERTS, "two");
        manager_read();
        state_free(state);
        state = next_state(place->state);
        (void)load_one(state, ALERTS, "two", NULL); /* the file goes first if both are the same */
        assert_int_equal(state_reject(state, ALERTS, "bad", &notes), 0);
        snprintf(text, sizeof(text), "%s: damaged (bad), kept as alerts.damaged; it is not used",
                 path_of(place, "alerts"));
        assert_string_equal(notes, text);
        free(notes);
        (void)load_one(state, ALERTS, "two", NULL);
        assert_int_equal(state_reject(state, ALERTS, "bad", &notes), 0);
        assert_string_equal(notes, "what the service manager kept of alerts: damaged (bad); "
                                   "it is not used");
        free(notes);
        (void)load_one(state, ALERTS, "one", NULL);
        assert_int_equal(state_reject(state, ALERTS, "bad", &notes), 0);
        free(notes);
        (void)load_one(state, ALERTS, NULL, NULL);
        state_free(state);
        manager_stop();
}

static void test_adopt(void **cookie)
{
        static const char *const foreign[] = { "twmond.socket", "connection",      "unknown",
                                               "twmon-",        "twmon-alerts",    "twmon-alerts-2",
                                               "twmon-scan-",   "twmon-scan-0.old" };
        struct state *state = make_state(NULL);
        const unsigned before = count_fds();
        int ends[2];

        (void)cookie;
        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
                assert_false(state_adopt(state, 0, foreign[i]));
        assert_int_equal(pipe(ends), 0); /* no file: taken over, and closed */
        assert_true(state_adopt(state, ends[0], "twmon-alerts-0"));
        assert_true(state_adopt(state, ends[1], "twmon-scan-1"));
        assert_int_equal(count_fds(), before);
        (void)load_one(state, ALERTS, NULL, NULL);
        state_free(state);
}

/* What was taken over and is no good makes room for a new one. */
static void test_replaced(void **cookie)
{
        struct state *state;

        manager_start(*cookie);
        manager_keep("twmon-alerts-0", open("/dev/null", O_RDWR | O_CLOEXEC));
        state = next_state(NULL);
        (void)load_one(state, ALERTS, NULL, NULL);
        assert_int_equal(state_start(state), 0);
        put_now(state, ALERTS, "one");
        assert_int_equal(length_of(manager_fd("twmon-alerts-0")), STATEFILE_EXTRA_BYTES + 3);
        state_free(state);
        manager_stop();
}

/* Bodies whose every byte says which one it is. */
static void write_until_killed(void)
{
        struct state *state = start_state(NULL);

        for (unsigned i = 0;; i++) {
                struct recbuf body = { .data = NULL };
                const uint8_t byte = (uint8_t)i;

                for (unsigned k = 0; k < 100000 + i % 7 * 10000; k++)
                        recbuf_put_bytes(&body, &byte, 1);
                (void)state_put(state, ALERTS, &body, true);
        }
}

static void test_killed(void **cookie)
{
        manager_start(*cookie);
        for (unsigned round = 0; round < 20; round++) {
                struct state_loaded loaded;
                struct state *state;
                char *notes;
                const pid_t pid = fork();

                if (pid == 0)
                        write_until_killed();
                for (unsigned i = 0; i < 1000 && manager_fd("twmon-alerts-1") < 0; i++)
                        pause_msec(5);
                pause_msec(1 + round);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                state = next_state(NULL);
                assert_int_equal(state_load(state, ALERTS, &loaded, &notes), 0);
                assert_non_null(loaded.data);
                assert_null(notes);
                for (const uint8_t *at = loaded.body.at; at < loaded.body.end; at++)
                        assert_int_equal(*at, *loaded.body.at);
                state_loaded_done(&loaded);
                state_free(state);
                manager_drop("twmon-alerts-0");
                manager_drop("twmon-alerts-1");
        }
        manager_stop();
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                in_place(test_kept),         in_place(test_torn),
                in_place(test_length),       in_place(test_no_manager),
                in_place(test_manager_away), in_place(test_manager_away_with_files),
                in_place(test_newest),       in_place(test_hanging_disk),
                in_place(test_damaged_file), in_place(test_reject),
                in_place(test_adopt),        in_place(test_replaced),
                in_place(test_killed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        (void)unsetenv("NOTIFY_SOCKET");
        return cmocka_run_group_tests_name("state-memory", tests, NULL, NULL);
}
