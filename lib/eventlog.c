/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring of pointers in order of their sequence numbers. It is short, but for a journal that is
 * away: then it holds what must be told when it is back.
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

static void drop_oldest(struct eventlog *log)
{
        free(get(log, 0));
        log->first = (log->first + 1) % EVENTLOG_MAX;
        log->n--;
}

/* Down to so many, as far as they have been told. */
static void trim(struct eventlog *log, size_t kept)
{
        while (log->n > kept && get(log, 0)->sequence <= log->told)
                drop_oldest(log);
}

int eventlog_add(struct eventlog *log, const struct event *event)
{
        const uint64_t last = log->n > 0 ? get(log, log->n - 1)->sequence : 0;
        struct event *copy;

        if (event->sequence <= last)
                return -EINVAL;
        copy = malloc(sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *copy = *event;
        trim(log, EVENTLOG_KEPT - 1);
        if (log->n == EVENTLOG_MAX) {
                log->lost++;
                drop_oldest(log);
        }
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
        trim(log, EVENTLOG_KEPT);
}

uint64_t eventlog_told(const struct eventlog *log)
{
        return log->told;
}

uint64_t eventlog_lost(const struct eventlog *log)
{
        return log->lost;
}

void eventlog_count_lost(struct eventlog *log)
{
        const uint64_t oldest = log->n > 0 ? get(log, 0)->sequence : 0;

        log->lost = oldest > log->told + 1 ? oldest - log->told - 1 : 0;
}

void eventlog_leave_out(struct eventlog *log)
{
        log->left_out++;
}

uint64_t eventlog_left_out(const struct eventlog *log)
{
        return log->left_out;
}
