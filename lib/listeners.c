/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An open-addressing table with the entries in its slots: 24 bytes for each, half of the slots free
 * at the least. Nothing is taken out of it one by one: what is to be forgotten is found by a walk
 * after each dump, and if there is anything, the rest is put into a table of its own size. Ports
 * come and go seldom.
 *
 * Several sockets may listen on one port: one per address or family, or one per worker
 * (SO_REUSEPORT). Connections that nobody accepts wait at one of them, so that the one with the
 * longest queue is who to look at.
 */

#include "listeners.h"

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "hash.h"

#define SLOTS_MIN 16

/* The slot of that port, or the free one where it belongs. */
static struct listener *find_slot(const struct listeners *listeners, uint16_t port)
{
        const size_t mask = listeners->size - 1;
        size_t i = hash_u64(port) & mask;

        while (listeners->slots[i].used && listeners->slots[i].port != port)
                i = (i + 1) & mask;
        return &listeners->slots[i];
}

/* A table of that size with those that are kept; NULL: all. False: no memory, all is as it was. */
static bool rebuild(struct listeners *listeners, size_t size,
                    bool (*is_kept)(uint16_t port, const void *userdata), const void *userdata)
{
        struct listeners fresh = { .slots = calloc(size, sizeof(*fresh.slots)), .size = size };

        if (!fresh.slots)
                return false;
        for (size_t i = 0; i < listeners->size; i++) {
                const struct listener *listener = &listeners->slots[i];

                if (!listener->used || (is_kept && !is_kept(listener->port, userdata)))
                        continue;
                *find_slot(&fresh, listener->port) = *listener;
                fresh.n++;
        }
        free(listeners->slots);
        *listeners = fresh;
        return true;
}

void listeners_see(struct listeners *listeners, const struct sockrec *record, bool again)
{
        const struct listener seen = { .cgroup_id = record->cgroup_id,
                                       .uid = record->uid,
                                       .inode = record->inode,
                                       .waiting = record->receive_queue,
                                       .port = record->local_port,
                                       .used = true };
        struct listener *slot;

        if (!(record->have & SOCKREC_OWNER))
                return;
        if ((listeners->n + 1) * 2 > listeners->size &&
            !rebuild(listeners, MAX(listeners->size * 2, (size_t)SLOTS_MIN), NULL, NULL))
                return;
        slot = find_slot(listeners, record->local_port);
        if (slot->used && again && slot->waiting >= record->receive_queue)
                return;
        listeners->n += !slot->used;
        *slot = seen;
}

void listeners_find(const struct listeners *listeners, uint16_t port,
                    struct port_witness *ret_witness)
{
        const struct listener *slot = listeners->n > 0 ? find_slot(listeners, port) : NULL;

        *ret_witness = (struct port_witness){ 0 };
        if (slot && slot->used)
                *ret_witness = (struct port_witness){ .known = true,
                                                      .by_listener = true,
                                                      .cgroup_id = slot->cgroup_id,
                                                      .uid = slot->uid,
                                                      .inode = slot->inode };
}

void listeners_keep(struct listeners *listeners,
                    bool (*is_kept)(uint16_t port, const void *userdata), const void *userdata)
{
        size_t kept = 0, size = SLOTS_MIN;

        for (size_t i = 0; i < listeners->size; i++)
                kept += listeners->slots[i].used && is_kept(listeners->slots[i].port, userdata);
        if (kept == listeners->n)
                return;
        while (size < (kept + 1) * 2)
                size *= 2;
        (void)rebuild(listeners, size, is_kept, userdata);
}

void listeners_done(struct listeners *listeners)
{
        free(listeners->slots);
        *listeners = (struct listeners){ 0 };
}
