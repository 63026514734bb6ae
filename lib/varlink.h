/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Varlink messages (varlink.org): JSON objects, each ended by one NUL byte. Both ends use this;
 * neither sockets nor sd-event are known here. Kept small and shaped like sd-varlink, so that it
 * can be swapped for that library.
 *
 *   bytes in  -> varlink_buffer_commit() -> varlink_buffer_next() -> json_t -> varlink_call_parse()
 *   reply out <- varlink_encode()        <- varlink_reply() / varlink_error()
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_REQUEST_MAX (64 * 1024)   /* bytes of one request, NUL not counted */
#define VARLINK_REPLY_MAX   (1024 * 1024) /* bytes of one reply, NUL not counted */
#define VARLINK_DEPTH_MAX   32            /* nested objects and arrays in a request */

/* varlink_buffer_next() */
#define VARLINK_AGAIN    1 /* no whole message yet */
#define VARLINK_TOO_LONG 2 /* more than max bytes without a NUL: the connection cannot go on */
#define VARLINK_BAD_JSON 3 /* not a JSON object, too deep, duplicate keys, not UTF-8; consumed */

/* Bytes received but not yet consumed; grows to at most max + 1 and shrinks again when empty. */
struct varlink_buffer {
        char *data;
        size_t len;
        size_t size;
        size_t scanned; /* bytes already searched for a NUL */
        size_t max;
};

void varlink_buffer_init(struct varlink_buffer *buffer, size_t max);
void varlink_buffer_done(struct varlink_buffer *buffer);

/*
 * Room for the next read: at least one byte, at most what the limit leaves; *ret_space is 0 when
 * the buffer is full (varlink_buffer_next() then says VARLINK_TOO_LONG). -ENOMEM.
 */
int varlink_buffer_space(struct varlink_buffer *buffer, char **ret_data, size_t *ret_space);
void varlink_buffer_commit(struct varlink_buffer *buffer, size_t n);

/* 0 and the next message (caller owns it), an outcome above, or -ENOMEM. */
int varlink_buffer_next(struct varlink_buffer *buffer, json_t **ret_message);

/* One call. method and parameters are borrowed from message. */
struct varlink_call {
        const char *method;
        json_t *parameters; /* an object, or NULL where the call had none */
        bool more;
        bool oneway;
};

/* 0, or -EINVAL: no method, or a member of the wrong type. Unknown members are ignored. */
int varlink_call_parse(json_t *message, struct varlink_call *ret_call);

/* Each takes over parameters (which may be NULL) and returns a new message, NULL for no memory. */
json_t *varlink_request(const char *method, json_t *parameters, bool more);
json_t *varlink_reply(json_t *parameters, bool continues);
json_t *varlink_error(const char *error, json_t *parameters);

/*
 * The bytes of a message, its NUL included in *ret_len; the caller frees them.
 * -ENOMEM, or -EMSGSIZE when it is above max.
 */
int varlink_encode(const json_t *message, size_t max, char **ret_bytes, size_t *ret_len);

/* The errors of org.varlink.service, ready to send. */
json_t *varlink_error_method_not_found(const char *method);
json_t *varlink_error_interface_not_found(const char *interface);
json_t *varlink_error_invalid_parameter(const char *parameter);
