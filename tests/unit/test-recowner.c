/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners and witnesses that a later version has written: what this one knows of them. */

#include "anyalert.h"

#include "recowner.h"

static void test_flags_of_a_later_version(void **state)
{
        struct owner owner;
        struct recbuf buf = { 0 };
        struct recview view;

        (void)state;
        owner_clear(&owner);
        owner.by_listener = true;
        owner.uid = 33;
        recowner_put_owner(&buf, &owner); /* 0: no unit; flags; 34: the uid; no process */
        assert_int_equal(buf.len, 5);
        assert_int_equal(buf.data[1], 1 << 1);
        for (uint8_t bit = 3; bit < 7; bit++) {
                struct owner got;

                buf.data[1] = (uint8_t)(1 << 1 | 1 << bit);
                view = recview_of(&buf);
                recowner_get_owner(&view, &got);
                assert_null(view.wrong);
                assert_same_owner(&owner, &got);
        }
        recbuf_done(&buf);
}

static void test_flags_of_a_later_witness(void **state)
{
        const struct port_witness witness = { .known = true, .uid = 33 };
        struct recbuf buf = { 0 };
        struct recview view;

        (void)state;
        recowner_put_witness(&buf, &witness);
        assert_int_equal(buf.data[0], 1 << 0);
        for (uint8_t bit = 2; bit < 7; bit++) {
                struct port_witness got;

                buf.data[0] = (uint8_t)(1 << 0 | 1 << bit);
                view = recview_of(&buf);
                recowner_get_witness(&view, &got);
                assert_null(view.wrong);
                assert_true(got.known);
                assert_true(port_witness_equal(&witness, &got));
        }
        recbuf_done(&buf);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flags_of_a_later_version),
                cmocka_unit_test(test_flags_of_a_later_witness),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
