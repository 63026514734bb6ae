/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which questions of the control socket's clients are worth a look of its own: one that was
 * answered a moment ago, or that is being looked at already, is not; and any local user may ask, so
 * looks are so many a second at most, and in the long run half of CPUBudget: what is left of that is
 * always the scans'. Searches for owners that clients ask for are paid from the same. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "lookanswer.h"

#define LOOKCACHE_KEEP_USEC    (UINT64_C(1) * 1000000) /* so long an answer is shared */
#define LOOKCACHE_KEPT_MAX     8
#define LOOKCACHE_WAITING_MAX  8                       /* looks asked for and not yet there */
#define LOOKCACHE_PER_SECOND   4                       /* looks */
#define LOOKCACHE_CPU_PPM      100000                  /* of one CPU where CPUBudget is off */
#define LOOKCACHE_CPU_MAX_USEC (UINT64_C(1) * 1000000) /* saved up by looking at nothing, at most */
/* Of the looks of a second, and of those that wait: for uid 0 and the daemon's own. */
#define LOOKCACHE_RESERVED      1
#define LOOKCACHE_RESERVED_PART 4 /* ... and of what is saved up, one in so many */

/* lookcache_ask() */
#define LOOKCACHE_KNOWN   1 /* *ret_answer is it */
#define LOOKCACHE_WAITING 2 /* it is being looked at: lookcache_put() brings the answer */

struct lookcache {
        struct look_answer *kept[LOOKCACHE_KEPT_MAX]; /* referenced; NULL: none */
        size_t next;                                  /* is replaced next */
        struct look_question waiting[LOOKCACHE_WAITING_MAX];
        size_t n_waiting;
        uint64_t second;
        unsigned looks;          /* begun in that second */
        struct budget budget;    /* what looks and searches may cost */
        uint64_t last_cost_usec; /* of the last look: what one that waits may cost */
        uint64_t refused;        /* questions that got no look */
};

/* Nothing was looked at yet. budget_ppm: CPUBudget, of one CPU, at most a million; 0: none. */
void lookcache_init(struct lookcache *cache, uint32_t budget_ppm, uint64_t now_usec);
/* From now on. What was overspent is still to be paid back. */
void lookcache_set_budget(struct lookcache *cache, uint32_t budget_ppm, uint64_t now_usec);
/* Lets go of what is kept. */
void lookcache_done(struct lookcache *cache);

/*
 * 0: look, the question counts as waiting from now on; an outcome above; or what keeps it from
 * being looked at: -EBUSY: too many looks, this second or at once; -EDQUOT: they have cost too
 * much CPU. *ret_answer is borrowed until the next call. privileged: may use what is reserved.
 * now_usec: monotonic, in all of them.
 */
int lookcache_ask(struct lookcache *cache, const struct look_question *question, bool privileged,
                  uint64_t now_usec, struct look_answer **ret_answer);
/*
 * How long until so much is paid back that there may be a look, or a search for an owner; 0: they
 * can be paid now. As far as is known: what waits counts as what the last look has cost.
 */
uint64_t lookcache_wait_usec(const struct lookcache *cache, bool privileged, uint64_t now_usec);
/* A look that was asked for is there: keeps it, with a reference of its own, and counts its cost. */
void lookcache_put(struct lookcache *cache, struct look_answer *answer, uint64_t now_usec);
/* What a search for an owner has cost. */
void lookcache_charge(struct lookcache *cache, uint64_t cpu_usec, uint64_t now_usec);
/* Nobody looks after all. */
void lookcache_give_up(struct lookcache *cache, const struct look_question *question);
/* Lets go of answers that are too old to be shared. */
void lookcache_expire(struct lookcache *cache, uint64_t now_usec);
