/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients do about alerts, and what became of these lately. */

#include <errno.h>
#include <string.h>

#include "base.h"
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

/* Who only acknowledges once more does not take back what was said before. */
static void keep_comment(const struct method_env *env, const struct alert_key *key,
                         struct acknowledgement *acknowledgement)
{
        struct control_view view;
        const struct alert *alert;

        env->ops->view(env->userdata, &view);
        alert = alert_table_find(view.alerts, key);
        if (alert && alert->acknowledgement.given)
                memcpy(acknowledgement->comment, alert->acknowledgement.comment,
                       sizeof(acknowledgement->comment));
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
        if (!comment && acknowledgement.given)
                keep_comment(env, &key, &acknowledgement);
        r = env->ops->acknowledge(env->userdata, &key, &acknowledgement);
        if (r == -ENOENT)
                return answer_about_key(MONITOR ".NoSuchAlert", call, ret_reply);
        if (r == -EBUSY)
                return answer_about_key(MONITOR ".NotRaised", call, ret_reply);
        return r < 0 ? r : answer_alert(env, &key, ret_reply);
}

/* Which events are wanted: the newest ones first, until they are enough. */
struct wanted {
        const struct alert_key *key; /* NULL: of every alert */
        uint64_t limit;
        size_t bytes; /* of what was taken already */
};

static bool is_wanted(const struct wanted *wanted, const struct event *event)
{
        return !wanted->key || alert_key_compare(wanted->key, &event->alert.key) == 0;
}

/* Puts it before the others. 0, 1: there is no room for it; -ENOMEM. */
static int take_event(struct wanted *wanted, const struct event *event, json_t *array)
{
        json_t *object;

        if (json_array_size(array) >= wanted->limit)
                return 1;
        object = wire_event(event);
        wanted->bytes += json_dumpb(object, NULL, 0, JSON_COMPACT);
        if (wanted->bytes > CONTROL_EVENTS_BYTES_MAX) {
                json_decref(object);
                return 1;
        }
        return json_array_insert_new(array, 0, object) < 0 ? -ENOMEM : 0;
}

static int take_events(struct wanted *wanted, const struct eventlog *log, json_t *array)
{
        int r = 0;

        for (size_t i = log ? eventlog_count(log) : 0; r == 0 && i > 0; i--) {
                const struct event *event = eventlog_get(log, i - 1);

                if (is_wanted(wanted, event))
                        r = take_event(wanted, event, array);
        }
        return r;
}

int answer_list_events(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        json_t *text = answer_parameter(call, "key"), *limit = answer_parameter(call, "limit");
        struct wanted wanted = { .limit = UINT64_MAX };
        struct control_view view;
        struct alert_key key;
        json_t *array;
        int r;

        (void)stream;
        if (text && alert_key_parse(json_string_value(text), &key) < 0)
                return answer_message(varlink_error_invalid_parameter("key"), ret_reply);
        if (text)
                wanted.key = &key;
        if (limit)
                wanted.limit = (uint64_t)json_integer_value(limit);
        env->ops->view(env->userdata, &view);
        array = json_array();
        r = array ? take_events(&wanted, view.events, array) : -ENOMEM;
        if (r < 0) {
                json_decref(array);
                return r;
        }
        return answer_parameters(
                json_pack("{s:o, s:I, s:b}", "events", array, "lost",
                          (json_int_t)(view.events ? eventlog_lost(view.events) : 0), "truncated",
                          r > 0),
                ret_reply);
}
