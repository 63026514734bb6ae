/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a search for the owner starts: the oldest CLOSE_WAIT socket of a port, or its listener
 * where there is none, or where that socket was never accepted.
 */
struct port_witness {
        uint64_t cgroup_id; /* 0: unknown */
        uint32_t uid;
        uint32_t inode;   /* 0: unknown */
        bool known;       /* false: neither is known, nor is any of the above */
        bool by_listener; /* it is the listener's */
};

/* The same socket: who holds the one holds the other. Two that are unknown are equal. */
static inline bool port_witness_equal(const struct port_witness *a, const struct port_witness *b)
{
        return a->known == b->known && a->by_listener == b->by_listener && a->inode == b->inode &&
               a->cgroup_id == b->cgroup_id && a->uid == b->uid;
}
