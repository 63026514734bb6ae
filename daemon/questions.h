/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the loop has asked the scanner's thread and not been told yet: who owns sockets. Bounded,
 * first come, first served. Knows no threads: whoever shares it holds a lock.
 */

#include <stdbool.h>
#include <stddef.h>

#include "owner.h"
#include "portkey.h"

#define QUESTIONS_OWNERS_MAX    64 /* asked and not yet taken */
#define QUESTIONS_STRANGERS_MAX 16 /* of them, for clients of the control socket */

struct owner_question {
        struct port_key port;
        struct port_witness witness;
        struct owner owner; /* the answer */
        bool for_alert;     /* false: for a stranger, who has to leave room */
};

/* All zero: nothing is asked. */
struct questions {
        struct owner_question owners[QUESTIONS_OWNERS_MAX]; /* answered ones first */
        size_t n_owners_answered;
        size_t n_owners; /* answered ones included */
};

/*
 * Who holds the witness? Who has been asked for already is asked for once. -ENOBUFS: too many wait.
 */
int questions_ask_owner(struct questions *questions, const struct port_key *port,
                        const struct port_witness *witness, bool for_alert);
/* The one to be answered next, which stays in its place; NULL: none. */
struct owner_question *questions_next_owner(struct questions *questions);
/* That one now has its answer. */
void questions_owner_found(struct questions *questions, const struct owner *owner);
/* Takes the oldest answer out. False: there is none. */
bool questions_take_owner(struct questions *questions, struct port_key *ret_port,
                          struct owner *ret_owner);
