/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a request asks for: its path, and which format by its Accept. Text alone, no connection. */

#include <stdbool.h>

#include "openmetrics.h"

/* The path of a request's target, "/metrics" as well as "http://host/metrics" (RFC 9112, 3.2.2). */
const char *wanted_path(const char *target);

/* Whether it has an encoded zero, behind which a decoded text would seem to have ended. */
bool wanted_has_zero(const char *target);

/* How much one format is wanted. */
struct wanted_format {
        unsigned weight; /* "q", in thousandths */
        unsigned
                nearness; /* of the range that says so: 0 none does, 1 any type, 2 the main type, 3 itself */
};

/* All zero: nothing was said. */
struct wanted {
        struct wanted_format formats[OPENMETRICS_PROMETHEUS + 1];
};

/* Adds one Accept, of which a request may have several (RFC 9110, 12.5.1). */
void wanted_add(struct wanted *wanted, const char *accept);
/*
 * That of the two which is wanted more. Where both are alike, OpenMetrics is for who names it. Where
 * neither is wanted it is the plain one, better than nothing.
 */
enum openmetrics_format wanted_format(const struct wanted *wanted);
