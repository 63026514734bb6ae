/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is saved is put together and written to memory by the caller (state-put.c); the thread does
 * what may hang, the disk (state-save.c). Each kind has one place for what waits for it: a newer
 * image takes an older one's, so that a disk that is slow makes writes rarer and nothing pile up.
 *
 * No lock is held over a write. What is not under the lock is either the caller's or the thread's;
 * an image is shared, and counts by how many.
 *
 * At the end a write may hang for as long as its disk does, and nothing can interrupt it. Then the
 * thread is left behind with all that it uses, and frees that itself should it ever come back.
 */

#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "base.h"
#include "clock.h"
#include "state-private.h"
#include "thread.h"
#include "units.h"

/* The directory's trouble is everything's. */
static void describe_directory(const struct state *state, struct state_stats *stats)
{
        stats->error = state->opened.error;
        if (stats->error < 0)
                snprintf(stats->what, sizeof(stats->what), "%s %.100s", state->opened.doing,
                         state->dir);
}

/* False: there is none. */
static bool describe_outcome(const struct state *state, const struct state_item *item,
                             const struct state_outcome *outcome, struct state_stats *stats)
{
        if (outcome->error == 0)
                return false;
        stats->error = outcome->error;
        snprintf(stats->what, sizeof(stats->what), "%s %.90s%s%s", outcome->doing,
                 state->dir ? state->dir : "", state->dir ? "/" : "", item->name);
        return true;
}

/* Where there are files, those are what counts: memory alone does not outlive a stop. */
static bool describe_item(const struct state *state, const struct state_item *item,
                          struct state_stats *stats)
{
        if (describe_outcome(state, item, &item->making, stats) ||
            describe_outcome(state, item, &item->writing, stats))
                return true;
        if (state->dir || item->keeping_error == 0)
                return false;
        stats->error = item->keeping_error;
        snprintf(stats->what, sizeof(stats->what), "keeping %s in memory", item->name);
        return true;
}

/* It may never end: said while it lasts, for nothing else will be written. */
static void describe_slow_write(const struct state *state, struct state_stats *stats)
{
        if (stats->error < 0 || state->writing_usec == 0 ||
            clock_now_usec() - state->writing_usec < STATE_SLOW_USEC)
                return;
        stats->error = -ETIME;
        snprintf(stats->what, sizeof(stats->what), "writing to %.90s", state->dir);
}

void state_update_error(struct state *state)
{
        const int before = state->stats.error;

        state->stats.what[0] = '\0';
        describe_directory(state, &state->stats);
        describe_slow_write(state, &state->stats);
        for (size_t i = 0; i < STATE_KINDS && state->stats.error == 0; i++)
                (void)describe_item(state, &state->items[i], &state->stats);
        if (state->stats.error != before && state->changed_fd >= 0)
                (void)eventfd_write(state->changed_fd, 1);
}

void state_publish(struct state *state)
{
        (void)pthread_mutex_lock(&state->lock);
        state->stats.written = state->n_written;
        state->stats.failures = state->n_failures + state->n_unmade;
        state->opened = state->opening.outcome;
        for (size_t i = 0; i < STATE_KINDS; i++)
                state->items[i].writing = state->items[i].attempts.outcome;
        state_update_error(state);
        (void)pthread_mutex_unlock(&state->lock);
}

static bool has_arrival(const struct state *state)
{
        for (size_t i = 0; i < STATE_KINDS; i++)
                if (state->items[i].waiting || state->items[i].waiting_urgent)
                        return true;
        return false;
}

/* False: it is time to stop. */
static bool wait_for_work(struct state *state)
{
        const uint64_t due_usec = state_due_usec(state);
        const struct timespec until = { .tv_sec = (time_t)(due_usec / USEC_PER_SEC),
                                        .tv_nsec = (long)(due_usec % USEC_PER_SEC) * 1000 };
        bool stop;
        int r = 0;

        (void)pthread_mutex_lock(&state->lock);
        while (r == 0 && !state->stop && !has_arrival(state))
                r = due_usec == STATE_NEVER
                            ? pthread_cond_wait(&state->wake, &state->lock)
                            : pthread_cond_timedwait(&state->wake, &state->lock, &until);
        stop = state->stop;
        (void)pthread_mutex_unlock(&state->lock);
        return !stop;
}

static void item_done(struct state_item *item)
{
        state_memory_done(&item->memory);
        state_image_unref(item->newest);
        state_image_unref(item->image);
        state_image_unref(item->disk);
        state_image_unref(item->waiting);
}

static void destroy(struct state *state)
{
        for (size_t i = 0; i < STATE_KINDS; i++)
                item_done(&state->items[i]);
        close_fdp(&state->dirfd);
        close_fdp(&state->changed_fd);
        (void)pthread_cond_destroy(&state->end);
        (void)pthread_cond_destroy(&state->wake);
        (void)pthread_mutex_destroy(&state->lock);
        free(state->dir);
        free(state);
}

