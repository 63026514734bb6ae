/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The caller's side: it puts header and checksum around a body, writes that to memory, which waits
 * for no disk, and hands it to the thread. So a disk that hangs keeps nothing from memory.
 *
 * Bodies are compared with the one before, not with their checksums: they are small beside what a
 * write costs, and no change is lost.
 */

#include <errno.h>
#include <string.h>

#include "base.h"
#include "clock.h"
#include "state-private.h"

struct state_image *state_image_ref(struct state_image *image)
{
        if (image)
                (void)__atomic_add_fetch(&image->refs, 1, __ATOMIC_RELAXED);
        return image;
}

struct state_image *state_image_unref(struct state_image *image)
{
        if (image && __atomic_sub_fetch(&image->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                recbuf_done(&image->bytes);
                free(image);
        }
        return NULL;
}

bool state_image_has_body(const struct state_image *image, const void *body, size_t len)
{
        return image->bytes.len == len + STATEFILE_EXTRA_BYTES &&
               (len == 0 || memcmp(image->bytes.data + STATEFILE_HEADER_BYTES, body, len) == 0);
}

bool state_image_is_same(const struct state_image *a, const struct state_image *b)
{
        return a && b &&
               state_image_has_body(a, b->bytes.data + STATEFILE_HEADER_BYTES,
                                    b->bytes.len - STATEFILE_EXTRA_BYTES);
}

/* The newest one from now on. 0 or -errno. */
static int make_newest(struct state *state, struct state_item *item, const struct recbuf *body)
{
        struct statefile_header header = { .version = STATEFILE_VERSION,
                                           .kind = item->kind,
                                           .serial = state->serial + 1,
                                           .saved_wall_usec = clock_wall_usec(),
                                           .saved_usec = clock_now_usec(),
                                           .netns = state->netns };
        struct state_image *image = calloc(1, sizeof(*image));
        int r;

        if (!image)
                return -ENOMEM;
        image->refs = 1;
        memcpy(header.boot_id, state->boot_id, sizeof(header.boot_id));
        r = statefile_wrap(&header, body, &image->bytes);
        if (r < 0) {
                state_image_unref(image);
                return r;
        }
        state->serial = header.serial;
        state_image_unref(item->newest);
        item->newest = image;
        return 0;
}

static void note_unmade(struct state *state, struct state_item *item, int error)
{
        (void)pthread_mutex_lock(&state->lock);
        item->making = (struct state_outcome){ .error = error, .doing = "putting together" };
        state->n_unmade++;
        state->stats.failures++;
        state_update_error(state);
        (void)pthread_mutex_unlock(&state->lock);
}

/* kept: how keeping it in memory has ended, where that was tried; else 0. */
static void hand_over(struct state *state, struct state_item *item, bool is_new, bool urgent,
                      int kept)
{
        struct state_image *old = NULL;

        (void)pthread_mutex_lock(&state->lock);
        item->making = (struct state_outcome){ .error = 0 };
        item->keeping_error = kept;
        state->stats.memory_failures += kept < 0;
        if (is_new) {
                old = item->waiting;
                item->waiting = state_image_ref(item->newest);
        }
        item->waiting_urgent = item->waiting_urgent || urgent;
        state_update_error(state);
        (void)pthread_cond_signal(&state->wake);
        (void)pthread_mutex_unlock(&state->lock);
        state_image_unref(old);
}

int state_put(struct state *state, enum statefile_kind kind, struct recbuf *body, bool urgent)
{
        struct state_item *item = state_get_item(state, kind);
        const bool is_new = body->error < 0 || !item->newest ||
                            !state_image_has_body(item->newest, body->data, body->len);
        int kept = 0, r = state->changed_fd < 0 ? -ENOTCONN : body->error;

        if (r == 0 && is_new)
                r = make_newest(state, item, body);
        recbuf_done(body);
        if (r < 0) {
                if (state->changed_fd >= 0)
                        note_unmade(state, item, r);
                return r;
        }
        if (is_new || item->keeping_error < 0)
                kept = state_memory_write(&item->memory, &item->newest->bytes);
        hand_over(state, item, is_new, urgent, kept);
        return 0;
}
