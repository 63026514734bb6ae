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

#define TALLY_PORTS_MAX 131072 /* rows: every port on both sides of one namespace */

/* Older than this counts as stuck where no rule says otherwise. */
#define TALLY_STUCK_AFTER_USEC (UINT64_C(60) * 1000000)

struct tally;

int tally_new(struct tally **ret_tally);
struct tally *tally_free(struct tally *tally);

/* Empties the counts; services and ledger are borrowed until tally_finish(). */
void tally_begin(struct tally *tally, struct services *services, struct ledger *ledger);

/*
 * Counts one socket, and lets the ledger see it if it is in CLOSE_WAIT. 0 or -ENOMEM. Sockets of
 * ports beyond TALLY_PORTS_MAX count in the totals alone.
 */
int tally_add(struct tally *tally, const struct sockrec *record);

/*
 * Hands the counts over as a snapshot with rows, index, totals and overflow filled in, refs 1,
 * worst port first; the tally is empty after it. now_usec: what ages are counted to. -ENOMEM.
 */
int tally_finish(struct tally *tally, const struct rules *rules, uint64_t now_usec,
                 struct snapshot **ret_snapshot);
