/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A reply of GetHistory, read without trust: columns that are shorter than others end in unknown. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chart.h"

#define HISTORYREPLY_POINTS_MAX 720 /* that may be asked for; twmond tells one more at most */
#define HISTORYREPLY_STEPS_MAX  (HISTORYREPLY_POINTS_MAX + 1)

/* False: the reply makes no sense. */
bool historyreply_times(const json_t *reply, uint64_t *ret_start_sec, uint64_t *ret_step_sec);
/* Of a HistorySide: at most HISTORYREPLY_STEPS_MAX. */
size_t historyreply_steps(const json_t *side);
/* CHART_UNKNOWN where there is none. */
uint64_t historyreply_number(const json_t *array, size_t i);
/* "none", "warning", "critical"; NULL: none of the words that we know. */
const char *historyreply_severity(const json_t *side, size_t i);

/* What a column of HistoryCounts comes to. */
struct historyreply_sum {
        bool known;    /* at least one number is */
        bool gaps;     /* at least one is not */
        uint64_t max;  /* the greatest */
        uint64_t last; /* the newest; CHART_UNKNOWN: nobody knows */
};

/*
 * The greatest number of each of n steps into values, CHART_UNKNOWN where nobody knows. member:
 * "closeWait", "stuck", "timeWait".
 */
void historyreply_read(const json_t *side, const char *member, size_t n, uint64_t *values,
                       struct historyreply_sum *ret_sum);
/*
 * "stuck: 39 at most, 12 last", the last left out where it is unknown, "stuck: none was seen",
 * "stuck: unknown". Returns buf.
 */
#define HISTORYREPLY_TEXT_MAX 128
const char *historyreply_sum_text(const char *title, const struct historyreply_sum *sum,
                                  char buf[static HISTORYREPLY_TEXT_MAX]);
