/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients do about alerts. */

#include <errno.h>

#include "control-answers.h"

static int answer_about_key(const char *error, const struct varlink_call *call, json_t **ret_reply)
{
        json_t *parameters = json_pack("{s:O}", "key", answer_parameter(call, "key"));

        return parameters ? answer_message(varlink_error(error, parameters), ret_reply) : -ENOMEM;
}

/* The alert as it is from now on. */
static int answer_alert(const struct method_env *env, const struct alert_key *key,
                        json_t **ret_reply)
{
        struct control_view view;
        const struct alert *alert;
        json_t *parameters = NULL;

        env->ops->view(env->userdata, &view);
        alert = alert_table_find(view.alerts, key);
        if (alert)
                parameters = json_pack("{s:o}", "alert",
                                       wire_alert(alert, env->ops->now_usec(env->userdata)));
        return answer_parameters(parameters, ret_reply);
}

int answer_acknowledge(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        json_t *comment = answer_parameter(call, "comment");
        struct acknowledgement acknowledgement = {
                .given = !json_is_true(answer_parameter(call, "undo")),
                .uid = env->uid,
        };
        struct alert_key key;
        int r;

        (void)stream;
        if (alert_key_parse(json_string_value(answer_parameter(call, "key")), &key) < 0)
                return answer_message(varlink_error_invalid_parameter("key"), ret_reply);
        if (comment &&
            acknowledgement_set_comment(&acknowledgement, json_string_value(comment)) < 0)
                return answer_message(varlink_error_invalid_parameter("comment"), ret_reply);
        r = env->ops->acknowledge(env->userdata, &key, &acknowledgement);
        if (r == -ENOENT)
                return answer_about_key(MONITOR ".NoSuchAlert", call, ret_reply);
        if (r == -EBUSY)
                return answer_about_key(MONITOR ".NotRaised", call, ret_reply);
        return r < 0 ? r : answer_alert(env, &key, ret_reply);
}
