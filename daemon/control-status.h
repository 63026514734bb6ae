/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What GetStatus and ListAlerts answer: a view -> their parameters. Pure. */

#include <jansson.h>
#include <stdint.h>

#include "control.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0" /* the build gives the real one */
#endif

#define STATUS_ALERTS_MAX 256 /* of one ListAlerts reply */

/* Each returns a new object, or NULL for no memory. */
json_t *status_reply(const struct control_view *view, const struct control_stats *stats,
                     uint64_t now_usec);
json_t *status_alerts_reply(const struct control_view *view, uint64_t now_usec);
