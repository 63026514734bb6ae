/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an earlier run knew of sockets, by cookie. */

#include "fixture.h"

#include "ages.h"

#define MANY 5000

static void sum_up(const struct age *age, void *userdata)
{
        *(uint64_t *)userdata += age->cookie;
}

static uint64_t sum_left(const struct ages *ages)
{
        uint64_t sum = 0;

        ages_each_left(ages, sum_up, &sum);
        return sum;
}

static void test_found_by_cookie(void **state)
{
        struct ages *ages;

        (void)state;
        assert_int_equal(ages_new(MANY, &ages), 0);
        for (uint64_t i = 0; i < MANY; i++)
                assert_int_equal(ages_add(ages, i * 4096, i + 1, i % 4), 0);
        for (uint64_t i = 0; i < MANY; i++) {
                const struct age *age = ages_find(ages, i * 4096);

                assert_non_null(age);
                assert_int_equal(age->first_seen_usec, i + 1);
                assert_int_equal(age->flags, i % 4);
                assert_null(ages_find(ages, i * 4096 + 1));
        }
        ages_free(ages);
}

static void test_a_cookie_once(void **state)
{
        struct ages *ages;

        (void)state;
        assert_int_equal(ages_new(2, &ages), 0);
        assert_int_equal(ages_add(ages, 7, 100, 0), 0);
        assert_int_equal(ages_add(ages, 7, 200, 1), AGES_TWICE);
        assert_int_equal(ages_find(ages, 7)->first_seen_usec, 100);
        assert_int_equal(ages_left(ages), 1);
        ages_free(ages);
}

static void test_who_was_taken_is_not_left(void **state)
{
        struct ages *ages;

        (void)state;
        assert_int_equal(ages_new(100, &ages), 0);
        for (uint64_t i = 1; i <= 100; i++)
                assert_int_equal(ages_add(ages, i, i, 0), 0);
        assert_int_equal(sum_left(ages), 5050);
        ages_take(ages, ages_find(ages, 50));
        ages_take(ages, ages_find(ages, 50));
        assert_int_equal(ages_left(ages), 99);
        assert_int_equal(sum_left(ages), 5000);
        assert_int_equal(ages_find(ages, 50)->first_seen_usec, 50);
        ages_free(ages);
}

static void test_none(void **state)
{
        struct ages *ages;

        (void)state;
        assert_null(ages_find(NULL, 1));
        assert_int_equal(ages_left(NULL), 0);
        assert_int_equal(sum_left(NULL), 0);
        assert_null(ages_free(NULL));
        assert_int_equal(ages_new(0, &ages), 0);
        assert_null(ages_find(ages, 0));
        assert_int_equal(sum_left(ages), 0);
        ages_free(ages);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found_by_cookie),
                cmocka_unit_test(test_a_cookie_once),
                cmocka_unit_test(test_who_was_taken_is_not_left),
                cmocka_unit_test(test_none),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
