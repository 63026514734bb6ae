/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When the next scan is: a day of each of many hosts in virtual time, and the cases one by one. */

#include "schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base.h"
#include "units.h"

#define START_USEC (1000 * USEC_PER_HOUR)
#define NO_LIMIT   0

/* xorshift64: the same values in every run. */
static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* From first to last, every magnitude alike. */
static uint64_t any_between(uint64_t *seed, uint64_t first, uint64_t last)
{
        const uint64_t number = next_random(seed);

        return first + (number >> next_random(seed) % 64) % (last - first + 1);
}

static void test_steady(void **state)
{
        static const struct {
                uint64_t interval_usec, steady_usec;
        } table[] = {
                { 100 * USEC_PER_MSEC, 300 * USEC_PER_MSEC },
                { 2 * USEC_PER_SEC, 6 * USEC_PER_SEC },
                { 10 * USEC_PER_SEC, 30 * USEC_PER_SEC },
                { 10 * USEC_PER_SEC + 1, 30 * USEC_PER_SEC },
                { 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
                { 31 * USEC_PER_SEC, 31 * USEC_PER_SEC },
                { 10 * USEC_PER_MIN, 10 * USEC_PER_MIN },
                { UINT64_MAX, UINT64_MAX },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_int_equal(schedule_steady_usec(table[i].interval_usec),
                                 table[i].steady_usec);
}

/* All in seconds after the last scan; due: -1: nothing is. */
struct planned {
        unsigned interval;
        int due;
        unsigned now, next;
        enum schedule_reason reason;
};

static void test_slots(void **state)
{
        static const struct planned table[] = {
                { 10, -1, 0, 30, SCHEDULE_STEADY },  /* nothing is known to come */
                { 10, 31, 0, 30, SCHEDULE_STEADY },  /* it comes after that */
                { 10, 0, 0, 10, SCHEDULE_DUE },      /* as often as Interval allows */
                { 10, 10, 0, 10, SCHEDULE_DUE },     /* at the slot itself */
                { 10, 11, 0, 20, SCHEDULE_DUE },     /* the first slot that is not before it */
                { 10, 21, 0, 30, SCHEDULE_DUE },     /* which is the steady one, too */
                { 10, 0, 9, 10, SCHEDULE_DUE },      /* it took long, and is over in time */
                { 10, 0, 10, 10, SCHEDULE_DUE },     /* just in time */
                { 10, 0, 11, 20, SCHEDULE_DUE },     /* one slot is left out */
                { 10, 0, 47, 50, SCHEDULE_DUE },     /* four are, and nothing is caught up with */
                { 10, -1, 31, 40, SCHEDULE_STEADY }, /* so it is with steady ones */
                { 10, 38, 31, 40, SCHEDULE_DUE },
                { 10, 41, 31, 40, SCHEDULE_STEADY },
                { 20, -1, 0, 30, SCHEDULE_STEADY }, /* 30 s, on a slot or not */
                { 20, 20, 0, 20, SCHEDULE_DUE },
                { 20, 25, 0, 30, SCHEDULE_DUE }, /* 40 would be too late */
                { 20, -1, 30, 30, SCHEDULE_STEADY },
                { 20, -1, 33, 40, SCHEDULE_STEADY },
                { 60, -1, 0, 60, SCHEDULE_STEADY }, /* never more often than Interval */
                { 60, 1, 0, 60, SCHEDULE_DUE },
                { 600, -1, 0, 600, SCHEDULE_STEADY },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const struct planned *line = &table[i];
                struct schedule schedule = { .interval_usec = line->interval * USEC_PER_SEC };
                struct schedule_plan plan;
                const struct schedule_facts facts = {
                        .slot_usec = START_USEC,
                        .due_usec = line->due < 0 ? SCHEDULE_NEVER
                                                  : START_USEC + (uint64_t)line->due * USEC_PER_SEC,
                        .end_usec = START_USEC + line->now * USEC_PER_SEC,
                        .now_usec = START_USEC + line->now * USEC_PER_SEC,
                };

                budget_init(&schedule.budget, NO_LIMIT, START_USEC);
                schedule_next(&schedule, &facts, &plan);
                assert_int_equal((plan.next_usec - START_USEC) / USEC_PER_SEC, line->next);
                assert_int_equal(plan.next_usec % USEC_PER_SEC, 0);
                assert_int_equal(plan.wanted_usec, plan.next_usec);
                assert_int_equal(plan.reason, line->reason);
        }
}

/* A scan of 450 ms at 0.2 %: the next one can be paid for when 225 s have passed. */
static void test_stretched(void **state)
{
        struct schedule schedule = { .interval_usec = 10 * USEC_PER_SEC };
        struct schedule_plan plan;
        struct schedule_facts facts = {
                .slot_usec = START_USEC,
                .due_usec = START_USEC,
                .end_usec = START_USEC + USEC_PER_SEC,
                .now_usec = START_USEC + USEC_PER_SEC,
                .cost_usec = 450000,
        };

        (void)state;
        budget_init(&schedule.budget, 2000, START_USEC);
        budget_spend(&schedule.budget, 450000, START_USEC);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET);
        assert_int_equal(plan.next_usec, START_USEC + 225 * USEC_PER_SEC);
        assert_int_equal(plan.wanted_usec, START_USEC + 10 * USEC_PER_SEC);

        facts.due_usec = SCHEDULE_NEVER;
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET);
        assert_int_equal(plan.wanted_usec, START_USEC + 30 * USEC_PER_SEC);

        /* A look in between has cost as much as two scans. */
        budget_spend(&schedule.budget, 900000, START_USEC + 20 * USEC_PER_SEC);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.next_usec, START_USEC + 600 * USEC_PER_SEC);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET);

        /* With an Interval of ten minutes that is no stretch. */
        schedule.interval_usec = 600 * USEC_PER_SEC;
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.next_usec, START_USEC + 600 * USEC_PER_SEC);
        assert_int_equal(plan.reason, SCHEDULE_STEADY);
}

