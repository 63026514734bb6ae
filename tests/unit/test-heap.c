/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When memory is given back. That it helps is tests/live/test_many_ports.py's. */

#include "fixture.h"

#include "heap.h"

static void test_few_ports(void **state)
{
        struct heap heap = { 0 };

        (void)state;
        for (size_t rows = HEAP_LARGE_ROWS; rows > 0; rows /= 2)
                assert_false(heap_is_quiet(&heap, rows));
}

static void test_many_that_go(void **state)
{
        struct heap heap = { 0 };

        (void)state;
        assert_false(heap_is_quiet(&heap, 60000));
        assert_false(heap_is_quiet(&heap, 30000));
        for (int i = 0; i < HEAP_TRIMS; i++)
                assert_true(heap_is_quiet(&heap, 29999));
        assert_false(heap_is_quiet(&heap, 29999));
        assert_true(heap_is_quiet(&heap, 5));
}

/* They come back meanwhile: what has begun goes on, and the next fall counts anew. */
static void test_up_and_down(void **state)
{
        struct heap heap = { 0 };

        (void)state;
        assert_false(heap_is_quiet(&heap, 10000));
        assert_true(heap_is_quiet(&heap, 100));
        for (int i = 1; i < HEAP_TRIMS; i++)
                assert_true(heap_is_quiet(&heap, 10000));
        assert_false(heap_is_quiet(&heap, 10000));
        assert_true(heap_is_quiet(&heap, 100));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_few_ports),
                cmocka_unit_test(test_many_that_go),
                cmocka_unit_test(test_up_and_down),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
