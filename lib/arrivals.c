/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The past is looked at through windows of 5 x StuckAfter (5 min at most), 20 min, 80 min and 320
 * min, each cut into 10 slots. A burst, or one moment at which a program was stuck, fills one slot
 * or two, whatever its size; a leak fills one after the other. `times` is the number of filled
 * slots in the window that has most of them; windows of four sizes make that as good a measure for
 * a leak of one a second as for one in half an hour.
 *
 * A window counts only while arrivals go on: it is left out when the last arrival is longer ago
 * than QUIET_PAUSES times their pause, and than four slots of the shortest window. The pause is the
 * mean distance of arrivals where no slot between the first and the last is empty, the longest run
 * of empty slots otherwise.
 *
 * The rate is taken from the shortest window that has RATE_ARRIVALS of them, from the longest one
 * if none has: (n - 1) / (time since the first). Arrivals that know nothing of each other are a
 * Poisson process, so its standard error is sqrt(n - 1) / (the same time): of 30 arrivals 18 % of
 * the rate, of 3 71 %.
 */

#include "arrivals.h"

#include <math.h>
#include <stdbool.h>

#include "base.h"
#include "units.h"

#define QUIET_PAUSES  5
#define QUIET_SLOTS   4 /* of the shortest window */
#define RATE_ARRIVALS 30
#define BURST_USEC    (2 * USEC_PER_SEC) /* what came within it came at once */

void arrivals_init(struct arrivals *arrivals, uint64_t stuck_after_usec)
{
        *arrivals = (struct arrivals){
                .lengths_usec = { MIN(5 * stuck_after_usec, 5 * USEC_PER_MIN), 20 * USEC_PER_MIN,
                                  80 * USEC_PER_MIN, 320 * USEC_PER_MIN },
        };
}

static void add_to_window(struct arrivals_window *window, uint64_t ago_usec, uint64_t length_usec)
{
        if (window->n++ == 0)
                window->first_usec = window->last_usec = ago_usec;
        window->first_usec = MAX(window->first_usec, ago_usec);
        window->last_usec = MIN(window->last_usec, ago_usec);
        window->slots |= (uint16_t)(1U << (ago_usec * LEAK_TIMES_MAX / length_usec));
}

void arrivals_add(struct arrivals *arrivals, uint64_t ago_usec)
{
        for (size_t w = 0; w < ARRIVALS_WINDOWS; w++)
                if (ago_usec < arrivals->lengths_usec[w])
                        add_to_window(&arrivals->windows[w], ago_usec, arrivals->lengths_usec[w]);
}

/* The longest run of empty slots between filled ones, of which there is one at least. */
static unsigned longest_gap(uint16_t filled)
{
        unsigned longest = 0, run = 0;

        for (unsigned slots = filled >> __builtin_ctz(filled); slots; slots >>= 1) {
                run = slots & 1 ? 0 : run + 1;
                longest = MAX(longest, run);
        }
        return longest;
}

static bool goes_on(const struct arrivals *arrivals, size_t w)
{
        const struct arrivals_window *window = &arrivals->windows[w];
        const uint64_t quiet_usec = QUIET_SLOTS * arrivals->lengths_usec[0] / LEAK_TIMES_MAX;
        uint64_t pause_usec;
        unsigned gap;

        if (window->n < 2)
                return false;
        gap = longest_gap(window->slots);
        pause_usec = gap > 0 ? (gap + 1) * (arrivals->lengths_usec[w] / LEAK_TIMES_MAX)
                             : (window->first_usec - window->last_usec) / (window->n - 1);
        return window->last_usec <= MAX(QUIET_PAUSES * pause_usec, quiet_usec);
}

static void tell_rate(const struct arrivals_window *window, uint64_t length_usec,
                      struct port_leak *leak)
{
        const double minutes = (double)window->first_usec / (double)USEC_PER_MIN;

        if (window->first_usec - window->last_usec < BURST_USEC)
                return; /* all at once: no rate */
        leak->arrived = window->n;
        leak->window_usec = length_usec;
        leak->rate_per_min = (window->n - 1) / minutes;
        leak->error_per_min = sqrt(window->n - 1) / minutes;
}

static void tell_times(const struct arrivals_window *window, struct port_leak *leak)
{
        const uint8_t times = (uint8_t)__builtin_popcount(window->slots);

        if (times <= leak->times)
                return;
        leak->times = times;
        leak->pause_usec = times > 1 ? (window->first_usec - window->last_usec) / (times - 1U) : 0;
}

void arrivals_tell(const struct arrivals *arrivals, struct port_leak *leak)
{
        for (size_t w = 0; w < ARRIVALS_WINDOWS; w++) {
                const struct arrivals_window *window = &arrivals->windows[w];
                const uint64_t length_usec = arrivals->lengths_usec[w];

                if (!goes_on(arrivals, w))
                        continue;
                tell_times(window, leak);
                if (leak->arrived < RATE_ARRIVALS)
                        tell_rate(window, length_usec, leak);
        }
}
