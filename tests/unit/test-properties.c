/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Properties of the detector over random programs, driven and checked by what the fuzz target
 * uses: tests/fuzz/judge-model.h lists them. A program that breaks one is named by its seed.
 */

#include "fixture.h"

#include "../fuzz/judge-program.h"

#define PROGRAM_BYTES 1000

struct tried {
        uint64_t steps;
        uint64_t told[TRANSITION_COUNT];
        uint64_t retired, kept, raised_unseen, overflow;
};

static void add(struct tried *tried, const struct model *model)
{
        tried->steps += model->steps;
        tried->retired += model->retired;
        tried->kept += model->kept;
        tried->raised_unseen += model->raised_unseen;
        tried->overflow += model->overflow;
        for (int i = 0; i < TRANSITION_COUNT; i++)
                tried->told[i] += model->told[i];
}

static void run_seed(unsigned seed, bool many, struct tried *tried)
{
        uint8_t bytes[PROGRAM_BYTES];
        struct program program;

        srandom(seed);
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(random() >> 8);
        bytes[0] = (uint8_t)((bytes[0] & ~1) | many);
        program_init(&program, bytes, sizeof(bytes));
        program_run(&program);
        if (program.model.broken[0] != '\0')
                fail_msg("seed %u, step %llu: property %s", seed,
                         (unsigned long long)program.model.steps, program.model.broken);
        add(tried, &program.model);
        program_done(&program);
}

/* least: of everything that there is to try. */
static void assert_tried(const struct tried *tried, uint64_t steps, uint64_t least)
{
        print_message("# %llu steps: raised %llu, escalated %llu, deescalated %llu, reminded %llu, "
                      "cleared %llu; by a reload: retired %llu, kept %llu; overflow %llu\n",
                      (unsigned long long)tried->steps,
                      (unsigned long long)tried->told[TRANSITION_RAISED],
                      (unsigned long long)tried->told[TRANSITION_ESCALATED],
                      (unsigned long long)tried->told[TRANSITION_DEESCALATED],
                      (unsigned long long)tried->told[TRANSITION_REMINDED],
                      (unsigned long long)tried->told[TRANSITION_CLEARED],
                      (unsigned long long)tried->retired, (unsigned long long)tried->kept,
                      (unsigned long long)tried->overflow);
        assert_true(tried->steps >= steps);
        for (int i = 0; i < TRANSITION_COUNT; i++)
                assert_true(tried->told[i] >= least);
        assert_true(tried->retired >= least);
        assert_true(tried->kept >= least);
        assert_true(tried->raised_unseen >= least);
}

static void test_few_ports(void **state)
{
        struct tried tried = { 0 };

        (void)state;
        for (unsigned seed = 1; seed <= 900; seed++)
                run_seed(seed, false, &tried);
        assert_tried(&tried, 200000, 500);
}

static void test_more_ports_than_alerts(void **state)
{
        struct tried tried = { 0 };

        (void)state;
        for (unsigned seed = 1; seed <= 40; seed++)
                run_seed(seed, true, &tried);
        assert_tried(&tried, 1000, 1);
        assert_true(tried.overflow > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_few_ports),
                cmocka_unit_test(test_more_ports_than_alerts),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
