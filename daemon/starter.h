/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * [Alerts] Start=: asks the service manager over the bus to start a template unit with an alert's
 * key as its instance, when it is raised, escalates or clears. Runs on the loop and never blocks
 * it; bounded in what waits and in how often; a bus that is away is said once.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "detect.h"

#define STARTER_WAITING_MAX  64                      /* keys; beyond it they are dropped, counted */
#define STARTER_BURST        10                      /* starts at once ... */
#define STARTER_REFILL_USEC  (UINT64_C(6) * 1000000) /* ... and one more after each of these */
#define STARTER_TIMEOUT_USEC (UINT64_C(10) * 1000000)  /* for an answer of the service manager */
#define STARTER_RETRY_USEC   (UINT64_C(60) * 1000000)  /* between attempts to reach the bus */
#define STARTER_KEEP_USEC    (UINT64_C(600) * 1000000) /* what waits longer is dropped, counted */
#define STARTER_JOB_USEC     (UINT64_C(90) * 1000000)  /* for a job, before the next of its unit */
#define STARTER_UNIT_MAX     256                       /* of a unit's name, terminator included */

struct starter;

struct starter_ops {
        /* Something that an administrator should know, said once until it has worked again. error:
           -errno; 0: what says it all. */
        void (*problem)(void *userdata, const char *what, int error, const char *next);
        uint64_t (*now_usec)(void *userdata); /* the monotonic clock */
};

/* ops and userdata are borrowed for the starter's life. Connects to nothing yet. -ENOMEM. */
int starter_new(sd_event *event, const struct starter_ops *ops, void *userdata,
                struct starter **ret_starter);
struct starter *starter_free(struct starter *starter);

/*
 * From now on. template_unit: "NAME@.service" or such; empty: nothing is started. Of another one
 * nothing has been said yet, and the service manager counts as reachable.
 */
void starter_configure(struct starter *starter, const char *template_unit);

/*
 * An event that was told: raised, escalated and cleared start the unit, nothing else does. A key
 * that waits already waits once, because what is started asks for the newest event itself; one
 * whose job still runs waits for its end, because a second start would be merged into that job.
 */
void starter_tell(struct starter *starter, const struct event *event);

struct starter_stats {
        uint64_t started; /* jobs that the service manager has taken */
        uint64_t failed;  /* starts that it refused, and jobs that did not end well */
        uint64_t dropped; /* STARTER_WAITING_MAX, STARTER_KEEP_USEC */
        uint64_t waiting; /* for a token, for the bus, or for an earlier job of the same unit */
        bool reachable;   /* the last attempt reached the service manager; true before the first */
};
void starter_get_stats(const struct starter *starter, struct starter_stats *ret_stats);

/*
 * The unit that "NAME@.service" and that key make, with the key escaped as systemd-escape(1) does.
 * 0; -EINVAL: no template; -ENAMETOOLONG.
 */
int starter_unit_name(const char *template_unit, const char *key,
                      char ret_unit[static STARTER_UNIT_MAX]);
