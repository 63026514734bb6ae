/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* portkey: names, order and hash. */

#include "portkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

static void test_names(void **state)
{
        static const char *const names[] = { "host", "local", "remote" };

        (void)state;
        for (size_t i = 0; i < SIDE_COUNT; i++)
                assert_string_equal(port_side_name((enum port_side)i), names[i]);
}

/* Namespace before side before port. */
static void test_order(void **state)
{
        static const struct port_key sorted[] = {
                { 0, 0, SIDE_HOST },   { 0, 1, SIDE_LOCAL },          { 0, 65535, SIDE_LOCAL },
                { 0, 1, SIDE_REMOTE }, { 0, 443, SIDE_REMOTE },       { 1, 0, SIDE_HOST },
                { 1, 80, SIDE_LOCAL }, { UINT32_MAX, 1, SIDE_LOCAL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
                for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
                        int order = port_key_compare(&sorted[i], &sorted[j]);

                        assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
                }
        }
}

/* Padding must not count: keys come from the stack. */
static void test_padding(void **state)
{
        struct port_key a, b;

        (void)state;
        memset(&a, 0x00, sizeof(a));
        memset(&b, 0xff, sizeof(b));
        a.netns = b.netns = 3;
        a.side = b.side = SIDE_LOCAL;
        a.port = b.port = 8080;
        assert_int_equal(port_key_compare(&a, &b), 0);
        assert_int_equal(port_key_hash(&a), port_key_hash(&b));
}

/* Every port of both sides over a table at half load: random hashing fills 39 % of the slots. */
static void test_hash_spreads(void **state)
{
        enum { SLOTS = 1 << 18 };
        static uint8_t used[SLOTS];
        unsigned n_used = 0;

        (void)state;
        for (unsigned side = SIDE_LOCAL; side < SIDE_COUNT; side++) {
                for (unsigned port = 0; port <= UINT16_MAX; port++) {
                        struct port_key key = { 0, (uint16_t)port, (uint8_t)side };
                        uint8_t *slot = &used[port_key_hash(&key) % SLOTS];

                        n_used += !*slot;
                        *slot = 1;
                }
        }
        assert_in_range(n_used, SLOTS * 38 / 100, SLOTS / 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_padding),
                cmocka_unit_test(test_hash_spreads),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
