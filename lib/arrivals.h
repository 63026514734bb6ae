/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Do the sockets that outlive what is usual keep arriving, and how fast? From the moments at which
 * those that are there arrived, in any order, one pass, no memory of earlier scans.
 */

#include <stdint.h>

#include "leak.h"

#define ARRIVALS_WINDOWS 4

/* Arrivals within one window. */
struct arrivals_window {
        uint32_t n;
        uint16_t slots;      /* bit i: something arrived i slots ago */
        uint64_t first_usec; /* how long ago the first and the last of them were */
        uint64_t last_usec;
};

struct arrivals {
        uint64_t lengths_usec[ARRIVALS_WINDOWS];
        struct arrivals_window windows[ARRIVALS_WINDOWS];
};

/* None yet. The shortest window is 5 * stuck_after_usec long, 5 min at most. */
void arrivals_init(struct arrivals *arrivals, uint64_t stuck_after_usec);

/* A socket arrived so long ago. */
void arrivals_add(struct arrivals *arrivals, uint64_t ago_usec);

/* Fills in times, pause_usec, arrived, window_usec and the rate; 0 where nothing goes on. */
void arrivals_tell(const struct arrivals *arrivals, struct port_leak *leak);
