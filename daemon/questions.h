/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the loop has asked the scanner's thread and not been told yet: who owns sockets, and what a
 * look shows. Bounded, first come, first served. Knows no threads: whoever shares it holds a lock.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lookanswer.h"
#include "owner.h"
#include "portkey.h"

#define QUESTIONS_OWNERS_MAX    64 /* asked and not yet taken */
#define QUESTIONS_STRANGERS_MAX 16 /* of them, for clients of the control socket */
#define QUESTIONS_LOOKS_MAX     16 /* asked for and not yet taken */

struct owner_question {
        struct owner_answer answer; /* its owner is to be found */
        bool for_alert;             /* false: for a stranger, who has to leave room */
};

/* Answers to be filled in, or filled in, answered ones first; each with a reference. */
struct look_queue {
        struct look_answer *items[QUESTIONS_LOOKS_MAX];
        size_t n_answered;
        size_t n; /* answered ones included */
};

/* All zero: nothing is asked. */
struct questions {
        struct owner_question owners[QUESTIONS_OWNERS_MAX]; /* answered ones first */
        size_t n_owners_answered;
        size_t n_owners; /* answered ones included */
        struct look_queue looks;
};

/*
 * Who holds the witness? The same witness of the same port is asked for once. -ENOBUFS: too many
 * wait.
 */
int questions_ask_owner(struct questions *questions, const struct port_key *port,
                        const struct port_witness *witness, bool for_alert);
/* The one to be answered next, which stays in its place; NULL: none. */
struct owner_question *questions_next_owner(struct questions *questions);
/* That one now has its answer. */
void questions_owner_found(struct questions *questions, const struct owner *owner,
                           uint64_t cpu_usec);
/* Takes the oldest answer out. False: there is none. */
bool questions_take_owner(struct questions *questions, struct owner_answer *ret_answer);

/*
 * The answer is to be filled in: takes its reference over on success. Whoever asks sees to it that
 * none is asked for twice (lookcache.h). -ENOBUFS: too many wait.
 */
int questions_ask_look(struct questions *questions, struct look_answer *answer);
/* The one to be filled in next, which stays in its place; NULL: none. */
struct look_answer *questions_next_look(const struct questions *questions);
/* That one now is. */
void questions_look_done(struct questions *questions);
/* Takes the oldest out that is filled in, now the caller's; NULL: none. */
struct look_answer *questions_take_look(struct questions *questions);

/* Forgets everything. */
void questions_done(struct questions *questions);
