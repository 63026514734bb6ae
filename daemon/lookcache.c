/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The CPU time of looks is drawn on an account that half of CPUBudget fills. A look is begun while
 * there is something left, when those that wait have been paid: one at least after a quiet time,
 * however dear it is; then as many as the share allows. What a look costs is known when it is there;
 * until then it is taken to cost what the last one did.
 *
 * A look can wait, unlike a scan: so the account is a strict one, whose debts are paid. And of the
 * six seconds that a tenth of a CPU brings in a minute one can be saved up: the scans, which have the
 * same thread, must not be late for long because of looks.
 */

#include "lookcache.h"

#include <errno.h>

#include "base.h"
#include "units.h"

static uint32_t share_ppm(uint32_t budget_ppm)
{
        return budget_ppm == 0 ? LOOKCACHE_CPU_PPM : MAX(budget_ppm / 2, 1U);
}

void lookcache_init(struct lookcache *cache, uint32_t budget_ppm, uint64_t now_usec)
{
        *cache = (struct lookcache){ 0 };
        budget_init_strict(&cache->budget, share_ppm(budget_ppm), LOOKCACHE_CPU_MAX_USEC, now_usec);
}

void lookcache_set_budget(struct lookcache *cache, uint32_t budget_ppm, uint64_t now_usec)
{
        budget_set(&cache->budget, share_ppm(budget_ppm), now_usec);
}

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

uint64_t lookcache_wait_usec(const struct lookcache *cache, bool privileged, uint64_t now_usec)
{
        const uint64_t reserved_usec =
                privileged ? 0 : budget_full(&cache->budget) / LOOKCACHE_RESERVED_PART;
        struct budget paid = cache->budget;

        budget_spend(&paid, cache->n_waiting * cache->last_cost_usec, now_usec);
        return budget_affords(&paid, reserved_usec + 1, now_usec) - now_usec;
}

/* 0, or what keeps another look from being taken. */
static int check_limits(struct lookcache *cache, bool privileged, uint64_t now_usec)
{
        const unsigned looks = LOOKCACHE_PER_SECOND - (privileged ? 0 : LOOKCACHE_RESERVED);
        const size_t waiting = LOOKCACHE_WAITING_MAX - (privileged ? 0 : LOOKCACHE_RESERVED);

        if (cache->second != now_usec / USEC_PER_SEC) {
                cache->second = now_usec / USEC_PER_SEC;
                cache->looks = 0;
        }
        if (cache->n_waiting >= waiting || cache->looks >= looks)
                return -EBUSY;
        return lookcache_wait_usec(cache, privileged, now_usec) == 0 ? 0 : -EDQUOT;
}

int lookcache_ask(struct lookcache *cache, const struct look_question *question, bool privileged,
                  uint64_t now_usec, struct look_answer **ret_answer)
{
        struct look_answer *known;
        int r;

        lookcache_expire(cache, now_usec);
        known = find_kept(cache, question);
        if (known) {
                *ret_answer = known;
                return LOOKCACHE_KNOWN;
        }
        if (find_waiting(cache, question) < cache->n_waiting)
                return LOOKCACHE_WAITING;
        r = check_limits(cache, privileged, now_usec);
        if (r < 0) {
                cache->refused++;
                return r;
        }
        cache->looks++;
        cache->waiting[cache->n_waiting++] = *question;
        return 0;
}

void lookcache_charge(struct lookcache *cache, uint64_t cpu_usec, uint64_t now_usec)
{
        budget_spend(&cache->budget, cpu_usec, now_usec);
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
