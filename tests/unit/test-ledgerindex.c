/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ledger.h"
#include "ledgerindex.h"

#define ENTRIES 100000

/* Bytes of an entry and of its share of the index; fewer than 64 sockets take what 64 do. */
#define BYTES_MAX 43
#define FEW       64

struct world {
        struct ledger_index index;
        struct ledger_entry *entries;
        size_t n;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        world->entries = calloc(ENTRIES, sizeof(*world->entries));
        assert_non_null(world->entries);
        assert_int_equal(ledger_index_init(&world->index), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        ledger_index_done(&world->index);
        free(world->entries);
        free(world);
        return 0;
}

static void add(struct world *world, uint64_t cookie)
{
        assert_int_equal(ledger_index_fit(&world->index, world->entries, world->n, world->n + 1),
                         0);
        world->entries[world->n].cookie = cookie;
        ledger_index_add(&world->index, world->entries, world->n++);
}

static void take_out(struct world *world, size_t e)
{
        ledger_index_remove(&world->index, world->entries, e, world->n - 1);
        world->entries[e] = world->entries[--world->n];
        assert_int_equal(ledger_index_fit(&world->index, world->entries, world->n, world->n), 0);
}

static void assert_bounded(const struct world *world)
{
        const size_t bytes = world->n * sizeof(struct ledger_entry) +
                             world->index.size * sizeof(struct ledger_slot);

        if (world->n >= FEW)
                assert_true(bytes <= world->n * BYTES_MAX);
}

static void assert_all_found(const struct world *world)
{
        for (size_t e = 0; e < world->n; e++)
                assert_int_equal(
                        ledger_index_find(&world->index, world->entries, world->entries[e].cookie),
                        e);
}

/* Cookies of the kernel are consecutive; here some share all low or all upper bits as well. */
static uint64_t cookie_for(size_t i)
{
        return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 40 : UINT64_MAX - i;
}

static void test_bytes_per_entry(void **state)
{
        struct world *world = *state;

        while (world->n < ENTRIES) {
                add(world, world->n + 1);
                assert_bounded(world);
        }
        assert_all_found(world);
        while (world->n > 0)
                take_out(world, world->n / 2);
        assert_true(world->index.size * sizeof(struct ledger_slot) <= 1024);
}

static void test_there_or_not(void **state)
{
        struct world *world = *state;

        for (size_t i = 1; i <= 3000; i++)
                add(world, cookie_for(i));
        assert_all_found(world);
        for (size_t i = 3001; i <= 9000; i++)
                assert_true(ledger_index_find(&world->index, world->entries, cookie_for(i)) ==
                            LEDGER_INDEX_NONE);
}

static void test_what_has_left_is_gone(void **state)
{
        struct world *world = *state;

        srandom(7);
        for (size_t i = 1; i <= 3000; i++)
                add(world, cookie_for(i));
        for (size_t i = 3001; i <= 9000; i++) {
                const size_t e = (size_t)random() % world->n;
                const uint64_t cookie = world->entries[e].cookie;

                take_out(world, e);
                assert_true(ledger_index_find(&world->index, world->entries, cookie) ==
                            LEDGER_INDEX_NONE);
                add(world, cookie_for(i));
        }
        assert_all_found(world);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_bytes_per_entry),
                T(test_there_or_not),
                T(test_what_has_left_is_gone),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
