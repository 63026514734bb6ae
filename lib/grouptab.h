/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Interned groups: what many CLOSE_WAIT sockets have in common, kept once and referred to by
 * number.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portkey.h"

#define LEDGER_GROUPS_MAX 131072
#define NO_GROUP          UINT32_MAX

struct ledger_group {
        struct port_key port;
        uint32_t uid;
        uint64_t cgroup_id; /* 0: unknown */
        uint32_t members;   /* 0: a free slot */
        uint32_t next;      /* of its hash chain, or of the free list */
};

struct grouptab {
        struct ledger_group *items;
        size_t n;          /* slots ever used; the free ones among them are chained */
        size_t size;       /* a power of two */
        uint32_t *buckets; /* size heads of chains; NO_GROUP: empty */
        uint32_t free;     /* head of the free slots */
        size_t used;
        uint32_t last; /* joined last: the next socket is often of the same */
};

/* -ENOMEM. */
int grouptab_init(struct grouptab *table);
void grouptab_done(struct grouptab *table);

/*
 * The number of the group that is like this one (port, uid, cgroup), made if need be, with one more
 * member; -ENOMEM, or -ENOSPC at LEDGER_GROUPS_MAX.
 */
int64_t grouptab_join(struct grouptab *table, const struct ledger_group *like);
/* One member less; the last one frees the slot. */
void grouptab_leave(struct grouptab *table, uint32_t number);

static inline bool grouptab_same(const struct ledger_group *a, const struct ledger_group *b)
{
        return a->cgroup_id == b->cgroup_id && a->uid == b->uid &&
               port_key_same(&a->port, &b->port);
}

/*
 * Gives memory back when few slots are used: numbers change, and the new ones are returned in an
 * array indexed by the old ones, which the caller frees. NULL: nothing changed.
 */
uint32_t *grouptab_compact(struct grouptab *table);
