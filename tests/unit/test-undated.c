/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets that wait for the end of a walk: in their order, and no more than there is room for. */

#include "fixture.h"

#include "undated.h"

static void test_bound(void **state)
{
        struct undated undated = { 0 };

        (void)state;
        for (uint64_t round = 0; round < 2; round++) {
                struct sockrec record = { .state = SOCK_CLOSE_WAIT };

                for (record.cookie = 0; record.cookie < UNDATED_MAX; record.cookie++)
                        assert_true(undated_add(&undated, &record));
                assert_false(undated_add(&undated, &record));
                assert_int_equal(undated.n, UNDATED_MAX);
                for (uint64_t i = 0; i < UNDATED_MAX; i++)
                        assert_int_equal(undated.items[i].cookie, i);
                undated_clear(&undated);
                assert_int_equal(undated.n, 0);
                assert_null(undated.items);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bound),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
