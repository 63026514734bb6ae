/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stages of CLOSE_WAIT from queue and inode. */

#include "fixture.h"

#include "stage.h"

static void test_each_stage(void **state)
{
        static const struct {
                uint32_t inode, queue;
                enum close_wait_stage stage;
        } cases[] = {
                { 7, 0, STAGE_UNCLOSED },   { 7, 1, STAGE_EOF_UNREAD },
                { 7, 2, STAGE_UNREAD },     { 7, UINT32_MAX, STAGE_UNREAD },
                { 0, 0, STAGE_UNACCEPTED }, { 0, 1001, STAGE_UNACCEPTED },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct sockrec record = { .state = SOCK_CLOSE_WAIT,
                                                .inode = cases[i].inode,
                                                .receive_queue = cases[i].queue };

                assert_int_equal(close_wait_stage(&record), cases[i].stage);
        }
}

static void test_stage_of_most(void **state)
{
        static const struct {
                uint32_t counts[STAGE_COUNT];
                enum close_wait_stage most;
        } cases[] = {
                { { 0, 0, 0, 0 }, STAGE_COUNT },    { { 1, 0, 0, 0 }, STAGE_UNACCEPTED },
                { { 3, 5, 4, 1 }, STAGE_UNREAD },   { { 2, 0, 2, 0 }, STAGE_EOF_UNREAD },
                { { 1, 1, 1, 1 }, STAGE_UNCLOSED },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(close_wait_stage_of_most(cases[i].counts), cases[i].most);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_stage),
                cmocka_unit_test(test_stage_of_most),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
