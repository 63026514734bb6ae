/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An answer is a whole message, a reply or an error; what cannot be said at once goes into the
 * client's stream. Parameters were checked against the method table before, so each is here read
 * without a doubt about its type.
 */

#include "control-answers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "control-owners.h"
#include "control-status.h"
#include "io.twmon.Monitor.varlink.h"

#define ERRORS_TEXT_MAX (64 * 1024) /* of a configuration, in one reply */

static const char service_description[] =
        "# What every Varlink service says about itself.\n"
        "interface org.varlink.service\n"
        "\n"
        "method GetInfo() -> (\n"
        "  vendor: string,\n"
        "  product: string,\n"
        "  version: string,\n"
        "  url: string,\n"
        "  interfaces: []string\n"
        ")\n"
        "\n"
        "method GetInterfaceDescription(interface: string) -> (description: string)\n"
        "\n"
        "error InterfaceNotFound (interface: string)\n"
        "error MethodNotFound (method: string)\n"
        "error MethodNotImplemented (method: string)\n"
        "error InvalidParameter (parameter: string)\n";

json_t *answer_parameter(const struct varlink_call *call, const char *name)
{
        json_t *value = json_object_get(call->parameters, name);

        return json_is_null(value) ? NULL : value;
}

int answer_message(json_t *message, json_t **ret_reply)
{
        if (!message)
                return -ENOMEM;
        *ret_reply = message;
        return 0;
}

int answer_parameters(json_t *parameters, json_t **ret_reply)
{
        return parameters ? answer_message(varlink_reply(parameters, false), ret_reply) : -ENOMEM;
}

int answer_get_info(const struct method_env *env, const struct varlink_call *call,
                    struct stream *stream, json_t **ret_reply)
{
        (void)env, (void)call, (void)stream;
        return answer_parameters(json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "twmon",
                                           "product", "twmond", "version", TWMON_VERSION, "url",
                                           "man:twmond(8)", "interfaces", SERVICE, MONITOR),
                                 ret_reply);
}

int answer_get_interface_description(const struct method_env *env, const struct varlink_call *call,
                                     struct stream *stream, json_t **ret_reply)
{
        const char *name = json_string_value(answer_parameter(call, "interface"));
        const char *text;

        (void)env, (void)stream;
        if (strcmp(name, MONITOR) == 0)
                text = io_twmon_Monitor_varlink;
        else if (strcmp(name, SERVICE) == 0)
                text = service_description;
        else
                return answer_message(varlink_error_interface_not_found(name), ret_reply);
        return answer_parameters(json_pack("{s:s}", "description", text), ret_reply);
}

int answer_get_status(const struct method_env *env, const struct varlink_call *call,
                      struct stream *stream, json_t **ret_reply)
{
        struct control_view view;

        (void)call, (void)stream;
        env->ops->view(env->userdata, &view);
        return answer_parameters(
                status_reply(&view, &env->stats, env->ops->now_usec(env->userdata)), ret_reply);
}

int answer_list_alerts(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        struct control_view view;

        (void)call, (void)stream;
        env->ops->view(env->userdata, &view);
        return answer_parameters(status_alerts_reply(&view, env->ops->now_usec(env->userdata)),
                                 ret_reply);
}

/* The caller frees filter.ports, also after a failure. */
static int read_filter(const struct varlink_call *call, struct wire_filter *ret_filter)
{
        json_t *numbers = answer_parameter(call, "ports");
        size_t n = json_array_size(numbers);
        uint16_t *ports = NULL;

        if (n > 0) {
                ports = calloc(n, sizeof(*ports));
                if (!ports)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++)
                ports[i] = (uint16_t)json_integer_value(json_array_get(numbers, i));

        *ret_filter = (struct wire_filter){
                .ports = ports,
                .n_ports = n,
                .all = json_is_true(answer_parameter(call, "all")),
        };
        return 0;
}

static int begin_ports(const struct method_env *env, const struct varlink_call *call,
                       const struct snapshot *snapshot, struct stream *ret_stream)
{
        json_t *limit = answer_parameter(call, "limit");
        struct stream stream = { .kind = STREAM_PORTS, .left = SIZE_MAX, .single = !call->more };
        int r;

        r = read_filter(call, &stream.filter);
        if (r < 0)
                return r;
        /* References are counted atomically; a snapshot's contents never change. */
        stream.snapshot = snapshot_ref((struct snapshot *)snapshot);
        stream.owners = owners_ask(env->ops, env->userdata, snapshot, &stream.filter);
        stream.filter.owner = owners_find;
        stream.filter.userdata = stream.owners;
        if (limit)
                stream.left = (size_t)json_integer_value(limit);
        *ret_stream = stream;
        return 0;
}

