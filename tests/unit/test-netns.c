/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which network namespace this is. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

#include "netns.h"

static void test_own(void **state)
{
        char target[64] = "", expected[64];
        ssize_t n = readlink("/proc/self/ns/net", target, sizeof(target) - 1);

        (void)state;
        if (n < 0)
                skip();
        snprintf(expected, sizeof(expected), "net:[%" PRIu64 "]", netns_id("/proc"));
        assert_string_equal(target, expected);
}

static void test_unknown(void **state)
{
        char path[5000];

        (void)state;
        assert_int_equal(netns_id("/nonexistent"), 0);
        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(netns_id(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_own),
                                            cmocka_unit_test(test_unknown) };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
