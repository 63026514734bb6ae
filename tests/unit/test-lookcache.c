/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which questions get a look: shared, so many a second, and a share of one CPU. */

#include "fixture.h"

#include <errno.h>

#include "lookcache.h"

#define START_USEC (1000 * USEC_PER_SEC)
#define TENTH_USEC (USEC_PER_SEC / 10)

static int ask_as(struct lookcache *cache, uint16_t port, bool privileged, uint64_t now_usec)
{
        const struct look_question question = { LOOK_PORT, port };
        struct look_answer *answer = NULL;
        int r = lookcache_ask(cache, &question, privileged, now_usec, &answer);

        assert_int_equal(r == LOOKCACHE_KNOWN, answer != NULL);
        if (answer)
                assert_int_equal(answer->question.port, port);
        return r;
}

static int ask(struct lookcache *cache, uint16_t port, uint64_t now_usec)
{
        return ask_as(cache, port, true, now_usec);
}

/* The look began age_usec ago and has cost that. */
static void put_aged(struct lookcache *cache, uint16_t port, uint64_t now_usec, uint64_t age_usec,
                     uint64_t cpu_usec)
{
        const struct look_question question = { LOOK_PORT, port };
        struct look_answer *answer = look_answer_new(&question);

        assert_non_null(answer);
        answer->seen_usec = now_usec - age_usec;
        answer->cpu_usec = cpu_usec;
        lookcache_put(cache, answer, now_usec);
        look_answer_unref(answer);
}

static void put(struct lookcache *cache, uint16_t port, uint64_t now_usec, uint64_t cpu_usec)
{
        put_aged(cache, port, now_usec, 0, cpu_usec);
}

static void test_the_same_question_is_one_look(void **state)
{
        struct lookcache cache;
        struct look_answer *answer;
        const struct look_question other = { LOOK_DESTINATIONS, 0 };

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        assert_int_equal(ask(&cache, 80, START_USEC), 0);
        for (int i = 0; i < 100; i++)
                assert_int_equal(ask(&cache, 80, START_USEC + 2 * USEC_PER_SEC), LOOKCACHE_WAITING);
        assert_int_equal(ask(&cache, 81, START_USEC), 0); /* that is another one */
        assert_int_equal(lookcache_ask(&cache, &other, true, START_USEC, &answer), 0);
        assert_int_equal(cache.n_waiting, 3);
        put(&cache, 80, START_USEC, 0);
        assert_int_equal(cache.n_waiting, 2);
        assert_int_equal(ask(&cache, 81, START_USEC), LOOKCACHE_WAITING);
        assert_int_equal(cache.refused, 0);
        lookcache_done(&cache);
}

static void test_an_answer_is_shared_for_a_second(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        assert_int_equal(ask(&cache, 80, START_USEC), 0);
        put(&cache, 80, START_USEC, 0);
        assert_int_equal(ask(&cache, 80, START_USEC + LOOKCACHE_KEEP_USEC - 1), LOOKCACHE_KNOWN);
        assert_int_equal(ask(&cache, 80, START_USEC + LOOKCACHE_KEEP_USEC), 0);
        lookcache_done(&cache);
}

static void test_old_answers_are_let_go(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        for (uint16_t port = 1; port <= 3 * LOOKCACHE_KEPT_MAX; port++)
                put(&cache, port, START_USEC, 0);
        assert_int_equal(ask(&cache, 3 * LOOKCACHE_KEPT_MAX, START_USEC), LOOKCACHE_KNOWN);
        assert_int_equal(ask(&cache, 1, START_USEC), 0); /* made room */
        lookcache_expire(&cache, START_USEC + LOOKCACHE_KEEP_USEC);
        for (size_t i = 0; i < LOOKCACHE_KEPT_MAX; i++)
                assert_null(cache.kept[i]);
}

/* Asks for 100 different ports in one second; how many looks that is. */
static unsigned looks_of_a_second(struct lookcache *cache, bool privileged, uint64_t second)
{
        unsigned looks = 0;

        for (uint16_t port = 1; port <= 100; port++) {
                const uint64_t now_usec = second * USEC_PER_SEC + port;

                if (ask_as(cache, port, privileged, now_usec) != 0)
                        continue;
                looks++;
                put_aged(cache, port, now_usec, LOOKCACHE_KEEP_USEC, 0); /* too old to be shared */
        }
        return looks;
}

static void test_so_many_looks_a_second(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 0, 10 * USEC_PER_SEC);
        for (uint64_t second = 10; second < 13; second++) {
                assert_int_equal(looks_of_a_second(&cache, false, second),
                                 LOOKCACHE_PER_SECOND - LOOKCACHE_RESERVED);
                assert_int_equal(looks_of_a_second(&cache, true, second), LOOKCACHE_RESERVED);
        }
        assert_int_equal(cache.refused, 3 * (200 - LOOKCACHE_PER_SECOND));
        assert_int_equal(ask_as(&cache, 1, false, 12 * USEC_PER_SEC + 200), -EBUSY);
        lookcache_done(&cache);
}

