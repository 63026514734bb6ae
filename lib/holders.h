/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which processes hold which sockets, as one look at the descriptors of many processes found it, so
 * that several searches cost no more than one. As old as that look.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process_source;
struct pids;

/* A process that holds a socket, by one of its descriptors. */
struct holder {
        uint32_t inode;
        int32_t pid;
        int32_t fd;
};

/* All zero: nothing was looked at yet. */
struct holders {
        struct holder *items; /* process by process; at most OWNER_FDS_MAX */
        size_t n;
        size_t size;
        bool looked;
        uint64_t seen_usec; /* monotonic: when that was */
};

/* Looks at those processes, in that order; what is behind the source's limit stays unknown. */
void holders_look(struct holders *holders, struct process_source *source, const struct pids *pids,
                  uint64_t now_usec);

/*
 * The next process that holds that socket, after the one returned before; after: NULL: the first.
 * NULL: no more.
 */
const struct holder *holders_next(const struct holders *holders, uint32_t inode,
                                  const struct holder *after);

void holders_done(struct holders *holders);
