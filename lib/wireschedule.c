/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When the next scan is, and what that costs. */

#include "base.h"
#include "wire.h"
#include "wireput.h"

#define PPM_PER_PERCENT 10000.0

/*
 * An alert needs two scans at worst, one to see and one to have seen it long enough: so much later
 * than without a budget each of them may be.
 */
static uint64_t delay_usec(const struct schedule_pace *pace)
{
        const uint64_t gap_usec = pace->next.next_usec - MIN(pace->slot_usec, pace->next.next_usec);
        const uint64_t steady_usec = schedule_steady_usec(pace->interval_usec);

        return gap_usec - MIN(steady_usec, gap_usec) + gap_usec -
               MIN(pace->interval_usec, gap_usec);
}

json_t *wire_schedule(const struct schedule_pace *pace, uint64_t now_usec)
{
        const struct schedule_plan *next = &pace->next;
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "reason", json_string(schedule_reason_name(next->reason)));
        r |= put_int(object, "gapUsec", next->next_usec - MIN(pace->slot_usec, next->next_usec));
        r |= put_int(object, "nextUsec", next->next_usec - MIN(now_usec, next->next_usec));
        r |= put_int_if(object, next->reason == SCHEDULE_BUDGET, "laterUsec",
                        next->next_usec - MIN(next->wanted_usec, next->next_usec));
        r |= put_int_if(object, next->reason == SCHEDULE_BUDGET, "delayUsec", delay_usec(pace));
        r |= put_double(object, "cpuPercent", pace->share_ppm / PPM_PER_PERCENT);
        if (pace->budget_ppm > 0)
                r |= put_double(object, "cpuBudgetPercent", pace->budget_ppm / PPM_PER_PERCENT);
        return finish(object, r);
}
