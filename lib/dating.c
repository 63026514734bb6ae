/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without tcp_info a socket that is new to us is as old as now. With it, tcpi_last_ack_recv is the
 * time since its FIN, or less (answered keepalives and sending reset it), and tcpi_last_data_recv is
 * that or more (how long the connection was idle before its end is in it). Where both agree to
 * within a second its age is known; else the former is a lower bound, and marked as one.
 *
 * The mark is for sockets that may have been there long before we watched: nobody knows when they
 * arrived, so they never count as arrivals. One that a complete scan before has not shown, though
 * there was room for it, is none of these: it has entered CLOSE_WAIT since. For it the upper bound
 * tells nothing (that connections are idle before their end is the rule, and with scans far apart
 * every socket is dated: leaks on such connections would never be found), and what keepalives can
 * hide is no more than the time since that scan. So tcpi_last_ack_recv is its age.
 *
 * A dump may miss a few that were there. Then tcpi_last_ack_recv reaches back beyond the scan that
 * missed them; it is a lower bound all the same, so it is not cut off there.
 *
 * That scan may be as long ago as scans are apart under the tightest budget, and a bit more
 * (DATING_PROOF_USEC). Longer pauses are none that were planned: nobody watched, or the machine was
 * held, and what comes to light after them at once has not come at a pace from which anything follows.
 */

#include "dating.h"

#include <assert.h>

#include "base.h"
#include "schedule.h"
#include "units.h"

#define AGREE_WITHIN_MSEC 1000

static_assert(DATING_PROOF_USEC > SCHEDULE_STRETCH_MAX_USEC, "scans are that far apart");

/* It was not there when we looked last. */
static bool is_new(const struct dating *dating)
{
        return dating->complete_usec > 0 && !dating->was_full &&
               dating->now_usec - dating->complete_usec <= DATING_PROOF_USEC;
}

uint64_t dating_first_seen(const struct dating *dating, const struct sockrec *record,
                           bool *ret_at_least)
{
        uint64_t age_usec;

        if (!(record->have & SOCKREC_INFO)) {
                *ret_at_least =
                        dating->was_full; /* it may have been there for long, without room */
                return dating->now_usec;
        }
        age_usec = record->last_ack_recv_msec * USEC_PER_MSEC;
        *ret_at_least =
                !is_new(dating) && record->last_data_recv_msec >
                                           (uint64_t)record->last_ack_recv_msec + AGREE_WITHIN_MSEC;
        return dating->now_usec - MIN(age_usec, dating->now_usec);
}