/* A budget that pays for the scan before its slot changes nothing. */
static void test_what_is_cheap_is_not_stretched(void **state)
{
        struct schedule schedule = { .interval_usec = 10 * USEC_PER_SEC };
        struct schedule_plan plan;
        const struct schedule_facts facts = {
                .slot_usec = START_USEC,
                .due_usec = START_USEC,
                .end_usec = START_USEC,
                .now_usec = START_USEC,
                .cost_usec = 100000,
        };

        (void)state;
        budget_init(&schedule.budget, 10000, START_USEC);
        budget_spend(&schedule.budget, 600000, START_USEC);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.next_usec, START_USEC + 10 * USEC_PER_SEC);
        assert_int_equal(plan.reason, SCHEDULE_DUE);
        budget_spend(&schedule.budget, 1, START_USEC);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.next_usec, START_USEC + 10 * USEC_PER_SEC + 100);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET);
}

static void test_names(void **state)
{
        static const char *const names[] = { "due", "steady", "budget" };

        (void)state;
        assert_int_equal(ARRAY_SIZE(names), SCHEDULE_REASON_COUNT);
        for (enum schedule_reason reason = 0; reason < SCHEDULE_REASON_COUNT; reason++)
                assert_string_equal(schedule_reason_name(reason), names[reason]);
}

/* A host in virtual time. */
struct host {
        uint64_t seed;
        struct schedule schedule;
        uint64_t now_usec;
        uint64_t cost_max_usec; /* CPU time of a scan */
        unsigned hardly;        /* one scan of so many takes longer than an Interval */
        unsigned reasons[SCHEDULE_REASON_COUNT];
        unsigned merged;
};

/* How long the scan takes from its slot on, until the next is planned. */
static uint64_t time_taken(struct host *host, uint64_t cost_usec)
{
        const uint64_t interval_usec = host->schedule.interval_usec;

        if (next_random(&host->seed) % host->hardly == 0)
                return any_between(&host->seed, interval_usec, 10 * interval_usec);
        return MIN(cost_usec, interval_usec);
}

/* Nothing, something that is due already, or soon, or long after. */
static uint64_t any_due(struct host *host, uint64_t slot_usec)
{
        const uint64_t interval_usec = host->schedule.interval_usec;

        switch (next_random(&host->seed) % 4) {
        case 0:
                return SCHEDULE_NEVER;
        case 1:
                return slot_usec - next_random(&host->seed) % interval_usec;
        case 2:
                return slot_usec + next_random(&host->seed) % (4 * interval_usec);
        default:
                return slot_usec + any_between(&host->seed, 0, USEC_PER_HOUR);
        }
}

