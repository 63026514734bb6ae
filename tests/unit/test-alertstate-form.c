/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bytes of saved alerts and events. They are on disks: they stay as they are. */

#include "anyalert.h"

#include "../fuzz/saved.h"

#include "alerttable.h"

/* Every field another value. An item starts with its length; a text, too. */
#define ALERT_BYTES                                                                                \
        "\xaf\x01" /* all of it: 175 bytes */                                                      \
        "\x1e\x0f" /* its key: the kind, namespace 300, remote, port 5432, IPv4, from, to */       \
        "port-exhaustion"                                                                          \
        "\xac\x02\x02\xb8\x2a\x01\x0a\x00\x00\x01\x0a\x00\x00\x02"                                 \
        "\x01\x02"                                     /* raised, critical */                      \
        "\x0a\x01\x02\x03\x04\x05\x06\x07\x08\xc8\x01" /* times, the last one is 200 */            \
        "\x0e\x08"                                     /* its rule: from where, 80, off */         \
        "built-in"                                                                                 \
        "\x51\x00\x0a\x0b\x0c"                                                                     \
        "\x49\x0d\x0e\x0f\x10\x11\x12\x01\x00" /* its numbers */                                   \
        "\x04\x13\x14\x15\x16"                 /* stages */                                        \
        "\x18\x01\x03\x17\x18\x19\x1a\x1b\x1c" /* a leak: ..., 1.5 and 2.5 */                      \
        "\x00\x00\x00\x00\x00\x00\xf8\x3f\x00\x00\x00\x00\x00\x00\x04\x40"                         \
        "\x10\x01\x1d\x1e\x1f\x20\x01" /* an exhaustion: ..., 3.5, ... */                          \
        "\x00\x00\x00\x00\x00\x00\x0c\x40\x21\x22"                                                 \
        "\x08\x01\x23\x24\x00\x25\x01\x26\x27" /* the table of TIME_WAIT */                        \
        "\x08\x00\x28\x29\x2a\x2b\x2c\x2d\x2e" /* half-open */                                     \
        "\x17\x09"                             /* its owner: flags, uid 33, 1 of 2 processes */    \
        "a.service"                                                                                \
        "\x05\x22\x02\x01"                                                                         \
        "\x30\x05" /* the process: 47, its name, 48 descriptors, no limit known */                 \
        "leaky"                                                                                    \
        "\x31\x00"                                                                                 \
        "\x04\x01\x32\x33\x34" /* its witness */                                                   \
        "\x08\x01\x35\x36\x04" /* its acknowledgement */                                           \
        "seen"                                                                                     \
        "\x03" /* its reason */                                                                    \
        "why"

/*
 * The marks: the newest event, overflows, the last event that was told, whether any overflow was
 * judged. One alert. One event: its number, cleared, had been a warning, when, why, and its alert.
 */
static const char bytes[] = "\x04\x09\x07\x08\x01"
                            "\x01" ALERT_BYTES "\x01"
                            "\xbb\x01\x09\x04\x01\x37\x38\x04"
                            "gone" ALERT_BYTES;

static struct alert the_alert(void)
{
        struct alert alert = {
                .key = { ALERT_PORT_EXHAUSTION,
                         { 300, 5432, SIDE_REMOTE },
                         { { { 10, 0, 0, 1 } }, { { 10, 0, 0, 2 } }, ADDR_IPV4 } },
                .state = ALERT_RAISED,
                .severity = SEVERITY_CRITICAL,
                .since_usec = 1,
                .since_wall_usec = 2,
                .seen_usec = 3,
                .critical_since_usec = 4,
                .below_since_usec = 5,
                .below_critical_since_usec = 6,
                .clear_after_usec = 7,
                .leak_pause_usec = 8,
                .told_usec = 200,
                .origin = "built-in",
                .warning = 80,
                .critical = RULE_LEVEL_OFF,
                .stuck_after_usec = 10,
                .critical_within_usec = 11,
                .silent_after_usec = 12,
                .values = { .count = 13,
                            .close_wait = 14,
                            .time_wait = 15,
                            .stuck = 16,
                            .stuck_usual = 17,
                            .oldest_usec = 18,
                            .oldest_at_least = true,
                            .stage = { 19, 20, 21, 22 },
                            .leak = { .known = true,
                                      .times = 3,
                                      .unaccepted = 23,
                                      .outlived = 24,
                                      .arrived = 25,
                                      .window_usec = 26,
                                      .pause_usec = 27,
                                      .patience_usec = 28,
                                      .rate_per_min = 1.5,
                                      .error_per_min = 2.5 },
                            .exhaustion = { .known = true,
                                            .used = 29,
                                            .reusable = 30,
                                            .usable = 31,
                                            .error_max = 32,
                                            .burning = true,
                                            .burn_per_min = 3.5,
                                            .eta_usec = 33,
                                            .pause_usec = 34 },
                            .tw_table = { .known = true,
                                          .used = 35,
                                          .max = 36,
                                          .time_wait = 37,
                                          .overflow_known = true,
                                          .overflows = 38,
                                          .overflows_total = 39 },
                            .half_open = { .established = 40,
                                           .keepalive = 41,
                                           .busy = 42,
                                           .silent = 43,
                                           .unanswered = 44,
                                           .oldest_usec = 45,
                                           .default_usec = 46 } },
                .owner = { .unit = "a.service",
                           .unit_is_user = true,
                           .holders = true,
                           .uid = 33,
                           .total = 2,
                           .n_processes = 1,
                           .processes = { { 47, "leaky", 48, OWNER_UNKNOWN } } },
                .witness = { .known = true, .cgroup_id = 50, .uid = 51, .inode = 52 },
                .acknowledgement = { .given = true, .uid = 53, .wall_usec = 54, .comment = "seen" },
                .reason = "why",
        };

