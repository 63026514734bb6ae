/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Since when a socket has been in CLOSE_WAIT that the ledger sees for the first time. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "sockrec.h"

/* A complete scan not longer ago than this proves that a socket which it has not shown is new. */
#define DATING_PROOF_USEC (UINT64_C(11) * 60 * 1000000)

struct dating {
        uint64_t now_usec;      /* monotonic: of the scan that sees it */
        uint64_t complete_usec; /* of the last complete scan, which has not; 0: there is none */
        bool was_full;          /* sockets of that scan found no room */
};

/* The moment, by tcp_info where the record has one; *ret_at_least: or earlier. */
uint64_t dating_first_seen(const struct dating *dating, const struct sockrec *record,
                           bool *ret_at_least);
