/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the detector share: one step, and how it tells. */

#include "detect.h"

/* Is it raised by how old sockets are? */
static inline bool detect_goes_by_age(enum alert_kind kind)
{
        return kind == ALERT_CLOSE_WAIT_STUCK || kind == ALERT_CLOSE_WAIT_LEAK;
}

/* One step's parameters, so that they travel together. */
struct step {
        struct alert_table *table;
        const struct rules *rules;
        const struct snapshot *snapshot;
        uint64_t now_usec;
        uint64_t now_wall_usec;
        uint64_t seen_usec; /* when that was so which is judged: now, or when a census was taken */
        struct tw_table tw_table; /* the snapshot's; its overflows are those not judged yet */
        struct events *events;
};

/*
 * Tells a transition. events_reserve() has made room for it, so that a transition is never made and
 * then not told.
 */
void step_tell(const struct step *step, struct alert *alert, enum transition transition,
               enum severity previous);
/* It keeps the owner that it had; but what that one had open then is not what it has now. */
void step_forget_descriptors(struct owner *owner);

/* The rule that made it is gone: said once, if anything had been said. ALERT_GONE. */
int step_retire(const struct step *step, struct alert *alert);
