/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a number went lately: the greatest of each step of TOPTRAIL_STEP_SEC, for TOPTRAIL_STEPS of
 * them, in a ring. Steps begin at multiples of their length since 1970, so that the trails of all
 * ports stand below each other. Pure; a zeroed one is empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPTRAIL_STEP_SEC 30  /* twmond looks as often when nothing changes */
#define TOPTRAIL_STEPS    120 /* an hour */
#define TOPTRAIL_HOLD     4   /* steps that a number is taken to last until the next one comes */

struct toptrail {
        uint64_t newest;                 /* step with a number; 0: none yet */
        uint32_t last;                   /* the number that came last in it */
        uint32_t values[TOPTRAIL_STEPS]; /* by step modulo their number, one more; 0: unknown */
};

/*
 * A number at a time, in seconds since 1970. What is older than all that is kept is dropped. A step
 * in between, in which nobody looked, has the number before it, unless more than TOPTRAIL_HOLD of
 * them lie there: then they are unknown.
 */
void toptrail_put(struct toptrail *trail, uint64_t at_sec, uint64_t value);

/* It has numbers from more than a step after that time: the clock was set back. */
bool toptrail_is_ahead(const struct toptrail *trail, uint64_t at_sec);

/* The greatest number of the step in which that time is; CHART_UNKNOWN: there is none. */
uint64_t toptrail_at(const struct toptrail *trail, uint64_t at_sec);

/* The last n steps up to the one in which that time is, oldest first, as toptrail_at(). */
void toptrail_read(const struct toptrail *trail, uint64_t at_sec, size_t n, uint64_t *ret_values);
