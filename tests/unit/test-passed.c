/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager passes: each descriptor goes where its name says, and none is lost. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "base.h"
#include "passed.h"
#include "socketpath.h"

#define FIRST SD_LISTEN_FDS_START
#define MANY  32 /* descriptors from FIRST on that are the tests' */

enum what { MEMORY, LISTENER, PIPE };

static int make(enum what what)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX }; /* a name that the kernel gives */
        int ends[2], fd = -1;

        switch (what) {
        case MEMORY:
                fd = memfd_create("test", MFD_CLOEXEC);
                break;
        case LISTENER:
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
                assert_int_equal(listen(fd, 1), 0);
                break;
        case PIPE:
                assert_int_equal(pipe(ends), 0);
                (void)close(ends[1]);
                fd = ends[0];
                break;
        }
        assert_true(fd >= 0);
        return fd;
}

/* Puts one in the place of the i-th that is passed. */
static void place(int i, enum what what)
{
        const int fd = make(what);

        if (fd != FIRST + i) {
                assert_int_equal(dup2(fd, FIRST + i), FIRST + i);
                (void)close(fd);
        }
}

static void announce(int n, const char *names)
{
        char text[16];

        snprintf(text, sizeof(text), "%d", getpid());
        assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
        snprintf(text, sizeof(text), "%d", n);
        assert_int_equal(setenv("LISTEN_FDS", text, 1), 0);
        assert_int_equal(names ? setenv("LISTEN_FDNAMES", names, 1) : unsetenv("LISTEN_FDNAMES"),
                         0);
}

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

static int setup(void **cookie)
{
        struct state *state;

        for (int i = 0; i < MANY; i++)
                (void)close(FIRST + i);
        assert_int_equal(state_new(NULL, &state), 0);
        *cookie = state;
        return 0;
}

static int teardown(void **cookie)
{
        state_free(*cookie);
        return 0;
}

static void test_nothing(void **cookie)
{
        struct passed passed;

        (void)unsetenv("LISTEN_FDS");
        passed_take(*cookie, &passed);
        assert_int_equal(passed.n, 0);
        passed_done(&passed);
}

static void test_by_name(void **cookie)
{
        struct passed passed;

        place(0, LISTENER);
        place(1, MEMORY);
        place(2, LISTENER);
        place(3, MEMORY); /* of a later version of ours, say */
        place(4, LISTENER);
        announce(5, "twmond.socket:twmon-alerts-0:connection:twmon-future-0:unknown");
        passed_take(*cookie, &passed);
        assert_null(getenv("LISTEN_FDS"));
        assert_null(getenv("LISTEN_FDNAMES"));
        assert_int_equal(passed.n, 3);
        assert_int_equal(passed.sockets[0], FIRST);
        assert_int_equal(passed.sockets[1], FIRST + 2);
        assert_int_equal(passed.sockets[2], FIRST + 4);
        assert_true(is_open(FIRST + 1)); /* the state's */
        assert_false(is_open(FIRST + 3));
        passed_done(&passed);
        assert_int_equal(passed.n, 0);
        assert_false(is_open(FIRST));
        assert_false(is_open(FIRST + 4));
}

static void test_without_state(void **cookie)
{
        struct passed passed;

        (void)cookie;
        place(0, MEMORY);
        place(1, LISTENER);
        announce(2, "twmon-scan-1:twmond.socket");
        passed_take(NULL, &passed);
        assert_int_equal(passed.n, 1);
        assert_false(is_open(FIRST));
        passed_done(&passed);
}

/* As by tools that know no names, or name fewer than they pass. */
static void test_without_names(void **cookie)
{
        struct passed passed;

        for (int i = 0; i < 2; i++) {
                place(0, LISTENER);
                place(1, LISTENER);
                announce(2, i == 0 ? NULL : "twmon-alerts-0");
                passed_take(*cookie, &passed);
                assert_int_equal(passed.n, 2);
                passed_done(&passed);
        }
}

static void test_too_many(void **cookie)
{
        struct passed passed;

        for (int i = 0; i < PASSED_SOCKETS_MAX + 2; i++)
                place(i, PIPE);
        announce(PASSED_SOCKETS_MAX + 2, NULL);
        passed_take(*cookie, &passed);
        assert_int_equal(passed.n, PASSED_SOCKETS_MAX);
        assert_false(is_open(FIRST + PASSED_SOCKETS_MAX + 1));
        passed_done(&passed);
}

static struct control *make_control(sd_event **ret_event)
{
        static const struct control_ops ops = { .view = NULL };
        struct control *control;

        assert_int_equal(sd_event_new(ret_event), 0);
        assert_int_equal(control_new(*ret_event, &ops, NULL, &control), 0);
        return control;
}

static void test_listen(void **cookie)
{
        struct passed passed;
        struct control *control;
        sd_event *event;

        place(0, MEMORY);
        place(1, LISTENER);
        announce(2, "twmon-alerts-0:twmond.socket");
        passed_take(*cookie, &passed);
        control = make_control(&event);
        assert_int_equal(passed_listen(&passed, control, "/nowhere/at/all"), 0);
        assert_int_equal(passed.n, 0);
        assert_true(is_open(FIRST + 1));
        control_free(control);
        assert_false(is_open(FIRST + 1));
        sd_event_unref(event);
}

static void test_refused(void **cookie)
{
        struct passed passed;
        struct control *control;
        sd_event *event;

        place(0, PIPE);
        place(1, LISTENER);
        announce(2, "surprise:twmond.socket");
        passed_take(*cookie, &passed);
        control = make_control(&event);
        assert_int_equal(passed_listen(&passed, control, NULL), SOCKETPATH_REFUSED);
        assert_false(is_open(FIRST));
        assert_false(is_open(FIRST + 1));
        control_free(control);
        sd_event_unref(event);
}

/* Memory files alone: the socket is our own. */
static void test_own_socket(void **cookie)
{
        struct passed passed;
        struct control *control;
        sd_event *event;

        place(0, MEMORY);
        announce(1, "twmon-alerts-0");
        passed_take(*cookie, &passed);
        control = make_control(&event);
        assert_int_equal(passed_listen(&passed, control, "/nowhere/at/all"), SOCKETPATH_REFUSED);
        control_free(control);
        sd_event_unref(event);
}

#define with_state(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                with_state(test_nothing),       with_state(test_by_name),
                with_state(test_without_state), with_state(test_without_names),
                with_state(test_too_many),      with_state(test_listen),
                with_state(test_refused),       with_state(test_own_socket),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("passed", tests, NULL, NULL);
}
