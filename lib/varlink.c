/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A message is everything up to a NUL byte, and JSON text holds no NUL, so framing needs no look at
 * the JSON: the buffer searches each byte once for the NUL and only then parses. Whoever sends more
 * than the limit without one cannot be answered in step any more; whoever sends a whole frame of
 * nonsense can, for the next frame begins behind the NUL.
 *
 * jansson's parser recurses up to 2,048 levels and takes any of them gladly. How deep a frame nests
 * is counted before it is parsed, by a scan that knows strings and nothing else: text that fools it
 * is no JSON and fails in the parser.
 */

#include "varlink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define BUFFER_START 4096

void varlink_buffer_init(struct varlink_buffer *buffer, size_t max)
{
        *buffer = (struct varlink_buffer){ .max = max };
}

void varlink_buffer_done(struct varlink_buffer *buffer)
{
        free(buffer->data);
        varlink_buffer_init(buffer, buffer->max);
}

int varlink_buffer_space(struct varlink_buffer *buffer, char **ret_data, size_t *ret_space)
{
        size_t limit = buffer->max + 1; /* a message and its NUL */

        if (buffer->len == buffer->size && buffer->size < limit) {
                size_t size = MIN(limit, MAX(buffer->size * 2, (size_t)BUFFER_START));
                char *data = realloc(buffer->data, size);

                if (!data)
                        return -ENOMEM;
                buffer->data = data;
                buffer->size = size;
        }

        *ret_data = buffer->data + buffer->len;
        *ret_space = buffer->size - buffer->len;
        return 0;
}

void varlink_buffer_commit(struct varlink_buffer *buffer, size_t n)
{
        assert(n <= buffer->size - buffer->len);
        buffer->len += n;
}

/* Removes the first n bytes; an empty buffer keeps no memory. */
static void buffer_consume(struct varlink_buffer *buffer, size_t n)
{
        buffer->len -= n;
        buffer->scanned = 0;
        if (buffer->len == 0)
                varlink_buffer_done(buffer);
        else
                memmove(buffer->data, buffer->data + n, buffer->len);
}

static bool too_deep(const char *text, size_t len)
{
        unsigned depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < len; i++) {
                char c = text[i];

                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        if (++depth > VARLINK_DEPTH_MAX)
                                return true;
                } else if ((c == '}' || c == ']') && depth > 0) {
                        depth--;
                }
        }
        return false;
}

static int message_parse(const char *text, size_t len, json_t **ret_message)
{
        json_error_t error;
        json_t *message;

        if (too_deep(text, len))
                return VARLINK_BAD_JSON;

        message = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (!message)
                return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM
                                                                           : VARLINK_BAD_JSON;
        if (!json_is_object(message)) {
                json_decref(message);
                return VARLINK_BAD_JSON;
        }

        *ret_message = message;
        return 0;
}

int varlink_buffer_next(struct varlink_buffer *buffer, json_t **ret_message)
{
        const char *end = NULL;
        size_t len;
        int r;

        if (buffer->len > buffer->scanned)
                end = memchr(buffer->data + buffer->scanned, '\0', buffer->len - buffer->scanned);
        if (!end) {
                buffer->scanned = buffer->len;
                return buffer->len > buffer->max ? VARLINK_TOO_LONG : VARLINK_AGAIN;
        }

        len = (size_t)(end - buffer->data);
        r = message_parse(buffer->data, len, ret_message);
        buffer_consume(buffer, len + 1);
        return r;
}

/* A member that may be absent or null, which is the same. */
static json_t *member(json_t *message, const char *name)
{
        json_t *value = json_object_get(message, name);

        return json_is_null(value) ? NULL : value;
}

int varlink_call_parse(json_t *message, struct varlink_call *ret_call)
{
        json_t *method = member(message, "method");
        json_t *parameters = member(message, "parameters");
        json_t *more = member(message, "more");
        json_t *oneway = member(message, "oneway");

        if (!json_is_string(method) || (parameters && !json_is_object(parameters)) ||
            (more && !json_is_boolean(more)) || (oneway && !json_is_boolean(oneway)))
                return -EINVAL;

        *ret_call = (struct varlink_call){
                .method = json_string_value(method),
                .parameters = parameters,
                .more = json_is_true(more),
                .oneway = json_is_true(oneway),
        };
        return 0;
}

/* {NAME: value, "parameters": parameters}; takes over both. */
static json_t *message_new(const char *name, json_t *value, json_t *parameters)
{
        json_t *message = json_object();

        /* json_object_set_new() takes its value over even when it fails. */
        if (name && json_object_set_new(message, name, value) < 0)
                goto fail;
        if (!parameters)
                parameters = json_object();
        if (json_object_set_new(message, "parameters", parameters) < 0) {
                parameters = NULL;
                goto fail;
        }
        return message;
fail:
        json_decref(parameters);
        json_decref(message);
        return NULL;
}

static json_t *message_flag(json_t *message, const char *name, bool flag)
{
        if (message && flag && json_object_set_new(message, name, json_true()) < 0) {
                json_decref(message);
                return NULL;
        }
        return message;
}

json_t *varlink_request(const char *method, json_t *parameters, bool more)
{
        return message_flag(message_new("method", json_string(method), parameters), "more", more);
}

json_t *varlink_reply(json_t *parameters, bool continues)
{
        return message_flag(message_new(NULL, NULL, parameters), "continues", continues);
}

json_t *varlink_error(const char *error, json_t *parameters)
{
        return message_new("error", json_string(error), parameters);
}

struct encoder {
        char *data;
        size_t len;
        size_t size;
        size_t max;
        int error;
};

static int encoder_reserve(struct encoder *encoder, size_t need)
{
        size_t size = MAX(encoder->size * 2, MAX(need, (size_t)512));
        char *data;

        if (need <= encoder->size)
                return 0;
        size = MIN(size, encoder->max + 1);
        data = realloc(encoder->data, size);
        if (!data)
                return -ENOMEM;
        encoder->data = data;
        encoder->size = size;
        return 0;
}

/* A json_dump_callback_t: appends, with room left for the NUL. */
static int encoder_append(const char *bytes, size_t len, void *userdata)
{
        struct encoder *encoder = userdata;

        if (len > encoder->max - encoder->len)
                encoder->error = -EMSGSIZE;
        else
                encoder->error = encoder_reserve(encoder, encoder->len + len + 1);
        if (encoder->error < 0)
                return -1;

        memcpy(encoder->data + encoder->len, bytes, len);
        encoder->len += len;
        return 0;
}

int varlink_encode(const json_t *message, size_t max, char **ret_bytes, size_t *ret_len)
{
        struct encoder encoder = { .max = max };

        if (json_dump_callback(message, encoder_append, &encoder, JSON_COMPACT) < 0) {
                free(encoder.data);
                return encoder.error < 0 ? encoder.error : -ENOMEM;
        }

        encoder.data[encoder.len++] = '\0';
        *ret_bytes = encoder.data;
        *ret_len = encoder.len;
        return 0;
}

static json_t *service_error(const char *error, const char *name, const char *value)
{
        json_t *parameters = json_pack("{s:s}", name, value);

        return parameters ? varlink_error(error, parameters) : NULL;
}

json_t *varlink_error_method_not_found(const char *method)
{
        return service_error("org.varlink.service.MethodNotFound", "method", method);
}

json_t *varlink_error_interface_not_found(const char *interface)
{
        return service_error("org.varlink.service.InterfaceNotFound", "interface", interface);
}

json_t *varlink_error_invalid_parameter(const char *parameter)
{
        return service_error("org.varlink.service.InvalidParameter", "parameter", parameter);
}