static void check_plan(const struct host *host, const struct schedule_facts *facts,
                       const struct schedule_plan *plan)
{
        const uint64_t interval_usec = host->schedule.interval_usec;
        const uint64_t steady_usec = schedule_steady_usec(interval_usec);
        const uint64_t gap_usec = plan->next_usec - facts->slot_usec;
        const uint64_t late_usec = facts->now_usec - facts->slot_usec;
        const bool on_slot = (plan->wanted_usec - facts->slot_usec) % interval_usec == 0;
        const bool merged = late_usec > steady_usec;

        assert_true(gap_usec >= interval_usec);
        assert_true(plan->next_usec >= facts->now_usec);
        assert_true(plan->wanted_usec <= plan->next_usec);
        assert_true(on_slot || plan->wanted_usec == facts->slot_usec + steady_usec);
        /* Only a scan that took longer itself makes the next one later than that. */
        assert_true(plan->wanted_usec - facts->slot_usec <= steady_usec ||
                    plan->wanted_usec < facts->now_usec + interval_usec);
        assert_true(gap_usec <= MAX(interval_usec, SCHEDULE_STRETCH_MAX_USEC) ||
                    plan->next_usec < facts->now_usec + interval_usec);
        assert_int_equal(plan->reason == SCHEDULE_BUDGET, plan->next_usec > plan->wanted_usec);
        if (plan->reason == SCHEDULE_DUE)
                assert_true(facts->due_usec <= plan->next_usec);
        if (plan->reason == SCHEDULE_STEADY)
                assert_true(facts->due_usec > plan->next_usec &&
                            (merged || gap_usec <= steady_usec));
        /* Met in time, but where an earlier scan may be none. */
        if (facts->due_usec <= plan->wanted_usec)
                assert_true(plan->wanted_usec <
                            MAX(MAX(facts->due_usec, facts->now_usec), facts->slot_usec + 1) +
                                    interval_usec);
        /* And no scan that is not wanted: what is due is not run ahead of. */
        if (facts->due_usec > plan->wanted_usec)
                assert_true(plan->wanted_usec >= facts->slot_usec + steady_usec);
}

/* The budget stretches no further than it must. */
static void check_budget(const struct host *host, const struct schedule_facts *facts,
                         const struct schedule_plan *plan)
{
        const uint64_t affords_usec =
                budget_affords(&host->schedule.budget, facts->cost_usec, facts->now_usec);

        if (plan->reason == SCHEDULE_BUDGET)
                assert_int_equal(plan->next_usec,
                                 MIN(affords_usec, facts->slot_usec + SCHEDULE_STRETCH_MAX_USEC));
        else
                assert_true(affords_usec <= plan->next_usec ||
                            plan->next_usec >= facts->slot_usec + SCHEDULE_STRETCH_MAX_USEC);
}

static void watch_host(struct host *host, unsigned scans)
{
        uint64_t slot_usec = host->now_usec;

        for (unsigned i = 0; i < scans; i++) {
                const uint64_t cost_usec = any_between(&host->seed, 100, host->cost_max_usec);
                const uint64_t due_usec = any_due(host, slot_usec);
                struct schedule_facts facts;
                struct schedule_plan plan;

                host->now_usec = slot_usec + time_taken(host, cost_usec);
                budget_spend(&host->schedule.budget, cost_usec, host->now_usec);
                facts = (struct schedule_facts){ slot_usec, host->now_usec, due_usec,
                                                 host->now_usec, cost_usec };
                schedule_next(&host->schedule, &facts, &plan);
                check_plan(host, &facts, &plan);
                check_budget(host, &facts, &plan);
                host->reasons[plan.reason]++;
                host->merged += host->now_usec >
                                slot_usec + schedule_steady_usec(host->schedule.interval_usec);
                slot_usec = plan.next_usec;
        }
}

static void test_any_host(void **state)
{
        unsigned reasons[SCHEDULE_REASON_COUNT] = { 0 }, merged = 0;
        uint64_t seed = 88172645463325252;

        (void)state;
        for (unsigned i = 0; i < 500; i++) {
                struct host host = {
                        .seed = next_random(&seed) | 1,
                        .now_usec = START_USEC + next_random(&seed) % USEC_PER_DAY,
                        .cost_max_usec = any_between(&seed, 100, USEC_PER_SEC),
                        .hardly = (unsigned)any_between(&seed, 4, 1000),
                };

                host.schedule.interval_usec =
                        any_between(&seed, 100 * USEC_PER_MSEC, 10 * USEC_PER_MIN);
                budget_init(&host.schedule.budget,
                            i % 3 == 0 ? NO_LIMIT : (uint32_t)any_between(&seed, 100, 100000),
                            host.now_usec);
                watch_host(&host, 500);
                if (host.schedule.budget.ppm == NO_LIMIT)
                        assert_int_equal(host.reasons[SCHEDULE_BUDGET], 0);
                for (size_t j = 0; j < SCHEDULE_REASON_COUNT; j++)
                        reasons[j] += host.reasons[j];
                merged += host.merged;
        }
        /* All of it was tried. */
        for (size_t j = 0; j < SCHEDULE_REASON_COUNT; j++)
                assert_true(reasons[j] > 5000);
        assert_true(merged > 500);
}

