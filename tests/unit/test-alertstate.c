/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alerts and events as the body of a state file: the same again, or nothing at all. */

#include "anyalert.h"

#include <errno.h>
#include <math.h>

#include "alertitem.h"
#include "alertstate.h"
#include "alerttable.h"
#include "bytes.h"
#include "stateitem.h"

struct saved {
        struct alert_table *table;
        struct eventlog *log;
};

static struct saved saved_new(void)
{
        struct saved saved;

        assert_int_equal(alert_table_new(&saved.table), 0);
        assert_int_equal(eventlog_new(&saved.log), 0);
        return saved;
}

static void saved_free(struct saved *saved)
{
        alert_table_free(saved->table);
        eventlog_free(saved->log);
}

static struct recbuf write_saved(const struct saved *saved)
{
        struct recbuf body = { 0 };

        alertstate_write(&body, saved->table, saved->log);
        assert_int_equal(body.error, 0);
        return body;
}

/* Into a new table and log: 0, or -EBADMSG, and then both are as new. */
static int read_view(struct recview body, struct saved *ret_saved)
{
        const char *wrong = NULL;
        struct alert_table_marks marks;
        int r;

        *ret_saved = saved_new();
        r = alertstate_read(&body, ret_saved->table, ret_saved->log, &wrong);
        assert_true((r == -EBADMSG) == (wrong != NULL));
        assert_true(r == 0 || r == -EBADMSG);
        assert_int_equal(alert_table_changes(ret_saved->table), 0);
        if (r == 0)
                return 0;
        alert_table_get_marks(ret_saved->table, &marks);
        assert_int_equal(alert_table_count(ret_saved->table), 0);
        assert_int_equal(marks.sequence, 0);
        assert_int_equal(marks.tw_overflows, 0);
        assert_int_equal(alert_table_bad_scans(ret_saved->table), 0);
        assert_int_equal(eventlog_count(ret_saved->log), 0);
        assert_int_equal(eventlog_told(ret_saved->log), 0);
        return r;
}

static int read_body(const struct recbuf *body)
{
        struct saved saved;
        const int r = read_view(recview_of(body), &saved);

        saved_free(&saved);
        return r;
}

static void assert_same_saved(const struct saved *a, const struct saved *b)
{
        struct alert_table_marks marks[2];

        alert_table_get_marks(a->table, &marks[0]);
        alert_table_get_marks(b->table, &marks[1]);
        assert_true(marks[0].sequence == marks[1].sequence);
        assert_true(marks[0].tw_overflows == marks[1].tw_overflows);
        assert_true(eventlog_told(a->log) == eventlog_told(b->log));
        assert_int_equal(alert_table_count(a->table), alert_table_count(b->table));
        for (size_t i = 0; i < alert_table_count(a->table); i++)
                assert_same_alert(alert_table_get(a->table, i), alert_table_get(b->table, i));
        assert_int_equal(eventlog_count(a->log), eventlog_count(b->log));
        for (size_t i = 0; i < eventlog_count(a->log); i++)
                assert_same_event(eventlog_get(a->log, i), eventlog_get(b->log, i));
}

/* A few of everything. */
static struct saved any_saved(size_t alerts, size_t events)
{
        struct saved saved = saved_new();
        struct alert_table_marks marks = { .tw_overflows = any_u64() };

        for (size_t i = 0; i < alerts; i++) {
                const enum alert_state state = any_bool() ? ALERT_RAISED : ALERT_PENDING;
                const struct alert alert =
                        any_alert((enum alert_kind)(i % ALERT_KIND_COUNT), state, (uint16_t)i);
                const int r = alert_table_restore(saved.table, &alert);

                assert_true(r == 0 || alert_kind_is_host(alert.key.kind));
        }
        for (size_t i = 0; i < events; i++) {
                const struct event event = any_event(marks.sequence += 1 + random() % 3);

                assert_int_equal(eventlog_add(saved.log, &event), 0);
        }
        eventlog_set_told(saved.log, marks.sequence / 2);
        alert_table_set_marks(saved.table, &marks);
        return saved;
}

static void assert_round_trip(const struct saved *saved)
{
        struct recbuf body = write_saved(saved), again;
        struct saved got;

        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_same_saved(saved, &got);
        again = write_saved(&got);
        assert_int_equal(again.len, body.len);
        assert_memory_equal(again.data, body.data, body.len);
        recbuf_done(&again);
        recbuf_done(&body);
        saved_free(&got);
}

/* ---- the same again ---- */

static void test_every_field_travels(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 300; seed++) {
                struct saved saved;

                srandom(seed);
                saved = any_saved(3 * ALERT_KIND_COUNT, 10);
                assert_round_trip(&saved);
                saved_free(&saved);
        }
}

