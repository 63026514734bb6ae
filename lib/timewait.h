/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The TIME_WAIT sockets of a scan that did not ask for them: those of the last scan that counted
 * them all, brought up to date from their remaining times and from sockstat. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hostfacts.h"
#include "snapshot.h"
#include "tally.h"

/* The last whole count. All zero: there is none yet. */
struct time_wait_past {
        struct snapshot *snapshot; /* referenced, never copied; NULL: none */
        int64_t used;              /* sockstat's tw a moment before; HOST_UNKNOWN */
};

/* That snapshot, complete and with its totals, takes the place of the one before. */
void time_wait_past_set(struct time_wait_past *past, struct snapshot *snapshot, int64_t used);
/* Lets go of it. */
void time_wait_past_done(struct time_wait_past *past);

/*
 * Would an estimate go wrong? Where nothing was counted yet, where sockstat (used) was unknown then
 * or is now, and where most of the sockets must have come since, to nobody knows which ports.
 */
bool time_wait_past_is_useless(const struct time_wait_past *past, int64_t used);

/* 0, or an error that ends it. counts: of one port, and not all zero. */
typedef int (*time_wait_fn)(const struct time_wait_counts *counts, void *userdata);

/*
 * What has become of them at now_usec (monotonic), port by port: fn is called once for each port
 * that still has any, or has got some. used: sockstat's tw now; HOST_UNKNOWN: what came since is not
 * known. *ret_rest: those that belong to no port. 0, or fn's error.
 */
int time_wait_estimate(const struct time_wait_past *past, uint64_t now_usec, int64_t used,
                       time_wait_fn fn, void *userdata, uint64_t *ret_rest);