/* CPU time of so long, by scans that cost as much each; ppm */
static uint64_t share_of(struct schedule *schedule, uint64_t cost_usec, uint64_t time_usec)
{
        struct schedule_facts facts = {
                .slot_usec = START_USEC,
                .due_usec = START_USEC,
                .cost_usec = cost_usec,
        };
        struct schedule_plan plan = { .next_usec = START_USEC };
        uint64_t spent_usec = 0;

        while (plan.next_usec < START_USEC + time_usec) {
                facts.slot_usec = plan.next_usec;
                facts.end_usec = facts.now_usec = plan.next_usec + cost_usec;
                budget_spend(&schedule->budget, cost_usec, facts.now_usec);
                spent_usec += cost_usec;
                schedule_next(schedule, &facts, &plan);
        }
        return spent_usec * BUDGET_PPM_MAX / time_usec;
}

/* A million sockets at 0.2 %, with something that is always about to be decided. */
static void test_share_of_ten_minutes(void **state)
{
        struct schedule schedule = { .interval_usec = 10 * USEC_PER_SEC };

        (void)state;
        budget_init(&schedule.budget, 2000, START_USEC);
        assert_true(share_of(&schedule, 450000, 600 * USEC_PER_SEC) <= 2500);
        budget_init(&schedule.budget, 10000, START_USEC);
        assert_in_range(share_of(&schedule, 450000, USEC_PER_HOUR), 9000, 10200);
        budget_init(&schedule.budget, NO_LIMIT, START_USEC);
        assert_int_equal(share_of(&schedule, 450000, USEC_PER_HOUR), 45000);
}

/* Any input, with the sanitizers looking on. */
static void test_nothing_overflows(void **state)
{
        uint64_t seed = 314159265358979;

        (void)state;
        for (unsigned i = 0; i < 100000; i++) {
                struct schedule schedule = { any_between(&seed, 1, UINT64_MAX - 1), { 0 } };
                const struct schedule_facts facts = {
                        .slot_usec = any_between(&seed, 0, UINT64_MAX - 1),
                        .end_usec = any_between(&seed, 0, UINT64_MAX - 1),
                        .due_usec = any_between(&seed, 0, UINT64_MAX - 1),
                        .now_usec = any_between(&seed, 0, UINT64_MAX - 1),
                        .cost_usec = any_between(&seed, 0, UINT64_MAX - 1),
                };
                struct schedule_plan plan;

                budget_init(&schedule.budget, (uint32_t)any_between(&seed, 0, BUDGET_PPM_MAX),
                            facts.now_usec);
                schedule_next(&schedule, &facts, &plan);
                assert_true(plan.next_usec >= facts.end_usec && plan.next_usec > facts.slot_usec);
                assert_true(plan.next_usec >= plan.wanted_usec);
        }
}

/* Asked again when the wanted slot is over, because something else has been paid meanwhile. */
static void test_wanted_stays_wanted(void **state)
{
        struct schedule schedule = { .interval_usec = 420 * USEC_PER_SEC };
        struct schedule_facts facts = { .slot_usec = START_USEC,
                                        .end_usec = START_USEC,
                                        .due_usec = START_USEC,
                                        .now_usec = START_USEC + 421 * USEC_PER_SEC,
                                        .cost_usec = 1000 };
        struct schedule_plan plan;

        (void)state;
        budget_init(&schedule.budget, 1000, START_USEC);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.wanted_usec, START_USEC + 420 * USEC_PER_SEC);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET); /* it is affordable since now */
        assert_int_equal(plan.next_usec, facts.now_usec);
        budget_spend(&schedule.budget, USEC_PER_SEC, facts.now_usec);
        schedule_next(&schedule, &facts, &plan);
        assert_int_equal(plan.wanted_usec, START_USEC + 420 * USEC_PER_SEC);
        assert_int_equal(plan.reason, SCHEDULE_BUDGET);
        assert_int_equal(plan.next_usec, START_USEC + SCHEDULE_STRETCH_MAX_USEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wanted_stays_wanted),
                cmocka_unit_test(test_steady),
                cmocka_unit_test(test_slots),
                cmocka_unit_test(test_stretched),
                cmocka_unit_test(test_what_is_cheap_is_not_stretched),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_any_host),
                cmocka_unit_test(test_share_of_ten_minutes),
                cmocka_unit_test(test_nothing_overflows),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
