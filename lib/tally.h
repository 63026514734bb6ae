/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tally: a stream of struct sockrec -> counts per port, and with the ledger's ages -> struct
 * snapshot. One scan at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"
#include "rule.h"
#include "service.h"
#include "snapshot.h"
#include "sockrec.h"
#include "survival.h"

#define TALLY_PORTS_MAX 131072 /* rows: every port on both sides of one namespace */

/* The TIME_WAIT sockets of a port, counted already: as in struct port_row. */
struct time_wait_counts {
        struct port_key key;
        uint32_t remaining[SNAPSHOT_TW_BINS];
        uint32_t beyond;
};

struct tally;

int tally_new(struct tally **ret_tally);
struct tally *tally_free(struct tally *tally);

/* What is usual on a port, borrowed for good; without it nothing that is stuck is usual. */
void tally_set_survival(struct tally *tally, const struct survival *survival);

/* Empties the counts; services and ledger are borrowed until tally_finish(). */
void tally_begin(struct tally *tally, struct services *services, struct ledger *ledger);

/*
 * Counts one socket, and lets the ledger see it if it is in CLOSE_WAIT. 0 or -ENOMEM. Sockets of
 * ports beyond TALLY_PORTS_MAX count in the totals alone.
 */
int tally_add(struct tally *tally, const struct sockrec *record);
/* The same for n sockets in TIME_WAIT. */
int tally_add_waits(struct tally *tally, const struct sock_wait *waits, size_t n);
/* The same for many, of a recording or estimated, on the side on which they were counted then. */
int tally_add_time_wait(struct tally *tally, const struct time_wait_counts *counts);

/*
 * Hands the counts over as a snapshot with rows, index, totals and overflow filled in, refs 1,
 * worst port first; the tally is empty after it. now_usec: what ages are counted to. Its due_usec
 * is when the first of those ages will have reached StuckAfter, RaiseAfter beyond that, or what is
 * usual on its port, where a rule judges by it. -ENOMEM.
 */
int tally_finish(struct tally *tally, const struct rules *rules, uint64_t now_usec,
                 struct snapshot **ret_snapshot);
