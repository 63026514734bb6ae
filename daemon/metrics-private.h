/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the metrics-*.c files share: one row per family, in tables that the manual page is checked by. */

#include "metrics-ports.h"
#include "metrics.h"

struct metrics_world {
        const struct control_view *view;
        const struct control_stats *stats;
        uint64_t now_usec;
        struct metrics_ports ports;
};

struct metric {
        struct openmetrics_family family;
        /* Adds the family's samples, none where they are unknown. */
        void (*add)(struct openmetrics *metrics, const struct metrics_world *world);
};

/* Each ends with a row without a name. */
extern const struct metric metrics_of_ports[];
extern const struct metric metrics_of_alerts[];
extern const struct metric metrics_of_host[];
extern const struct metric metrics_of_daemon[];

#define GAUGE   OPENMETRICS_GAUGE
#define COUNTER OPENMETRICS_COUNTER

/* The labels of one sample, in place: NAME, VALUE, NAME, VALUE ... */
#define LABELS(...) ((const struct openmetrics_label[]){ __VA_ARGS__, { NULL, NULL } })
