/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast the daemon scans, and why: the words for what is in type Schedule. */

#include <jansson.h>
#include <stdio.h>

#include "term.h"

/* "last scan 12s ago", by the reply's scannedAt. */
void view_pace_write_age(FILE *out, const json_t *reply);
/*
 * The same, and when the next scan is, with the reason where that makes the numbers older
 * than was asked for. reply has scannedAt; status may be NULL; estimated: TIME_WAIT is.
 */
void view_pace_write_line(FILE *out, const json_t *reply, const json_t *status, bool estimated);
/* ", next in 27s (nothing is pending, or near a level)". Nothing where it is not known. */
void view_pace_write(FILE *out, const json_t *status);
/* What CPUBudget does to the scans, and what delay that means. Nothing where it does not. */
void view_pace_draw(const struct term *term, const json_t *status);
/*
 * Below a table of numbers, how old they are: "Last scan 12s ago, next in 27s; TIME_WAIT counted 22s
 * ago, estimated (~) since." reply: has their scannedAt. status: of GetStatus; where it is NULL or of
 * another scan, what it alone could say is left out. estimated: such numbers were shown. 0 or -ENOMEM.
 */
int view_pace_say(const struct term *term, const json_t *reply, const json_t *status,
                  bool estimated);
