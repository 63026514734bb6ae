/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* clock_gettime() cannot fail for these clocks on Linux. */

#include "clock.h"

#include <time.h>

#include "units.h"

static uint64_t read_clock(clockid_t id)
{
        struct timespec ts = { 0 };

        (void)clock_gettime(id, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now_usec(void)
{
        return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_usec(void)
{
        return read_clock(CLOCK_REALTIME);
}

uint64_t clock_thread_cpu_usec(void)
{
        return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
