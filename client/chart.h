/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Numbers over time, drawn with characters: bars of Unicode blocks, or of ASCII, with a scale at
 * the left and local times below. A column without a number stays blank, which is no zero.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term.h"

#define CHART_LABEL   8 /* columns of the scale, and a blank */
#define CHART_UNKNOWN UINT64_MAX

struct chart {
        const struct term *term;
        bool ascii;
        size_t columns;     /* of the plot */
        uint64_t start_sec; /* since 1970 */
        uint64_t step_sec;  /* of one column */
};

/* In at most 5 columns, as far as counts of sockets go: 12345, 123k, 12M. Returns buf. */
#define CHART_NUMBER_MAX 24
const char *chart_number(uint64_t value, char buf[static CHART_NUMBER_MAX]);

/* How many columns of a plot fit. */
size_t chart_room(const struct term *term);

/* One column of a chart that is one row high, and max its greatest number. */
const char *chart_spark(bool ascii, uint64_t value, uint64_t max);
/* values: one for each column, or CHART_UNKNOWN. The scale begins at 0. */
void chart_bars(const struct chart *chart, unsigned rows, const uint64_t *values);
/* One line with a character for each column; label: at most CHART_LABEL - 1 columns. */
void chart_marks(const struct chart *chart, const char *label, const char *marks);
/* When a column begins, as it stands below: by the minute within a day, with the date beyond. */
#define CHART_TIME_MAX 32
size_t chart_time(const struct chart *chart, size_t column, char buf[static CHART_TIME_MAX]);
/* The line below, and the times. */
void chart_axis(const struct chart *chart);