/*
 * Somebody asks for another port every tenth of a second for ten minutes, and each look is dear.
 * What the looks cost in all.
 */
static uint64_t spend_ten_minutes(struct lookcache *cache, uint64_t cost_usec)
{
        uint64_t spent_usec = 0;

        for (uint64_t i = 0; i < 6000; i++) {
                const uint64_t now_usec = START_USEC + i * (TENTH_USEC - 1);

                if (ask(cache, (uint16_t)(i + 1), now_usec) != 0)
                        continue;
                put(cache, (uint16_t)(i + 1), now_usec, cost_usec);
                spent_usec += cost_usec;
        }
        return spent_usec;
}

static void test_looks_have_half_of_the_budget(void **state)
{
        static const struct {
                uint32_t budget_ppm, share_ppm;
        } budgets[] = {
                { 0, LOOKCACHE_CPU_PPM }, { 1, 1 },           { 100, 50 },         { 2000, 1000 },
                { 10000, 5000 },          { 200000, 100000 }, { 1000000, 500000 },
        };
        static const uint64_t costs[] = { 1000, 50000, 300000, 2000000 };
        const uint64_t seconds = 600;

        (void)state;
        for (size_t b = 0; b < ARRAY_SIZE(budgets); b++) {
                for (size_t c = 0; c < ARRAY_SIZE(costs); c++) {
                        struct lookcache cache;
                        const uint64_t saved = MIN(LOOKCACHE_CPU_MAX_USEC,
                                                   60 * UINT64_C(1) * budgets[b].share_ppm);
                        const uint64_t most = seconds * budgets[b].share_ppm + saved + costs[c];
                        uint64_t spent;

                        lookcache_init(&cache, budgets[b].budget_ppm, START_USEC);
                        spent = spend_ten_minutes(&cache, costs[c]);
                        assert_true(spent <= most);
                        /* nor is more than what a second brings left lying */
                        assert_true(spent >= MIN(most - costs[c] - budgets[b].share_ppm,
                                                 seconds * LOOKCACHE_PER_SECOND * costs[c]));
                        lookcache_done(&cache);
                }
        }
}

/* An hour of as many looks as a second may have, on a host where each takes a millisecond. */
static void test_cheap_looks_are_never_too_dear(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 10000, START_USEC);
        for (uint64_t i = 0; i < 3600 * LOOKCACHE_PER_SECOND; i++) {
                const uint64_t now_usec = START_USEC + i * (USEC_PER_SEC / LOOKCACHE_PER_SECOND);

                assert_int_equal(ask(&cache, (uint16_t)(i % 60000 + 1), now_usec), 0);
                put(&cache, (uint16_t)(i % 60000 + 1), now_usec, USEC_PER_MSEC);
        }
        assert_int_equal(cache.refused, 0);
        lookcache_done(&cache);
}

/* Half a second beyond what can be saved up: ten seconds at 5 %, a hundred at 0.5 %. */
static void test_another_budget_holds_from_now_on(void **state)
{
        const uint64_t set_usec = START_USEC + 5 * USEC_PER_SEC;
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 100000, START_USEC);
        assert_int_equal(ask(&cache, 1, START_USEC), 0);
        put(&cache, 1, START_USEC, LOOKCACHE_CPU_MAX_USEC * 3 / 2);
        lookcache_set_budget(&cache, 10000, set_usec); /* a quarter is still to be paid */
        assert_int_equal(ask(&cache, 2, set_usec + 50 * USEC_PER_SEC + 199), -EDQUOT);
        assert_int_equal(ask(&cache, 2, set_usec + 50 * USEC_PER_SEC + 200), 0);
        lookcache_done(&cache);
}

/* To the microsecond, if the looks that wait cost what the last one did. */
static void test_it_is_known_when_there_is_a_look_again(void **state)
{
        static const uint64_t costs[] = { LOOKCACHE_CPU_MAX_USEC, LOOKCACHE_CPU_MAX_USEC + 1,
                                          7 * USEC_PER_SEC + 333333 };

        (void)state;
        for (size_t c = 0; c < ARRAY_SIZE(costs); c++) {
                for (unsigned privileged = 0; privileged < 2; privileged++) {
                        struct lookcache cache;
                        uint64_t when_usec;

                        lookcache_init(&cache, 7000, START_USEC);
                        assert_int_equal(ask(&cache, 1, START_USEC), 0);
                        put(&cache, 1, START_USEC, costs[c]);
                        assert_int_equal(ask_as(&cache, 2, privileged, START_USEC), -EDQUOT);
                        when_usec =
                                START_USEC + lookcache_wait_usec(&cache, privileged, START_USEC);
                        assert_int_equal(ask_as(&cache, 2, privileged, when_usec - 1), -EDQUOT);
                        assert_int_equal(ask_as(&cache, 2, privileged, when_usec), 0);
                        lookcache_done(&cache);
                }
        }
}

