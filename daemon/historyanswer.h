/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How one port went, as somebody asked: filled in by the thread that reads the history file, then by
 * the loop, then immutable. Shared by reference.
 */

#include <stdbool.h>
#include <stdint.h>

#include "historyseries.h"

#define HISTORY_ANSWER_SIDES 2

struct history_answer {
        struct history_series *series[HISTORY_ANSWER_SIDES]; /* local, remote */
        struct history_time finer;        /* steps, if the file knows nothing; n 0: the same */
        uint64_t until_sec;               /* what is resident begins then; since 1970 */
        int error;                        /* -errno: what is older could not be read */
        bool done;                        /* the loop's */
        bool named[HISTORY_ANSWER_SIDES]; /* it was asked for by configuration; the loop's */
        unsigned refs;                    /* atomic */
};

/* Nothing is known in it yet; one reference. NULL: no memory. */
struct history_answer *history_answer_new(uint16_t port, const struct history_time *time);
/*
 * As soon as the file was asked: where it knew nothing, steps that were made longer for it are short
 * again, or remain where there is no memory.
 */
void history_answer_settle(struct history_answer *answer);
struct history_answer *history_answer_ref(struct history_answer *answer);
/* Frees with the last reference. Takes NULL, returns NULL. */
struct history_answer *history_answer_unref(struct history_answer *answer);
