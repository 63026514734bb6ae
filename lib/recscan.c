/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The members in one order, each against the greatest that it can be. */

#include "recscan.h"

#include <string.h>

#define ERRNO_MAX 4095

void recscan_put_session(struct recbuf *buf, const struct recsession *session)
{
        recbuf_put_bytes(buf, session->boot_id, sizeof(session->boot_id));
        recbuf_put(buf, session->now_wall_usec);
        recbuf_put(buf, session->interval_usec);
        recbuf_put_text(buf, session->version);
}

void recscan_get_session(struct recview *view, struct recsession *ret_session)
{
        struct recsession session = { 0 };
        const void *boot_id = recview_get_bytes(view, sizeof(session.boot_id), "the boot id");

        if (boot_id)
                memcpy(session.boot_id, boot_id, sizeof(session.boot_id));
        session.now_wall_usec = recview_get(view, RECSCAN_TIME_MAX, "the time");
        session.interval_usec = recview_get(view, RECSCAN_TIME_MAX, "the interval");
        recview_get_text(view, session.version, sizeof(session.version), "the version");
        *ret_session = session;
}

static void put_outcome(struct recbuf *buf, const struct scan_outcome *outcome)
{
        recbuf_put(buf, outcome->result);
        recbuf_put(buf, outcome->error < 0 ? (unsigned)-outcome->error : 0);
        recbuf_put_text(buf, outcome->error_text);
        recbuf_put(buf, outcome->retries);
        recbuf_put(buf, outcome->messages);
        recbuf_put(buf, outcome->bytes);
        recbuf_put(buf, outcome->malformed);
}

static void get_outcome(struct recview *view, struct scan_outcome *outcome)
{
        static const char what[] = "how the scan went";

        outcome->result = (enum scan_result)recview_get(view, SCAN_FAILED, what);
        outcome->error = -(int)recview_get(view, ERRNO_MAX, what);
        recview_get_text(view, outcome->error_text, sizeof(outcome->error_text), what);
        outcome->retries = (unsigned)recview_get(view, UINT32_MAX, what);
        outcome->messages = recview_get(view, INT64_MAX, what);
        outcome->bytes = recview_get(view, INT64_MAX, what);
        outcome->malformed = recview_get(view, INT64_MAX, what);
}

void recscan_put(struct recbuf *buf, const struct recscan *scan)
{
        recbuf_put(buf, scan->flags);
        recbuf_put(buf, scan->generation);
        recbuf_put(buf, scan->now_usec);
        recbuf_put(buf, scan->now_wall_usec);
        recbuf_put(buf, scan->took_usec);
        recbuf_put(buf, scan->cost.cpu_usec);
        recbuf_put(buf, scan->cost.wall_usec);
        put_outcome(buf, &scan->outcome);
        recbuf_put(buf, scan->close_wait);
        recbuf_put(buf, scan->time_wait);
        if (scan->flags & RECSCAN_RANGE) {
                recbuf_put(buf, scan->range_first);
                recbuf_put(buf, scan->range_last);
        }
        if (scan->flags & RECSCAN_PAUSE)
                recbuf_put(buf, scan->pause_usec);
        recbuf_put(buf, scan->listeners_left_out);
}

void recscan_get(struct recview *view, struct recscan *ret_scan)
{
        static const char times[] = "the times of the scan", counts[] = "the counts of the scan";
        struct recscan scan = { 0 };

        scan.flags = (unsigned)recview_get(view, RECSCAN_FLAGS, "the flags of the scan");
        scan.generation = recview_get(view, INT64_MAX, "the number of the scan");
        scan.now_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        scan.now_wall_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        scan.took_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        scan.cost.cpu_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        scan.cost.wall_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        get_outcome(view, &scan.outcome);
        scan.outcome.sockets_whole = scan.flags & RECSCAN_SOCKETS_WHOLE;
        scan.close_wait = recview_get(view, UINT32_MAX, counts);
        scan.time_wait = recview_get(view, UINT32_MAX, counts);
        if (scan.flags & RECSCAN_RANGE) {
                scan.range_first = (uint16_t)recview_get(view, UINT16_MAX, "the port range");
                scan.range_last = (uint16_t)recview_get(view, UINT16_MAX, "the port range");
                if (scan.range_first > scan.range_last)
                        recview_set_wrong(view, "the port range");
        }
        if (scan.flags & RECSCAN_PAUSE)
                scan.pause_usec = recview_get(view, RECSCAN_TIME_MAX, times);
        scan.listeners_left_out = recview_get(view, UINT32_MAX, counts);
        *ret_scan = scan;
}
