/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of a scan under way. tally.c counts sockets into them, tallyfinish.c makes the snapshot. */

#include "tally.h"

#define TALLY_RECENT 256 /* rows that are found at once */

/* All zero: none. */
struct recent_row {
        uint64_t number; /* port_key_number() of its key */
        struct port_row *row;
};

struct tally {
        struct services *services;
        struct ledger *ledger;
        const struct survival *survival; /* NULL: none */
        struct port_row *rows;
        size_t n_rows;
        size_t rows_size;                       /* a power of two; 0: nothing allocated */
        uint32_t *index;                        /* 2 * rows_size: position + 1; 0: free */
        struct recent_row recent[TALLY_RECENT]; /* by port and side: what may be its row */
        uint64_t total[SOCK_STATE_COUNT];
        uint64_t overflow;
};

/* The row of that port, made if need be, which moves the others. -ENOSPC at TALLY_PORTS_MAX, -ENOMEM. */
int tally_find_row(struct tally *tally, const struct port_key *key, struct port_row **ret_row);
/* The same, but none is made: NULL. */
struct port_row *tally_known_row(const struct tally *tally, const struct port_key *key);
/* When rows are in new places: the index is made anew. */
void tally_index_rows(struct tally *tally);
/* Forgets all rows. */
void tally_drop_rows(struct tally *tally);
