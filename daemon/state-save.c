/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the thread does with what it is given: it writes it to the disk when its turn has come; one
 * file a round, so that the next one is as new as it can be.
 */

#include "base.h"
#include "clock.h"
#include "state-private.h"

static void worked(struct state_attempts *attempts)
{
        *attempts = (struct state_attempts){ .outcome = { .error = 0 } };
}

static void failed(struct state *state, struct state_attempts *attempts, int error,
                   const char *doing)
{
        attempts->outcome = (struct state_outcome){ .error = error, .doing = doing };
        attempts->wait_usec = attempts->wait_usec == 0
                                      ? STATE_RETRY_USEC
                                      : MIN(2 * attempts->wait_usec, STATE_RETRY_MAX_USEC);
        attempts->next_usec = clock_now_usec() + attempts->wait_usec;
        state->n_failures++;
}

struct state_item *state_get_item(struct state *state, enum statefile_kind kind)
{
        return &state->items[kind == STATEFILE_ALERTS ? 0 : 1];
}

/* ---- the disk ---- */

void state_open_directory(struct state *state)
{
        const char *doing;
        const int r = state_directory_open(state->dir, &state->dirfd, &doing);

        if (r == 0)
                worked(&state->opening);
        else
                failed(state, &state->opening, r, doing);
}

static void forget_disk(struct state_item *item)
{
        item->disk = state_image_unref(item->disk);
}

/* Something else stands there by now, and none of our files. */
static void leave_moved_directory(struct state *state)
{
        if (state->dirfd < 0 || !state_directory_moved(state->dirfd, state->dir))
                return;
        close_fdp(&state->dirfd);
        state->dirfd = -1;
        for (size_t i = 0; i < STATE_KINDS; i++) {
                forget_disk(&state->items[i]);
                state->items[i].written = false;
        }
}

/* Tries to have the one that stands there open. */
static void find_directory(struct state *state)
{
        leave_moved_directory(state);
        if (state->dirfd < 0)
                state_open_directory(state);
}

static bool is_saved(const struct state_item *item)
{
        return item->image && item->image == item->disk;
}

/* When to write it; STATE_NEVER: there is nothing to write. */
static uint64_t item_due_usec(const struct state_item *item)
{
        if (!item->image || is_saved(item))
                return STATE_NEVER;
        if (item->attempts.outcome.error < 0)
                return item->attempts.next_usec;
        if (!item->written)
                return 0;
        return item->written_usec + (item->urgent ? STATE_DISK_MIN_USEC : STATE_DISK_CALM_USEC);
}

static struct state_item *first_due(struct state *state)
{
        struct state_item *first = &state->items[0];

        for (size_t i = 1; i < STATE_KINDS; i++)
                if (item_due_usec(&state->items[i]) < item_due_usec(first))
                        first = &state->items[i];
        return first;
}

uint64_t state_due_usec(struct state *state)
{
        if (!state->dir)
                return STATE_NEVER;
        return state->dirfd < 0 ? state->opening.next_usec : item_due_usec(first_due(state));
}

/* Whoever puts something meanwhile finds out how long that has taken. */
static void note_writing(struct state *state, uint64_t since_usec)
{
        (void)pthread_mutex_lock(&state->lock);
        state->writing_usec = since_usec;
        (void)pthread_mutex_unlock(&state->lock);
}

static void write_item(struct state *state, struct state_item *item)
{
        const struct recbuf *bytes = &item->image->bytes;
        int r;

        note_writing(state, clock_now_usec());
        r = state_file_write(state->dirfd, item->name, bytes->data, bytes->len);
        note_writing(state, 0);
        forget_disk(item); /* that is over, or nobody knows */
        if (r < 0) {
                failed(state, &item->attempts, r, "writing");
                return;
        }
        worked(&item->attempts);
        item->disk = state_image_ref(item->image);
        item->urgent = false;
        item->written = true;
        item->written_usec = clock_now_usec();
        state->n_written++;
}

void state_write_due(struct state *state)
{
        const uint64_t now_usec = clock_now_usec();
        struct state_item *item;

        if (state_due_usec(state) > now_usec)
                return;
        find_directory(state);
        item = first_due(state);
        if (state->dirfd >= 0 && item_due_usec(item) <= now_usec)
                write_item(state, item);
}

void state_write_all(struct state *state)
{
        if (!state->dir)
                return;
        find_directory(state);
        for (size_t i = 0; i < STATE_KINDS && state->dirfd >= 0; i++)
                if (item_due_usec(&state->items[i]) != STATE_NEVER)
                        write_item(state, &state->items[i]);
}

/* ---- what arrives ---- */

struct arrival {
        struct state_image *image; /* NULL: none, only urgency */
        bool urgent;
};

static struct arrival take_arrival(struct state *state, struct state_item *item)
{
        struct arrival arrival;

        (void)pthread_mutex_lock(&state->lock);
        arrival = (struct arrival){ .image = item->waiting, .urgent = item->waiting_urgent };
        item->waiting = NULL;
        item->waiting_urgent = false;
        (void)pthread_mutex_unlock(&state->lock);
        return arrival;
}

/* Takes it over. What the file has already stays the one that is known to be there. */
static void set_image(struct state_item *item, struct state_image *image)
{
        if (state_image_is_same(item->disk, image)) {
                state_image_unref(image);
                image = state_image_ref(item->disk);
        }
        state_image_unref(item->image);
        item->image = image;
}

/* Where nothing has to be written, nothing is wrong or urgent, either. */
static void settle(const struct state *state, struct state_item *item)
{
        if (state->dir && !is_saved(item))
                return;
        worked(&item->attempts);
        item->urgent = false;
}

void state_take_arrivals(struct state *state)
{
        for (size_t i = 0; i < STATE_KINDS; i++) {
                struct state_item *item = &state->items[i];
                const struct arrival arrival = take_arrival(state, item);

                item->urgent = item->urgent || arrival.urgent;
                if (arrival.image)
                        set_image(item, arrival.image);
                settle(state, item);
        }
}
