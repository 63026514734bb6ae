/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How a transition becomes an event; and the ends of alerts that nothing was seen for: what made
 * them is gone.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "alerttable.h"
#include "base.h"
#include "detectstep.h"

void step_forget_descriptors(struct owner *owner)
{
        for (uint32_t i = 0; i < owner->n_processes; i++)
                owner->processes[i].fds = OWNER_UNKNOWN;
}

void step_tell(const struct step *step, struct alert *alert, enum transition transition,
               enum severity previous)
{
        struct event *event = events_add(step->events);

        assert(event);
        alert->told_usec = step->now_usec;
        event->sequence = alert_table_next_sequence(step->table);
        event->transition = transition;
        event->previous_severity = previous;
        event->now_usec = step->now_usec;
        event->now_wall_usec = step->now_wall_usec;
        event->alert = *alert;
        alert_table_note_change(step->table);
        if (transition == TRANSITION_CLEARED)
                step_forget_descriptors(&event->alert.owner);
}

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
 * whoever subtracts the one from the other is right.
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
