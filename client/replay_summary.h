/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a replay adds up: how many scans, what was told how often, what was raised at the end. */

#include "detect.h"
#include "recstream.h"
#include "view.h"

#define REPLAY_SEVERITIES (SEVERITY_CRITICAL + 1)

/* Starts as zeros. */
struct replay_summary {
        uint64_t sessions;
        uint64_t results[SCAN_FAILED + 1]; /* scans, by how they went */
        uint64_t first_wall_usec;          /* of the first and the last scan */
        uint64_t last_wall_usec;
        uint64_t last_usec; /* monotonic */
        uint64_t close_wait_max;
        uint64_t time_wait_max;
        uint64_t counts[ALERT_KIND_COUNT][TRANSITION_COUNT][REPLAY_SEVERITIES];
};

/* What the summary is about. */
struct replay_subject {
        const char *name;   /* of the recording */
        const char *config; /* NULL: the built-in one */
        const struct alert_table *alerts;
        const struct recerror *error; /* text empty: it was whole */
};

void replay_summary_scan(struct replay_summary *summary, const struct snapshot *snapshot);
void replay_summary_event(struct replay_summary *summary, const struct event *event);

void replay_summary_print(const struct replay_summary *summary,
                          const struct replay_subject *subject, const struct term *term);
/* {"summary": ...}. NULL: no memory. */
json_t *replay_summary_json(const struct replay_summary *summary,
                            const struct replay_subject *subject);

/* "1d 4h" between two times; buf has UNITS_TEXT_MAX bytes. */
const char *replay_span(uint64_t first_usec, uint64_t last_usec, char *buf);
/* "s" or "" */
const char *replay_plural(uint64_t n);
