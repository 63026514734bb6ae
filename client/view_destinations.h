/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of twmonctl destinations. reply: of ListDestinations. */

#include <jansson.h>

#include "table.h"
#include "term.h"

/* NULL: no memory. term is borrowed. */
struct table *view_destinations_table(const struct term *term, const json_t *reply);
/* What must be known before the first number is read, where there is anything. */
void view_destinations_say_heading(const struct term *term, const json_t *reply);
/* Instead of an empty table. */
void view_destinations_say_none(const struct term *term, const json_t *reply);
/* The range of local ports, and what of it can be used. */
void view_destinations_say_range(const struct term *term, const json_t *reply);
