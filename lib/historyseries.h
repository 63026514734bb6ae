/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct history_series: points of one port in equal steps, put together from whatever is known of
 * that time: seconds since 1970, as all times here.
 */

#include "history.h"

#define HISTORY_SERIES_MAX 720 /* points of one series */

struct history_time {
        uint64_t start_sec; /* a multiple of step_sec */
        uint32_t step_sec;  /* a multiple of what is kept of that time: 10 s, 1 min or 10 min */
        uint32_t n;         /* 1 to HISTORY_SERIES_MAX */
};

/*
 * A step is never shorter than what is known of its time: where nobody knows when within a minute
 * there were so many, ten seconds of it would be an invention.
 *
 * The time from since_sec ago (1 or more; more than is kept counts as that) until now_sec, in at
 * most so many steps (2 to HISTORY_SERIES_MAX), the last of which holds now_sec.
 */
void history_plan(uint64_t now_sec, uint64_t since_sec, uint32_t points,
                  struct history_time *ret_time);
/* The same where a part of it is only known by minutes: so are the steps. */
void history_plan_minutes(uint64_t now_sec, uint64_t since_sec, uint32_t points,
                          struct history_time *ret_time);

struct history_series {
        struct port_key port;
        struct history_time time;
        struct history_point points[];
};

/* Nothing is known in it yet. NULL: no memory. free() frees it. */
struct history_series *history_series_new(const struct port_key *port,
                                          const struct history_time *time);
/*
 * What was known from start_sec on for so long goes into every step that it touches. Earlier times
 * come first.
 */
void history_series_add(struct history_series *series, uint64_t start_sec, uint32_t len_sec,
                        const struct history_point *point);
/* Adds what is resident. */
void history_series_add_fine(struct history_series *series, const struct history *history);
/* Something is known of a whole minute before until_sec. */
bool history_series_knows(const struct history_series *series, uint64_t until_sec);
/* In some of the time the port was left out, see historypoint.h. */
bool history_series_left_out(const struct history_series *series);
/* Adds what the newest scan knows, of ports that are not followed as well. */
void history_series_add_scan(struct history_series *series, const struct history_scan *scan);
/* There is a count above 0, or an alert. */
bool history_series_tells(const struct history_series *series);
