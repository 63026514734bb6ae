/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A queue in an array: answers at its head, then what is still to be answered. It is short, so that
 * taking from its head moves the rest.
 */

#include "questions.h"

#include <errno.h>
#include <string.h>

/*
 * The same question, if it waits already; how many of strangers do. Each witness of a port is
 * another question: its listener, a socket in CLOSE_WAIT, one towards each destination.
 */
static struct owner_question *find_owner(struct questions *questions, const struct port_key *port,
                                         const struct port_witness *witness, size_t *ret_strangers)
{
        struct owner_question *found = NULL;

        *ret_strangers = 0;
        for (size_t i = 0; i < questions->n_owners; i++) {
                struct owner_question *question = &questions->owners[i];

                *ret_strangers += !question->for_alert;
                if (port_witness_equal(&question->answer.witness, witness) &&
                    port_key_compare(&question->answer.port, port) == 0)
                        found = question;
        }
        return found;
}

int questions_ask_owner(struct questions *questions, const struct port_key *port,
                        const struct port_witness *witness, bool for_alert)
{
        size_t strangers;
        struct owner_question *same = find_owner(questions, port, witness, &strangers);

        if (same) {
                same->for_alert |= for_alert; /* the answer will do for both */
                return 0;
        }
        if (questions->n_owners == QUESTIONS_OWNERS_MAX ||
            (!for_alert && strangers >= QUESTIONS_STRANGERS_MAX))
                return -ENOBUFS;
        questions->owners[questions->n_owners++] =
                (struct owner_question){ .answer = { .port = *port, .witness = *witness },
                                         .for_alert = for_alert };
        return 0;
}

struct owner_question *questions_next_owner(struct questions *questions)
{
        return questions->n_owners_answered < questions->n_owners
                       ? &questions->owners[questions->n_owners_answered]
                       : NULL;
}

void questions_owner_found(struct questions *questions, const struct owner *owner,
                           uint64_t cpu_usec)
{
        struct owner_answer *answer = &questions->owners[questions->n_owners_answered++].answer;

        answer->owner = *owner;
        answer->cpu_usec = cpu_usec;
}

bool questions_take_owner(struct questions *questions, struct owner_answer *ret_answer)
{
        if (questions->n_owners_answered == 0)
                return false;
        *ret_answer = questions->owners[0].answer;
        questions->n_owners_answered--;
        questions->n_owners--;
        memmove(&questions->owners[0], &questions->owners[1],
                questions->n_owners * sizeof(questions->owners[0]));
        return true;
}

int questions_ask_look(struct questions *questions, struct look_answer *answer)
{
        struct look_queue *looks = &questions->looks;

        if (looks->n == QUESTIONS_LOOKS_MAX)
                return -ENOBUFS;
        looks->items[looks->n++] = answer;
        return 0;
}

struct look_answer *questions_next_look(const struct questions *questions)
{
        const struct look_queue *looks = &questions->looks;

        return looks->n_answered < looks->n ? looks->items[looks->n_answered] : NULL;
}

void questions_look_done(struct questions *questions)
{
        questions->looks.n_answered++;
}

struct look_answer *questions_take_look(struct questions *questions)
{
        struct look_queue *looks = &questions->looks;
        struct look_answer *answer = looks->items[0];

        if (looks->n_answered == 0)
                return NULL;
        looks->n_answered--;
        looks->n--;
        memmove(&looks->items[0], &looks->items[1], looks->n * sizeof(looks->items[0]));
        return answer;
}

void questions_done(struct questions *questions)
{
        for (size_t i = 0; i < questions->looks.n; i++)
                look_answer_unref(questions->looks.items[i]);
        *questions = (struct questions){ 0 };
}