static void test_nothing(void **state)
{
        struct saved saved = saved_new(), got;

        (void)state;
        assert_round_trip(&saved);
        assert_int_equal(read_view((struct recview){ 0 }, &got), 0); /* no byte at all */
        assert_same_saved(&saved, &got);
        saved_free(&got);
        saved_free(&saved);
}

static void test_full(void **state)
{
        struct saved saved = any_saved(2, EVENTLOG_MAX + 20);

        (void)state;
        srandom(1);
        for (uint16_t i = 0; i < ALERTS_MAX - ALERTS_HOST - 2; i++) {
                const struct alert alert = any_alert(ALERT_TIME_WAIT_COUNT, ALERT_RAISED, i);

                assert_int_equal(alert_table_restore(saved.table, &alert), 0);
        }
        for (enum alert_kind kind = ALERT_TIME_WAIT_TABLE; kind < ALERT_KIND_COUNT; kind++) {
                const struct alert alert = any_alert(kind, ALERT_RAISED, 0);

                assert_int_equal(alert_table_restore(saved.table, &alert), 0);
        }
        assert_int_equal(alert_table_count(saved.table), ALERTS_MAX);
        assert_int_equal(eventlog_count(saved.log), EVENTLOG_MAX);
        assert_round_trip(&saved);
        saved_free(&saved);
}

/* What is absurd, though no fault of the file's, must not cost all the rest. */
static void test_absurd_numbers_are_written_as_the_next_best(void **state)
{
        struct saved saved = saved_new(), got;
        struct alert alert;
        struct recbuf body;

        (void)state;
        srandom(1);
        alert = any_alert(ALERT_CLOSE_WAIT_LEAK, ALERT_RAISED, 1);
        alert.values.count = UINT64_MAX;
        alert.values.leak.rate_per_min = NAN;
        alert.values.exhaustion.burn_per_min = INFINITY;
        assert_int_equal(alert_table_restore(saved.table, &alert), 0);
        body = write_saved(&saved);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        alert.values.count = INT64_MAX;
        alert.values.leak.rate_per_min = alert.values.exhaustion.burn_per_min = 0;
        assert_same_alert(&alert, alert_table_get(got.table, 0));
        recbuf_done(&body);
        saved_free(&got);
        saved_free(&saved);
}

/* ---- other versions ---- */

/* One alert, or one event, in a body of its own: the item as it is, or changed by whoever calls. */
static void wrap_alert(const struct recbuf *bytes, struct recbuf *ret_body)
{
        struct recbuf marks = { 0 };

        stateitem_put(ret_body, &marks);
        recbuf_put(ret_body, 1);
        recbuf_put(ret_body, bytes->len);
        recbuf_put_buf(ret_body, bytes);
}

/* The bytes of one alert, without their length. */
static struct recbuf bytes_of(const struct alert *alert)
{
        struct recbuf whole = { 0 }, bytes = { 0 };
        struct recview view, item;

        alertitem_put(&whole, alert);
        view = recview_of(&whole);
        item = stateitem_get(&view, "it");
        recbuf_put_bytes(&bytes, item.at, recview_left(&item));
        recbuf_done(&whole);
        return bytes;
}

static void test_later_versions_append(void **state)
{
        struct alert alert;
        struct recbuf bytes, body = { 0 };
        struct saved got;

        (void)state;
        srandom(7);
        alert = any_alert(ALERT_PORT_EXHAUSTION, ALERT_RAISED, 3);
        bytes = bytes_of(&alert);
        recbuf_put_text(&bytes, "a field that nobody knows");
        wrap_alert(&bytes, &body);
        recbuf_put(&body, 0); /* events */
        recbuf_put_text(&body, "and more after the last");
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_same_alert(&alert, alert_table_get(got.table, 0));
        saved_free(&got);
        recbuf_done(&bytes);
        recbuf_done(&body);
}

/* Only the first fields: the key, the state, the severity. The rest is unknown. */
static void test_earlier_versions_have_less(void **state)
{
        struct alert expected = { .key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) },
                                  .state = ALERT_RAISED,
                                  .severity = SEVERITY_CRITICAL,
                                  .warning = RULE_LEVEL_OFF,
                                  .critical = RULE_LEVEL_OFF };
        struct recbuf key = { 0 }, bytes = { 0 }, body = { 0 };
        struct saved got;

        (void)state;
        owner_clear(&expected.owner);
        recbuf_put_text(&key, "close-wait-stuck");
        recbuf_put(&key, 0);
        recbuf_put(&key, SIDE_LOCAL);
        recbuf_put(&key, 80);
        stateitem_put(&bytes, &key);
        recbuf_put(&bytes, ALERT_RAISED);
        recbuf_put(&bytes, SEVERITY_CRITICAL);
        wrap_alert(&bytes, &body);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_same_alert(&expected, alert_table_get(got.table, 0));
        saved_free(&got);
        recbuf_done(&bytes);
        recbuf_done(&body);
}