/* The thread's last word. False: nobody waits for it any more. */
static bool leave(struct state *state)
{
        bool awaited;

        (void)pthread_mutex_lock(&state->lock);
        awaited = !state->abandoned;
        state->gone = true;
        (void)pthread_cond_signal(&state->end);
        (void)pthread_mutex_unlock(&state->lock);
        return awaited;
}

static void *run(void *userdata)
{
        struct state *state = userdata;

        while (wait_for_work(state)) {
                state_take_arrivals(state);
                state_write_due(state);
                state_publish(state);
        }
        state_take_arrivals(state);
        state_write_all(state);
        state_publish(state);
        if (!leave(state))
                destroy(state);
        return NULL;
}

int state_start(struct state *state)
{
        int r;

        state->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (state->changed_fd < 0)
                return -errno;
        state_publish(state); /* loading may have found the directory in use */
        r = thread_start(&state->thread, "twmond-state", STATE_STACK_BYTES, 0, run, state);
        if (r < 0) {
                close_fdp(&state->changed_fd);
                state->changed_fd = -1;
        }
        return r;
}

/* ---- the caller's ---- */

static void find_place(struct state *state)
{
        sd_id128_t boot_id;
        struct stat st;

        if (sd_id128_get_boot(&boot_id) == 0)
                memcpy(state->boot_id, boot_id.bytes, sizeof(state->boot_id));
        if (stat("/proc/self/ns/net", &st) == 0)
                state->netns = st.st_ino;
}

static void init_thread(struct state *state)
{
        (void)pthread_mutex_init(&state->lock, NULL); /* cannot fail on Linux */
        thread_init_cond(&state->wake);
        thread_init_cond(&state->end);
}

int state_new(const char *dir, struct state **ret_state)
{
        static const struct state_item items[STATE_KINDS] = {
                { .kind = STATEFILE_ALERTS, .name = "alerts" },
                { .kind = STATEFILE_SCAN, .name = "scan" },
        };
        struct state *state = calloc(1, sizeof(*state));

        if (!state)
                return -ENOMEM;
        state->dirfd = -1;
        state->changed_fd = -1;
        if (dir) {
                state->dir = strdup(dir);
                if (!state->dir) {
                        free(state);
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < STATE_KINDS; i++) {
                state->items[i] = items[i];
                state_memory_init(&state->items[i].memory, items[i].name);
        }
        find_place(state);
        init_thread(state);
        *ret_state = state;
        return 0;
}

bool state_adopt(struct state *state, int fd, const char *name)
{
        for (size_t i = 0; i < STATE_KINDS; i++)
                if (state_memory_adopt(&state->items[i].memory, fd, name))
                        return true;
        return false;
}

void state_get_stats(struct state *state, struct state_stats *ret_stats)
{
        (void)pthread_mutex_lock(&state->lock);
        *ret_stats = state->stats;
        (void)pthread_mutex_unlock(&state->lock);
}

int state_get_fd(const struct state *state)
{
        return state->changed_fd;
}

void state_acknowledge(struct state *state)
{
        eventfd_t count;

        (void)eventfd_read(state->changed_fd, &count);
}

/* Once. False: it hangs. */
static bool stop_thread(struct state *state)
{
        struct timespec until;
        bool gone;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += STATE_FLUSH_SEC;
        (void)pthread_mutex_lock(&state->lock);
        if (state->stop)
                r = ETIMEDOUT;
        state->stop = true;
        (void)pthread_cond_signal(&state->wake);
        while (r == 0 && !state->gone)
                r = pthread_cond_timedwait(&state->end, &state->lock, &until);
        gone = state->gone;
        (void)pthread_mutex_unlock(&state->lock);
        return gone;
}

/* False: it hangs, and has been left behind. */
static bool end_thread(struct state *state)
{
        const pthread_t thread = state->thread; /* which may free state once it is abandoned */
        bool gone;

        (void)stop_thread(state);
        (void)pthread_mutex_lock(&state->lock);
        gone = state->gone;
        state->abandoned = !gone;
        (void)pthread_mutex_unlock(&state->lock);
        (void)(gone ? pthread_join(thread, NULL) : pthread_detach(thread));
        return gone;
}

void state_stop(struct state *state, char **ret_note)
{
        struct state_stats stats;
        int n = 0;

        *ret_note = NULL;
        if (state->changed_fd < 0)
                return;
        if (stop_thread(state)) {
                state_get_stats(state, &stats);
                if (stats.error < 0)
                        n = asprintf(ret_note, "%s failed: %s", stats.what, strerror(-stats.error));
        } else if (state->dir) {
                n = asprintf(ret_note, "writing to %s has not ended after %d s", state->dir,
                             STATE_FLUSH_SEC);
        }
        if (n < 0)
                *ret_note = NULL;
}

struct state *state_free(struct state *state)
{
        if (state && (state->changed_fd < 0 || end_thread(state)))
                destroy(state);
        return NULL;
}
