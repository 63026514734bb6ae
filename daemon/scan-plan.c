/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When the thread scans next. Planned by the thread as soon as a scan is over, by what that scan
 * itself tells; and once more when the loop has judged it and knows which hold times run. Both under
 * the lock, whoever comes: the plan is a few numbers, and making it costs nothing.
 *
 * Whatever the thread does is drawn on the budget, looks and searches for owners as well: they take
 * their time from the scans, which are stretched for it. But never more than half of it, whoever
 * asks and however dear it is: what goes beyond is remembered, and the scans do not pay for it.
 * Whether clients get a look is decided before, by an account of the same half (lookcache.h) that has
 * a dear look paid before the next one; this one never owes anything.
 */

#include "scan-private.h"

#include "base.h"
#include "clock.h"

/* A slot that is missed by more of an interval than this begins a new row of slots. */
#define LATE_PART 10

/* 0 stays 0: no limit. */
static uint32_t half_of(uint32_t ppm)
{
        return ppm - ppm / 2;
}

void scan_plan_start(struct scan *scan, uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;

        plan->schedule.interval_usec = scan->conf->interval_usec;
        budget_init(&plan->schedule.budget, scan->conf->cpu_budget_ppm, now_usec);
        budget_init(&plan->questions, half_of(scan->conf->cpu_budget_ppm), now_usec);
        plan->next.next_usec = plan->next.wanted_usec = now_usec;
        plan->slot_usec = plan->over_usec = now_usec;
        plan->charged_usec = clock_thread_cpu_usec();
}

void scan_plan_configure(struct scan *scan, uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;

        if (plan->schedule.budget.ppm != scan->conf->cpu_budget_ppm) {
                budget_set(&plan->schedule.budget, scan->conf->cpu_budget_ppm, now_usec);
                budget_set(&plan->questions, half_of(scan->conf->cpu_budget_ppm), now_usec);
        }
        plan->schedule.interval_usec = scan->conf->interval_usec;
}

bool scan_plan_is_due(const struct scan *scan, uint64_t now_usec)
{
        return scan->scan_now || now_usec >= scan->plan.next.next_usec;
}

void scan_plan_begin(struct scan *scan, uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;
        const uint64_t planned_usec = plan->next.next_usec;
        const bool late =
                now_usec - MIN(planned_usec, now_usec) > plan->schedule.interval_usec / LATE_PART;

        plan->slot_usec = scan->scan_now || late ? now_usec : planned_usec;
        plan->pause_usec =
                plan->judged_usec > 0 ? MIN(planned_usec, plan->slot_usec) - plan->judged_usec : 0;
        scan->scan_now = false;
}

static void replan(struct scan *scan, uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;
        const struct schedule_facts facts = { .slot_usec = plan->slot_usec,
                                              .due_usec = MIN(plan->seen_due_usec,
                                                              plan->judged_due_usec),
                                              .end_usec = plan->end_usec,
                                              .now_usec = now_usec,
                                              .cost_usec = plan->cost_usec };

        schedule_next(&plan->schedule, &facts, &plan->next);
}

/* What is due already is not put off any more: questions and answers must not keep scans away. */
static void replan_ahead(struct scan *scan, uint64_t now_usec)
{
        if (now_usec < scan->plan.next.next_usec)
                replan(scan, now_usec);
}

/* CPU time of the thread since it was asked for last. */
static uint64_t take_cost(struct scan_plan *plan)
{
        const uint64_t cpu_usec = clock_thread_cpu_usec(),
                       cost_usec = cpu_usec - plan->charged_usec;

        plan->charged_usec = cpu_usec;
        return cost_usec;
}

void scan_plan_end(struct scan *scan, uint64_t generation, const struct snapshot *snapshot,
                   uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;

        plan->generation = generation;
        plan->seen_due_usec = snapshot ? snapshot->due_usec : plan->slot_usec;
        plan->judged_due_usec = SCHEDULE_NEVER;
        plan->over_usec = plan->slot_usec;
        plan->end_usec = now_usec;
        plan->lost = snapshot ? 0 : plan->lost + 1;
        if (snapshot)
                plan->cost_usec = snapshot->cost.cpu_usec;
        budget_spend(&plan->schedule.budget, take_cost(plan), now_usec);
        replan(scan, now_usec);
}

void scan_plan_looked(struct scan *scan, uint64_t now_usec)
{
        struct scan_plan *plan = &scan->plan;
        const uint64_t cost_usec = take_cost(plan);
        const uint64_t paid_usec = MIN(cost_usec, budget_left(&plan->questions, now_usec));

        budget_spend(&plan->questions, paid_usec, now_usec);
        budget_spend(&plan->schedule.budget, paid_usec, now_usec);
        budget_note(&plan->schedule.budget, cost_usec - paid_usec, now_usec);
        replan_ahead(scan, now_usec);
}

void scan_set_due(struct scan *scan, uint64_t generation, const struct detect_due *due)
{
        struct scan_plan *plan = &scan->plan;

        (void)pthread_mutex_lock(&scan->lock);
        if (generation == plan->generation) { /* not of a scan before */
                const uint64_t before_usec = plan->next.next_usec;

                plan->judged_usec = plan->slot_usec;
                plan->judged_due_usec = due->usec;
                plan->time_wait = due->time_wait;
                replan_ahead(scan, clock_now_usec());
                if (plan->next.next_usec < before_usec)
                        (void)pthread_cond_signal(&scan->wake);
        }
        (void)pthread_mutex_unlock(&scan->lock);
}

void scan_get_pace(struct scan *scan, struct schedule_pace *ret_pace)
{
        const struct scan_plan *plan = &scan->plan;

        (void)pthread_mutex_lock(&scan->lock);
        *ret_pace = (struct schedule_pace){
                .interval_usec = plan->schedule.interval_usec,
                .slot_usec = plan->over_usec,
                .next = plan->next,
                .lost = plan->lost,
                .budget_ppm = plan->schedule.budget.ppm,
                .share_ppm = budget_share(&plan->schedule.budget, clock_now_usec()),
        };
        (void)pthread_mutex_unlock(&scan->lock);
}
