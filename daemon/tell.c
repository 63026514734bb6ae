/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A queue that is empty nearly always. Owners are looked up when something is told about them, not
 * before, and then once a minute: a sweep through /proc per scan would cost more than the scan. An
 * alert that clears keeps the owner it had.
 *
 * Order is kept: a later event waits behind an earlier one, so that sequence numbers only rise.
 */

#include "tell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

struct waiting {
        struct event event;
        uint64_t until_usec; /* 0: need not wait */
};

struct tell {
        const struct tell_ops *ops;
        void *userdata;
        struct waiting *queue;
        size_t n;
        size_t size;
};

int tell_new(const struct tell_ops *ops, void *userdata, struct tell **ret_tell)
{
        struct tell *tell = calloc(1, sizeof(*tell));

        if (!tell)
                return -ENOMEM;
        tell->ops = ops;
        tell->userdata = userdata;
        *ret_tell = tell;
        return 0;
}

static void let_out(struct tell *tell, size_t n)
{
        for (size_t i = 0; i < n; i++)
                tell->ops->out(tell->userdata, &tell->queue[i].event);
        tell->n -= n;
        if (tell->n > 0) {
                memmove(tell->queue, tell->queue + n, tell->n * sizeof(*tell->queue));
                return;
        }
        free(tell->queue);
        tell->queue = NULL;
        tell->size = 0;
}

static void let_out_ready(struct tell *tell)
{
        size_t n = 0;

        while (n < tell->n && tell->queue[n].until_usec == 0)
                n++;
        if (n > 0)
                let_out(tell, n);
}

void tell_all(struct tell *tell)
{
        if (tell->n > 0)
                let_out(tell, tell->n);
}

struct tell *tell_free(struct tell *tell)
{
        if (tell)
                tell_all(tell);
        free(tell);
        return NULL;
}

static int push(struct tell *tell, const struct waiting *waiting)
{
        if (tell->n == TELL_EVENTS_MAX)
                return -ENOBUFS;
        if (tell->n == tell->size) {
                const size_t size = MAX(tell->size * 2, (size_t)4);
                struct waiting *queue = realloc(tell->queue, size * sizeof(*queue));

                if (!queue)
                        return -ENOMEM;
                tell->queue = queue;
                tell->size = size;
        }
        tell->queue[tell->n++] = *waiting;
        return 0;
}

static bool wants_owner(const struct event *event)
{
        return event->transition != TRANSITION_CLEARED && event->alert.witness.known;
}

void tell_event(struct tell *tell, const struct event *event, uint64_t now_usec)
{
        struct waiting waiting = { .event = *event };

        if (wants_owner(event) &&
            tell->ops->ask(tell->userdata, &event->alert.key.port, &event->alert.witness) == 0)
                waiting.until_usec = now_usec + TELL_WAIT_USEC;
        if (push(tell, &waiting) < 0) {
                let_out(tell, tell->n);
                tell->ops->out(tell->userdata, &waiting.event);
                return;
        }
        let_out_ready(tell);
}

void tell_owner(struct tell *tell, const struct owner_answer *answer)
{
        for (size_t i = 0; i < tell->n; i++) {
                if (!alert_is_answered(&tell->queue[i].event.alert, answer))
                        continue;
                tell->queue[i].event.alert.owner = answer->owner;
                tell->queue[i].until_usec = 0;
        }
        let_out_ready(tell);
}

void tell_overdue(struct tell *tell, uint64_t now_usec)
{
        for (size_t i = 0; i < tell->n; i++)
                if (tell->queue[i].until_usec <= now_usec)
                        tell->queue[i].until_usec = 0;
        let_out_ready(tell);
}

uint64_t tell_deadline_usec(const struct tell *tell)
{
        return tell->n > 0 ? tell->queue[0].until_usec : 0;
}