        return alert;
}

static struct saved the_saved(void)
{
        const struct alert_table_marks marks = { .sequence = 9,
                                                 .tw_judged = true,
                                                 .tw_overflows = 7 };
        const struct event event = { .sequence = 9,
                                     .transition = TRANSITION_CLEARED,
                                     .previous_severity = SEVERITY_WARNING,
                                     .now_usec = 55,
                                     .now_wall_usec = 56,
                                     .alert = the_alert(),
                                     .reason = "gone" };
        struct saved saved = saved_new();
        struct alert alert = the_alert();

        alert_table_set_marks(saved.table, &marks);
        assert_int_equal(alert_table_restore(saved.table, &alert), 0);
        assert_int_equal(eventlog_add(saved.log, &event), 0);
        eventlog_set_told(saved.log, 8);
        return saved;
}

static void test_written(void **state)
{
        struct saved saved = the_saved();
        struct recbuf body = saved_write(&saved);

        (void)state;
        for (size_t i = 0; i < body.len && i < sizeof(bytes) - 1; i++)
                if (body.data[i] != (uint8_t)bytes[i])
                        fail_msg("byte %zu is 0x%02x", i, body.data[i]);
        assert_int_equal(body.len, sizeof(bytes) - 1);
        recbuf_done(&body);
        saved_free(&saved);
}

static void test_read(void **state)
{
        const struct alert alert = the_alert();
        struct recview view = { .at = (const uint8_t *)bytes,
                                .end = (const uint8_t *)bytes + sizeof(bytes) - 1 };
        struct saved saved = the_saved(), got = saved_new();
        struct alert_table_marks marks;
        const char *wrong = NULL;

        (void)state;
        assert_int_equal(alertstate_read(&view, got.table, got.log, &wrong), 0);
        assert_int_equal(recview_left(&view), 0);
        alert_table_get_marks(got.table, &marks);
        assert_int_equal(marks.sequence, 9);
        assert_true(marks.tw_judged);
        assert_int_equal(marks.tw_overflows, 7);
        assert_int_equal(eventlog_told(got.log), 8);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_same_alert(&alert, alert_table_get(got.table, 0));
        assert_int_equal(eventlog_count(got.log), 1);
        assert_same_event(eventlog_get(saved.log, 0), eventlog_get(got.log, 0));
        saved_free(&got);
        saved_free(&saved);
}

/* Kinds are written by their names, which every interface has. */
static void test_names_of_kinds(void **state)
{
        static const char *const names[ALERT_KIND_COUNT] = {
                [ALERT_CLOSE_WAIT_STUCK] = "close-wait-stuck",
                [ALERT_CLOSE_WAIT_LEAK] = "close-wait-leak",
                [ALERT_CLOSE_WAIT_COUNT] = "close-wait-count",
                [ALERT_TIME_WAIT_COUNT] = "time-wait-count",
                [ALERT_HALF_OPEN] = "half-open",
                [ALERT_PORT_EXHAUSTION] = "port-exhaustion",
                [ALERT_TIME_WAIT_TABLE] = "time-wait-table",
                [ALERT_BLIND] = "blind",
        };

        (void)state;
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                assert_string_equal(alert_kind_name(kind), names[kind]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_names_of_kinds),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
