/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What "twmonctl check" may hold against thresholds: of the whole host, or of a port. */

#include <jansson.h>
#include <stdbool.h>

#include "choice.h"
#include "line.h"
#include "threshold.h"

enum check_metric {
        CHECK_STUCK,
        CHECK_CLOSE_WAIT,
        CHECK_TIME_WAIT,
        CHECK_OLDEST,          /* seconds */
        CHECK_TIME_WAIT_TABLE, /* percent; of the host alone */
        CHECK_METRIC_COUNT,
};

#define CHECK_METRICS_TEXT "stuck, close-wait, time-wait, oldest or time-wait-table"

#define CHECK_VALUE_MAX 128 /* bytes of a number in words, with where it is */

struct check_numbers {
        double values[CHECK_METRIC_COUNT];
        bool known[CHECK_METRIC_COUNT];
        bool counted_before; /* TIME_WAIT: not in the last scan, but so long ago; */
        uint64_t age_usec;   /* 0: nobody knows */
};

/* The name of --metric to its number. -EINVAL: there is none of that name. */
int check_metric_find(const char *name, enum check_metric *ret_metric);
/* 0 <= metric < CHECK_METRIC_COUNT. */
const char *check_metric_name(enum check_metric metric);
/* In words: "stuck in CLOSE_WAIT". */
const char *check_metric_what(enum check_metric metric);

/* Of the whole host. ports: all with CLOSE_WAIT, for the oldest; NULL: that stays unknown. */
void check_numbers_of_host(const json_t *status, json_t *ports, struct check_numbers *ret_numbers);
/* Of those of ports, an array, that the choice fits, added up; the oldest of them. */
void check_numbers_of_ports(json_t *ports, const struct choice *choice,
                            struct check_numbers *ret_numbers);

/*
 * Of those of ports that the choice fits, the one that has the most of it (not of the table, which is of
 * the host). Borrowed; NULL: none has any, or nobody knows.
 */
const json_t *check_numbers_holder(json_t *ports, const struct choice *choice,
                                   enum check_metric metric);

/* Says how old a count of TIME_WAIT is, by the reply of GetStatus; one older than that is unknown. */
void check_numbers_date(struct check_numbers *numbers, const json_t *status, uint64_t latest_usec);

/*
 * "stuck in CLOSE_WAIT on port 7865: 12", "oldest in CLOSE_WAIT: 3h 12min", "...: unknown",
 * "in TIME_WAIT: 9000 (counted 12s ago)"; where:
 * " on port 7865", or empty for the whole host. Returns buf.
 */
const char *check_number_text(const struct check_numbers *numbers, enum check_metric metric,
                              const char *where, char buf[static CHECK_VALUE_MAX]);

/* The thresholds of one of the numbers. */
struct check_levels {
        enum check_metric metric;
        struct threshold warning, critical;
};

/*
 * Adds performance data: every number that is known, and that of the levels, which may be unknown
 * ("U"), with them. Their labels have no blank and need no quotes.
 */
void check_numbers_add(struct line *perfdata, const struct check_numbers *numbers,
                       const struct check_levels *levels);
