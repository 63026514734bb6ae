/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When the next scan is: as often as Interval allows while something may be decided, seldom while
 * nothing can be, and never more often than CPUBudget allows. What it asks for is observer_plan()'s.
 * Pure.
 */

#include <stdint.h>

#include "budget.h"

#define SCHEDULE_STEADY_INTERVALS 3
#define SCHEDULE_STEADY_USEC      (UINT64_C(30) * 1000000)
#define SCHEDULE_STRETCH_MAX_USEC (UINT64_C(600) * 1000000) /* whatever the budget says */

/* Nothing is known that would be due. */
#define SCHEDULE_NEVER UINT64_MAX

/* Why the next scan is when it is. */
enum schedule_reason {
        SCHEDULE_DUE,    /* something may be decided then */
        SCHEDULE_STEADY, /* nothing will be, as far as anybody knows */
        SCHEDULE_BUDGET, /* CPUBudget allows none before */
        SCHEDULE_REASON_COUNT,
};

struct schedule {
        uint64_t interval_usec; /* above 0 */
        struct budget budget;
};

/* What is known when the next scan is planned. Monotonic, all of them. */
struct schedule_facts {
        uint64_t slot_usec; /* of the scan that was made last */
        uint64_t end_usec;  /* when it was over */
        uint64_t due_usec;  /* when something may be decided, at the earliest; SCHEDULE_NEVER */
        uint64_t now_usec;
        uint64_t cost_usec; /* CPU time that the next scan will take, as far as is known */
};

struct schedule_plan {
        uint64_t next_usec;   /* the slot of the next scan */
        uint64_t wanted_usec; /* when that would be without the budget */
        enum schedule_reason reason;
};

/* The longest gap between two scans that the budget does not stretch: never below interval_usec. */
uint64_t schedule_steady_usec(uint64_t interval_usec);

/*
 * The scan that follows facts->slot_usec: at the first slot, a multiple of Interval after that one,
 * that is not before due_usec, one Interval later at the earliest and schedule_steady_usec() later
 * at the latest; where the budget cannot pay for it by then, when it can, on a slot or not, but
 * SCHEDULE_STRETCH_MAX_USEC later at the latest. Slots that were over at end_usec are left out:
 * merged, never queued. It may be asked again as more becomes known: the slot that is wanted stays
 * what it is unless that changes, however late it is.
 */
void schedule_next(const struct schedule *schedule, const struct schedule_facts *facts,
                   struct schedule_plan *ret_plan);

/* How fast the scans go, and why: for whoever is told. */
struct schedule_pace {
        uint64_t interval_usec;
        uint64_t slot_usec;        /* of the last scan; monotonic */
        struct schedule_plan next; /* planned after it */
        unsigned lost;             /* scans that came to nothing since the last that did not */
        uint32_t budget_ppm;       /* of one CPU; 0: no limit */
        uint32_t share_ppm;        /* what the scanner took of one CPU lately: budget_share() */
};

/* "due", "steady", "budget" */
const char *schedule_reason_name(enum schedule_reason reason);
