/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Numbers come from two sides: live ones in order of time, and those that twmond has kept, all at
 * once and older. So a put into the past only ever raises its own step, and nothing around it.
 */

#include "toptrail.h"

#include "base.h"
#include "chart.h"

static uint32_t *slot(struct toptrail *trail, uint64_t step)
{
        return &trail->values[step % TOPTRAIL_STEPS];
}

/* Makes room up to that step, which is newer. */
static void advance(struct toptrail *trail, uint64_t step)
{
        const uint64_t gap = step - trail->newest - 1;
        const uint32_t between = gap <= TOPTRAIL_HOLD ? trail->last : 0;

        if (gap >= TOPTRAIL_STEPS)
                *trail = (struct toptrail){ 0 };
        else
                for (uint64_t i = trail->newest + 1; i < step; i++)
                        *slot(trail, i) = between;
        *slot(trail, step) = 0;
        trail->newest = step;
}

void toptrail_put(struct toptrail *trail, uint64_t at_sec, uint64_t value)
{
        const uint64_t step = at_sec / TOPTRAIL_STEP_SEC;
        const uint32_t stored = (uint32_t)MIN(value, (uint64_t)UINT32_MAX - 1) + 1;

        if (step == 0 || step + TOPTRAIL_STEPS <= trail->newest)
                return;
        if (step > trail->newest)
                advance(trail, step);
        if (step == trail->newest)
                trail->last = stored;
        *slot(trail, step) = MAX(*slot(trail, step), stored);
}

bool toptrail_is_ahead(const struct toptrail *trail, uint64_t at_sec)
{
        return trail->newest > at_sec / TOPTRAIL_STEP_SEC + 1;
}

uint64_t toptrail_at(const struct toptrail *trail, uint64_t at_sec)
{
        const uint64_t step = at_sec / TOPTRAIL_STEP_SEC;
        uint32_t stored;

        if (step > trail->newest || step + TOPTRAIL_STEPS <= trail->newest)
                return CHART_UNKNOWN;
        stored = trail->values[step % TOPTRAIL_STEPS];
        return stored > 0 ? stored - 1 : CHART_UNKNOWN;
}

void toptrail_read(const struct toptrail *trail, uint64_t at_sec, size_t n, uint64_t *ret_values)
{
        for (size_t i = 0; i < n; i++) {
                const uint64_t back_sec = (uint64_t)(n - 1 - i) * TOPTRAIL_STEP_SEC;

                ret_values[i] =
                        back_sec > at_sec ? CHART_UNKNOWN : toptrail_at(trail, at_sec - back_sec);
        }
}
