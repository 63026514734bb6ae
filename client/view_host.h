/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What twmonctl status says about the host as a whole, where there is anything to say. */

#include <jansson.h>
#include <stdbool.h>

#include "table.h"
#include "term.h"

/* Below an alert of time-wait-table: "87 of 100 in use", and what they are. */
void view_host_note(struct table *table, const json_t *alert);

/*
 * At most one line for the TIME_WAIT table (more than half full, or it overflowed), one for the
 * counters that moved and one for the reading of them, after an empty line; with all, one for a
 * table that is less full as well. status: GetStatus.
 */
void view_host_draw(const struct term *term, const json_t *status, bool all);
