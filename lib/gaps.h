/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gaps: pauses between two looks that were longer than anybody meant them to be. The machine was
 * held, the program stopped. Ages have grown meanwhile, and perhaps nobody could do what would have
 * ended them. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAPS_MAX 8 /* kept: each shorter than those before it; the oldest gives way */

/*
 * A pause is a gap where it was planned and is longer than that by twice as much, or by half a minute;
 * where nobody knows what was planned, when it is so many times the one before: the longest that is
 * planned without need, SCHEDULE_STEADY_INTERVALS times the shortest, is none.
 */
#define GAPS_PLANNED   2
#define GAPS_LATE_USEC (UINT64_C(30) * 1000000)
#define GAPS_PAUSES    4

/* All zero: nobody has looked yet. */
struct gaps {
        uint64_t last_usec;  /* the last look; 0: none yet */
        uint64_t pause_usec; /* between the last two */
        struct {
                uint64_t usec;
                uint64_t resumed_usec; /* the look after it */
        } items[GAPS_MAX];             /* oldest first, and longest */
        size_t n;
};

/* A look, at now_usec (monotonic); planned_usec: the pause that was planned before it, 0: unknown. */
void gaps_look(struct gaps *gaps, uint64_t planned_usec, uint64_t now_usec);

/*
 * After a gap that was longer than within_usec, for within_usec: when that will be over (monotonic).
 * 0: there was none, or it is.
 */
uint64_t gaps_settle_usec(const struct gaps *gaps, uint64_t within_usec);
