/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What waits to be started, and how often something may be: the starter without its bus. Time is a
 * parameter (monotonic, microseconds). Internal to starter.
 */

#include <stddef.h>

#include "starter.h"

#define START_JOB_MAX 128 /* of a job's object path, terminator included */

/* Nothing to wait for. */
#define START_NEVER UINT64_MAX

enum start_state {
        START_FREE,
        START_WAITING, /* to be asked for */
        START_ASKED,   /* the service manager has not answered yet */
        START_RUNNING, /* its job has not ended yet */
        START_STATE_COUNT,
};

/* One unit; there is one at most of each name. */
struct start {
        enum start_state state;
        bool again;         /* asked or running: the unit was told once more, and waits behind it */
        uint64_t order;     /* of those that wait the least is next */
        uint64_t told_usec; /* when the newest event that wants it came */
        uint64_t limit_usec; /* running: until when its end is waited for */
        char unit[STARTER_UNIT_MAX];
        char job[START_JOB_MAX];
};

/* All zero: empty, and STARTER_BURST may be started at once. */
struct start_queue {
        struct start items[STARTER_WAITING_MAX];
        uint64_t order;     /* of the newest */
        uint64_t paid_usec; /* token bucket: up to when the starts so far have used it up */
        uint64_t dropped;
};

/* An event wants that unit. Where it waits already nothing changes but its age. */
void start_queue_put(struct start_queue *queue, const char *unit, uint64_t now_usec);

/* The one that has waited longest; NULL: none waits. */
struct start *start_queue_next(struct start_queue *queue);

/* When the next may be started by the rate alone: now_usec or later. */
uint64_t start_queue_token_usec(const struct start_queue *queue, uint64_t now_usec);
/* It is asked for now: takes a token. */
void start_queue_ask(struct start_queue *queue, struct start *start, uint64_t now_usec);
/*
 * That job is on its way. Empty or too long, its end could not be recognized: start_queue_expire()
 * has it done at once.
 */
void start_queue_run(struct start *start, const char *job, uint64_t now_usec);
/* It is over: free, or waiting where it was told again. */
void start_queue_done(struct start_queue *queue, struct start *start);

/* The running one with that job; NULL: none of ours. */
struct start *start_queue_find_job(struct start_queue *queue, const char *job);

/* Drops what waits for too long; a job that has run for too long counts as over. */
void start_queue_expire(struct start_queue *queue, uint64_t now_usec);
/* When start_queue_expire() has something to do next; START_NEVER. */
uint64_t start_queue_expiry_usec(const struct start_queue *queue);

/* The service manager is gone: what was asked for waits again, what ran is over. */
void start_queue_lost(struct start_queue *queue);
/* Forgets all that waits: nothing is to be started any more, or another unit. */
void start_queue_forget(struct start_queue *queue);

/* How many there are that are not free; *ret_waiting of them wait, behind their own job included. */
size_t start_queue_count(const struct start_queue *queue, size_t *ret_waiting);
