/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What Prometheus is told: a view of the daemon -> OpenMetrics text. Pure. */

#include <stdint.h>

#include "control.h"
#include "openmetrics.h"

/*
 * However many ports and alerts there are, so many are told by name. The worst-off come first, and the
 * other ports are summed up, per side, as port "other".
 */
#define METRICS_PORTS_MAX  256
#define METRICS_ALERTS_MAX 256

/* *ret_text is the caller's. 0; -ENOMEM; -EMSGSIZE: longer than OPENMETRICS_TEXT_MAX. */
int metrics_text(const struct control_view *view, const struct control_stats *stats,
                 uint64_t now_usec, enum openmetrics_format format, char **ret_text);
