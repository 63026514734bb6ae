/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The CLOSE_WAIT sockets as a recording knows them: the base that each scan's differences refer to.
 * Writer and reader keep one each, and both come out the same.
 *
 * An attempt at a dump is rectable_begin(), then every socket that it shows, either one that the
 * table holds (rectable_find(), and its seen set to table->attempt) or a new one (rectable_add()),
 * then rectable_adopt(). rectable_end() ends the scan.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "sockrec.h"

#define RECTABLE_SOCKETS_MAX LEDGER_SOCKETS_MAX
#define RECTABLE_MISSES_MAX  LEDGER_MISSES_MAX /* complete scans without a socket: it is gone */

/* rectable_sort() */
#define RECTABLE_REPEATED 1

struct rectable_entry {
        struct sockrec record; /* as recsock_reduce() made it */
        uint32_t seen;         /* the attempt that saw it last */
        uint8_t misses;
        uint8_t changed; /* RECSOCK_ bits, in this attempt */
};

struct rectable {
        struct rectable_entry *entries; /* by cookie */
        size_t n;
        size_t size;
        struct rectable_entry *fresh; /* new in this attempt, as they came */
        size_t n_fresh;
        size_t fresh_size;
        uint32_t *order; /* of fresh, by cookie: rectable_sort() */
        uint32_t *slots; /* writer: by cookie, position + 1; 0: free. NULL: not made, or outdated */
        size_t slot_mask;
        uint32_t attempt;
        size_t hint;       /* writer: where the next socket probably is */
        uint64_t left_out; /* writer: sockets of this attempt that found no room */
};

/* Nothing is known any more, and nothing allocated. */
void rectable_clear(struct rectable *table);

void rectable_begin(struct rectable *table);
/* The entry of a cookie, or NULL. Fast after rectable_index(). */
struct rectable_entry *rectable_find(const struct rectable *table, uint64_t cookie);
/* For a writer, which looks for every socket. Without memory it goes on slower. */
void rectable_index(struct rectable *table);
/* 0; -ENOSPC at RECTABLE_SOCKETS_MAX; -ENOMEM. */
int rectable_add(struct rectable *table, const struct sockrec *record);
/* Finds the order of the new ones. 0; RECTABLE_REPEATED: a cookie is there twice; -ENOMEM. */
int rectable_sort(struct rectable *table);
/* After RECTABLE_REPEATED: keeps the first of each cookie. 0 or -ENOMEM; sorted then. */
int rectable_drop_repeated(struct rectable *table);
/* The new ones, sorted, become entries; none of them may be one already. 0 or -ENOMEM. */
int rectable_adopt(struct rectable *table);
/* whole: entries that were missing for RECTABLE_MISSES_MAX whole scans are gone. */
void rectable_end(struct rectable *table, bool whole);
