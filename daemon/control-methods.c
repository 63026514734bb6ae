/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A call is looked up, checked against its row of the table, and only then handed to its function:
 * every parameter is known by name and of its type by then. An absent parameter and null are the
 * same.
 */

#include "control-methods.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define PARAMS_MAX 4

enum param_type { PARAM_BOOL, PARAM_COUNT, PARAM_STRING, PARAM_PORT, PARAM_PORTS };

struct param {
        const char *name; /* NULL: no further one */
        enum param_type type;
        bool required;
};

struct method {
        const char *interface;
        const char *name;
        answer_fn *answer;
        bool privileged; /* for uid 0 and the daemon's own alone */
        bool needs_more;
        struct param params[PARAMS_MAX];
};

static const struct method methods[] = {
        { SERVICE, "GetInfo", .answer = answer_get_info },
        { SERVICE, "GetInterfaceDescription", .answer = answer_get_interface_description,
          .params = { { "interface", PARAM_STRING, true } } },
        { MONITOR, "GetStatus", .answer = answer_get_status },
        { MONITOR, "GetPort", .answer = answer_get_port,
          .params = { { "port", PARAM_PORT, true }, { "address", PARAM_STRING, false } } },
        { MONITOR, "GetHistory", .answer = answer_get_history,
          .params = { { "port", PARAM_PORT, true },
                      { "side", PARAM_STRING, false },
                      { "sinceSec", PARAM_COUNT, false },
                      { "points", PARAM_COUNT, false } } },
        { MONITOR, "ListDestinations", .answer = answer_list_destinations,
          .params = { { "limit", PARAM_COUNT, false } } },
        { MONITOR, "ListPorts", .answer = answer_list_ports,
          .params = { { "ports", PARAM_PORTS, false },
                      { "all", PARAM_BOOL, false },
                      { "limit", PARAM_COUNT, false } } },
        { MONITOR, "ListAlerts", .answer = answer_list_alerts },
        { MONITOR, "Acknowledge", .answer = answer_acknowledge, .privileged = true,
          .params = { { "key", PARAM_STRING, true },
                      { "comment", PARAM_STRING, false },
                      { "undo", PARAM_BOOL, false } } },
        { MONITOR, "ListEvents", .answer = answer_list_events,
          .params = { { "key", PARAM_STRING, false }, { "limit", PARAM_COUNT, false } } },
        { MONITOR, "Watch", .answer = answer_watch, .needs_more = true,
          .params = { { "after", PARAM_COUNT, false }, { "scans", PARAM_BOOL, false } } },
        { MONITOR, "GetMetrics", .answer = answer_get_metrics,
          .params = { { "format", PARAM_STRING, false } } },
        { MONITOR, "Reload", .answer = answer_reload, .privileged = true },
};

json_t *methods_message_invalid(const char *reason)
{
        json_t *parameters = json_pack("{s:s}", "reason", reason);

        return parameters ? varlink_error(MONITOR ".MessageInvalid", parameters) : NULL;
}

/* The row of a method; where there is none, NULL and the error to send. */
static const struct method *method_find(const char *full_name, json_t **ret_error)
{
        const char *dot = strrchr(full_name, '.');
        size_t len = dot ? (size_t)(dot - full_name) : 0;
        bool interface_known = false;
        char *interface;

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
                const char *known = methods[i].interface;

                if (strlen(known) != len || strncmp(full_name, known, len) != 0)
                        continue;
                if (strcmp(full_name + len + 1, methods[i].name) == 0)
                        return &methods[i];
                interface_known = true;
        }
        if (interface_known) {
                *ret_error = varlink_error_method_not_found(full_name);
                return NULL;
        }

        interface = strndup(full_name, len);
        *ret_error = interface ? varlink_error_interface_not_found(interface) : NULL;
        free(interface);
        return NULL;
}

static bool is_port(const json_t *value)
{
        return json_is_integer(value) && json_integer_value(value) >= 1 &&
               json_integer_value(value) <= UINT16_MAX;
}

static bool are_ports(const json_t *value)
{
        if (!json_is_array(value))
                return false;
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!is_port(json_array_get(value, i)))
                        return false;
        return true;
}

static bool is_of_type(const json_t *value, enum param_type type)
{
        switch (type) {
        case PARAM_BOOL:
                return json_is_boolean(value);
        case PARAM_COUNT:
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case PARAM_STRING:
                return json_is_string(value);
        case PARAM_PORT:
                return is_port(value);
        case PARAM_PORTS:
                return are_ports(value);
        }
        return false;
}

static const struct param *param_find(const struct method *method, const char *name)
{
        for (size_t i = 0; i < PARAMS_MAX && method->params[i].name; i++)
                if (strcmp(method->params[i].name, name) == 0)
                        return &method->params[i];
        return NULL;
}

/* The first parameter that is unknown, of the wrong type or missing; NULL: all is well. */
static const char *wrong_parameter(const struct method *method, const struct varlink_call *call)
{
        const char *name;
        json_t *value;

        json_object_foreach(call->parameters, name, value)
        {
                const struct param *param = param_find(method, name);

                if (!param || (!json_is_null(value) && !is_of_type(value, param->type)))
                        return name;
        }
        for (size_t i = 0; i < PARAMS_MAX && method->params[i].name; i++)
                if (method->params[i].required && !answer_parameter(call, method->params[i].name))
                        return method->params[i].name;
        return NULL;
}

static int answer_call(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        const struct method *method;
        json_t *error = NULL;
        const char *wrong;

        method = method_find(call->method, &error);
        if (!method)
                return answer_message(error, ret_reply);
        if (method->privileged && !env->privileged)
                return answer_message(varlink_error(MONITOR ".PermissionDenied", NULL), ret_reply);
        wrong = wrong_parameter(method, call);
        if (wrong)
                return answer_message(varlink_error_invalid_parameter(wrong), ret_reply);
        if (method->needs_more && !call->more)
                return answer_message(varlink_error(MONITOR ".NeedsMore", NULL), ret_reply);

        return method->answer(env, call, stream, ret_reply);
}

int methods_answer(const struct method_env *env, json_t *message, struct stream *stream,
                   json_t **ret_reply)
{
        struct varlink_call call;
        json_t *reply = NULL;
        int r;

        assert(stream->kind == STREAM_NONE);
        if (varlink_call_parse(message, &call) < 0)
                return answer_message(
                        methods_message_invalid("no method, or a member of the wrong type"),
                        ret_reply);

        r = answer_call(env, &call, stream, &reply);
        if (r < 0)
                return r;
        if (call.oneway) {
                json_decref(reply);
                reply = NULL;
                stream_done(stream);
        }
        *ret_reply = reply;
        return 0;
}
