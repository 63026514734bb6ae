/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the metrics-*.c files share: one row per family, in tables that the manual page is checked by. */

#include "metrics-ports.h"
#include "metrics.h"
#include "units.h"

#define METRICS_CENSUS_USEC (2 * USEC_PER_MIN) /* an older census is not of now */

struct metrics_world {
        const struct control_view *view;
        const struct control_stats *stats;
        uint64_t now_usec;
        bool seen; /* the last scan is of now: it did not fail, and the next one is not overdue */
        struct metrics_ports ports;
};

struct metric {
        struct openmetrics_family family;
        /* Adds the family's samples, none where they are unknown. */
        void (*add)(struct openmetrics *metrics, const struct metrics_world *world);
};

/* The last scan where it was seen, else NULL: what it says is not so any more, as far as anybody knows. */
static inline const struct snapshot *metrics_seen(const struct metrics_world *world)
{
        return world->seen ? world->view->snapshot : NULL;
}

/* Its census; NULL: there is none, or an old one, for none is taken while it would tell nothing. */
static inline const struct census *metrics_census(const struct metrics_world *world)
{
        const struct snapshot *snapshot = metrics_seen(world);
        const struct census *census = snapshot ? snapshot->census : NULL;

        return census && snapshot->start_usec <= census->asof_usec + METRICS_CENSUS_USEC ? census
                                                                                         : NULL;
}

/* Each ends with a row without a name. */
extern const struct metric metrics_of_ports[];
extern const struct metric metrics_of_alerts[];
extern const struct metric metrics_of_host[];
extern const struct metric metrics_of_daemon[];

#define GAUGE   OPENMETRICS_GAUGE
#define COUNTER OPENMETRICS_COUNTER

/* The labels of one sample, in place: NAME, VALUE, NAME, VALUE ... */
#define LABELS(...) ((const struct openmetrics_label[]){ __VA_ARGS__, { NULL, NULL } })
