/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The look that a GetPort or ListDestinations reply waits for, and the reply that is made of it. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control-client.h"
#include "lookanswer.h"

#define LOOKWAIT_USEC         (UINT64_C(4) * 1000000) /* twmonctl waits 5 s */
#define LOOKWAIT_RETRY_SEC    1  /* so long looks are counted that are too many */
#define LOOKWAIT_DESTINATIONS 20 /* listed unless asked */

struct lookwait;

struct lookwait *lookwait_free(struct lookwait *wait);

/* An answer, whether it was asked for here or not. */
void lookwait_answer(struct lookwait *wait, struct look_answer *answer);
/* When to wait no longer; 0: the answer is here, or that time has come. wait may be NULL. */
uint64_t lookwait_until(const struct lookwait *wait, uint64_t now_usec);

/* The reply, an error where nothing was seen, and the end of the stream. 0 or -ENOMEM. */
int lookwait_reply(struct stream *stream, json_t **ret_reply);
