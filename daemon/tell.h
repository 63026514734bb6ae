/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Events on their way out: in order, each waits here until its owner is known, but not for long;
 * then it goes to whoever listens. Pure but for the functions it is given.
 */

#include <stdbool.h>

#include "detect.h"

#define TELL_EVENTS_MAX 2048 /* waiting; beyond it events go out without an owner */
#define TELL_WAIT_USEC  (UINT64_C(2) * 1000000)

struct tell_ops {
        /* Starts looking for the owner. 0: an answer will come; negative: none will. */
        int (*ask)(void *userdata, const struct port_key *port, const struct port_witness *witness);
        void (*out)(void *userdata, const struct event *event);
};

struct tell;

int tell_new(const struct tell_ops *ops, void *userdata, struct tell **ret_tell);
/* Lets everything out that waits. */
void tell_all(struct tell *tell);
/* The same before. */
struct tell *tell_free(struct tell *tell);

/* Takes a copy of the event. Lets out what can go. */
void tell_event(struct tell *tell, const struct event *event, uint64_t now_usec);
/* Fills the owner into every waiting event that it was asked for. Lets out what can go. */
void tell_owner(struct tell *tell, const struct owner_answer *answer);
/* Lets out what has waited for TELL_WAIT_USEC. */
void tell_overdue(struct tell *tell, uint64_t now_usec);
/* When the first waiting event becomes overdue; 0: nothing waits. */
uint64_t tell_deadline_usec(const struct tell *tell);
