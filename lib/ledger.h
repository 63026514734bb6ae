/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ledger: which socket (by cookie) has been in CLOSE_WAIT since when. One per network
 * namespace.
 *
 * A scan is ledger_begin(), ledger_see() for each CLOSE_WAIT socket, ledger_end(). An attempt that
 * is given up needs no undoing: the next ledger_begin() counts afresh.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ages.h"
#include "grouptab.h"
#include "portkey.h"
#include "sockrec.h"
#include "stage.h"

#define LEDGER_SOCKETS_MAX   262144  /* until ledger_set_max() */
#define LEDGER_MAX_LIMIT     4194304 /* of ledger_set_max(); ledger.c counts on it */
#define LEDGER_MISSES_MAX    2       /* complete scans without a socket before it is forgotten */
#define LEDGER_RESERVE_SCANS 6 /* for so many, of any kind, what was restored has room reserved */

/* ledger_see() */
#define LEDGER_REPEATED  1 /* seen before in this scan: a dump may show a socket twice */
#define LEDGER_UNTRACKED 2 /* no room: counts, but has no age */

/* Flags of an entry. */
enum {
        LEDGER_AT_LEAST = 1 << 0, /* older than our watching: its age is a lower bound */
        LEDGER_OUTLIVED = 1 << 1, /* has outlived what was usual on its port (survival.h) */
};

struct ledger_entry {
        uint64_t cookie;
        uint64_t first_seen_usec;
        uint32_t group;
        uint32_t generation; /* of the scan attempt that saw it last */
        uint32_t inode;
        uint8_t stage; /* enum close_wait_stage */
        uint8_t flags : 4;
        uint8_t misses : 4;
};

struct ledger;

int ledger_new(struct ledger **ret_ledger);
struct ledger *ledger_free(struct ledger *ledger);

/*
 * Sockets to hold at most, LEDGER_MAX_LIMIT or fewer. A smaller number than are held lets no new
 * ones in until fewer are.
 */
void ledger_set_max(struct ledger *ledger, size_t max);

/*
 * Before the first scan: what an earlier run knew of the sockets, taken over. They are no entries
 * until they are seen; those that LEDGER_MISSES_MAX complete scans have not seen are forgotten, and
 * nobody is told. Room is reserved for them for the first LEDGER_RESERVE_SCANS scans, whether
 * complete or not. ages: complete (ages_index()), with no other
 * flags than those above. Replaces what was restored before.
 */
void ledger_restore(struct ledger *ledger, struct ages *ages);

/* now_usec: monotonic; the moment at which sockets that are new to us are first seen. */
void ledger_begin(struct ledger *ledger, uint64_t now_usec);

/*
 * A CLOSE_WAIT socket of that port. Dated by its tcp_info where the record has one, by now_usec
 * otherwise, and by what was restored where that is older. 0: first time in this scan; or an
 * outcome above. Allocates only to grow.
 */
int ledger_see(struct ledger *ledger, const struct sockrec *record, const struct port_key *port);

/*
 * A socket that is forgotten now: it has left CLOSE_WAIT. seen_usec: when it was there for certain,
 * LEDGER_MISSES_MAX complete scans ago.
 */
typedef void (*ledger_left_fn)(const struct ledger_entry *entry, const struct ledger_group *group,
                               uint64_t seen_usec, void *userdata);

/*
 * complete: sockets that were missing for LEDGER_MISSES_MAX complete scans are forgotten. left:
 * told of each; may be NULL.
 */
void ledger_end(struct ledger *ledger, bool complete, ledger_left_fn left, void *userdata);

/* Sockets that the current scan has seen and the ledger holds, in no order. */
typedef void (*ledger_fn)(const struct ledger_entry *entry, const struct ledger_group *group,
                          void *userdata);
void ledger_each_seen(const struct ledger *ledger, ledger_fn fn, void *userdata);
/* The same; fn may set flags. */
typedef void (*ledger_mark_fn)(struct ledger_entry *entry, const struct ledger_group *group,
                               void *userdata);
void ledger_each_marked(struct ledger *ledger, ledger_mark_fn fn, void *userdata);

/*
 * What is to be restored after a restart: each entry, whether seen in this scan or not, and what
 * was restored and not seen yet.
 */
void ledger_each_age(const struct ledger *ledger, ages_fn fn, void *userdata);

/* The entry of a socket, whether seen in this scan or not; NULL: none. O(1). */
const struct ledger_entry *ledger_find(const struct ledger *ledger, uint64_t cookie);

/*
 * Asked before ledger_see(), of sockets as the scan shows them: is that one held? O(1), and hardly
 * more than nothing where the dump keeps its order.
 */
bool ledger_knows(const struct ledger *ledger, uint64_t cookie);

/* Entries held, whether seen in this scan or not. */
size_t ledger_count(const struct ledger *ledger);
/* Sockets of this scan that found no room. */
size_t ledger_untracked(const struct ledger *ledger);
