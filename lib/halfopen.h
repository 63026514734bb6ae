/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The established connections of one walk -> per port how many have a keepalive timer, and how many
 * may be half-open: their peer is gone and nobody will notice. Only of ports whose rule is on.
 * Pure. Owned by a census taker (taker.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "census.h"
#include "taker.h"

struct half_opens;

int half_opens_new(struct half_opens **ret_half_opens);
struct half_opens *half_opens_free(struct half_opens *half_opens);

/* Is the rule on for any port? */
bool half_opens_are_wanted(const struct rules *rules);
/*
 * After how long the next walk is needed, so that SilentAfter means what it says; sooner after one
 * that has shown a level newly reached: then RaiseAfter is waited for.
 */
uint64_t half_opens_every_usec(const struct half_opens *half_opens, const struct rules *rules);

/* request: borrowed until half_opens_end(). */
void half_opens_begin(struct half_opens *half_opens, const struct census_request *request);
/* A connection with tcp_info; of other states than ESTABLISHED: left out. 0 or -ENOMEM. */
int half_opens_add(struct half_opens *half_opens, const struct sockrec *record);
/* Fills in the census's part. -ENOMEM. */
int half_opens_end(struct half_opens *half_opens, struct census *census);

/*
 * What one established connection is: adds it to the counts, and makes them known; other states are
 * left out. silent_after_usec: of its rule. Also for a single port that is asked about.
 */
void half_open_count(struct half_open *counts, const struct sockrec *record,
                     uint64_t silent_after_usec);

/* How many may be half-open: what the levels are compared with. */
static inline uint64_t half_open_number(const struct half_open *counts)
{
        return (uint64_t)counts->silent + counts->unanswered;
}
