/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "historyanswer.h"

#include <stdlib.h>
#include <string.h>

static void free_all(struct history_series *series[static HISTORY_ANSWER_SIDES])
{
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++)
                free(series[i]);
}

/* False: no memory. */
static bool make_all(uint16_t port, const struct history_time *time,
                     struct history_series *ret_series[static HISTORY_ANSWER_SIDES])
{
        struct history_series *series[HISTORY_ANSWER_SIDES] = { NULL };

        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++) {
                const struct port_key key = { .port = port, .side = (uint8_t)(SIDE_LOCAL + i) };

                series[i] = history_series_new(&key, time);
                if (!series[i]) {
                        free_all(series);
                        return false;
                }
        }
        memcpy(ret_series, series, sizeof(series));
        return true;
}

struct history_answer *history_answer_new(uint16_t port, const struct history_time *time)
{
        struct history_answer *answer = calloc(1, sizeof(*answer));

        if (!answer)
                return NULL;
        answer->refs = 1;
        if (!make_all(port, time, answer->series))
                return history_answer_unref(answer);
        return answer;
}

void history_answer_settle(struct history_answer *answer)
{
        struct history_series *finer[HISTORY_ANSWER_SIDES];

        if (answer->finer.n == 0)
                return;
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++)
                if (history_series_knows(answer->series[i], answer->until_sec))
                        return;
        if (!make_all(answer->series[0]->port.port, &answer->finer, finer))
                return;
        free_all(answer->series);
        memcpy(answer->series, finer, sizeof(finer));
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
        free_all(answer->series);
        free(answer);
        return NULL;
}
