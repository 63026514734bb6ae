/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The method table: one request -> one reply, or the beginning of a stream. */

#include <jansson.h>

#include "control-answers.h"

/*
 * Answers a message. *ret_reply is NULL where nothing is to be sent: oneway, or a call whose
 * replies all come from its stream. stream, which is idle, is begun where the call goes
 * on. 0, or -ENOMEM.
 */
int methods_answer(const struct method_env *env, json_t *message, struct stream *stream,
                   json_t **ret_reply);

/* The reply to bytes that were no call. NULL: no memory. */
json_t *methods_message_invalid(const char *reason);
