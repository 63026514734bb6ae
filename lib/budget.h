/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A share of one CPU's time as an account: it fills as time passes and is drawn on by work done.
 * Remembers what was spent in the last minutes, so that somebody can be told. Pure.
 */

#include <stdint.h>

#define BUDGET_PPM_MAX     1000000                     /* one CPU, all of it */
#define BUDGET_SAVED_USEC  (UINT64_C(60) * 1000000)    /* it saves up what so much time brings */
#define BUDGET_DEBT_USEC   (UINT64_C(600) * 1000000)   /* from the deepest debt to a full account */
#define BUDGET_STRICT_USEC (UINT64_C(86400) * 1000000) /* ... of a strict one */
#define BUDGET_MINUTES     10                          /* remembered, the current one included */

struct budget {
        uint32_t ppm;                        /* of one CPU; 0: without a limit */
        uint64_t saved_usec;                 /* CPU time: saves up no more than that, either */
        uint64_t debt_usec;                  /* from the deepest debt to a full account */
        int64_t balance_psec;                /* CPU time; below zero: spent beyond it */
        uint64_t settled_usec;               /* monotonic: until when that is reckoned */
        uint64_t begun_usec;                 /* when it was begun */
        uint64_t spent_usec[BUDGET_MINUTES]; /* CPU time by minute, modulo */
};

/*
 * Full, with nothing spent. ppm: at most BUDGET_PPM_MAX. now_usec: monotonic, as in all of them; a
 * time before that of an earlier call is taken as that one.
 */
void budget_init(struct budget *budget, uint32_t ppm, uint64_t now_usec);
/*
 * The same, for work that can wait until it is paid for: it forgives only what a day does not pay,
 * and saves up at most saved_usec of CPU time.
 */
void budget_init_strict(struct budget *budget, uint32_t ppm, uint64_t saved_usec,
                        uint64_t now_usec);
/*
 * From now on. What was overspent by the old share is still to be paid, and what was saved up stays
 * as far as the new one can save it; where there was no limit, the new one begins full.
 */
void budget_set(struct budget *budget, uint32_t ppm, uint64_t now_usec);
/* CPU time was spent, whether there was any or not. */
void budget_spend(struct budget *budget, uint64_t cpu_usec, uint64_t now_usec);
/* CPU time was spent that somebody else pays for: remembered, and not drawn on the account. */
void budget_note(struct budget *budget, uint64_t cpu_usec, uint64_t now_usec);
/* So much is there when it is full, in CPU time. */
uint64_t budget_full(const struct budget *budget);
/* So much can be spent without a debt, in CPU time; UINT64_MAX: no limit. */
uint64_t budget_left(const struct budget *budget, uint64_t now_usec);
/*
 * From when on that much CPU time can be spent: now_usec, or later. A cost above what can be saved
 * up may be spent once the account is full.
 */
uint64_t budget_affords(const struct budget *budget, uint64_t cpu_usec, uint64_t now_usec);
/*
 * The share of one CPU that was spent in the last BUDGET_MINUTES, or since it was begun, in ppm: of
 * a minute at least, and at most BUDGET_PPM_MAX.
 */
uint32_t budget_share(const struct budget *budget, uint64_t now_usec);
