/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast a number of ports in use grows, by what was counted at the last few walks. Pure. */

#include <stdbool.h>
#include <stdint.h>

#define BURN_POINTS_MAX  8
#define BURN_WINDOW_USEC (UINT64_C(120) * 1000000) /* older points are forgotten */

struct burn_point {
        uint64_t at_usec;
        uint32_t used;
};

/* Zeroed: nothing was counted yet. */
struct burn {
        struct burn_point points[BURN_POINTS_MAX]; /* oldest first */
        uint32_t n;
};

/* One more count, later than those before (else it is left out). */
void burn_add(struct burn *burn, uint64_t at_usec, uint32_t used);

/* Grows, beyond what chance does: true and by how much. Else false. */
bool burn_rate(const struct burn *burn, double *ret_per_usec);
