/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory of its own for each test of the state, bodies, and what was loaded. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "clock.h"
#include "state-private.h"
#include "tempdir.h"
#include "units.h"

#define PATH_SIZE 128

/* directory/state is what twmond would be given; it is not made. */
struct place {
        char directory[TEMPDIR_SIZE];
        char state[TEMPDIR_SIZE + 8];
};

static inline int setup(void **cookie)
{
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        tempdir_make(place->directory);
        snprintf(place->state, sizeof(place->state), "%s/state", place->directory);
        *cookie = place;
        return 0;
}

static inline int teardown(void **cookie)
{
        struct place *place = *cookie;

        (void)tempdir_remove(place->directory);
        free(place);
        return 0;
}

/* Within the state's directory; one of four buffers. */
static inline const char *path_of(const struct place *place, const char *name)
{
        static char buf[4][PATH_SIZE];
        static unsigned next;
        char *path = buf[next++ % 4];

        snprintf(path, PATH_SIZE, "%s/%s", place->state, name);
        return path;
}

static inline struct recbuf body_of(const char *text)
{
        struct recbuf body = { .data = NULL };

        recbuf_put_bytes(&body, text, strlen(text));
        return body;
}

static inline void put(struct state *state, enum statefile_kind kind, const char *text, bool urgent)
{
        struct recbuf body = body_of(text);

        assert_int_equal(state_put(state, kind, &body, urgent), 0);
        assert_null(body.data);
        assert_int_equal(body.len, 0);
}

static inline struct state *make_state(const char *dir)
{
        struct state *state = NULL;

        assert_int_equal(state_new(dir, &state), 0);
        return state;
}

static inline struct state *start_state(const char *dir)
{
        struct state *state = make_state(dir);

        assert_int_equal(state_get_fd(state), -1);
        assert_int_equal(state_start(state), 0);
        return state;
}

/* Loads; the body must be text (NULL: nothing is there), the notes these (NULL: none). */
static inline struct statefile_header load_one(struct state *state, enum statefile_kind kind,
                                               const char *text, const char *notes)
{
        struct state_loaded loaded;
        struct statefile_header header;
        char *said = NULL;

        assert_int_equal(state_load(state, kind, &loaded, &said), 0);
        if (notes)
                assert_string_equal(said ? said : "(none)", notes);
        else
                assert_string_equal(said ? said : "(none)", "(none)");
        free(said);
        header = loaded.header;
        if (text) {
                assert_non_null(loaded.data);
                assert_int_equal(recview_left(&loaded.body), strlen(text));
                assert_memory_equal(loaded.body.at, text, strlen(text));
                assert_true(loaded.same_boot);
                assert_true(loaded.same_netns);
        } else {
                assert_null(loaded.data);
        }
        state_loaded_done(&loaded);
        return header;
}

/* The same in a state of its own, as the next instance would. */
static inline struct statefile_header load_next(const struct place *place, enum statefile_kind kind,
                                                const char *text, const char *notes)
{
        struct state *state = make_state(place->state);
        struct statefile_header header = load_one(state, kind, text, notes);

        state_free(state);
        return header;
}

static inline struct state_stats stats_of(struct state *state)
{
        struct state_stats stats;

        state_get_stats(state, &stats);
        return stats;
}

static inline void pause_msec(unsigned msec)
{
        (void)usleep(msec * 1000);
}

/* ---- a disk that does as it is told ---- */

static struct {
        pthread_mutex_t lock;
        int error;
        bool hang;
        bool hanging;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

int fsync(int fd);

/* Takes the place of libc's. */
int fsync(int fd)
{
        int error;

        (void)pthread_mutex_lock(&disk.lock);
        while (disk.hang) {
                disk.hanging = true;
                (void)pthread_mutex_unlock(&disk.lock);
                pause_msec(10);
                (void)pthread_mutex_lock(&disk.lock);
        }
        disk.hanging = false;
        error = disk.error;
        (void)pthread_mutex_unlock(&disk.lock);
        if (error == 0)
                return (int)syscall(SYS_fsync, fd);
        errno = error;
        return -1;
}

static inline void set_disk(int error, bool hang)
{
        (void)pthread_mutex_lock(&disk.lock);
        disk.error = error;
        disk.hang = hang;
        (void)pthread_mutex_unlock(&disk.lock);
}

static inline bool disk_hangs(void)
{
        bool hanging;

        (void)pthread_mutex_lock(&disk.lock);
        hanging = disk.hanging;
        (void)pthread_mutex_unlock(&disk.lock);
        return hanging;
}

static inline void expect_hang(void)
{
        for (unsigned i = 0; i < 500 && !disk_hangs(); i++)
                pause_msec(10);
        assert_true(disk_hangs());
}

/* ---- what is said ---- */

static inline bool wait_written(struct state *state, uint64_t n, unsigned msec)
{
        for (unsigned i = 0; i <= msec / 10; i++, pause_msec(10))
                if (stats_of(state).written >= n)
                        return true;
        return false;
}

/* Until the eventfd says that the error has changed, to that one. */
static inline void expect_error(struct state *state, int error, const char *what, int msec)
{
        struct pollfd changed = { .fd = state_get_fd(state), .events = POLLIN };
        struct state_stats stats;

        assert_int_equal(poll(&changed, 1, msec), 1);
        state_acknowledge(state);
        assert_int_equal(poll(&changed, 1, 0), 0);
        stats = stats_of(state);
        assert_int_equal(stats.error, error);
        assert_string_equal(stats.what, what);
}

/* A whole file's bytes: the caller's to free. */
static inline struct recbuf image_of(enum statefile_kind kind, uint64_t serial, uint32_t version,
                                     const char *text)
{
        const struct statefile_header header = { .version = version,
                                                 .kind = kind,
                                                 .serial = serial };
        struct recbuf body = body_of(text), image = { .data = NULL };

        assert_int_equal(statefile_wrap(&header, &body, &image), 0);
        recbuf_done(&body);
        return image;
}

static inline void write_bytes(const char *path, const void *data, size_t len)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, len), len);
        assert_int_equal(close(fd), 0);
}

static inline bool exists(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

/* How many descriptors this process has. */
static inline unsigned count_fds(void)
{
        unsigned n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}
