/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One array sorted by cookie, so that a socket is named by a small number, and runs of neighbours
 * by two. New ones are gathered apart, in the order in which they came (the ledger's order depends
 * on it), and merged in from the back when the attempt is over.
 *
 * Sockets stay for as long as the ledger keeps them. So a scan that missed half of them costs two
 * numbers, and not half of them once more when they are seen again.
 */

#include "rectable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "hash.h"
#include "recsock.h"

#define ENTRIES_MIN 64

void rectable_clear(struct rectable *table)
{
        free(table->entries);
        free(table->fresh);
        free(table->order);
        free(table->slots);
        *table = (struct rectable){ 0 };
}

static void drop_fresh(struct rectable *table)
{
        free(table->fresh);
        free(table->order);
        table->fresh = NULL;
        table->order = NULL;
        table->n_fresh = table->fresh_size = 0;
}

void rectable_begin(struct rectable *table)
{
        drop_fresh(table);
        table->left_out = 0;
        table->hint = 0;
        if (++table->attempt == 0)
                table->attempt = 1; /* entries begin with 0: never seen */
        for (size_t i = 0; i < table->n; i++) {
                if (table->entries[i].changed & RECSOCK_INFO)
                        recsock_drop_info(&table->entries[i].record);
                table->entries[i].changed = 0;
        }
}

/* Positions have changed. */
static void drop_index(struct rectable *table)
{
        free(table->slots);
        table->slots = NULL;
}

void rectable_index(struct rectable *table)
{
        size_t slots = 2 * ENTRIES_MIN;

        if (table->slots || table->n == 0)
                return;
        while (slots < 2 * table->n)
                slots *= 2;
        table->slots = calloc(slots, sizeof(*table->slots));
        if (!table->slots)
                return;
        table->slot_mask = slots - 1;
        for (size_t e = 0; e < table->n; e++) {
                size_t i = hash_u64(table->entries[e].record.cookie) & table->slot_mask;

                while (table->slots[i] != 0)
                        i = (i + 1) & table->slot_mask;
                table->slots[i] = (uint32_t)e + 1;
        }
}

static struct rectable_entry *find_by_slot(const struct rectable *table, uint64_t cookie)
{
        for (size_t i = hash_u64(cookie) & table->slot_mask; table->slots[i] != 0;
             i = (i + 1) & table->slot_mask) {
                struct rectable_entry *entry = &table->entries[table->slots[i] - 1];

                if (entry->record.cookie == cookie)
                        return entry;
        }
        return NULL;
}

struct rectable_entry *rectable_find(const struct rectable *table, uint64_t cookie)
{
        size_t low = 0, high = table->n;

        if (table->slots)
                return find_by_slot(table, cookie);
        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (table->entries[middle].record.cookie < cookie)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < table->n && table->entries[low].record.cookie == cookie ? &table->entries[low]
                                                                             : NULL;
}

/* Room for one more of n. */
static int grow(struct rectable_entry **entries, size_t n, size_t *size)
{
        const size_t wanted = MAX(*size * 2, (size_t)ENTRIES_MIN);
        struct rectable_entry *grown;

        if (n < *size)
                return 0;
        grown = realloc(*entries, wanted * sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        *entries = grown;
        *size = wanted;
        return 0;
}

int rectable_add(struct rectable *table, const struct sockrec *record)
{
        if (table->n + table->n_fresh >= RECTABLE_SOCKETS_MAX)
                return -ENOSPC;
        if (grow(&table->fresh, table->n_fresh, &table->fresh_size) < 0)
                return -ENOMEM;
        table->fresh[table->n_fresh++] =
                (struct rectable_entry){ .record = *record, .seen = table->attempt };
        return 0;
}

/* By cookie, then as they came. */
static int compare_fresh(const void *a, const void *b, void *userdata)
{
        const struct rectable_entry *fresh = userdata;
        const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        const uint64_t p = fresh[x].record.cookie, q = fresh[y].record.cookie;

        return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

int rectable_sort(struct rectable *table)
{
        uint32_t *order;
        int r = 0;

        if (table->n_fresh == 0)
                return 0;
        order = realloc(table->order, table->n_fresh * sizeof(*order));
        if (!order)
                return -ENOMEM;
        table->order = order;
        for (size_t i = 0; i < table->n_fresh; i++)
                order[i] = (uint32_t)i;
        qsort_r(order, table->n_fresh, sizeof(*order), compare_fresh, table->fresh);
        for (size_t i = 1; i < table->n_fresh; i++)
                if (table->fresh[order[i]].record.cookie ==
                    table->fresh[order[i - 1]].record.cookie)
                        r = RECTABLE_REPEATED;
        return r;
}

int rectable_drop_repeated(struct rectable *table)
{
        size_t kept = 0;

        for (size_t i = 1; i < table->n_fresh; i++)
                if (table->fresh[table->order[i]].record.cookie ==
                    table->fresh[table->order[i - 1]].record.cookie)
                        table->fresh[table->order[i]].seen = 0;
        for (size_t i = 0; i < table->n_fresh; i++)
                if (table->fresh[i].seen != 0)
                        table->fresh[kept++] = table->fresh[i];
        table->n_fresh = kept;
        return rectable_sort(table);
}

int rectable_adopt(struct rectable *table)
{
        const size_t total = table->n + table->n_fresh;
        size_t from = table->n, next = table->n_fresh, into = total;

        if (table->n_fresh == 0)
                return 0;
        if (total > table->size) {
                const size_t size = MAX(MAX(table->size * 2, total), (size_t)ENTRIES_MIN);
                struct rectable_entry *entries = realloc(table->entries, size * sizeof(*entries));

                if (!entries)
                        return -ENOMEM;
                table->entries = entries;
                table->size = size;
        }
        while (next > 0) {
                struct rectable_entry *entry = &table->fresh[table->order[next - 1]];

                if (from > 0 && table->entries[from - 1].record.cookie > entry->record.cookie) {
                        table->entries[--into] = table->entries[--from];
                        continue;
                }
                recsock_drop_info(&entry->record);
                table->entries[--into] = *entry;
                next--;
        }
        table->n = total;
        drop_fresh(table);
        drop_index(table);
        return 0;
}

static void shrink(struct rectable *table)
{
        const size_t size = MAX(table->n * 2, (size_t)ENTRIES_MIN);
        struct rectable_entry *entries;

        if (table->n * 8 > table->size || size >= table->size)
                return;
        entries = realloc(table->entries, size * sizeof(*entries));
        if (!entries)
                return;
        table->entries = entries;
        table->size = size;
}

void rectable_end(struct rectable *table, bool whole)
{
        size_t kept = 0;

        for (size_t i = 0; i < table->n; i++) {
                struct rectable_entry *entry = &table->entries[i];

                if (entry->seen == table->attempt)
                        entry->misses = 0;
                else if (whole && ++entry->misses >= RECTABLE_MISSES_MAX)
                        continue;
                if (kept != i)
                        table->entries[kept] = *entry;
                kept++;
        }
        if (kept < table->n)
                drop_index(table);
        table->n = kept;
        shrink(table);
}
