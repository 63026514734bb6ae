/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which gaps matter depends on who asks: those longer than the age that they go by. A short gap after
 * a long one ends neither the wait after the long one, for those who go by great ages, nor may it be
 * overlooked because of it by those who go by small ones: machines that are held once are held again.
 * So all are kept that have no longer one behind them.
 */

#include "gaps.h"

#include <string.h>

#include "base.h"

static bool is_gap(const struct gaps *gaps, uint64_t pause_usec, uint64_t planned_usec)
{
        if (planned_usec > 0)
                return pause_usec > planned_usec &&
                       pause_usec - planned_usec > MIN(GAPS_PLANNED * planned_usec, GAPS_LATE_USEC);
        return gaps->pause_usec > 0 && pause_usec > GAPS_PAUSES * gaps->pause_usec;
}

static void add(struct gaps *gaps, uint64_t usec, uint64_t now_usec)
{
        while (gaps->n > 0 && gaps->items[gaps->n - 1].usec <= usec)
                gaps->n--;
        if (gaps->n == GAPS_MAX) {
                memmove(&gaps->items[0], &gaps->items[1], (GAPS_MAX - 1) * sizeof(gaps->items[0]));
                gaps->n--;
        }
        gaps->items[gaps->n].usec = usec;
        gaps->items[gaps->n].resumed_usec = now_usec;
        gaps->n++;
}

void gaps_look(struct gaps *gaps, uint64_t planned_usec, uint64_t now_usec)
{
        const uint64_t pause_usec = gaps->last_usec > 0 ? now_usec - gaps->last_usec : 0;

        gaps->last_usec = MAX(now_usec, UINT64_C(1));
        if (pause_usec == 0)
                return; /* the first one, or the same again */
        if (is_gap(gaps, pause_usec, planned_usec))
                add(gaps, pause_usec, now_usec);
        gaps->pause_usec = pause_usec;
}

uint64_t gaps_settle_usec(const struct gaps *gaps, uint64_t within_usec)
{
        for (size_t i = gaps->n; i-- > 0;)
                if (gaps->items[i].usec > within_usec) /* the newest of those */
                        return gaps->last_usec - gaps->items[i].resumed_usec < within_usec
                                       ? gaps->items[i].resumed_usec + within_usec
                                       : 0;
        return 0;
}
