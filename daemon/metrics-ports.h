/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which ports are told by name, and what the others have together. */

#include "metrics.h"

struct metrics_ports {
        const struct port_row *named[METRICS_PORTS_MAX]; /* in no order that means anything */
        size_t n_named;
        /* by enum port_side; the oldest of them; only what can be added up means anything */
        struct port_row others[SIDE_COUNT];
};

/* snapshot may be NULL: there are none. 0 or -ENOMEM. */
int metrics_ports_choose(const struct snapshot *snapshot, struct metrics_ports *ret_ports);
