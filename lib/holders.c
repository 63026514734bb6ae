/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A plain array that is walked for each question: reading a descriptor's link costs a thousand
 * times what comparing it does.
 */

#include "holders.h"

#include <stdlib.h>

#include "base.h"
#include "owner.h"
#include "process.h"

#define ITEMS_MIN 256

static int add_socket(const struct holder *holder, void *userdata)
{
        struct holders *holders = userdata;

        if (holders->n == holders->size) {
                const size_t size = MAX(holders->size * 2, (size_t)ITEMS_MIN);
                struct holder *items = realloc(holders->items, size * sizeof(*items));

                if (!items)
                        return 0;
                holders->items = items;
                holders->size = size;
        }
        holders->items[holders->n++] = *holder;
        return 0;
}

void holders_look(struct holders *holders, struct process_source *source, const struct pids *pids,
                  uint64_t now_usec)
{
        /* it serves several searches: a budget of its own, whatever this one has used */
        source->fds_left = OWNER_FDS_MAX;
        for (size_t i = 0; i < pids->n; i++)
                (void)process_each_socket(source, pids->items[i], add_socket, holders);
        holders->looked = true;
        holders->seen_usec = now_usec;
}

/* A process may have several descriptors of one socket; its own lie together. */
const struct holder *holders_next(const struct holders *holders, uint32_t inode,
                                  const struct holder *after)
{
        const int32_t last = after ? after->pid : 0;

        for (size_t i = after ? (size_t)(after - holders->items) + 1 : 0; i < holders->n; i++)
                if (holders->items[i].inode == inode && holders->items[i].pid != last)
                        return &holders->items[i];
        return NULL;
}

void holders_done(struct holders *holders)
{
        free(holders->items);
        *holders = (struct holders){ 0 };
}