static void test_what_waits_counts_before_its_cost_is_known(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        assert_int_equal(ask(&cache, 1, START_USEC), 0);
        put(&cache, 1, START_USEC, LOOKCACHE_CPU_MAX_USEC * 4 / 10);
        assert_int_equal(ask(&cache, 2, START_USEC), 0); /* .4 spent, .4 to come */
        assert_int_equal(ask(&cache, 3, START_USEC), 0); /* .8, .4 to come: the last one */
        assert_int_equal(ask(&cache, 4, START_USEC), -EDQUOT);
        assert_int_equal(cache.refused, 1);
        lookcache_done(&cache);
}

/* However little can be saved up: 0.3 s of the two that the one that waits will cost. */
static void test_a_dear_look_that_waits_is_to_be_paid(void **state)
{
        const uint64_t full_usec = START_USEC + USEC_PER_HOUR;
        struct lookcache cache;
        uint64_t wait_usec;

        (void)state;
        lookcache_init(&cache, 10000, START_USEC);
        assert_int_equal(ask(&cache, 1, START_USEC), 0);
        put(&cache, 1, START_USEC, 2 * USEC_PER_SEC);
        assert_int_equal(ask(&cache, 2, full_usec), 0);
        assert_int_equal(ask(&cache, 3, full_usec), -EDQUOT);
        wait_usec = lookcache_wait_usec(&cache, true, full_usec);
        assert_in_range(wait_usec, 340 * USEC_PER_SEC, 340 * USEC_PER_SEC + 200);
        put(&cache, 2, full_usec, 2 * USEC_PER_SEC);
        assert_int_equal(ask(&cache, 3, full_usec + wait_usec - 1), -EDQUOT);
        assert_int_equal(ask(&cache, 3, full_usec + wait_usec), 0);
        lookcache_done(&cache);
}

static void test_the_privileged_come_through(void **state)
{
        struct lookcache cache;

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        assert_int_equal(ask_as(&cache, 1, false, START_USEC), 0);
        put(&cache, 1, START_USEC,
            LOOKCACHE_CPU_MAX_USEC - LOOKCACHE_CPU_MAX_USEC / LOOKCACHE_RESERVED_PART);
        assert_int_equal(ask_as(&cache, 2, false, START_USEC), -EDQUOT);
        assert_int_equal(ask_as(&cache, 2, true, START_USEC), 0);
        lookcache_done(&cache);
}

static void test_so_many_at_once(void **state)
{
        struct lookcache cache;
        const struct look_question first = { LOOK_PORT, 1 };

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        for (uint16_t port = 1; port <= LOOKCACHE_WAITING_MAX; port++)
                assert_int_equal(ask(&cache, port, START_USEC + port * USEC_PER_SEC), 0);
        assert_int_equal(ask(&cache, 99, START_USEC + 99 * USEC_PER_SEC), -EBUSY);
        lookcache_give_up(&cache, &first); /* as the scanner's queue was full */
        assert_int_equal(cache.refused, 2);
        assert_int_equal(ask(&cache, 1, START_USEC + 99 * USEC_PER_SEC), 0);
        lookcache_done(&cache);
}

/* Those that only read cannot take all the places. */
static void test_a_place_is_kept_for_the_privileged(void **state)
{
        struct lookcache cache;
        uint64_t now_usec = START_USEC;

        (void)state;
        lookcache_init(&cache, 0, START_USEC);
        for (uint16_t port = 1; port <= LOOKCACHE_WAITING_MAX - LOOKCACHE_RESERVED; port++)
                assert_int_equal(ask_as(&cache, port, false, now_usec += USEC_PER_SEC), 0);
        now_usec += USEC_PER_SEC;
        assert_int_equal(ask_as(&cache, 98, false, now_usec), -EBUSY);
        assert_int_equal(ask_as(&cache, 99, true, now_usec), 0);
        assert_int_equal(ask_as(&cache, 100, true, now_usec), -EBUSY);
        lookcache_done(&cache);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same_question_is_one_look),
                cmocka_unit_test(test_an_answer_is_shared_for_a_second),
                cmocka_unit_test(test_old_answers_are_let_go),
                cmocka_unit_test(test_so_many_looks_a_second),
                cmocka_unit_test(test_looks_have_half_of_the_budget),
                cmocka_unit_test(test_cheap_looks_are_never_too_dear),
                cmocka_unit_test(test_another_budget_holds_from_now_on),
                cmocka_unit_test(test_it_is_known_when_there_is_a_look_again),
                cmocka_unit_test(test_what_waits_counts_before_its_cost_is_known),
                cmocka_unit_test(test_a_dear_look_that_waits_is_to_be_paid),
                cmocka_unit_test(test_the_privileged_come_through),
                cmocka_unit_test(test_so_many_at_once),
                cmocka_unit_test(test_a_place_is_kept_for_the_privileged),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
