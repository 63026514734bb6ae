/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a transition becomes an event. */

#include "detectstep.h"

#include <assert.h>

#include "alerttable.h"

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
