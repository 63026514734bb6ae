/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Open addressing with linear probing: neighbours lie in one line of the cache, sixteen to each. A
 * slot is as short as it can be for four million entries. What it would have to say else, its home
 * above all, is asked of the entry when a table is made anew or a hole is closed; to find one, nine
 * bits of the hash spare a look at 511 of 512 entries that are not the one.
 *
 * Up to three quarters are used, so that one of any number of entries takes 11 bytes of the table at
 * most, and 5 at least. It shrinks when an eighth is used.
 */

#include "ledgerindex.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "hash.h"
#include "ledger.h"

#define SLOTS_MIN 128 /* never shrinks below */
#define TAG_BITS  9

static_assert(sizeof(struct ledger_slot) == 4, "a slot has 4 bytes");
static_assert(LEDGER_MAX_LIMIT < 1 << LEDGER_INDEX_BITS, "every position finds room in a slot");

static struct ledger_slot slot_for(uint64_t hash, size_t e)
{
        return (struct ledger_slot){ .position = (uint32_t)e + 1,
                                     .tag = (uint32_t)(hash >> (64 - TAG_BITS)) };
}

/* The slot of an entry that is there. */
static size_t slot_of(const struct ledger_index *index, const struct ledger_entry *entries,
                      size_t e)
{
        const size_t mask = index->size - 1;
        size_t i = hash_u64(entries[e].cookie) & mask;

        while (index->slots[i].position != e + 1)
                i = (i + 1) & mask;
        return i;
}

size_t ledger_index_find(const struct ledger_index *index, const struct ledger_entry *entries,
                         uint64_t cookie)
{
        const uint64_t hash = hash_u64(cookie);
        const uint32_t tag = slot_for(hash, 0).tag;
        const size_t mask = index->size - 1;

        for (size_t i = hash & mask; index->slots[i].position != 0; i = (i + 1) & mask) {
                const struct ledger_slot slot = index->slots[i];

                if (slot.tag == tag && entries[slot.position - 1].cookie == cookie)
                        return slot.position - 1;
        }
        return LEDGER_INDEX_NONE;
}

void ledger_index_add(struct ledger_index *index, const struct ledger_entry *entries, size_t e)
{
        const uint64_t hash = hash_u64(entries[e].cookie);
        const size_t mask = index->size - 1;
        size_t i = hash & mask;

        while (index->slots[i].position != 0)
                i = (i + 1) & mask;
        index->slots[i] = slot_for(hash, e);
}

static int resize(struct ledger_index *index, const struct ledger_entry *entries, size_t n,
                  size_t size)
{
        struct ledger_slot *slots = calloc(size, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        free(index->slots);
        index->slots = slots;
        index->size = size;
        for (size_t e = 0; e < n; e++)
                ledger_index_add(index, entries, e);
        return 0;
}

int ledger_index_fit(struct ledger_index *index, const struct ledger_entry *entries, size_t n_known,
                     size_t n)
{
        if (n * 4 > index->size * 3)
                return resize(index, entries, n_known, index->size * 2);
        if (index->size > SLOTS_MIN && n * 8 <= index->size)
                return resize(index, entries, n_known, MAX(index->size / 4, (size_t)SLOTS_MIN));
        return 0;
}

/* Closes the gap in the probe sequence behind a freed slot (Knuth 6.4, algorithm R). */
static void free_slot(struct ledger_index *index, const struct ledger_entry *entries, size_t hole)
{
        const size_t mask = index->size - 1;
        size_t i = hole;

        for (;;) {
                size_t home;

                index->slots[hole] = (struct ledger_slot){ 0 };
                do {
                        i = (i + 1) & mask;
                        if (index->slots[i].position == 0)
                                return;
                        home = hash_u64(entries[index->slots[i].position - 1].cookie) & mask;
                } while (hole <= i ? hole < home && home <= i : hole < home || home <= i);
                index->slots[hole] = index->slots[i];
                hole = i;
        }
}

void ledger_index_remove(struct ledger_index *index, const struct ledger_entry *entries, size_t e,
                         size_t last)
{
        free_slot(index, entries, slot_of(index, entries, e));
        if (e != last)
                index->slots[slot_of(index, entries, last)].position = (uint32_t)e + 1;
}

int ledger_index_init(struct ledger_index *index)
{
        return resize(index, NULL, 0, SLOTS_MIN);
}

void ledger_index_done(struct ledger_index *index)
{
        free(index->slots);
        index->slots = NULL;
}
