/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the runs of each kind come to: tables, totals, and whether it is good enough. */

#include <stdio.h>

#include "judge.h"

/* What must hold. */
#define REPORT_SCENARIOS_MIN      200
#define REPORT_HEALTHY_HOURS_MIN  1000
#define REPORT_MINUTE_MEDIAN_USEC (5 * USEC_PER_MIN)
#define REPORT_WARNINGS_PER_1000H 1
#define REPORT_MISSED             UINT64_MAX /* the delay of a fault that was not found */

/* Results of one kind or of several. */
struct sum {
        unsigned runs;
        uint64_t watched_usec;
        struct sum_of {
                unsigned found;
                unsigned false_warnings, false_criticals;
                unsigned crying; /* runs with one of these at least */
                unsigned standing, cleared, lapsed;
                uint64_t *delays_usec; /* of runs with a fault, REPORT_MISSED among them */
                size_t n_delays;
        } watchers[WATCHER_COUNT];
};

struct report;

struct report *report_new(void);
struct report *report_free(struct report *report);
void report_add(struct report *report, const struct kind *kind, const struct result *result);

/* A table per watcher: a line per kind that was run. */
void report_print_kinds(const struct report *report, FILE *out);
/*
 * The totals of each watcher and the verdict on all kinds but those beyond, of which it only tells.
 * True: it is good enough.
 */
bool report_print_verdict(const struct report *report, FILE *out);

/* The delay in the middle, the later one of two; REPORT_MISSED. Sorts them. n > 0. */
uint64_t report_median(uint64_t *delays_usec, size_t n);
