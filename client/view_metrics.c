/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twmonctl metrics: what twmond tells Prometheus, as it is. */

#include <errno.h>
#include <string.h>

#include "base.h"
#include "field.h"
#include "view.h"

/* Every line of it, as bytes: it is for programs, and wrapped at a terminal's width it would be another. */
static int print_text(const struct view *view, const json_t *parameters)
{
        const char *text = field_text(parameters, "text");
        int r;

        if (!text) {
                text_complain("twmond has sent no text");
                return STATUS_FAILED;
        }
        if (fputs(text, view->term.out) >= 0 && fflush(view->term.out) == 0)
                return STATUS_DONE;
        r = errno; /* gone by the end of the program, which looks only whether all was written */
        clearerr(view->term.out);
        text_complain("cannot write the output: %s", strerror(r));
        return STATUS_FAILED;
}

int view_metrics(struct view *view)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        struct reply reply;
        int r;

        r = view_connect(view, &conn);
        if (r != 0)
                return r;
        parameters = json_pack("{s:s}", "format",
                               view->options->prometheus ? "prometheus" : "openmetrics");
        if (!parameters)
                return view_no_memory();
        r = view_call(view, conn, "io.twmon.Monitor.GetMetrics", parameters, &reply);
        if (r != 0)
                return r;
        r = view->options->json ? view_print_json(view, reply.parameters)
                                : print_text(view, reply.parameters);
        reply_done(&reply);
        return r;
}
