/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rate is the slope of the line through the points by least squares. Two things keep it honest:
 *
 * When the newest step is not what the line had foretold, something has changed (a burst begins, a
 * plateau is reached as TIME_WAIT begins to expire), and all that was before that step is forgotten.
 *
 * Growth is told only where it is more than chance: connections that come and go at random, each for
 * a minute, move a steady number of n by sqrt(2 * n * minutes). Growth that is slower than that but
 * goes on in small even steps, as that of connections that are kept, is told by Student's test over
 * the steps.
 */

#include "burn.h"

#include <math.h>
#include <string.h>

#define STAY_USEC    60e6 /* of a connection in TIME_WAIT */
#define SIGMAS       2.5  /* beyond chance */
#define DEVIATION    0.15 /* of the step foretold: not the same rate any more */
#define STEPS_MIN    5    /* for Student's test ... */
#define STUDENT_MIN  4.0  /* ... at 4 degrees of freedom or more: 1 in 100 by chance at the most */
#define GROWTH_LEAST 2.0  /* ports; less is nothing */

static double slope(const struct burn_point *points, uint32_t n)
{
        double mean_at = 0, mean_used = 0, both = 0, square = 0;

        for (uint32_t i = 0; i < n; i++) {
                mean_at += (double)(points[i].at_usec - points[0].at_usec) / n;
                mean_used += (double)points[i].used / n;
        }
        for (uint32_t i = 0; i < n; i++) {
                const double at = (double)(points[i].at_usec - points[0].at_usec) - mean_at;

                both += at * (points[i].used - mean_used);
                square += at * at;
        }
        return both / square;
}

static void forget_first(struct burn *burn, uint32_t n)
{
        burn->n -= n;
        memmove(burn->points, burn->points + n, burn->n * sizeof(burn->points[0]));
}

/* By how much chance moves a steady number in that time. */
static double chance(uint32_t used, double usec)
{
        return SIGMAS * sqrt(2 * used * usec / STAY_USEC + 1);
}

/* Does the newest point belong to the line through those before it? */
static bool is_foretold(const struct burn *burn)
{
        const struct burn_point *last = &burn->points[burn->n - 1];
        const double usec = (double)(last->at_usec - last[-1].at_usec);
        const double foretold = slope(burn->points, burn->n - 1) * usec;
        const double step = (double)last->used - last[-1].used;

        return fabs(step - foretold) <= fmax(DEVIATION * fabs(foretold), chance(last->used, usec));
}

void burn_add(struct burn *burn, uint64_t at_usec, uint32_t used)
{
        uint32_t old = 0;

        if (burn->n > 0 && at_usec <= burn->points[burn->n - 1].at_usec)
                return;
        while (old < burn->n && at_usec - burn->points[old].at_usec > BURN_WINDOW_USEC)
                old++;
        if (old == 0 && burn->n == BURN_POINTS_MAX)
                old = 1;
        forget_first(burn, old);
        burn->points[burn->n++] = (struct burn_point){ at_usec, used };
        if (burn->n > 2 && !is_foretold(burn))
                forget_first(burn, burn->n - 2);
}

/* Student's t of the steps' rates: how sure it is that their mean is above zero. */
static double student(const struct burn *burn)
{
        const uint32_t n = burn->n - 1;
        double rates[BURN_POINTS_MAX], mean = 0, square = 0;

        for (uint32_t i = 0; i < n; i++) {
                const struct burn_point *point = &burn->points[i];

                rates[i] = ((double)point[1].used - point->used) /
                           (double)(point[1].at_usec - point->at_usec);
                mean += rates[i] / n;
        }
        for (uint32_t i = 0; i < n; i++)
                square += (rates[i] - mean) * (rates[i] - mean);
        return mean / (sqrt(square / (n - 1) / n) + 1e-12);
}

bool burn_rate(const struct burn *burn, double *ret_per_usec)
{
        double usec, rate, growth;

        if (burn->n < 2)
                return false;
        usec = (double)(burn->points[burn->n - 1].at_usec - burn->points[0].at_usec);
        rate = slope(burn->points, burn->n);
        growth = rate * usec;
        if (growth < GROWTH_LEAST)
                return false;
        if (growth <= chance(burn->points[burn->n - 1].used, usec) &&
            (burn->n <= STEPS_MIN || student(burn) < STUDENT_MIN))
                return false;
        *ret_per_usec = rate;
        return true;
}
