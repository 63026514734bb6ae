/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A TIME_WAIT socket that has r seconds left was made 60 - r seconds ago. The kernel's timers are
 * coarse: sockets whose time has passed stay listed with 0 left for up to 4 s more, in the same bin
 * as those that have less than 5 s. So that bin is left out, and the rest is exactly 55 s.
 */

#include "closing.h"

double closing_per_sec(const struct port_row *row)
{
        uint64_t closed = row->tw_beyond;

        for (size_t i = 1; i < SNAPSHOT_TW_BINS; i++)
                closed += row->tw_remaining[i];
        return (double)closed / CLOSING_WINDOW_SEC;
}

enum closing_answer closing_is_at_least(const struct host_facts *facts)
{
        const struct tcp_rates *rates = &facts->rates;
        const uint32_t wanted = 1U << TCP_TW_RECYCLED | 1U << TCP_TIME_WAIT_OVERFLOW;

        if ((rates->known & 1U << TCP_TW_RECYCLED && rates->delta[TCP_TW_RECYCLED] > 0) ||
            (rates->known & 1U << TCP_TIME_WAIT_OVERFLOW &&
             rates->delta[TCP_TIME_WAIT_OVERFLOW] > 0))
                return CLOSING_YES;
        if ((rates->known & wanted) != wanted || facts->counters_age_usec > 0 ||
            rates->window_usec < (uint64_t)CLOSING_WINDOW_SEC * 1000000)
                return CLOSING_UNKNOWN;
        return CLOSING_NO;
}
