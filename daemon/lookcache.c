/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The CPU time of looks is a debt that is paid back at half of CPUBudget as time passes, and reckoned
 * in picoseconds: so a microsecond at one ppm of a CPU is one of them, and nothing is lost.
 * Looks are begun while the debt, and what the waiting ones will probably add to it, is below what a
 * minute brings: one at least after a quiet time, however dear it is; then as many as the share
 * allows. What a look costs is known when it is there; until then it is taken to cost
 * what the last one did.
 */

#include "lookcache.h"

#include <errno.h>

#include "base.h"
#include "units.h"

#define PSEC_PER_USEC UINT64_C(1000000)
#define PPM_PER_ONE   UINT64_C(1000000)

void lookcache_done(struct lookcache *cache)
{
        for (size_t i = 0; i < LOOKCACHE_KEPT_MAX; i++)
                cache->kept[i] = look_answer_unref(cache->kept[i]);
}

void lookcache_expire(struct lookcache *cache, uint64_t now_usec)
{
        for (size_t i = 0; i < LOOKCACHE_KEPT_MAX; i++)
                if (cache->kept[i] && now_usec - cache->kept[i]->seen_usec >= LOOKCACHE_KEEP_USEC)
                        cache->kept[i] = look_answer_unref(cache->kept[i]);
}

static struct look_answer *find_kept(const struct lookcache *cache,
                                     const struct look_question *question)
{
        for (size_t i = 0; i < LOOKCACHE_KEPT_MAX; i++)
                if (cache->kept[i] && look_question_is_same(&cache->kept[i]->question, question))
                        return cache->kept[i];
        return NULL;
}

/* Position of a question that waits; n_waiting: it does not. */
static size_t find_waiting(const struct lookcache *cache, const struct look_question *question)
{
        size_t i = 0;

        while (i < cache->n_waiting && !look_question_is_same(&cache->waiting[i], question))
                i++;
        return i;
}

static uint32_t share_ppm(const struct lookcache *cache)
{
        return cache->budget_ppm == 0 ? LOOKCACHE_CPU_PPM : MAX(cache->budget_ppm / 2, 1U);
}

static void settle(struct lookcache *cache, uint64_t now_usec)
{
        const uint64_t passed_usec = now_usec - cache->settled_usec;

        if (passed_usec > cache->spent_psec / share_ppm(cache))
                cache->spent_psec = 0;
        else
                cache->spent_psec -= passed_usec * share_ppm(cache);
        cache->settled_usec = now_usec;
        if (cache->second != now_usec / USEC_PER_SEC) {
                cache->second = now_usec / USEC_PER_SEC;
                cache->looks = 0;
        }
}

void lookcache_set_budget(struct lookcache *cache, uint32_t budget_ppm, uint64_t now_usec)
{
        settle(cache, now_usec);
        cache->budget_ppm = budget_ppm;
}

/* What may be saved up, and spent at once: the scans must not be late for long because of it. */
static uint64_t saved_max_usec(const struct lookcache *cache)
{
        return MIN(LOOKCACHE_CPU_MAX_USEC, LOOKCACHE_SAVED_USEC * share_ppm(cache) / PPM_PER_ONE);
}

/* CPU time that is owed beyond what may be owed when a look begins; below 0: as much is left. */
static int64_t excess_psec(const struct lookcache *cache, bool privileged)
{
        const uint64_t saved_usec = saved_max_usec(cache);
        const uint64_t most_usec =
                saved_usec - (privileged ? 0 : saved_usec / LOOKCACHE_RESERVED_PART);

        return (int64_t)(cache->spent_psec +
                         cache->n_waiting * cache->last_cost_usec * PSEC_PER_USEC) -
               (int64_t)(most_usec * PSEC_PER_USEC);
}

uint64_t lookcache_wait_usec(const struct lookcache *cache, bool privileged)
{
        return (uint64_t)MAX(excess_psec(cache, privileged), 0) / share_ppm(cache) + 1;
}

/* 0, or what keeps another look from being taken. */
static int check_limits(const struct lookcache *cache, bool privileged)
{
        const unsigned looks = LOOKCACHE_PER_SECOND - (privileged ? 0 : LOOKCACHE_RESERVED);
        const size_t waiting = LOOKCACHE_WAITING_MAX - (privileged ? 0 : LOOKCACHE_RESERVED);

        if (cache->n_waiting >= waiting || cache->looks >= looks)
                return -EBUSY;
        return excess_psec(cache, privileged) < 0 ? 0 : -EDQUOT;
}

int lookcache_ask(struct lookcache *cache, const struct look_question *question, bool privileged,
                  uint64_t now_usec, struct look_answer **ret_answer)
{
        struct look_answer *known;
        int r;

        lookcache_expire(cache, now_usec);
        settle(cache, now_usec);
        known = find_kept(cache, question);
        if (known) {
                *ret_answer = known;
                return LOOKCACHE_KNOWN;
        }
        if (find_waiting(cache, question) < cache->n_waiting)
                return LOOKCACHE_WAITING;
        r = check_limits(cache, privileged);
        if (r < 0) {
                cache->refused++;
                return r;
        }
        cache->looks++;
        cache->waiting[cache->n_waiting++] = *question;
        return 0;
}

bool lookcache_affords(struct lookcache *cache, uint64_t now_usec)
{
        settle(cache, now_usec);
        return excess_psec(cache, false) < 0;
}

void lookcache_charge(struct lookcache *cache, uint64_t cpu_usec, uint64_t now_usec)
{
        settle(cache, now_usec);
        cache->spent_psec += cpu_usec * PSEC_PER_USEC;
}

static void stop_waiting(struct lookcache *cache, const struct look_question *question)
{
        const size_t i = find_waiting(cache, question);

        if (i < cache->n_waiting)
                cache->waiting[i] = cache->waiting[--cache->n_waiting];
}

void lookcache_put(struct lookcache *cache, struct look_answer *answer, uint64_t now_usec)
{
        size_t at;

        lookcache_charge(cache, answer->cpu_usec, now_usec);
        stop_waiting(cache, &answer->question);
        cache->last_cost_usec = answer->cpu_usec;
        lookcache_expire(cache, now_usec);
        at = cache->next++ % LOOKCACHE_KEPT_MAX;
        look_answer_unref(cache->kept[at]);
        cache->kept[at] = look_answer_ref(answer);
}

void lookcache_give_up(struct lookcache *cache, const struct look_question *question)
{
        stop_waiting(cache, question);
        cache->refused++;
}
