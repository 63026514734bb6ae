/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may stand in a comment, whoever brings it: the one rule for setting, saving and showing. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "acknowledgement.h"

static void test_what_is_good(void **state)
{
        char text[ACKNOWLEDGEMENT_COMMENT_MAX + 1];

        (void)state;
        assert_true(acknowledgement_comment_is_good(""));
        assert_true(acknowledgement_comment_is_good("seen, \xe2\x82\xac 5"));
        assert_false(acknowledgement_comment_is_good("two\nlines"));
        assert_false(acknowledgement_comment_is_good("a\ttab"));
        assert_false(acknowledgement_comment_is_good("\x7f"));
        assert_false(acknowledgement_comment_is_good("C1: \xc2\x85"));
        assert_false(acknowledgement_comment_is_good("\xff"));
        assert_false(acknowledgement_comment_is_good("cut short \xe2\x82"));
        memset(text, 'x', sizeof(text));
        text[ACKNOWLEDGEMENT_COMMENT_MAX] = '\0';
        assert_false(acknowledgement_comment_is_good(text));
        text[ACKNOWLEDGEMENT_COMMENT_MAX - 1] = '\0';
        assert_true(acknowledgement_comment_is_good(text));
}

/* Whatever is taken is good afterwards; what was good already stays as it is. */
static void test_what_is_set_is_good(void **state)
{
        struct acknowledgement acknowledgement = { 0 };

        (void)state;
        for (unsigned c = 1; c < 256; c++) {
                const char text[] = { 'a', (char)c, 'b', '\0' };
                const bool good = acknowledgement_comment_is_good(text);
                const int r = acknowledgement_set_comment(&acknowledgement, text);

                assert_int_equal(r, c < 0x80 ? 0 : -EINVAL);
                assert_true(acknowledgement_comment_is_good(acknowledgement.comment));
                if (r == 0)
                        assert_string_equal(acknowledgement.comment, good ? text : "a?b");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_good),
                cmocka_unit_test(test_what_is_set_is_good),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
