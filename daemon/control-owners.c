/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looking for an owner takes the scanner's thread a while, so it is done only for ports that were
 * asked about by number, and few of them. What was found lately answers at once; of new questions
 * there are so many at a time and a second (ownercache.h, scan.h), and a port whose question finds
 * no room goes without an owner.
 */

#include "control-owners.h"

#include <stdlib.h>

struct question {
        struct owner_answer answer;
        bool answered;
};

struct owners {
        uint64_t until_usec;
        size_t n;
        size_t unanswered;
        struct question questions[OWNERS_MAX];
};

static void ask(const struct control_ops *ops, void *userdata, const struct port_row *row,
                struct owners *owners)
{
        struct question question = { .answer = { .port = row->key, .witness = row->witness } };
        int r;

        if (!row->witness.known || owners->n == OWNERS_MAX)
                return;
        r = ops->ask_owner(userdata, &row->key, &row->witness, &question.answer.owner);
        if (r < 0)
                return;
        question.answered = r == CONTROL_OWNER_KNOWN;
        owners->unanswered += !question.answered;
        owners->questions[owners->n++] = question;
}

struct owners *owners_ask(const struct control_ops *ops, void *userdata,
                          const struct snapshot *snapshot, const struct wire_filter *filter)
{
        struct owners *owners;

        if (filter->n_ports == 0 || filter->n_ports > OWNERS_PORTS_MAX)
                return NULL;
        owners = calloc(1, sizeof(*owners));
        if (!owners)
                return NULL;
        for (size_t i = 0; i < snapshot->n_rows; i++)
                if (wire_filter_match(filter, &snapshot->rows[i]))
                        ask(ops, userdata, &snapshot->rows[i], owners);
        if (owners->n == 0)
                return owners_free(owners);
        owners->until_usec = ops->now_usec(userdata) + OWNERS_WAIT_USEC;
        return owners;
}

struct owners *owners_free(struct owners *owners)
{
        free(owners);
        return NULL;
}

void owners_answer(struct owners *owners, const struct owner_answer *answer)
{
        for (size_t i = 0; i < owners->n; i++) {
                struct question *question = &owners->questions[i];

                if (question->answered ||
                    !port_witness_equal(&question->answer.witness, &answer->witness) ||
                    port_key_compare(&question->answer.port, &answer->port) != 0)
                        continue;
                question->answered = true;
                question->answer = *answer;
                owners->unanswered--;
        }
}

uint64_t owners_wait_until(const struct owners *owners, uint64_t now_usec)
{
        return owners && owners->unanswered > 0 && now_usec < owners->until_usec
                       ? owners->until_usec
                       : 0;
}

const struct owner *owners_find(void *userdata, const struct port_key *port)
{
        const struct owners *owners = userdata;

        for (size_t i = 0; owners && i < owners->n; i++)
                if (owners->questions[i].answered &&
                    port_key_compare(&owners->questions[i].answer.port, port) == 0)
                        return &owners->questions[i].answer.owner;
        return NULL;
}
