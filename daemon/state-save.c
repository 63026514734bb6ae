/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the thread does with what it is given: it puts header and checksum around it, writes that to
 * memory at once, and to the disk when its turn has come; one file a round, so that what arrives
 * meanwhile is in memory before the next one.
 *
 * Bodies are compared with what was written last, not with their checksums: they are small beside
 * what a write costs, and no change is lost.
 */

#include <errno.h>
#include <string.h>

#include "base.h"
#include "clock.h"
#include "state-private.h"

static void worked(struct state_attempts *attempts)
{
        *attempts = (struct state_attempts){ .error = 0 };
}

static void failed(struct state *state, struct state_attempts *attempts, int error,
                   const char *doing)
{
        attempts->error = error;
        attempts->doing = doing;
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

static void close_directory(struct state *state)
{
        close_fdp(&state->dirfd);
        state->dirfd = -1;
}

/* When to write it; STATE_NEVER: there is nothing to write. */
static uint64_t item_due_usec(const struct state_item *item)
{
        if (item->image.len == 0 || item->saved)
                return STATE_NEVER;
        if (item->attempts.error < 0)
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

static void write_item(struct state *state, struct state_item *item)
{
        const int r = state_file_write(state->dirfd, item->name, item->image.data, item->image.len);

        recbuf_done(&item->disk); /* that is over, or nobody knows */
        if (r < 0) {
                failed(state, &item->attempts, r, "writing");
                return;
        }
        worked(&item->attempts);
        item->saved = true;
        item->urgent = false;
        item->written = true;
        item->written_usec = clock_now_usec();
        state->n_written++;
}

void state_write_due(struct state *state)
{
        struct state_item *item = first_due(state);
        const uint64_t now_usec = clock_now_usec();

        if (state_due_usec(state) > now_usec)
                return;
        if (state->dirfd >= 0 && state_directory_moved(state->dirfd, state->dir))
                close_directory(state);
        if (state->dirfd < 0)
                state_open_directory(state);
        if (state->dirfd >= 0 && item_due_usec(item) <= now_usec)
                write_item(state, item);
}

void state_write_all(struct state *state)
{
        if (!state->dir)
                return;
        if (state->dirfd < 0)
                state_open_directory(state);
        for (size_t i = 0; i < STATE_KINDS && state->dirfd >= 0; i++)
                if (item_due_usec(&state->items[i]) != STATE_NEVER)
                        write_item(state, &state->items[i]);
}

/* ---- what arrives ---- */

struct arrival {
        struct recbuf body;
        struct statefile_header header;
        bool urgent;
};

/* False: nothing waits. */
static bool take_arrival(struct state *state, struct state_item *item, struct arrival *ret_arrival)
{
        bool taken;

        (void)pthread_mutex_lock(&state->lock);
        taken = item->is_waiting;
        if (taken) {
                *ret_arrival = (struct arrival){ .body = item->waiting,
                                                 .header = item->waiting_header,
                                                 .urgent = item->waiting_urgent };
                item->waiting = (struct recbuf){ .data = NULL };
                item->is_waiting = false;
                item->waiting_urgent = false;
        }
        (void)pthread_mutex_unlock(&state->lock);
        return taken;
}

static bool has_body(const struct recbuf *image, const void *body, size_t len)
{
        return image->len == len + STATEFILE_EXTRA_BYTES &&
               (len == 0 || memcmp(image->data + STATEFILE_HEADER_BYTES, body, len) == 0);
}

/* image is the newest from now on. */
static void set_image(struct state_item *item, struct recbuf *image)
{
        if (item->saved) {
                recbuf_done(&item->disk);
                item->disk = item->image;
        } else {
                recbuf_done(&item->image);
        }
        item->image = *image;
        item->saved = has_body(&item->disk, image->data + STATEFILE_HEADER_BYTES,
                               image->len - STATEFILE_EXTRA_BYTES);
        if (item->saved)
                recbuf_done(&item->disk);
}

/* Where nothing has to be written, nothing is wrong or urgent, either. */
static void settle(const struct state *state, struct state_item *item)
{
        if (state->dir && !item->saved)
                return;
        worked(&item->attempts);
        item->urgent = false;
}

static void take_body(struct state *state, struct state_item *item, struct arrival *arrival)
{
        struct recbuf image = { .data = NULL };
        int r;

        item->urgent = item->urgent || arrival->urgent;
        if (arrival->body.error == 0 &&
            has_body(&item->image, arrival->body.data, arrival->body.len)) {
                settle(state, item);
                return;
        }
        arrival->header.serial = ++state->serial;
        r = statefile_wrap(&arrival->header, &arrival->body, &image);
        if (r < 0) {
                recbuf_done(&image);
                failed(state, &item->attempts, r, "putting together");
                return;
        }
        set_image(item, &image);
        settle(state, item);
        if (state_memory_write(&item->memory, &item->image) < 0)
                state->n_failures++;
}

void state_take_arrivals(struct state *state)
{
        for (size_t i = 0; i < STATE_KINDS; i++) {
                struct arrival arrival;

                if (!take_arrival(state, &state->items[i], &arrival))
                        continue;
                take_body(state, &state->items[i], &arrival);
                recbuf_done(&arrival.body);
        }
}
