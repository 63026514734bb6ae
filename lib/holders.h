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

struct holder {
        uint32_t inode;
        int32_t pid;
};

/* All zero: nothing was looked at yet. */
struct holders {
        struct holder *items; /* process by process; at most OWNER_FDS_MAX */
        size_t n;
        size_t size;
        bool looked;
};

/* Looks at those processes, in that order; what is behind the source's limit stays unknown. */
void holders_look(struct holders *holders, struct process_source *source, const struct pids *pids);

/* Adds to the list each process that holds that socket. */
void holders_find(const struct holders *holders, uint32_t inode, struct pids *pids);

void holders_done(struct holders *holders);
