/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast the daemon scans, and why: the words for what is in type Schedule. */

#include <jansson.h>
#include <stdio.h>

#include "term.h"

/* ", next in 27s (nothing is pending, or near a level)". Nothing where it is not known. */
void view_pace_write(FILE *out, const json_t *status);
/* What CPUBudget does to the scans, and what delay that means. Nothing where it does not. */
void view_pace_draw(const struct term *term, const json_t *status);
