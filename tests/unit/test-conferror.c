/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conf: how places are shown, and that the text of errors is bounded. */

#include "conferror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"

static void assert_place(const char *file, unsigned line, const char *expected)
{
        char text[32];
        const struct conf_place place = { file, line };

        assert_string_equal(conf_place_text(&place, text, sizeof(text)), expected);
}

static void test_places(void **state)
{
        (void)state;
        assert_place(NULL, 0, "built-in");
        assert_place("a.conf", 0, "a.conf");
        assert_place("a.conf", 12, "a.conf:12");
        assert_place("a.conf", 4294967295, "a.conf:4294967295");
}

/* A file's name is bytes; what comes out goes to terminals and into JSON. */
static void test_shown_names(void **state)
{
        (void)state;
        assert_place("\x1b[1m\xff\xc3\xa9\xc2\x9b\n", 1, "?[1m?\xc3\xa9\?\?\?:1");
}

/* Too long: the end of the name is what tells files apart, and the line must stay. */
static void test_long_names(void **state)
{
        (void)state;
        assert_place("/6789/012345.conf/012345.conf", 0, "/6789/012345.conf/012345.conf");
        assert_place("/0123456789/0123456789/012345.conf", 4096, ".../0123456789/012345.conf:4096");
        /* The cut falls into a letter. */
        assert_place("/aaaaaaaaaaaa\xc3\xa9/123456789/012345.conf", 4096,
                     ".../123456789/012345.conf:4096");
}

static void test_none(void **state)
{
        struct conf_errors errors = { 0 };
        char *text = NULL;

        (void)state;
        assert_int_equal(conf_errors_finish(&errors, &text), 0);
        assert_null(text);
        conf_errors_done(&errors);
}

static void test_bounded(void **state)
{
        const struct conf_place place = { "a.conf", 7 };
        struct conf_errors errors = { 0 };
        char *text = NULL;
        size_t n = 0;

        (void)state;
        for (unsigned i = 0; i < 1000; i++)
                conf_errors_add(&errors, &place, "error %u", i);
        assert_int_equal(conf_errors_finish(&errors, &text), CONF_BAD);
        conf_errors_done(&errors);
        assert_memory_equal(text, "a.conf:7: error 0\na.conf:7: error 1\n", 36);
        assert_string_equal(strrchr(text, '\n'), "\nand 980 more");
        for (const char *p = text; *p != '\0'; p++)
                n += *p == '\n';
        assert_int_equal(n, CONF_ERRORS_MAX);
        free(text);
}

/* A load that is given up frees what it has collected. */
static void test_given_up(void **state)
{
        const struct conf_place place = { "a.conf", 7 };
        struct conf_errors errors = { 0 };
        char *text = NULL;

        (void)state;
        conf_errors_add(&errors, &place, "error");
        errors.failure = -12;
        conf_errors_add(&errors, &place, "not added");
        assert_int_equal(errors.n, 1);
        assert_int_equal(conf_errors_finish(&errors, &text), -12);
        assert_null(text);
        conf_errors_done(&errors);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),     cmocka_unit_test(test_shown_names),
                cmocka_unit_test(test_long_names), cmocka_unit_test(test_none),
                cmocka_unit_test(test_bounded),    cmocka_unit_test(test_given_up),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
