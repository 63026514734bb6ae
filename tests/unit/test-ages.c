/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an earlier run knew of sockets, by cookie. */

#include "fixture.h"

#include <time.h>

#include "ages.h"
#include "hash.h"

#define MANY            5000
#define CRAFTED         262144
#define CRAFTED_SECONDS 5 /* of the processor, with sanitizers; 43 where they share one slot */

/* Neither ascending nor in one digit alone. */
static uint64_t cookie_of(uint64_t i)
{
        return i * UINT64_C(0x9e3779b97f4a7c14);
}

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
                ages_add(ages, cookie_of(i), i + 1, i % 4);
        assert_int_equal(ages_index(ages), 0);
        for (uint64_t round = 0; round < 2; round++)
                for (uint64_t n = 0; n < MANY; n++) {
                        const uint64_t i = round == 0 ? n : n * 7 % MANY; /* another order */
                        const struct age *age = ages_find(ages, cookie_of(i));

                        assert_non_null(age);
                        assert_int_equal(age->first_seen_usec, i + 1);
                        assert_int_equal(age->flags, i % 4);
                        assert_null(ages_find(ages, cookie_of(i) + 1));
                }
        ages_free(ages);
}

/* The inverse of hash_u64(): all of them hash to slot 0 of any table. */
static uint64_t crafted(uint64_t i)
{
        const uint64_t factor = UINT64_C(0xff51afd7ed558ccd);
        uint64_t inverse = factor, cookie = i << 34;

        for (unsigned step = 0; step < 6; step++)
                inverse *= 2 - factor * inverse;
        cookie ^= cookie >> 33;
        cookie *= inverse;
        return cookie ^ cookie >> 33;
}

/* What is in a file must not cost the start of a daemon: that took most of a minute. */
static void test_crafted_cookies_cost_no_more(void **state)
{
        const clock_t start = clock();
        struct ages *ages;

        (void)state;
        assert_int_equal(hash_u64(crafted(5)), UINT64_C(5) << 34);
        assert_int_equal(ages_new(CRAFTED, &ages), 0);
        for (uint64_t i = 0; i < CRAFTED; i++)
                ages_add(ages, crafted(i), 1, 0);
        assert_int_equal(ages_index(ages), 0);
        for (uint64_t i = CRAFTED; i-- > 0;)
                assert_non_null(ages_find(ages, crafted(i)));
        ages_free(ages);
        assert_true(clock() - start < CRAFTED_SECONDS * CLOCKS_PER_SEC);
}

static void test_a_cookie_once(void **state)
{
        struct ages *ages;

        (void)state;
        assert_int_equal(ages_new(2, &ages), 0);
        ages_add(ages, 7, 100, 0);
        assert_int_equal(ages_index(ages), 0);
        ages_add(ages, 7, 200, 1);
        assert_int_equal(ages_index(ages), AGES_TWICE);
        ages_free(ages);
}

static void test_who_was_taken_is_not_left(void **state)
{
        struct ages *ages;

        (void)state;
        assert_int_equal(ages_new(100, &ages), 0);
        for (uint64_t i = 1; i <= 100; i++)
                ages_add(ages, i, i, 0);
        assert_int_equal(ages_index(ages), 0);
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
        assert_int_equal(ages_index(ages), 0);
        assert_null(ages_find(ages, 0));
        assert_int_equal(sum_left(ages), 0);
        ages_free(ages);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found_by_cookie),
                cmocka_unit_test(test_crafted_cookies_cost_no_more),
                cmocka_unit_test(test_a_cookie_once),
                cmocka_unit_test(test_who_was_taken_is_not_left),
                cmocka_unit_test(test_none),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
