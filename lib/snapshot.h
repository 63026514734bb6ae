/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct snapshot: what one scan saw, immutable once published. Its size depends on the number of
 * ports, never on the number of sockets. Shared between threads by reference.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "hostfacts.h"
#include "leak.h"
#include "portkey.h"
#include "sockrec.h"
#include "stage.h"
#include "witness.h"

#define SNAPSHOT_TW_BINS     12 /* of 5 s each: TIME_WAIT lasts 60 s */
#define SNAPSHOT_TW_BIN_MSEC 5000
#define SNAPSHOT_ERROR_MAX   160

/* Flags of a port. */
enum {
        PORT_LISTENING = 1 << 0,
        PORT_LISTENED = 1 << 1,   /* had a listener while we watched, not long ago */
        PORT_CONFIGURED = 1 << 2, /* has a [Port ...] section */
        PORT_IGNORED = 1 << 3,    /* counted, not judged */
};

struct port_row {
        struct port_key key;
        uint8_t flags;
        uint32_t count[SOCK_STATE_COUNT];
        uint32_t stage[STAGE_COUNT];             /* of count[SOCK_CLOSE_WAIT] */
        uint32_t tw_remaining[SNAPSHOT_TW_BINS]; /* [i]: expires within (i * 5 s, (i + 1) * 5 s] */
        uint32_t tw_beyond;                      /* expires later than the last bin */
        uint32_t stuck;                          /* CLOSE_WAIT for StuckAfter or longer */
        uint32_t stuck_held;       /* CLOSE_WAIT for StuckAfter + RaiseAfter or longer */
        uint32_t stuck_usual;      /* of stuck: no longer than is usual on the port (survival.h) */
        uint32_t stuck_held_usual; /* of stuck_held: likewise, RaiseAfter included */
        uint32_t leak;             /* position in the snapshot's leaks + 1; 0: nothing to tell */
        uint64_t oldest_usec;      /* greatest age in CLOSE_WAIT; 0: none is tracked */
        bool oldest_at_least; /* that age is a lower bound: the socket is older than our watching */
        struct port_witness witness;
        struct port_witness listener; /* of a local port that has one, or had one lately */
};

/* What the scan cost. */
struct scan_cost {
        uint64_t messages;
        uint64_t bytes;
        uint64_t cpu_usec; /* of the scanner thread */
        uint64_t wall_usec;
};

enum scan_result {
        SCAN_COMPLETE,
        SCAN_PARTIAL, /* interrupted or overrun after every retry: counts are lower bounds */
        SCAN_FAILED,  /* nothing was seen */
};

struct snapshot {
        uint64_t generation;  /* 1 is the first scan */
        uint64_t conf_serial; /* the configuration by which ages were counted */
        enum scan_result result;
        int error;                           /* SCAN_FAILED: -errno of the last attempt */
        char error_text[SNAPSHOT_ERROR_MAX]; /* in words, empty when complete */
        uint64_t start_usec;                 /* monotonic; the scan's slot, see daemon/scan.c */
        uint64_t end_usec;
        uint64_t start_wall_usec;  /* since 1970 */
        uint64_t counts_wall_usec; /* when the counts were seen: a failed scan repeats older ones */
        uint32_t requested;        /* SOCK_MASK() of the states that were asked for */
        uint32_t complete;         /* ... of those whose counts are whole */
        uint32_t estimated;        /* not asked for: those of an earlier scan, brought up to date */
        uint64_t asof_usec[SOCK_STATE_COUNT]; /* monotonic: last counted whole; 0: never */
        uint64_t pause_usec; /* as planned, since the scan before; 0: unknown, or the first one */
        /* when what it tells may change by time alone, or should be looked at again; monotonic,
           UINT64_MAX: nothing of it will */
        uint64_t due_usec;
        struct scan_cost cost;
        unsigned retries; /* dumps begun again: interrupted, or too much was new (undated.h) */

        uint64_t total[SOCK_STATE_COUNT];
        uint64_t malformed;      /* messages that could not be understood, and were left out */
        uint64_t time_wait_new;  /* of an estimated total: on ports that the next count tells */
        uint64_t ports_overflow; /* sockets of ports beyond TALLY_PORTS_MAX: in total alone */
        uint64_t tracked;        /* CLOSE_WAIT sockets in the ledger */
        uint64_t untracked;      /* ... beyond its limits: counted, without an age */

        struct port_row *rows; /* worst first: port_row_compare() */
        size_t n_rows;
        struct port_leak *leaks; /* of the few ports that have something to tell */
        size_t n_leaks;
        uint64_t leaks_overflow; /* sockets whose port found no room there: SURVIVAL_PORTS_MAX */
        struct host_facts host;  /* what the kernel counts for the host as a whole */
        struct snapshot *
                time_wait; /* the count that TIME_WAIT is estimated by; NULL: it is none. Referenced */
        struct census *census; /* of every connected state; NULL: none was taken yet. Referenced */
        uint32_t *index;     /* open addressing by port_key_hash(): position in rows + 1; 0: free */
        uint32_t index_mask; /* slots - 1; 0: no index */
        unsigned refs;       /* atomic */
};

struct snapshot *snapshot_ref(struct snapshot *snapshot);
/* Frees with the last reference. Takes NULL, returns NULL. */
struct snapshot *snapshot_unref(struct snapshot *snapshot);

/*
 * For a scan that saw nothing, before it is published: its counts become those of last, as old as
 * they are (NULL: none). What a broken scan counted, or listed at zero for want of sockets, is
 * nothing that was seen. 0 or -ENOMEM.
 */
int snapshot_repeat(struct snapshot *snapshot, const struct snapshot *last);

/* Worst first: stuck, CLOSE_WAIT, TIME_WAIT, oldest; then by key. For qsort(). */
int port_row_compare(const void *a, const void *b);

/* What the survival of a row's sockets tells; not known where there is nothing to tell. */
const struct port_leak *snapshot_leak(const struct snapshot *snapshot, const struct port_row *row);

/* Some sockets have no age (untracked): may those of the row be among them, and stuck? */
bool snapshot_stuck_at_least(const struct snapshot *snapshot, const struct port_row *row);

/*
 * What was counted last of TIME_WAIT, where the snapshot has an estimate: by its asof_usec, of all or of
 * a port. False: it has none, or there was no count.
 */
bool snapshot_time_wait_counted(const struct snapshot *snapshot, uint64_t *ret_total);
bool snapshot_time_wait_counted_of(const struct snapshot *snapshot, const struct port_key *key,
                                   uint64_t *ret_count);

/* The row of a port, or NULL. O(1). */
const struct port_row *snapshot_find(const struct snapshot *snapshot, const struct port_key *key);
