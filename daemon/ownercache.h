/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What clients of the control socket are answered about owners: what was found lately, and a search
 * now and then. Any local user may ask, so their questions must not keep the scanner busy.
 */

#include <stdbool.h>
#include <stdint.h>

#include "owner.h"
#include "portkey.h"

#define OWNERCACHE_SIZE       64
#define OWNERCACHE_KEEP_USEC  (UINT64_C(5) * 1000000)
#define OWNERCACHE_PER_SECOND 8 /* searches for clients */

struct ownercache_item {
        uint64_t found_usec; /* 0: none */
        struct owner_answer answer;
};

/* All zero: empty. */
struct ownercache {
        struct ownercache_item items[OWNERCACHE_SIZE];
        size_t next; /* is replaced next */
        uint64_t second;
        unsigned searches; /* in that second */
};

/* now_usec: monotonic, in all of them. */
void ownercache_put(struct ownercache *cache, const struct owner_answer *answer, uint64_t now_usec);
/* Of that witness of the port. NULL: not found lately. Valid until the next put. */
const struct owner *ownercache_get(const struct ownercache *cache, const struct port_key *port,
                                   const struct port_witness *witness, uint64_t now_usec);
/* May a client's question be searched for? Counts it. */
bool ownercache_may_search(struct ownercache *cache, uint64_t now_usec);
