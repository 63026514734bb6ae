/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A token bucket. A microsecond at one ppm of a CPU is a picosecond of CPU time: in those the
 * account fills by whole numbers, and however often it is settled nothing is lost to rounding.
 *
 *   balance    at most full_psec(), at least -debt_max_psec()
 *
 * In any time T no more is spent than the share of T and what was saved up before it, as long as
 * nothing is begun before budget_affords(). Work that costs more than can be saved up is begun with
 * a full account and overdraws it: the next has to wait until all of it is paid, so that one after
 * the other they still keep to the share.
 */

#include "budget.h"

#include <assert.h>

#include "base.h"
#include "units.h"

#define PSEC_PER_USEC 1000000

/* More CPU time at once than that is taken for that: so the sums below stay within 64 bits. */
#define COST_MAX_USEC (UINT64_C(1000000) * 86400)

static int64_t full_psec(const struct budget *budget)
{
        return (int64_t)MIN(budget->ppm * BUDGET_SAVED_USEC, budget->saved_usec * PSEC_PER_USEC);
}

/*
 * More debt is forgiven: the account is full again after debt_usec at most. Who has work done
 * although it cannot be paid for does not do so for days when it has become cheap again.
 */
static int64_t debt_max_psec(const struct budget *budget)
{
        return (int64_t)(budget->ppm * budget->debt_usec) - full_psec(budget);
}

/* How long from settled_usec on it takes until so much is there, rounded up. */
static uint64_t time_until(const struct budget *budget, int64_t psec)
{
        if (budget->balance_psec >= psec)
                return 0;
        return ((uint64_t)(psec - budget->balance_psec) + budget->ppm - 1) / budget->ppm;
}

/* Forgets the minutes that were BUDGET_MINUTES ago. */
static void pass_minutes(struct budget *budget, uint64_t now_usec)
{
        const uint64_t now = now_usec / USEC_PER_MIN;
        uint64_t minute = budget->settled_usec / USEC_PER_MIN;

        if (now - minute > BUDGET_MINUTES)
                minute = now - BUDGET_MINUTES;
        while (minute < now)
                budget->spent_usec[++minute % BUDGET_MINUTES] = 0;
}

static void settle(struct budget *budget, uint64_t now_usec)
{
        const int64_t full = full_psec(budget);

        if (now_usec <= budget->settled_usec)
                return;
        if (budget->ppm > 0) {
                const uint64_t passed_usec = now_usec - budget->settled_usec;

                if (passed_usec >= time_until(budget, full))
                        budget->balance_psec = full;
                else
                        budget->balance_psec += (int64_t)(passed_usec * budget->ppm);
        }
        pass_minutes(budget, now_usec);
        budget->settled_usec = now_usec;
}

void budget_init(struct budget *budget, uint32_t ppm, uint64_t now_usec)
{
        budget_init_strict(budget, ppm, BUDGET_SAVED_USEC, now_usec);
        budget->debt_usec = BUDGET_DEBT_USEC;
}

void budget_init_strict(struct budget *budget, uint32_t ppm, uint64_t saved_usec, uint64_t now_usec)
{
        assert(ppm <= BUDGET_PPM_MAX);
        *budget = (struct budget){
                .ppm = ppm,
                .saved_usec = MIN(saved_usec, BUDGET_SAVED_USEC), /* what all of a CPU saves up */
                .debt_usec = BUDGET_STRICT_USEC,
                .settled_usec = now_usec,
                .begun_usec = now_usec,
        };
        budget->balance_psec = full_psec(budget);
}

void budget_set(struct budget *budget, uint32_t ppm, uint64_t now_usec)
{
        assert(ppm <= BUDGET_PPM_MAX);
        settle(budget, now_usec);
        if (budget->ppm == 0 || ppm == 0)
                budget->balance_psec = INT64_MAX;
        budget->ppm = ppm;
        budget->balance_psec = MAX(MIN(budget->balance_psec, full_psec(budget)),
                                   ppm > 0 ? -debt_max_psec(budget) : 0);
}

void budget_note(struct budget *budget, uint64_t cpu_usec, uint64_t now_usec)
{
        uint64_t *spent;

        settle(budget, now_usec);
        spent = &budget->spent_usec[budget->settled_usec / USEC_PER_MIN % BUDGET_MINUTES];
        *spent += MIN(cpu_usec, UINT64_MAX - *spent);
}

void budget_spend(struct budget *budget, uint64_t cpu_usec, uint64_t now_usec)
{
        const int64_t cost_psec = (int64_t)(MIN(cpu_usec, COST_MAX_USEC) * PSEC_PER_USEC);

        budget_note(budget, cpu_usec, now_usec);
        if (budget->ppm > 0)
                budget->balance_psec =
                        MAX(budget->balance_psec - cost_psec, -debt_max_psec(budget));
}

uint64_t budget_full(const struct budget *budget)
{
        return (uint64_t)full_psec(budget) / PSEC_PER_USEC;
}

uint64_t budget_left(const struct budget *budget, uint64_t now_usec)
{
        struct budget now = *budget;

        if (budget->ppm == 0)
                return UINT64_MAX;
        settle(&now, now_usec);
        return (uint64_t)MAX(now.balance_psec, INT64_C(0)) / PSEC_PER_USEC;
}

uint64_t budget_affords(const struct budget *budget, uint64_t cpu_usec, uint64_t now_usec)
{
        const int64_t full = full_psec(budget);
        uint64_t wait_usec;

        if (budget->ppm == 0)
                return now_usec;
        wait_usec = time_until(budget, cpu_usec > (uint64_t)full / PSEC_PER_USEC
                                               ? full
                                               : (int64_t)cpu_usec * PSEC_PER_USEC);
        if (wait_usec > UINT64_MAX - budget->settled_usec)
                return UINT64_MAX;
        return MAX(now_usec, budget->settled_usec + wait_usec);
}

/* From when on spent_usec knows everything. */
static uint64_t known_since(const struct budget *budget)
{
        const uint64_t minute = budget->settled_usec / USEC_PER_MIN;
        const uint64_t oldest = minute - MIN(minute, (uint64_t)(BUDGET_MINUTES - 1));

        return MAX(budget->begun_usec, oldest * USEC_PER_MIN);
}

uint32_t budget_share(const struct budget *budget, uint64_t now_usec)
{
        struct budget now = *budget;
        unsigned __int128 spent_usec = 0;
        uint64_t time_usec;

        settle(&now, now_usec);
        time_usec = MAX(now.settled_usec - known_since(&now), USEC_PER_MIN);
        for (size_t i = 0; i < BUDGET_MINUTES; i++)
                spent_usec += now.spent_usec[i];
        return (uint32_t)MIN(spent_usec * BUDGET_PPM_MAX / time_usec,
                             (unsigned __int128)BUDGET_PPM_MAX);
}
