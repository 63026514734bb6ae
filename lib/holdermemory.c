/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is remembered is a hint, never an answer: /proc/PID/fd/N is read again, and either is the
 * socket or is not. That also settles who has closed it, what is gone, and a pid that is another
 * process by now: whatever has that link holds that socket. If one of several has let go of it, all
 * are forgotten: it may have been passed on.
 *
 * What no link tells is who else has come to hold the socket, so that a sighting has its time. It
 * counts from the search, however often it was recalled since.
 */

#include "holdermemory.h"

#include <string.h>

#include "base.h"
#include "process.h"

void sighting_add(struct sighting *sighting, const struct holder *holder)
{
        if (sighting->n < ARRAY_SIZE(sighting->holders))
                sighting->holders[sighting->n] = *holder;
        sighting->n++;
}

static size_t find(const struct holder_memory *memory, uint32_t inode)
{
        size_t i = 0;

        while (i < memory->n && memory->items[i].holders[0].inode != inode)
                i++;
        return i;
}

static void take_out(struct holder_memory *memory, size_t at)
{
        memory->n--;
        memmove(&memory->items[at], &memory->items[at + 1],
                (memory->n - at) * sizeof(memory->items[0]));
}

static bool is_true(const struct sighting *sighting, const struct process_source *source)
{
        for (size_t i = 0; i < sighting->n; i++)
                if (!process_holds_still(source, &sighting->holders[i]))
                        return false;
        return true;
}

const struct sighting *holder_memory_recall(struct holder_memory *memory,
                                            const struct process_source *source, uint32_t inode,
                                            uint64_t now_usec)
{
        const size_t at = find(memory, inode);
        struct sighting sighting;

        if (at == memory->n)
                return NULL;
        sighting = memory->items[at];
        take_out(memory, at);
        if (now_usec - sighting.seen_usec >= HOLDER_MEMORY_USEC || !is_true(&sighting, source))
                return NULL;
        memory->items[memory->n++] = sighting;
        return &memory->items[memory->n - 1];
}

void holder_memory_keep(struct holder_memory *memory, const struct sighting *sighting)
{
        size_t at;

        if (sighting->n == 0 || sighting->n > ARRAY_SIZE(sighting->holders))
                return;
        at = find(memory, sighting->holders[0].inode);
        if (at < memory->n)
                take_out(memory, at);
        else if (memory->n == HOLDER_MEMORY_SOCKETS)
                take_out(memory, 0);
        memory->items[memory->n++] = *sighting;
}
