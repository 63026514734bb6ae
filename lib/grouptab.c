/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Groups lie in one array, so that a number stays valid while the array grows; chained hashing
 * (the links are inside the groups) finds the one that is alike. Slots of groups without members
 * are chained for reuse. The table doubles when full and is compacted when an eighth is used.
 */

#include "grouptab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define GROUPS_MIN 16 /* never shrinks below */

static uint32_t *group_bucket(const struct grouptab *table, const struct ledger_group *group)
{
        uint64_t hash = hash_u64(group->cgroup_id ^ (uint64_t)group->uid << 32) ^
                        port_key_hash(&group->port);

        return &table->buckets[hash & (table->size - 1)];
}

static void chain_groups(struct grouptab *table)
{
        memset(table->buckets, 0xff, table->size * sizeof(*table->buckets));
        for (uint32_t g = 0; g < table->n; g++) {
                struct ledger_group *group = &table->items[g];
                uint32_t *bucket = group_bucket(table, group);

                if (group->members == 0)
                        continue;
                group->next = *bucket;
                *bucket = g;
        }
}

static int resize_groups(struct grouptab *table, size_t size)
{
        uint32_t *buckets = malloc(size * sizeof(*buckets));
        struct ledger_group *groups;

        if (!buckets)
                return -ENOMEM;
        groups = realloc(table->items, size * sizeof(*groups));
        if (!groups) {
                free(buckets);
                return -ENOMEM;
        }
        free(table->buckets);
        table->items = groups;
        table->size = size;
        table->buckets = buckets;
        chain_groups(table);
        return 0;
}

/* A free slot's number, or -ENOMEM / -ENOSPC. */
static int64_t take_group_slot(struct grouptab *table)
{
        if (table->free != NO_GROUP) {
                uint32_t g = table->free;

                table->free = table->items[g].next;
                return g;
        }
        if (table->n == LEDGER_GROUPS_MAX)
                return -ENOSPC;
        if (table->n == table->size) {
                int r = resize_groups(table, table->size * 2);

                if (r < 0)
                        return r;
        }
        return (int64_t)table->n++;
}

int64_t grouptab_join(struct grouptab *table, const struct ledger_group *like)
{
        uint32_t *bucket;
        int64_t g = table->last;

        if (g < (int64_t)table->n && table->items[g].members > 0 &&
            grouptab_same(&table->items[g], like)) {
                table->items[g].members++;
                return g;
        }
        for (uint32_t i = *group_bucket(table, like); i != NO_GROUP; i = table->items[i].next) {
                if (!grouptab_same(&table->items[i], like))
                        continue;
                table->items[i].members++;
                table->last = i;
                return i;
        }
        g = take_group_slot(table);
        if (g < 0)
                return g;
        bucket = group_bucket(table, like); /* the table may have grown */
        table->items[g] = *like;
        table->items[g].members = 1;
        table->items[g].next = *bucket;
        *bucket = (uint32_t)g;
        table->used++;
        table->last = (uint32_t)g;
        return g;
}

void grouptab_leave(struct grouptab *table, uint32_t number)
{
        struct ledger_group *group = &table->items[number];
        uint32_t *link;

        if (--group->members > 0)
                return;
        link = group_bucket(table, group);
        while (*link != number)
                link = &table->items[*link].next;
        *link = group->next;
        group->next = table->free;
        table->free = number;
        table->used--;
}

int grouptab_init(struct grouptab *table)
{
        *table = (struct grouptab){ .free = NO_GROUP };
        return resize_groups(table, GROUPS_MIN);
}

void grouptab_done(struct grouptab *table)
{
        free(table->items);
        free(table->buckets);
        *table = (struct grouptab){ .free = NO_GROUP };
}

uint32_t *grouptab_compact(struct grouptab *table)
{
        uint32_t *renumber;
        size_t kept = 0, size = GROUPS_MIN;

        if (table->size <= GROUPS_MIN || table->used * 8 > table->size)
                return NULL;
        renumber = malloc(table->n * sizeof(*renumber));
        if (!renumber)
                return NULL;
        for (size_t g = 0; g < table->n; g++) {
                if (table->items[g].members == 0)
                        continue;
                table->items[kept] = table->items[g];
                renumber[g] = (uint32_t)kept++;
        }
        table->n = kept;
        table->free = NO_GROUP;
        table->last = 0;
        while (size < kept * 2)
                size *= 2;
        if (resize_groups(table, size) < 0)
                chain_groups(table); /* the old size, the new numbers */
        return renumber;
}
