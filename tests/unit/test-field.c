/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* field: members of a reply that may be anything. */

#include "field.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

static const char anything[] =
        "{\"n\":42,\"neg\":-1,\"real\":1.5,\"text\":\"x\",\"yes\":true,\"no\":false,\"null\":null,"
        "\"array\":[1],\"object\":{\"n\":1},\"age\":65,\"old\":11520,\"huge\":9223372036854775807,"
        "\"side\":\"local\",\"port\":7865}";

static json_t *load(const char *text)
{
        json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

        assert_non_null(value);
        return value;
}

static void test_types(void **state)
{
        json_t *object = load(anything);
        uint64_t value = 7;

        (void)state;
        assert_string_equal(field_text(object, "text"), "x");
        assert_null(field_text(object, "n"));
        assert_null(field_text(object, "absent"));
        assert_non_null(field_object(object, "object"));
        assert_null(field_object(object, "array"));
        assert_non_null(field_array(object, "array"));
        assert_null(field_array(object, "object"));
        assert_true(field_true(object, "yes"));
        assert_false(field_true(object, "no"));
        assert_false(field_true(object, "n"));
        assert_false(field_count(object, "neg", &value));
        assert_false(field_count(object, "real", &value));
        assert_false(field_count(object, "null", &value));
        assert_false(field_count(object, "text", &value));
        assert_int_equal(value, 7);
        assert_true(field_count(object, "n", &value));
        assert_int_equal(value, 42);
        json_decref(object);
}

static void test_no_object(void **state)
{
        static const char *const values[] = { "[1]", "1", "\"n\"", "null", "true" };
        char buf[UNITS_TEXT_MAX];
        uint64_t value;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                json_t *any = load(values[i]);

                assert_null(field_text(any, "n"));
                assert_false(field_count(any, "n", &value));
                assert_string_equal(field_show_count(any, "n", buf), "-");
                json_decref(any);
        }
        assert_null(field_object(NULL, "n"));
        assert_string_equal(field_show_port(NULL, buf), "-:-");
}

static void test_shown(void **state)
{
        json_t *object = load(anything);
        char buf[UNITS_TEXT_MAX];

        (void)state;
        assert_string_equal(field_show_count(object, "n", buf), "42");
        assert_string_equal(field_show_count(object, "neg", buf), "-");
        assert_string_equal(field_show_yes(object, "yes", buf), "yes");
        assert_string_equal(field_show_yes(object, "no", buf), "no");
        assert_string_equal(field_show_yes(object, "n", buf), "-");
        assert_string_equal(field_show_age(object, "age", NULL, buf), "1min 5s");
        assert_string_equal(field_show_age(object, "old", "yes", buf), ">= 3h 12min");
        assert_string_equal(field_show_age(object, "old", "no", buf), "3h 12min");
        assert_string_equal(field_show_age(object, "text", "yes", buf), "-");
        assert_true(strlen(field_show_age(object, "huge", "yes", buf)) > strlen(">= "));
        json_decref(object);
}

static void test_port(void **state)
{
        static const char *const ports[][2] = {
                { "{\"side\":\"local\",\"port\":7865}", "local:7865" },
                { "{\"side\":\"remote\",\"port\":65535}", "remote:65535" },
                { "{\"side\":\"host\",\"port\":0}", "host" },
                { "{\"side\":\"local\",\"port\":\"x\"}", "local:-" },
                { "{\"side\":3,\"port\":80}", "-:80" },
                { "{\"side\":\"a-side-with-a-very-long-name\",\"port\":80}",
                  "a-side-with-a-ve:80" },
        };
        char buf[UNITS_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
                json_t *object = load(ports[i][0]);

                assert_string_equal(field_show_port(object, buf), ports[i][1]);
                json_decref(object);
        }
}

static void test_time(void **state)
{
        static const char *const wrong[] = { "",
                                             "yesterday",
                                             "2026-01-31T12:00:00",
                                             "2026-01-31T12:00:00.250",
                                             "2026-01-31T12:00:00Zx",
                                             "1901-01-01T00:00:00Z",
                                             "2026-01-31T12:00:00+01:00" };
        uint64_t usec = 7;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(field_parse_time(wrong[i], &usec), -EINVAL);
        assert_int_equal(usec, 7);
        assert_int_equal(field_parse_time("1970-01-02T00:00:01Z", &usec), 0);
        assert_int_equal(usec, 86401 * USEC_PER_SEC);
        assert_int_equal(field_parse_time("1970-01-01T00:00:00.250Z", &usec), 0);
        assert_int_equal(usec, 250000);
        assert_int_equal(field_parse_time("1970-01-01T00:00:00.1234567899Z", &usec), 0);
        assert_int_equal(usec, 123456);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types), cmocka_unit_test(test_no_object),
                cmocka_unit_test(test_shown), cmocka_unit_test(test_port),
                cmocka_unit_test(test_time),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
