/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the scanner keeps across a restart, and when it tells it. Whether there is a kernel that
 * lists sockets does not matter but for the test with a thread.
 */

#include "fixture.h"

#include <errno.h>
#include <poll.h>

#include "conf.h"
#include "scan-private.h"

static struct scan *new_scan(void)
{
        struct conf *conf;
        struct scan *scan;

        assert_int_equal(conf_new_default(&conf), 0);
        assert_int_equal(scan_new(conf, &scan), 0);
        conf_unref(conf);
        return scan;
}

/* A socket that has been there since the clock began, and a port that lost its listener. */
static struct recbuf make_body(void)
{
        static const uint8_t bytes[] = { 3, 0, 0, 0, 1, 6, 80, 2, 0, 0, 0, 0, 0, 1, 3, 14, 2, 0 };
        struct recbuf body = { 0 };

        recbuf_put_bytes(&body, bytes, sizeof(bytes));
        return body;
}

static void restore(struct scan *scan, const struct recbuf *body)
{
        struct recview view = recview_of(body);
        const char *wrong = NULL;

        assert_int_equal(scan_restore(scan, &view, &wrong), 0);
        assert_null(wrong);
}

static void assert_body(const struct recbuf *body, const struct recbuf *wanted)
{
        assert_int_equal(body->len, wanted->len);
        assert_memory_equal(body->data, wanted->data, wanted->len);
}

/* Stopped before anything could be seen. */
static void test_restored_is_handed_on(void **state)
{
        struct recbuf body = make_body(), again = { 0 };
        struct scan *scan = new_scan();

        (void)state;
        restore(scan, &body);
        assert_false(scan_take_state(scan, &again));
        scan_stop(scan);
        assert_true(scan_take_state(scan, &again));
        assert_body(&again, &body);
        recbuf_done(&again);
        scan_stop(scan);
        assert_false(scan_take_state(scan, &again));
        scan_free(scan);
        recbuf_done(&body);
}

/* What is the same is not told again, whether it was taken or not. */
static void test_told_when_it_has_changed(void **state)
{
        struct recbuf body = make_body(), taken = { 0 };
        struct scan *scan = new_scan();

        (void)state;
        restore(scan, &body);
        scan_tell_last_state(scan);
        assert_true(scan_take_state(scan, &taken));
        recbuf_done(&taken);
        restore(scan, &body);
        scan_tell_last_state(scan);
        assert_false(scan_take_state(scan, &taken));
        body.data[body.len - 1] ^= LEDGER_AT_LEAST; /* of the age */
        restore(scan, &body);
        scan_tell_last_state(scan);
        scan_tell_last_state(scan);
        assert_true(scan_take_state(scan, &taken));
        assert_body(&taken, &body);
        assert_false(scan_take_state(scan, &taken));
        recbuf_done(&taken);
        recbuf_done(&body);
        scan_free(scan);
}

/* Nobody takes it. */
static void test_freed_without_a_stop(void **state)
{
        struct recbuf body = make_body();
        struct scan *scan = new_scan();

        (void)state;
        restore(scan, &body);
        scan_free(scan);
        recbuf_done(&body);
}

/* What was saved must not be replaced by what was never known. */
static void test_nothing_known_is_not_told(void **state)
{
        struct scan *scan = new_scan();
        struct recbuf body = { 0 };

        (void)state;
        scan_stop(scan);
        assert_false(scan_take_state(scan, &body));
        scan_free(scan);
}

static void test_damaged_is_refused(void **state)
{
        struct recbuf body = make_body(), taken = { 0 };
        struct scan *scan = new_scan();
        struct recview view;
        const char *wrong = NULL;

        (void)state;
        view = recview_of(&body);
        view.end--;
        assert_int_equal(scan_restore(scan, &view, &wrong), -EBADMSG);
        assert_non_null(wrong);
        scan_stop(scan);
        assert_false(scan_take_state(scan, &taken));
        scan_free(scan);
        recbuf_done(&body);
}

static struct snapshot *wait_for_snapshot(struct scan *scan)
{
        struct snapshot *snapshot = NULL;

        while (!snapshot) {
                struct pollfd fd = { .fd = scan_get_fd(scan), .events = POLLIN };

                assert_int_equal(poll(&fd, 1, 20000), 1);
                scan_acknowledge(scan);
                snapshot = scan_take_snapshot(scan);
        }
        return snapshot;
}

static void scan_again(struct scan *scan)
{
        struct conf *conf;

        assert_int_equal(conf_new_default(&conf), 0);
        scan_reconfigure(scan, conf); /* scans at once */
        conf_unref(conf);
        snapshot_unref(wait_for_snapshot(scan));
}

/*
 * With the first complete scan and with each one that changes it; a large one not so soon. What the
 * thread has of its own is changed while it waits for its next scan.
 */
static void test_told_with_the_snapshot(void **state)
{
        struct recbuf body = make_body(), taken = { 0 };
        struct scan *scan = new_scan();
        struct snapshot *snapshot;
        enum scan_result result;

        (void)state;
        restore(scan, &body);
        recbuf_done(&body);
        assert_int_equal(scan_start(scan), 0);
        snapshot = wait_for_snapshot(scan);
        result = snapshot->result;
        snapshot_unref(snapshot);
        if (result != SCAN_COMPLETE) {
                scan_free(scan);
                skip();
        }
        assert_true(scan_take_state(scan, &taken));
        assert_true(taken.len > 0);
        recbuf_done(&taken);

        scan->state_digest++; /* as if the scan had changed it */
        scan->state_len = SCAN_STATE_SMALL + 1;
        scan_again(scan);
        assert_false(scan_take_state(scan, &taken));
        scan->state_len = SCAN_STATE_SMALL;
        scan_again(scan);
        assert_true(scan_take_state(scan, &taken));
        recbuf_done(&taken);
        scan_free(scan);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_restored_is_handed_on),
                cmocka_unit_test(test_told_when_it_has_changed),
                cmocka_unit_test(test_freed_without_a_stop),
                cmocka_unit_test(test_nothing_known_is_not_told),
                cmocka_unit_test(test_damaged_is_refused),
                cmocka_unit_test(test_told_with_the_snapshot),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
