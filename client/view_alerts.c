/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl alerts: every alert there is, and below them, how old the numbers are. That is asked for
 * when the table is out: whatever becomes of it costs the line alone, and holds nothing back. A scan
 * that ended between the two questions is taken for theirs.
 */

#include <errno.h>
#include <inttypes.h>

#include "field.h"
#include "rows.h"
#include "view.h"
#include "view_pace.h"

static int print_alerts(const struct view *view, const json_t *reply)
{
        json_t *alerts = field_array(reply, "alerts");
        size_t n = json_array_size(alerts);
        uint64_t total;

        if (n == 0) {
                term_say(&view->term, PAINT_NONE, "No alert is raised or pending.");
                return 0;
        }
        if (rows_print_alerts(&view->term, alerts, n) < 0)
                return -ENOMEM;
        if (field_count(reply, "total", &total) && total > n)
                term_say(&view->term, PAINT_NONE, "The worst %zu of %" PRIu64 " alerts.", n, total);
        return 0;
}

/* Their counts are those of TIME_WAIT, which may be estimated. */
static bool are_estimated(const json_t *status, json_t *alerts)
{
        return field_true(field_object(status, "totals"), "timeWaitEstimated") &&
               field_any(alerts, "kind", "time-wait-count");
}

/* Nothing where nobody knows, or the last scan failed: scannedAt is of one before. 0 or -ENOMEM. */
static int say_age(const struct view *view, struct conn *conn, json_t *alerts)
{
        struct reply status = { 0 };
        int r;

        r = conn_call(conn, "io.twmon.Monitor.GetStatus", NULL, &status);
        if (r < 0 || status.error || field_true(status.parameters, "failed"))
                r = 0;
        else
                r = view_pace_say(&view->term, status.parameters, status.parameters,
                                  are_estimated(status.parameters, alerts));
        reply_done(&status);
        return r;
}

static int show(const struct view *view, struct conn *conn, const json_t *reply)
{
        int r;

        if (print_alerts(view, reply) < 0)
                return view_no_memory();
        r = view_flush(view);
        if (r == 0 && say_age(view, conn, field_array(reply, "alerts")) < 0)
                r = view_no_memory();
        return r;
}

int view_alerts(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        struct reply reply;
        int r;

        r = view_connect(view, &conn);
        if (r == 0)
                r = view_call(view, conn, "io.twmon.Monitor.ListAlerts", NULL, &reply);
        if (r != 0)
                return r;
        if (view->options->json)
                r = view_print_json(view, reply.parameters);
        else
                r = show(view, conn, reply.parameters);
        reply_done(&reply);
        return r;
}