static void test_a_kind_of_a_later_version_is_left_out(void **state)
{
        static const char *const names[] = { "close-wait-stuck", "close-wait-lost" };
        struct recbuf body = { 0 }, marks = { 0 };
        struct saved got;

        (void)state;
        stateitem_put(&body, &marks);
        recbuf_put(&body, 2);
        for (size_t i = 0; i < 2; i++) {
                struct recbuf key = { 0 }, item = { 0 };

                recbuf_put_text(&key, names[i]);
                recbuf_put(&key, 0);
                recbuf_put(&key, SIDE_LOCAL);
                recbuf_put(&key, 80);
                stateitem_put(&item, &key);
                recbuf_put(&item, ALERT_RAISED);
                recbuf_put(&item, SEVERITY_WARNING);
                stateitem_put(&body, &item);
        }
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_int_equal(alert_table_get(got.table, 0)->key.kind, ALERT_CLOSE_WAIT_STUCK);
        saved_free(&got);
        recbuf_done(&body);
}

/* ---- nothing at all ---- */

/* An alert that was changed on its way: refused. */
static void assert_refused(const struct alert *alert)
{
        struct recbuf bytes = bytes_of(alert), body = { 0 };

        wrap_alert(&bytes, &body);
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_done(&bytes);
        recbuf_done(&body);
}

static void test_impossible_alerts(void **state)
{
        struct alert good, bad;

        (void)state;
        srandom(3);
        good = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
#define REFUSED(change)                                                                            \
        do {                                                                                       \
                bad = good;                                                                        \
                change;                                                                            \
                assert_refused(&bad);                                                              \
        } while (0)
        REFUSED(bad.key.port.side = SIDE_COUNT);
        REFUSED(bad.key.port.side = SIDE_HOST);
        REFUSED(bad.key.port.port = 0);
        REFUSED(bad.key.destination.family = ADDR_IPV4);
        REFUSED(bad.key.destination.family = 7);
        REFUSED(bad.state = (enum alert_state)2);
        REFUSED(bad.severity = (enum severity)3);
        REFUSED(bad.severity = SEVERITY_NONE);
        REFUSED(bad.values.leak.times = LEAK_TIMES_MAX + 1);
        REFUSED(bad.owner.n_processes = OWNER_PROCESSES_LISTED; bad.owner.total = 1);
        bad = good;
        bad.acknowledgement = (struct acknowledgement){ .given = true };
        strcpy(bad.acknowledgement.comment, "two\nlines");
        assert_refused(&bad);
        strcpy(bad.acknowledgement.comment, "\xff");
        assert_refused(&bad);
        good = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_PENDING, 1);
        REFUSED(bad.acknowledgement.given = true);
        REFUSED(bad.since_usec = 0);
#undef REFUSED
}

/* Written by hand: our own writer makes no such thing. */
static void test_wrong_doubles_and_texts(void **state)
{
        static const double wrong[] = { NAN, INFINITY, -INFINITY };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct recbuf buf = { 0 };
                struct recview view;
                uint64_t bits;
                uint8_t bytes[8];

                memcpy(&bits, &wrong[i], sizeof(bits));
                bytes_put_le(bytes, bits, sizeof(bytes));
                recbuf_put_bytes(&buf, bytes, sizeof(bytes));
                view = recview_of(&buf);
                assert_true(stateitem_get_double(&view, "it") == 0);
                assert_string_equal(view.wrong, "it");
                view = recview_of(&buf);
                view.end--; /* cut short */
                assert_true(stateitem_get_double(&view, "it") == 0);
                assert_string_equal(view.wrong, "it");
                recbuf_done(&buf);
        }
        for (size_t len = 3; len <= 4; len++) {
                struct recbuf buf = { 0 };
                struct recview view;
                char text[4];

                recbuf_put_text(&buf, len == 3 ? "abc" : "abcd");
                view = recview_of(&buf);
                stateitem_get_text(&view, text, sizeof(text), "it");
                assert_string_equal(text, len == 3 ? "abc" : "");
                assert_int_equal(view.wrong != NULL, len == 4);
                recbuf_done(&buf);
        }
}

