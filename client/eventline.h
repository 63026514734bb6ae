/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event as one line, the same wherever events are shown. */

#include <jansson.h>
#include <stdbool.h>

#include "term.h"

/* When, and what; in columns before that also how severe it is and what kind of event. */
void eventline_say(const struct term *term, const json_t *event, bool columns);