int answer_list_ports(const struct method_env *env, const struct varlink_call *call,
                      struct stream *stream, json_t **ret_reply)
{
        struct control_view view;

        (void)stream;
        env->ops->view(env->userdata, &view);
        if (!view.snapshot)
                return answer_parameters(json_pack("{s:[], s:i, s:b, s:b}", "ports", "total", 0,
                                                   "truncated", 0, "partial", 1),
                                         ret_reply);
        return begin_ports(env, call, view.snapshot, stream);
}

int answer_next_ports(struct stream *stream, json_t **ret_reply)
{
        size_t max = MIN(stream->left, stream->single ? (size_t)CONTROL_PORTS_MAX
                                                      : (size_t)CONTROL_PORTS_PER_REPLY);
        json_t *parameters, *reply;
        bool continues;
        size_t sent;

        assert(stream->kind == STREAM_PORTS);
        parameters = wire_ports(stream->snapshot, &stream->filter, max, &stream->cursor);
        if (!parameters)
                return -ENOMEM;

        sent = json_array_size(json_object_get(parameters, "ports"));
        stream->left -= sent;
        continues = !stream->single && stream->left > 0 &&
                    stream->cursor < wire_ports_end(stream->snapshot, &stream->filter);
        if (continues && json_object_set_new(parameters, "truncated", json_false()) < 0) {
                json_decref(parameters);
                return -ENOMEM;
        }

        reply = varlink_reply(parameters, continues);
        if (!reply)
                return -ENOMEM;
        if (!continues)
                stream_done(stream);
        *ret_reply = reply;
        return 0;
}

json_t *answer_watch_event(const struct control_view *view, uint64_t sequence,
                           const struct event *event, uint64_t missed)
{
        json_t *object = json_object();
        int r;

        r = json_object_set_new(object, "sequence", json_integer((json_int_t)sequence));
        if (event)
                r |= json_object_set_new(object, "event", wire_event(event));
        if (missed > 0)
                r |= json_object_set_new(object, "missed", json_integer((json_int_t)missed));
        if (view->snapshot && view->snapshot->counts_wall_usec > 0)
                r |= json_object_set_new(object, "scannedAt",
                                         wire_time(view->snapshot->counts_wall_usec));
        if (r < 0) {
                json_decref(object);
                return NULL;
        }
        return varlink_reply(object, true);
}

int answer_watch(const struct method_env *env, const struct varlink_call *call,
                 struct stream *stream, json_t **ret_reply)
{
        uint64_t newest = toldlog_newest(env->toldlog), after;
        json_t *asked = answer_parameter(call, "after"), *reply;
        struct control_view view;

        after = asked ? (uint64_t)json_integer_value(asked) : newest;
        if (after > newest)
                after = 0; /* from before a restart */

        env->ops->view(env->userdata, &view);
        reply = answer_watch_event(&view, newest, NULL, toldlog_missed(env->toldlog, after));
        if (!reply)
                return -ENOMEM;

        *stream = (struct stream){
                .kind = STREAM_WATCH,
                .scans = json_is_true(answer_parameter(call, "scans")),
                .after = after,
        };
        *ret_reply = reply;
        return 0;
}

static json_t *configuration_invalid(const char *errors)
{
        char *text = strndup(errors, ERRORS_TEXT_MAX);
        json_t *parameters = NULL;

        if (text)
                parameters = json_pack("{s:o}", "errors", wire_text(text));
        free(text);
        return parameters ? varlink_error(MONITOR ".ConfigurationInvalid", parameters) : NULL;
}

int answer_reload(const struct method_env *env, const struct varlink_call *call,
                  struct stream *stream, json_t **ret_reply)
{
        char *errors = NULL;
        json_t *message;
        int r;

        (void)call, (void)stream;
        r = env->ops->reload(env->userdata, &errors);
        if (r == 0)
                message = varlink_reply(NULL, false);
        else if (r > 0 && errors)
                message = configuration_invalid(errors);
        else
                message = configuration_invalid(strerror(r < 0 ? -r : EINVAL));
        free(errors);
        return answer_message(message, ret_reply);
}