static void put_marks(struct recbuf *body, uint64_t sequence, uint64_t told)
{
        struct recbuf marks = { 0 };

        recbuf_put(&marks, sequence);
        recbuf_put(&marks, 0);
        recbuf_put(&marks, told);
        stateitem_put(body, &marks);
}

/* sequences: of two events, below marks of 9 and told up to `told`. */
static int read_events_of(uint64_t first, uint64_t second, uint64_t told)
{
        const uint64_t sequences[] = { first, second };
        struct recbuf body = { 0 };
        int r;

        put_marks(&body, 9, told);
        recbuf_put(&body, 0);
        recbuf_put(&body, 2);
        for (size_t i = 0; i < 2; i++) {
                const struct event event = any_event(sequences[i]);

                alertitem_put_event(&body, &event);
        }
        r = read_body(&body);
        recbuf_done(&body);
        return r;
}

static void test_order_of_events(void **state)
{
        (void)state;
        srandom(5);
        assert_int_equal(read_events_of(8, 9, 9), 0);
        assert_int_equal(read_events_of(8, 8, 9), -EBADMSG);
        assert_int_equal(read_events_of(8, 7, 9), -EBADMSG);
        assert_int_equal(read_events_of(0, 7, 9), -EBADMSG);
        assert_int_equal(read_events_of(8, 10, 9), -EBADMSG); /* newer than the newest */
        assert_int_equal(read_events_of(8, 9, 10), -EBADMSG); /* told before it happened */
}

/* What is told next must be newer, and be written as what it is. */
static void test_greatest_sequence(void **state)
{
        static const uint64_t most = UINT64_C(1) << 62;

        (void)state;
        for (int beyond = 0; beyond < 2; beyond++) {
                struct recbuf body = { 0 };

                put_marks(&body, most + (uint64_t)beyond, 0);
                assert_int_equal(read_body(&body), beyond ? -EBADMSG : 0);
                recbuf_done(&body);
        }
}

static void test_event_of_a_pending_alert(void **state)
{
        struct event event;
        struct recbuf body = { 0 };

        (void)state;
        srandom(5);
        event = any_event(1);
        event.alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_PENDING, 1);
        put_marks(&body, 1, 0);
        recbuf_put(&body, 0);
        recbuf_put(&body, 1);
        alertitem_put_event(&body, &event);
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_done(&body);
}

static void test_counts(void **state)
{
        struct alert alert;
        struct recbuf body = { 0 };

        (void)state;
        srandom(9);
        alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
        put_marks(&body, 0, 0);
        recbuf_put(&body, 2);
        alertitem_put(&body, &alert);
        alertitem_put(&body, &alert); /* of the same key */
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_empty(&body);
        put_marks(&body, 0, 0);
        recbuf_put(&body, ALERTS_MAX + 1);
        for (unsigned i = 0; i <= ALERTS_MAX; i++)
                alertitem_put(&body, &alert);
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_empty(&body);
        put_marks(&body, 0, 0);
        recbuf_put(&body, ALERTS_MAX - ALERTS_HOST + 1); /* in the host's places */
        for (uint16_t i = 0; i <= ALERTS_MAX - ALERTS_HOST; i++) {
                alert.key.port.port = (uint16_t)(i + 1);
                alertitem_put(&body, &alert);
        }
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_done(&body);
}

/* Cut anywhere, and any bit turned: it is read, or nothing is. That it is not is usual. */
static void test_damage(void **state)
{
        struct saved saved, got;
        struct recbuf body;
        unsigned refused = 0;
        uint8_t turned;

        (void)state;
        srandom(11);
        saved = any_saved(4, 2);
        body = write_saved(&saved);
        for (size_t i = 0; i < body.len; i++) {
                struct recview view = recview_of(&body);

                view.end = view.at + i;
                refused += read_view(view, &got) < 0;
                saved_free(&got);
                turned = (uint8_t)(1 << random() % 8);
                body.data[i] ^= turned;
                refused += read_view(recview_of(&body), &got) < 0;
                body.data[i] ^= turned;
                saved_free(&got);
        }
        assert_true(refused > body.len / 2);
        recbuf_done(&body);
        saved_free(&saved);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_field_travels),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_absurd_numbers_are_written_as_the_next_best),
                cmocka_unit_test(test_later_versions_append),
                cmocka_unit_test(test_earlier_versions_have_less),
                cmocka_unit_test(test_a_kind_of_a_later_version_is_left_out),
                cmocka_unit_test(test_impossible_alerts),
                cmocka_unit_test(test_wrong_doubles_and_texts),
                cmocka_unit_test(test_order_of_events),
                cmocka_unit_test(test_greatest_sequence),
                cmocka_unit_test(test_event_of_a_pending_alert),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_damage),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
