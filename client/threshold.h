/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Thresholds as the Monitoring Plugins Development Guidelines write them, [@][START:]END: a value
 * outside START to END, both included, is bad, or with "@" one inside. START is 0 where it is left
 * out, and "~" is minus infinity; "START:" has no end.
 */

#include <stdbool.h>

#define THRESHOLD_TEXT_MAX 63 /* bytes */

/* All zero: there is none. */
struct threshold {
        const char *text; /* as it was given: of [-.:@~0-9] alone. Borrowed; NULL: none */
        bool inside;      /* values inside are the bad ones */
        double start, end;
};

/* 0, or -EINVAL: of another form, too long, or START is above END. */
int threshold_parse(const char *text, struct threshold *ret_threshold);
/* No value is bad for one that is not there. */
bool threshold_is_bad(const struct threshold *threshold, double value);
