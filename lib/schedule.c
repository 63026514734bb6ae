/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Slots are Intervals apart, counted from the last scan. The next scan takes the first of them at
 * which something may be decided, and does not wait longer than the steady pace for that: what
 * nobody foresaw is seen then.
 *
 *   last + Interval <= wanted <= last + steady      but never a slot that is over
 *   wanted <= next <= last + SCHEDULE_STRETCH_MAX   where the budget stretches it
 *
 * A scan that took longer than the slots after it takes the first that is still to come: it goes on
 * in step and catches up with nothing. What is stretched begins when it can be paid for, in step or
 * not: the next slots count from there.
 */

#include "schedule.h"

#include <assert.h>

#include "base.h"

static uint64_t add(uint64_t a, uint64_t b)
{
        return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

uint64_t schedule_steady_usec(uint64_t interval_usec)
{
        const uint64_t intervals_usec = interval_usec > UINT64_MAX / SCHEDULE_STEADY_INTERVALS
                                                ? UINT64_MAX
                                                : interval_usec * SCHEDULE_STEADY_INTERVALS;

        return MAX(interval_usec, MIN(intervals_usec, SCHEDULE_STEADY_USEC));
}

/* The first slot after that of slot_usec that is not before from_usec. */
static uint64_t first_slot(uint64_t slot_usec, uint64_t interval_usec, uint64_t from_usec)
{
        uint64_t over_usec; /* since the slot before from_usec, or at it */

        assert(interval_usec > 0);
        if (from_usec <= slot_usec)
                return add(slot_usec, interval_usec);
        over_usec = (from_usec - slot_usec) % interval_usec;
        return over_usec == 0 ? from_usec : add(from_usec, interval_usec - over_usec);
}

static uint64_t wanted_slot(uint64_t interval_usec, const struct schedule_facts *facts)
{
        const uint64_t latest_usec = add(facts->slot_usec, schedule_steady_usec(interval_usec));
        const uint64_t due_usec = first_slot(facts->slot_usec, interval_usec, facts->due_usec);
        const uint64_t wanted_usec = MIN(due_usec, latest_usec);

        return wanted_usec >= facts->end_usec
                       ? wanted_usec
                       : first_slot(facts->slot_usec, interval_usec, facts->end_usec);
}

void schedule_next(const struct schedule *schedule, const struct schedule_facts *facts,
                   struct schedule_plan *ret_plan)
{
        const uint64_t wanted_usec = wanted_slot(schedule->interval_usec, facts);
        const uint64_t stretched_usec = add(facts->slot_usec, SCHEDULE_STRETCH_MAX_USEC);
        const uint64_t affords_usec =
                budget_affords(&schedule->budget, facts->cost_usec, facts->now_usec);

        ret_plan->wanted_usec = wanted_usec;
        ret_plan->next_usec = MAX(wanted_usec, MIN(affords_usec, stretched_usec));
        if (ret_plan->next_usec > wanted_usec)
                ret_plan->reason = SCHEDULE_BUDGET;
        else
                ret_plan->reason = facts->due_usec <= wanted_usec ? SCHEDULE_DUE : SCHEDULE_STEADY;
}

const char *schedule_reason_name(enum schedule_reason reason)
{
        static const char *const names[] = {
                [SCHEDULE_DUE] = "due",
                [SCHEDULE_STEADY] = "steady",
                [SCHEDULE_BUDGET] = "budget",
        };

        assert(reason < SCHEDULE_REASON_COUNT);
        return names[reason];
}
