/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twmonctl alerts: every alert there is. */

#include <inttypes.h>

#include "field.h"
#include "rows.h"
#include "view.h"

static int print(const struct view *view, json_t *parameters)
{
        json_t *alerts = field_array(parameters, "alerts");
        size_t n = json_array_size(alerts);
        uint64_t total;

        if (view->options->json)
                return view_print_json(view, parameters);
        if (n == 0) {
                term_say(&view->term, PAINT_NONE, "No alert is raised or pending.");
                return STATUS_DONE;
        }
        if (rows_print_alerts(&view->term, alerts, n) < 0)
                return view_no_memory();
        if (field_count(parameters, "total", &total) && total > n)
                term_say(&view->term, PAINT_NONE, "The worst %zu of %" PRIu64 " alerts.", n, total);
        return STATUS_DONE;
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
        r = print(view, reply.parameters);
        reply_done(&reply);
        return r;
}
