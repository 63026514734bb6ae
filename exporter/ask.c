/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A connection for each question: what is asked seldom need not hold one of twmond's places, and one that
 * was open would have to be watched for twmond's end. Nothing of an earlier answer is kept, so that none
 * can ever be told as if it were new.
 */

#include "ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "conn.h"

static const struct openmetrics_family up = {
        "twmon_up", OPENMETRICS_GAUGE, NULL,
        "1: twmond answers, with what it saw last (twmon_scan_timestamp_seconds: when); 0: it does not, "
        "and there is nothing else."
};

static const char *format_name(enum openmetrics_format format)
{
        return format == OPENMETRICS_1_0 ? "openmetrics" : "prometheus";
}

static const char *explain(int r)
{
        switch (r) {
        case -ETIMEDOUT:
                return "it does not answer in time";
        case -ECONNRESET:
                return "it has closed the connection";
        case -EPROTO:
                return "it has sent something that is no reply";
        default:
                return strerror(-r);
        }
}

static int get_text(const struct reply *reply, char **ret_text, char *error)
{
        const char *text = json_string_value(json_object_get(reply->parameters, "text"));

        if (reply->error) {
                snprintf(error, ASK_ERROR_MAX, "it has answered %.100s", reply->error);
                return ASK_AWAY;
        }
        if (!text) {
                snprintf(error, ASK_ERROR_MAX, "its reply has no text");
                return ASK_AWAY;
        }
        *ret_text = strdup(text);
        return *ret_text ? 0 : -ENOMEM;
}

/* What twmond says, the caller's. */
static int ask(const char *socket_path, enum openmetrics_format format, char **ret_text,
               char *error)
{
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        struct reply reply;
        int r;

        r = conn_open(socket_path, &conn);
        if (r == 0) {
                parameters = json_pack("{s:s}", "format", format_name(format));
                r = parameters ? conn_call(conn, "io.twmon.Monitor.GetMetrics", parameters, &reply)
                               : -ENOMEM;
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                snprintf(error, ASK_ERROR_MAX, "%s", explain(r));
                return ASK_AWAY;
        }
        r = get_text(&reply, ret_text, error);
        reply_done(&reply);
        return r;
}

/* before and behind: both are taken over */
static char *join(char *before, char *behind)
{
        char *text = NULL;

        if (before && asprintf(&text, "%s%s", before, behind) < 0)
                text = NULL;
        free(before);
        free(behind);
        return text;
}

/* The sample of twmon_up: a whole text by itself, or what stands before one. */
static char *make_up(enum openmetrics_format format, bool is_up)
{
        /* the end of an OpenMetrics text is what the other format does not have */
        struct openmetrics metrics = { .format = is_up ? OPENMETRICS_PROMETHEUS : format };
        char *text = NULL;

        openmetrics_family(&metrics, &up);
        openmetrics_count(&metrics, NULL, is_up);
        return openmetrics_end(&metrics, &text) < 0 ? NULL : text;
}

int ask_metrics(const char *socket_path, enum openmetrics_format format, char **ret_text,
                char ret_error[static ASK_ERROR_MAX])
{
        char *told = NULL, *text;
        int r = ask(socket_path, format, &told, ret_error);

        if (r < 0)
                return r;
        text = make_up(format, r == 0);
        if (r == 0)
                text = join(text, told);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return r;
}
