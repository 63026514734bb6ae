/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each kind has one place for what waits: a newer body takes an older one's, so that a disk that is
 * slow makes writes rarer and nothing pile up. The thread takes it from there (state-save.c).
 *
 * No lock is held over a write. What is not under the lock belongs to the caller until the thread
 * starts, and to the thread from then on.
 *
 * At the end a write may hang for as long as its disk does, and nothing can interrupt it. Then the
 * thread is left behind with all that it uses, and frees that itself should it ever come back.
 */

#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "base.h"
#include "clock.h"
#include "state-private.h"
#include "units.h"

static void describe_error(const struct state *state, struct state_stats *stats)
{
        stats->error = state->opening.error;
        if (stats->error < 0)
                snprintf(stats->what, sizeof(stats->what), "%s %.100s", state->opening.doing,
                         state->dir);
        for (size_t i = 0; i < STATE_KINDS && stats->error == 0; i++) {
                const struct state_item *item = &state->items[i];

                stats->error = item->attempts.error;
                if (stats->error < 0)
                        snprintf(stats->what, sizeof(stats->what), "%s %.90s%s%s",
                                 item->attempts.doing, state->dir ? state->dir : "",
                                 state->dir ? "/" : "", item->name);
        }
}

void state_publish(struct state *state)
{
        struct state_stats stats = { .written = state->n_written, .failures = state->n_failures };
        bool changed;

        describe_error(state, &stats);
        (void)pthread_mutex_lock(&state->lock);
        changed = stats.error != state->stats.error;
        state->stats = stats;
        (void)pthread_mutex_unlock(&state->lock);
        if (changed && state->changed_fd >= 0)
                (void)eventfd_write(state->changed_fd, 1);
}

static bool has_arrival(const struct state *state)
{
        for (size_t i = 0; i < STATE_KINDS; i++)
                if (state->items[i].is_waiting)
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
        recbuf_done(&item->image);
        recbuf_done(&item->disk);
        recbuf_done(&item->waiting);
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

        (void)pthread_setname_np(pthread_self(), "twmond-state");
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

/* All signals are the loop's. */
static int start_thread(struct state *state)
{
        pthread_attr_t attr;
        sigset_t mask, before;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return -r;
        (void)pthread_attr_setstacksize(&attr, STATE_STACK_BYTES);
        (void)sigfillset(&mask);
        (void)pthread_sigmask(SIG_SETMASK, &mask, &before);
        r = pthread_create(&state->thread, &attr, run, state);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_attr_destroy(&attr);
        return -r;
}

int state_start(struct state *state)
{
        int r;

        state->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (state->changed_fd < 0)
                return -errno;
        state_publish(state); /* loading may have found the directory in use */
        r = start_thread(state);
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
        pthread_condattr_t attr;

        (void)pthread_mutex_init(&state->lock, NULL); /* cannot fail on Linux */
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&state->wake, &attr);
        (void)pthread_cond_init(&state->end, &attr);
        (void)pthread_condattr_destroy(&attr);
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

void state_put(struct state *state, enum statefile_kind kind, struct recbuf *body, bool urgent)
{
        struct state_item *item = state_get_item(state, kind);
        struct statefile_header header = { .version = STATEFILE_VERSION,
                                           .kind = kind,
                                           .saved_wall_usec = clock_wall_usec(),
                                           .saved_usec = clock_now_usec(),
                                           .netns = state->netns };
        struct recbuf old;

        memcpy(header.boot_id, state->boot_id, sizeof(header.boot_id));
        (void)pthread_mutex_lock(&state->lock);
        old = item->waiting;
        item->waiting = *body;
        item->waiting_header = header;
        item->waiting_urgent = item->waiting_urgent || urgent;
        item->is_waiting = true;
        (void)pthread_cond_signal(&state->wake);
        (void)pthread_mutex_unlock(&state->lock);
        *body = (struct recbuf){ .data = NULL };
        recbuf_done(&old);
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

/* False: it hangs, and has been left behind. */
static bool stop_thread(struct state *state)
{
        const pthread_t thread = state->thread; /* which may free state once it is abandoned */
        struct timespec until;
        bool gone;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += STATE_FLUSH_SEC;
        (void)pthread_mutex_lock(&state->lock);
        state->stop = true;
        (void)pthread_cond_signal(&state->wake);
        while (r == 0 && !state->gone)
                r = pthread_cond_timedwait(&state->end, &state->lock, &until);
        gone = state->gone;
        state->abandoned = !gone;
        (void)pthread_mutex_unlock(&state->lock);
        (void)(gone ? pthread_join(thread, NULL) : pthread_detach(thread));
        return gone;
}

struct state *state_free(struct state *state)
{
        if (state && (state->changed_fd < 0 || stop_thread(state)))
                destroy(state);
        return NULL;
}
