/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Interned groups: alike ones share a number, freed numbers are used again, memory comes back. */

#include <errno.h>

#include "fixture.h"

#include "grouptab.h"

static struct ledger_group group(uint16_t port, uint32_t uid)
{
        return (struct ledger_group){ .port = local_port(port), .uid = uid };
}

static void test_alike_share(void **state)
{
        struct grouptab table;
        const struct ledger_group a = group(80, 1), b = group(80, 2);
        int64_t number;

        (void)state;
        assert_int_equal(grouptab_init(&table), 0);
        number = grouptab_join(&table, &a);
        assert_true(number >= 0);
        assert_true(grouptab_join(&table, &b) != number);
        assert_int_equal(grouptab_join(&table, &a), number);
        assert_int_equal(table.items[number].members, 2);
        assert_int_equal(table.used, 2);
        grouptab_done(&table);
}

static void test_freed_slots_are_reused(void **state)
{
        struct grouptab table;

        (void)state;
        assert_int_equal(grouptab_init(&table), 0);
        for (uint32_t i = 0; i < 100000; i++) {
                const struct ledger_group g = group(80, i);

                grouptab_leave(&table, (uint32_t)grouptab_join(&table, &g));
        }
        assert_int_equal(table.n, 1);
        assert_int_equal(table.used, 0);
        grouptab_done(&table);
}

static void test_bound(void **state)
{
        struct grouptab table;
        const struct ledger_group more = group(1, UINT32_MAX);

        (void)state;
        assert_int_equal(grouptab_init(&table), 0);
        for (uint32_t i = 0; i < LEDGER_GROUPS_MAX; i++) {
                const struct ledger_group g = group((uint16_t)i, i);

                assert_true(grouptab_join(&table, &g) >= 0);
        }
        assert_int_equal(grouptab_join(&table, &more), -ENOSPC);
        grouptab_done(&table);
}

static void test_compact_renumbers(void **state)
{
        struct grouptab table;
        int64_t kept[3];
        uint32_t *renumber;

        (void)state;
        assert_int_equal(grouptab_init(&table), 0);
        assert_null(grouptab_compact(&table)); /* small already */
        for (uint32_t i = 0; i < 10000; i++) {
                const struct ledger_group g = group((uint16_t)i, 0);
                int64_t number = grouptab_join(&table, &g);

                if (i % 4000 == 0)
                        kept[i / 4000] = number;
        }
        for (uint32_t i = 0; i < 10000; i++)
                if (i % 4000 != 0)
                        grouptab_leave(&table, i);
        renumber = grouptab_compact(&table);
        assert_non_null(renumber);
        for (uint16_t i = 0; i < 3; i++) {
                const struct ledger_group g = group((uint16_t)(i * 4000), 0);

                assert_true(grouptab_same(&table.items[renumber[kept[i]]], &g));
                assert_int_equal(grouptab_join(&table, &g), renumber[kept[i]]);
        }
        assert_true(table.size < 64);
        free(renumber);
        grouptab_done(&table);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alike_share),
                cmocka_unit_test(test_freed_slots_are_reused),
                cmocka_unit_test(test_bound),
                cmocka_unit_test(test_compact_renumbers),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
