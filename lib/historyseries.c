/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "historyseries.h"

#include <stdlib.h>

#include "base.h"

/* How finely a time that began so long ago is known. */
static uint32_t unit_of(uint64_t since_sec)
{
        if (since_sec <= HISTORY_HOUR_SEC)
                return HISTORY_FINE_SEC;
        return since_sec <= HISTORY_MINUTES * HISTORY_MINUTE_SEC ? HISTORY_MINUTE_SEC
                                                                 : HISTORY_TEN_SEC;
}

static uint64_t kept_of(uint64_t now_sec, uint64_t since_sec)
{
        return MIN(MIN(since_sec, (uint64_t)HISTORY_TENS * HISTORY_TEN_SEC), now_sec);
}

static void plan(uint64_t now_sec, uint64_t since, uint32_t points, uint32_t unit,
                 struct history_time *ret_time)
{
        /* one step more than there is room for where the first is not whole */
        const uint64_t units = (since + unit - 1) / unit;
        const uint32_t step = unit * (uint32_t)MAX((units + points - 2) / (points - 1), 1U);
        const uint64_t start = (now_sec - since) / step * step;

        *ret_time = (struct history_time){
                .start_sec = start,
                .step_sec = step,
                .n = (uint32_t)((now_sec - start) / step) + 1,
        };
}

void history_plan(uint64_t now_sec, uint64_t since_sec, uint32_t points,
                  struct history_time *ret_time)
{
        const uint64_t since = kept_of(now_sec, since_sec);

        plan(now_sec, since, points, unit_of(since), ret_time);
}

void history_plan_minutes(uint64_t now_sec, uint64_t since_sec, uint32_t points,
                          struct history_time *ret_time)
{
        const uint64_t since = kept_of(now_sec, since_sec);

        plan(now_sec, since, points, MAX(unit_of(since), (uint32_t)HISTORY_MINUTE_SEC), ret_time);
}

struct history_series *history_series_new(const struct port_key *port,
                                          const struct history_time *time)
{
        struct history_series *series = malloc(sizeof(*series) + time->n * sizeof(*series->points));

        if (!series)
                return NULL;
        series->port = *port;
        series->time = *time;
        for (uint32_t i = 0; i < time->n; i++)
                history_point_clear(&series->points[i]);
        return series;
}

void history_series_add(struct history_series *series, uint64_t start_sec, uint32_t len_sec,
                        const struct history_point *point)
{
        const struct history_time *time = &series->time;
        const uint64_t from = MAX(start_sec, time->start_sec) - time->start_sec;
        const uint64_t end =
                MIN(start_sec + len_sec, time->start_sec + (uint64_t)time->n * time->step_sec);

        if (end <= time->start_sec)
                return;
        for (uint64_t i = from / time->step_sec; i * time->step_sec < end - time->start_sec; i++)
                history_point_add(&series->points[i], point);
}

void history_series_add_fine(struct history_series *series, const struct history *history)
{
        uint32_t first, end;

        history_bounds(history, &first, &end);
        for (uint32_t slot = first; slot < end; slot++) {
                struct history_point point;

                history_get(history, &series->port, slot, &point);
                history_series_add(series, (uint64_t)slot * HISTORY_FINE_SEC, HISTORY_FINE_SEC,
                                   &point);
        }
}

bool history_series_knows(const struct history_series *series, uint64_t until_sec)
{
        const struct history_time *time = &series->time;

        for (uint32_t i = 0; i < time->n; i++)
                if (time->start_sec + (uint64_t)i * time->step_sec + HISTORY_MINUTE_SEC <=
                            until_sec &&
                    (history_point_is_known(&series->points[i], HISTORY_CLOSE_WAIT) ||
                     history_point_is_known(&series->points[i], HISTORY_TIME_WAIT)))
                        return true;
        return false;
}

void history_series_add_scan(struct history_series *series, const struct history_scan *scan)
{
        struct history_point point;
        uint32_t slot;

        if (history_peek(scan, &series->port, &slot, &point))
                history_series_add(series, (uint64_t)slot * HISTORY_FINE_SEC, HISTORY_FINE_SEC,
                                   &point);
}

bool history_series_left_out(const struct history_series *series)
{
        for (uint32_t i = 0; i < series->time.n; i++)
                if (series->points[i].left_out)
                        return true;
        return false;
}

bool history_series_tells(const struct history_series *series)
{
        for (uint32_t i = 0; i < series->time.n; i++)
                if (!history_point_is_quiet(&series->points[i]))
                        return true;
        return false;
}
