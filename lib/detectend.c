/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ends of alerts that nothing was seen for: what made them is gone. */

#include <errno.h>
#include <stdio.h>

#include "alerttable.h"
#include "base.h"
#include "detectstep.h"

/* Said once, if anything had been said; returns the event, NULL: nothing had. */
static struct event *end(const struct step *step, struct alert *alert, const char *reason)
{
        struct event *event;

        if (alert->state == ALERT_PENDING)
                return NULL;
        step_tell(step, alert, TRANSITION_CLEARED, alert->severity);
        event = &step->events->items[step->events->n - 1];
        snprintf(event->reason, sizeof(event->reason), "%s", reason);
        return event;
}

int step_retire(const struct step *step, struct alert *alert)
{
        (void)end(step, alert, "its rule was removed from the configuration");
        return ALERT_GONE;
}

static int judge_rule_alone(struct alert *alert, void *userdata)
{
        const struct step *step = userdata;

        if (rules_find(step->rules, alert->key.kind, &alert->key.port))
                return 0;
        return events_reserve(step->events) ? step_retire(step, alert) : -ENOMEM;
}

int detect_retire(struct alert_table *table, const struct rules *rules, uint64_t now_usec,
                  uint64_t now_wall_usec, struct events *ret_events)
{
        struct step step = { .table = table,
                             .rules = rules,
                             .now_usec = now_usec,
                             .now_wall_usec = now_wall_usec,
                             .events = ret_events };

        ret_events->n = 0;
        return alert_table_sweep(table, judge_rule_alone, &step);
}

/*
 * The times of these alerts are of a clock that has ended with its boot. How long they have lasted
 * only the wall clock can tell; so their last event is told by what the old clock would show, and
 * whoever subtracts the one from the other is right. All monotonic times in such an event are of the
 * old clock, and mean nothing beside those of other events.
 */
static int judge_reboot(struct alert *alert, void *userdata)
{
        const struct step *step = userdata;
        struct event *event;

        if (!events_reserve(step->events))
                return -ENOMEM;
        event = end(step, alert, "the host was restarted, which has ended its connections");
        if (event)
                event->now_usec = alert->since_usec + step->now_wall_usec -
                                  MIN(alert->since_wall_usec, step->now_wall_usec);
        return ALERT_GONE;
}

int detect_reboot(struct alert_table *table, uint64_t now_usec, uint64_t now_wall_usec,
                  struct events *ret_events)
{
        struct step step = { .table = table,
                             .now_usec = now_usec,
                             .now_wall_usec = now_wall_usec,
                             .events = ret_events };
        int r;

        ret_events->n = 0;
        r = alert_table_sweep(table, judge_reboot, &step);
        if (r == 0)
                alert_table_forget_counts(table);
        return r;
}
