/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who listens, or did last, on each port: one per port, whatever the number of sockets on it.
 * Memory follows the number of ports, up and down.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"
#include "sockrec.h"

struct listener {
        uint64_t cgroup_id; /* 0: unknown */
        uint32_t uid;
        uint32_t inode;
        uint32_t waiting; /* connections, for accept() */
        uint16_t port;
        bool used;
};

/* All zero: empty. */
struct listeners {
        struct listener *slots; /* open addressing by port */
        size_t size;            /* a power of two, at least twice n; 0: nothing allocated */
        size_t n;
};

/*
 * again: another socket on that port was seen in the same dump; of both, the one for which more
 * connections wait is kept. A record without an owner, or without room in memory, changes nothing.
 */
void listeners_see(struct listeners *listeners, const struct sockrec *record, bool again);

/* by_listener is true in it where one is known; unknown otherwise. O(1). */
void listeners_find(const struct listeners *listeners, uint16_t port,
                    struct port_witness *ret_witness);

/* Forgets the ports for which the function says no. Without memory they stay. */
void listeners_keep(struct listeners *listeners,
                    bool (*is_kept)(uint16_t port, const void *userdata), const void *userdata);

void listeners_done(struct listeners *listeners);
