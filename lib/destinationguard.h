/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether it is worth a walk over all sockets to count destinations: by sockstat, which costs
 * nothing, and by what the last walk found. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "destinationtab.h"
#include "taker.h"

struct destination_guard {
        const struct rules *rules; /* that lowest is of; NULL: none yet */
        uint64_t conf_serial;
        uint64_t digest;          /* of what they say about destinations */
        struct kernlimits limits; /* that the last walk went by */
        uint64_t lowest;          /* of all rules, where near begins; 0: all of them are off */
        uint64_t walk_usec;       /* the last whole walk by these rules; 0: none */
        int64_t walk_sockets;     /* sockstat then; HOST_UNKNOWN */
        uint32_t walk_usable;     /* at the last whole walk by any rules; 0: none, or unknown */
        uint64_t margin;          /* so many sockets more than then, and one may be near */
        uint64_t near_to_usec;    /* until then every scan walks */
};

/* At every scan: is a walk due? usable: local ports towards each destination; 0: unknown. */
bool destination_guard_is_due(struct destination_guard *guard, const struct census_request *request,
                              uint32_t usable);

/* Is a destination near its limit, or was it not long ago? Then every scan walks. */
bool destination_guard_is_near(const struct destination_guard *guard, uint64_t now_usec);

/* After a whole walk: begin, then every destination that was told apart. */
void destination_guard_begin(struct destination_guard *guard, const struct census_request *request,
                             uint32_t usable, uint32_t error_max);
void destination_guard_see(struct destination_guard *guard, const struct census_request *request,
                           uint32_t usable, const struct destination_entry *entry);

/* The sockets of the host by sockstat, of which any destination has a part. HOST_UNKNOWN. */
int64_t destination_guard_sockets(const struct host_facts *host);
