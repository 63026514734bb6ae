/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What only time has taught the observer <-> the body of a state file: the ages of CLOSE_WAIT
 * sockets beyond StuckAfter (by cookie) and whether they have outlived, what is usual on which
 * port, ports whose listener went away, the counter of overflows. Good for one boot and one network
 * namespace. Exact inverses. Reading trusts nothing; of more than there is room for it takes as much
 * as that. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "observe.h"
#include "recbuf.h"
#include "statefile.h"

#define SCANSTATE_AGES_MAX LEDGER_MAX_LIMIT
#define SCANSTATE_BODY_MAX (STATEFILE_MAX - STATEFILE_EXTRA_BYTES)

/*
 * Appends. Ages shorter than stuck_after_usec are left out, unless the socket has outlived. Errors
 * are the buffer's. The bytes are the same for as long as only time passes. Returns how many ages
 * were left out because there are more than SCANSTATE_AGES_MAX, or the buffer would hold more than
 * SCANSTATE_BODY_MAX bytes: 16 for each of SCANSTATE_AGES_MAX, of which an age takes 14 where
 * cookies differ by less than 2^41 and times by hours, and 4 where they follow each other.
 */
size_t scanstate_write(struct recbuf *buf, const struct observer *observer,
                       uint64_t stuck_after_usec, uint64_t now_usec);

/*
 * Into an observer before its first scan. now_usec: monotonic, of the same boot. 0; -EBADMSG and
 * *ret_wrong, a constant text: nothing was taken over; -ENOMEM: likewise.
 */
int scanstate_read(struct recview *body, struct observer *observer, uint64_t now_usec,
                   const char **ret_wrong);
