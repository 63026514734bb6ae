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

/* What is known of the process whose descriptors are read. */
struct reading {
        struct holders *holders;
        int64_t pid;
};

static int add_socket(uint32_t inode, void *userdata)
{
        const struct reading *reading = userdata;
        struct holders *holders = reading->holders;

        if (holders->n == holders->size) {
                const size_t size = MAX(holders->size * 2, (size_t)ITEMS_MIN);
                struct holder *items = realloc(holders->items, size * sizeof(*items));

                if (!items)
                        return 0;
                holders->items = items;
                holders->size = size;
        }
        holders->items[holders->n++] = (struct holder){ inode, (int32_t)reading->pid };
        return 0;
}

void holders_look(struct holders *holders, struct process_source *source, const struct pids *pids)
{
        /* it serves several searches: a budget of its own, whatever this one has used */
        source->fds_left = OWNER_FDS_MAX;
        for (size_t i = 0; i < pids->n; i++) {
                struct reading reading = { holders, pids->items[i] };

                (void)process_each_socket(source, pids->items[i], add_socket, &reading);
        }
        holders->looked = true;
}

/* A process may have several descriptors of one socket; its own lie together. */
void holders_find(const struct holders *holders, uint32_t inode, struct pids *pids)
{
        int32_t last = 0;

        for (size_t i = 0; i < holders->n; i++) {
                if (holders->items[i].inode != inode || holders->items[i].pid == last)
                        continue;
                last = holders->items[i].pid;
                (void)pids_add(pids, last);
        }
}

void holders_done(struct holders *holders)
{
        free(holders->items);
        *holders = (struct holders){ 0 };
}
