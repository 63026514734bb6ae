/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer that a GetHistory reply waits for, and the reply that is made of it. */

#include <jansson.h>
#include <stdint.h>

#include "control-client.h"

#define HISTORYWAIT_USEC (UINT64_C(4) * 1000000) /* twmonctl waits 5 s */

struct historywait;

struct historywait *historywait_free(struct historywait *wait);

/* When to wait no longer; 0: the answer is done, or that time has come. wait may be NULL. */
uint64_t historywait_until(const struct historywait *wait, uint64_t now_usec);

/* The reply, and the end of the stream. 0 or -ENOMEM. */
int historywait_reply(struct stream *stream, json_t **ret_reply);
