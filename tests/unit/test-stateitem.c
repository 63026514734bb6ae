/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Items of any length, in place, and what is missing in them. */

#include "fixture.h"

#include <errno.h>

#include "stateitem.h"

static bool same_bytes(const struct recbuf *a, const struct recbuf *b)
{
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* In place or in a buffer of its own: the same bytes, around the lengths where a length grows. */
static void test_in_place(void **state)
{
        static const size_t lengths[] = { 0, 1, 126, 127, 128, 129, 16383, 16384, 300000 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct recbuf a = { 0 }, b = { 0 }, item = { 0 };
                size_t at;

                recbuf_put(&a, 1000);
                recbuf_put(&b, 1000);
                at = stateitem_begin(&a);
                for (size_t n = 0; n < lengths[i]; n++) {
                        recbuf_put(&a, n % 100);
                        recbuf_put(&item, n % 100);
                }
                stateitem_end(&a, at);
                stateitem_put(&b, &item);
                recbuf_put(&a, 2000);
                recbuf_put(&b, 2000);
                assert_int_equal(a.error, 0);
                assert_true(same_bytes(&a, &b));
                recbuf_done(&a);
                recbuf_done(&b);
        }
}

static void test_items_in_items(void **state)
{
        struct recbuf body = { 0 };
        struct recview view, outer, inner;
        size_t at, within;

        (void)state;
        at = stateitem_begin(&body);
        recbuf_put(&body, 5);
        within = stateitem_begin(&body);
        for (unsigned i = 0; i < 200; i++)
                recbuf_put(&body, 7);
        stateitem_end(&body, within);
        recbuf_put(&body, 6);
        stateitem_end(&body, at);
        view = recview_of(&body);
        outer = stateitem_get(&view, "the outer one");
        assert_int_equal(stateitem_get_number(&outer, 9, "a number"), 5);
        inner = stateitem_get(&outer, "the inner one");
        assert_int_equal(recview_left(&inner), 200);
        assert_int_equal(stateitem_get_number(&outer, 9, "a number"), 6);
        assert_int_equal(recview_left(&view), 0);
        assert_null(outer.wrong);
        recbuf_done(&body);
}

/* The buffer keeps its error, and what was put is not looked at. */
static void test_a_full_buffer(void **state)
{
        struct recbuf body = { .error = -E2BIG };
        size_t at = stateitem_begin(&body);

        (void)state;
        recbuf_put(&body, 5);
        stateitem_end(&body, at);
        assert_int_equal(body.error, -E2BIG);
        assert_int_equal(body.len, 0);
}

static void test_what_is_missing(void **state)
{
        static const uint8_t bytes[] = { 3, 0x80 };
        struct recview view = { 0 };

        (void)state;
        assert_int_equal(stateitem_get_signed(&view, "a number"), 0);
        assert_int_equal(stateitem_get_count(&view, "a count"), 0);
        assert_null(view.wrong);

        view = (struct recview){ .at = bytes, .end = bytes + 1 };
        assert_int_equal(stateitem_get_signed(&view, "a number"), -2);
        view = (struct recview){ .at = bytes, .end = bytes + 1 };
        assert_int_equal(stateitem_get_count(&view, "a count"), 0); /* of nothing */
        assert_string_equal(view.wrong, "a count");
        view = (struct recview){ .at = bytes + 1, .end = bytes + 2 };
        assert_int_equal(stateitem_get_signed(&view, "a number"), 0); /* cut short is not missing */
        assert_string_equal(view.wrong, "a number");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_place),
                cmocka_unit_test(test_items_in_items),
                cmocka_unit_test(test_a_full_buffer),
                cmocka_unit_test(test_what_is_missing),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
