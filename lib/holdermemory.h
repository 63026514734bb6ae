/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where sockets were found, so that the same question, asked again a minute later, costs a look at
 * a descriptor or two instead of a search. Bounded in number and in time.
 */

#include <stddef.h>
#include <stdint.h>

#include "holders.h"
#include "owner.h"

struct process_source;

#define HOLDER_MEMORY_SOCKETS                                                                      \
        128 /* as many as alerts ask for in a minute, at the default interval */
/* A process that has come to hold a socket besides is found by a search alone, so much later. */
#define HOLDER_MEMORY_USEC (UINT64_C(600) * 1000000)

/* All who were found to hold one socket. */
struct sighting {
        uint64_t seen_usec; /* monotonic: when their descriptors were read */
        size_t n;           /* may be more than there is room for below */
        struct holder holders[OWNER_PROCESSES_LISTED];
};

/* All zero: nothing is remembered. */
struct holder_memory {
        struct sighting
                items[HOLDER_MEMORY_SOCKETS]; /* the one asked for longest ago comes first */
        size_t n;
};

void sighting_add(struct sighting *sighting, const struct holder *holder);

/*
 * Who was seen to hold that socket, if each of them holds it still, by the same descriptor. NULL:
 * not known, or not any more, or it was HOLDER_MEMORY_USEC ago: to be searched for. now_usec:
 * monotonic. Valid until the next call.
 */
const struct sighting *holder_memory_recall(struct holder_memory *memory,
                                            const struct process_source *source, uint32_t inode,
                                            uint64_t now_usec);

/*
 * Remembers that, in place of what was known of the socket, or of the one asked for longest ago.
 * Nothing is remembered of a socket without holders, or with more than there is room for.
 */
void holder_memory_keep(struct holder_memory *memory, const struct sighting *sighting);
