/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A keep-alive pool of outgoing connections. The peer closes what has been idle for its timeout;
 * the program notices when it takes the connection out again, or when it evicts what has been idle
 * for long. Until then the member is in CLOSE_WAIT with only the end-of-file unread: no leak, for
 * there are never more than the pool has places.
 */

#include "flow.h"

#define POOL_MEMBERS_MAX 256

struct pool_plan {
        struct port_key port;
        size_t process;
        size_t places;     /* at most POOL_MEMBERS_MAX */
        bool fifo;         /* the longest idle is taken first; otherwise the last one given back */
        bool take_fresh;   /* a closed one is replaced, and the next member is not tried */
        uint64_t gap_usec; /* between requests at full strength */
        struct profile profile;
        unsigned rush_permille; /* so many requests come with others, up to places of them */
        uint64_t serve_min_usec, serve_max_usec;
        uint64_t peer_timeout_usec;
        uint64_t keep_usec; /* evicted after that in CLOSE_WAIT, at the latest */
        uint64_t tick_usec; /* the evictor runs so often; less than keep_usec */
};

void pool_add(struct host *host, const struct pool_plan *plan);
