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
