/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A start goes waiting -> asked -> running -> free. What is told meanwhile is remembered as a flag,
 * not as one more entry: the unit that is started asks what the newest event is, so that one start
 * after the newest event is enough, and one before it is not.
 *
 * The bucket is kept as one time: each start uses up STARTER_REFILL_USEC of the future, and
 * STARTER_BURST of them at most may be used up at a time.
 */

#include "startqueue.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

void start_queue_put(struct start_queue *queue, const char *unit, uint64_t now_usec)
{
        struct start *room = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                if (start->state == START_FREE) {
                        room = room ? room : start;
                } else if (strcmp(start->unit, unit) == 0) {
                        start->told_usec = now_usec;
                        start->again = start->state != START_WAITING;
                        return;
                }
        }
        if (!room) {
                queue->dropped++;
                return;
        }
        *room = (struct start){ START_WAITING, .order = ++queue->order, .told_usec = now_usec };
        (void)snprintf(room->unit, sizeof(room->unit), "%s", unit);
}

struct start *start_queue_next(struct start_queue *queue)
{
        struct start *next = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                if (start->state == START_WAITING && (!next || start->order < next->order))
                        next = start;
        }
        return next;
}

uint64_t start_queue_token_usec(const struct start_queue *queue, uint64_t now_usec)
{
        const uint64_t most_usec = (STARTER_BURST - 1) * STARTER_REFILL_USEC;

        if (queue->paid_usec <= most_usec)
                return now_usec;
        return MAX(now_usec, queue->paid_usec - most_usec);
}

void start_queue_ask(struct start_queue *queue, struct start *start, uint64_t now_usec)
{
        assert(start->state == START_WAITING);
        start->state = START_ASKED;
        queue->paid_usec = MAX(queue->paid_usec, now_usec) + STARTER_REFILL_USEC;
}

void start_queue_run(struct start *start, const char *job, uint64_t now_usec)
{
        assert(start->state == START_ASKED);
        start->state = START_RUNNING;
        start->limit_usec = now_usec;
        start->job[0] = '\0';
        if (job[0] == '\0' || strlen(job) >= sizeof(start->job))
                return;
        strcpy(start->job, job);
        start->limit_usec += STARTER_JOB_USEC;
}

void start_queue_done(struct start_queue *queue, struct start *start)
{
        start->state = start->again ? START_WAITING : START_FREE;
        if (start->again)
                start->order = ++queue->order;
        start->again = false;
}

struct start *start_queue_find_job(struct start_queue *queue, const char *job)
{
        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                if (start->state == START_RUNNING && strcmp(start->job, job) == 0)
                        return start;
        }
        return NULL;
}

/* When something happens to it by itself. */
static uint64_t expiry_usec(const struct start *start)
{
        switch (start->state) {
        case START_WAITING:
                return start->told_usec + STARTER_KEEP_USEC;
        case START_RUNNING:
                return start->limit_usec;
        case START_FREE:
        case START_ASKED: /* the bus has a limit of its own for an answer */
        case START_STATE_COUNT:
                break;
        }
        return START_NEVER;
}

void start_queue_expire(struct start_queue *queue, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                if (now_usec < expiry_usec(start))
                        continue;
                if (start->state == START_RUNNING) {
                        start_queue_done(queue, start);
                } else {
                        start->state = START_FREE;
                        queue->dropped++;
                }
        }
}

uint64_t start_queue_expiry_usec(const struct start_queue *queue)
{
        uint64_t least_usec = START_NEVER;

        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++)
                least_usec = MIN(least_usec, expiry_usec(&queue->items[i]));
        return least_usec;
}

void start_queue_lost(struct start_queue *queue)
{
        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                if (start->state == START_RUNNING) {
                        start_queue_done(queue, start);
                } else if (start->state == START_ASKED) {
                        start->state = START_WAITING; /* in its old place */
                        start->again = false;
                }
        }
}

void start_queue_forget(struct start_queue *queue)
{
        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                struct start *start = &queue->items[i];

                start->again = false;
                if (start->state == START_WAITING)
                        start->state = START_FREE;
        }
}

size_t start_queue_count(const struct start_queue *queue, size_t *ret_waiting)
{
        size_t count = 0, waiting = 0;

        for (size_t i = 0; i < ARRAY_SIZE(queue->items); i++) {
                const struct start *start = &queue->items[i];

                count += start->state != START_FREE;
                waiting += start->state == START_WAITING || start->again;
        }
        *ret_waiting = waiting;
        return count;
}
