/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring of pointers in order of their sequence numbers. Once it is full, the oldest event's memory
 * is the newest's.
 */

#include "eventlog.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base.h"

struct eventlog {
        struct event *items[EVENTLOG_MAX];
        size_t first; /* place of the oldest */
        size_t n;
        uint64_t told;
        uint64_t lost;
        uint64_t left_out;
};

int eventlog_new(struct eventlog **ret_log)
{
        struct eventlog *log = calloc(1, sizeof(*log));

        if (!log)
                return -ENOMEM;
        *ret_log = log;
        return 0;
}

struct eventlog *eventlog_free(struct eventlog *log)
{
        if (log)
                eventlog_empty(log);
        free(log);
        return NULL;
}

/* The i-th oldest. */
static struct event *get(const struct eventlog *log, size_t i)
{
        return log->items[(log->first + i) % EVENTLOG_MAX];
}

void eventlog_empty(struct eventlog *log)
{
        for (size_t i = 0; i < log->n; i++)
                free(get(log, i));
        *log = (struct eventlog){ 0 };
}

/* Memory for one more: the oldest's, or new. */
static struct event *make_room(struct eventlog *log)
{
        struct event *oldest;

        if (log->n < EVENTLOG_MAX)
                return malloc(sizeof(*oldest));
        oldest = get(log, 0);
        log->lost += oldest->sequence > log->told;
        log->first = (log->first + 1) % EVENTLOG_MAX;
        log->n--;
        return oldest;
}

int eventlog_add(struct eventlog *log, const struct event *event)
{
        const uint64_t last = log->n > 0 ? get(log, log->n - 1)->sequence : 0;
        struct event *copy;

        if (event->sequence <= last)
                return -EINVAL;
        copy = make_room(log);
        if (!copy)
                return -ENOMEM;
        *copy = *event;
        log->items[(log->first + log->n++) % EVENTLOG_MAX] = copy;
        return 0;
}

void eventlog_set_owner(struct eventlog *log, uint64_t sequence, const struct owner *owner)
{
        for (size_t i = log->n; i > 0; i--) {
                struct event *event = get(log, i - 1);

                if (event->sequence == sequence)
                        event->alert.owner = *owner;
                if (event->sequence <= sequence)
                        return;
        }
}

size_t eventlog_count(const struct eventlog *log)
{
        return log->n;
}

const struct event *eventlog_get(const struct eventlog *log, size_t i)
{
        assert(i < log->n);
        return get(log, i);
}

void eventlog_set_told(struct eventlog *log, uint64_t sequence)
{
        log->told = MAX(log->told, sequence);
}

uint64_t eventlog_told(const struct eventlog *log)
{
        return log->told;
}

uint64_t eventlog_lost(const struct eventlog *log)
{
        return log->lost;
}

void eventlog_leave_out(struct eventlog *log)
{
        log->left_out++;
}

uint64_t eventlog_left_out(const struct eventlog *log)
{
        return log->left_out;
}
