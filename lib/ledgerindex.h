/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where in the ledger's array the entry of a cookie is. The array is the caller's, and is handed to
 * each function: the index holds positions in it, and the cookies stand there alone.
 */

#include <stddef.h>
#include <stdint.h>

#define LEDGER_INDEX_BITS 23 /* a position + 1 has no more */
#define LEDGER_INDEX_NONE SIZE_MAX

struct ledger_entry;

/* Four bytes. The tag tells most others apart without a look at their entries. */
struct ledger_slot {
        uint32_t position : LEDGER_INDEX_BITS; /* + 1; 0: free */
        uint32_t tag : 9;                      /* the upper bits of the cookie's hash */
};

struct ledger_index {
        struct ledger_slot *slots;
        size_t size; /* a power of two */
};

/* -ENOMEM. */
int ledger_index_init(struct ledger_index *index);
void ledger_index_done(struct ledger_index *index);

/*
 * Makes its size that for n entries, of which the array has the first n_known in it: more if there
 * is no room, less where hardly any of it is used. 0; -ENOMEM: it is as it was.
 */
int ledger_index_fit(struct ledger_index *index, const struct ledger_entry *entries, size_t n_known,
                     size_t n);

/* A position, or LEDGER_INDEX_NONE. O(1). */
size_t ledger_index_find(const struct ledger_index *index, const struct ledger_entry *entries,
                         uint64_t cookie);

/* The entry at that position, whose cookie is not there yet; there is room (ledger_index_fit()). */
void ledger_index_add(struct ledger_index *index, const struct ledger_entry *entries, size_t e);

/* The entry at that position is going to leave, and the last one to take its place. */
void ledger_index_remove(struct ledger_index *index, const struct ledger_entry *entries, size_t e,
                         size_t last);
