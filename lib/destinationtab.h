/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How many sockets of a stream go to which destination, in a table of fixed size: exact while there
 * are no more destinations than places, and within a bound that it tells after that. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "destination.h"
#include "portkey.h"
#include "witness.h"

#define DESTINATIONS_TRACKED_MAX 4096 /* of one walk: the heaviest are among them */

struct destination_entry {
        struct port_key port;
        struct destination destination;
        uint32_t used;  /* never less than there are ... */
        uint32_t error; /* ... and too great by so many at most */
        /* a lower bound where the table was full; nothing is given up for these */
        uint32_t reusable;
        struct port_witness witness; /* of one that has an owner, best of one with a file */
        uint16_t next;               /* of its hash chain: position + 1; 0: the last */
};

struct destination_table {
        struct destination_entry entries[DESTINATIONS_TRACKED_MAX];
        uint16_t buckets[DESTINATIONS_TRACKED_MAX]; /* heads of chains: position + 1 */
        uint32_t n;
        uint32_t floor; /* a destination that is not in the table has so many used at most */
        uint32_t hand;  /* the entry that is asked next whether it can be given up */
        uint32_t asked; /* entries asked since the floor was raised */
};

void destination_table_clear(struct destination_table *table);

/*
 * One socket. reusable: connect() takes its port over; else it is used. witness: of the socket; not
 * known where it has no owner. O(1) on average over a walk, no allocation.
 */
void destination_table_add(struct destination_table *table, const struct port_key *port,
                           const struct destination *destination, bool reusable,
                           const struct port_witness *witness);
