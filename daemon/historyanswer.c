/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "historyanswer.h"

#include <stdlib.h>

struct history_answer *history_answer_new(uint16_t port, const struct history_time *time)
{
        struct history_answer *answer = calloc(1, sizeof(*answer));

        if (!answer)
                return NULL;
        answer->refs = 1;
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++) {
                const struct port_key key = { .port = port, .side = (uint8_t)(SIDE_LOCAL + i) };

                answer->series[i] = history_series_new(&key, time);
                if (!answer->series[i])
                        return history_answer_unref(answer);
        }
        return answer;
}

struct history_answer *history_answer_ref(struct history_answer *answer)
{
        (void)__atomic_add_fetch(&answer->refs, 1, __ATOMIC_RELAXED);
        return answer;
}

struct history_answer *history_answer_unref(struct history_answer *answer)
{
        if (!answer || __atomic_sub_fetch(&answer->refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++)
                free(answer->series[i]);
        free(answer);
        return NULL;
}
