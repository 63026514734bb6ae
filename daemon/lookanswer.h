/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What somebody asks the scanner's thread to look at, and what it found there. An answer is
 * immutable once made, and shared by reference.
 */

#include <stdbool.h>
#include <stdint.h>

#include "census.h"
#include "conf.h"
#include "hostaddr.h"
#include "look.h"
#include "owner.h"
#include "portlook.h"

#define LOOK_OWNERS_MAX 16 /* of destinations, worst first, whose owners are looked for */

enum look_kind { LOOK_PORT, LOOK_DESTINATIONS };

struct look_question {
        enum look_kind kind;
        uint16_t port; /* 0 of LOOK_DESTINATIONS */
};

struct look_answer {
        struct look_question question;
        int error;                            /* -errno: nothing was seen, all below is empty */
        uint64_t seen_usec;                   /* monotonic, when the look began */
        uint64_t cpu_usec;                    /* what it cost the thread */
        struct portlook *portlook;            /* LOOK_PORT */
        struct host_addrs *addrs;             /* likewise; NULL: unknown */
        struct census *census;                /* LOOK_DESTINATIONS */
        struct kernlimits limits;             /* likewise */
        struct owner owners[LOOK_OWNERS_MAX]; /* of census->destinations[i]; unknown: nobody */
        unsigned refs;                        /* atomic */
};

bool look_question_is_same(const struct look_question *a, const struct look_question *b);

/* An answer without anything yet, with one reference. NULL: no memory. */
struct look_answer *look_answer_new(const struct look_question *question);
struct look_answer *look_answer_ref(struct look_answer *answer);
/* Frees with the last reference. Takes NULL, returns NULL. */
struct look_answer *look_answer_unref(struct look_answer *answer);

/*
 * Looks, finds the owners and fills the answer in, in the scanner's thread; a look that fails
 * leaves its error there.
 */
void look_answer_take(struct look_answer *answer, struct look *look,
                      const struct scan_request *request, struct owner_finder *finder);
