/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The text is made here and not by who serves it: it is one moment of the daemon, and nobody else would
 * know what belongs together. Who serves it needs to know nothing but where to ask.
 */

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "control-answers.h"
#include "metrics.h"

int answer_get_metrics(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        const json_t *asked = answer_parameter(call, "format");
        enum openmetrics_format format = OPENMETRICS_1_0;
        struct control_view view;
        json_t *parameters;
        char *text;
        int r;

        (void)stream;
        if (asked && openmetrics_format_parse(json_string_value(asked), &format) < 0)
                return answer_message(varlink_error_invalid_parameter("format"), ret_reply);
        env->ops->view(env->userdata, &view);
        r = metrics_text(&view, &env->stats, env->ops->now_usec(env->userdata), format, &text);
        if (r < 0)
                return r;
        parameters = json_pack("{s:s, s:s}", "contentType", openmetrics_content_type(format),
                               "text", text);
        free(text);
        return answer_parameters(parameters, ret_reply);
}
