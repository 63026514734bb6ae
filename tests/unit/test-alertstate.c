/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alerts and events as the body of a state file: the same again, or nothing at all. */

#include "anyalert.h"

#include "../fuzz/saved.h"

#include <errno.h>
#include <math.h>

#include "alertitem.h"
#include "alerttable.h"
#include "bytes.h"
#include "stateitem.h"

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
        assert_false(marks.tw_judged);
        assert_int_equal(marks.tw_overflows, 0);
        assert_int_equal(alert_table_bad_scans(ret_saved->table), 0);
        assert_int_equal(eventlog_count(ret_saved->log), 0);
        assert_int_equal(eventlog_told(ret_saved->log), 0);
        assert_int_equal(alert_table_left_out(ret_saved->table), 0);
        assert_int_equal(eventlog_left_out(ret_saved->log), 0);
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
        assert_true(marks[0].tw_judged == marks[1].tw_judged);
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
        const bool judged = any_bool();
        struct alert_table_marks marks = { .tw_judged = judged,
                                           .tw_overflows = judged ? any_u64() : 0 };

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
        struct recbuf body = saved_write(saved), again;
        struct saved got;

        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_same_saved(saved, &got);
        assert_int_equal(alert_table_left_out(got.table), 0);
        assert_int_equal(eventlog_left_out(got.log), 0);
        again = saved_write(&got);
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
        assert_true(eventlog_count(saved.log) > EVENTLOG_MAX / 3);
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
        body = saved_write(&saved);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        alert.values.count = INT64_MAX;
        alert.values.leak.rate_per_min = alert.values.exhaustion.burn_per_min = 0;
        assert_same_alert(&alert, alert_table_get(got.table, 0));
        recbuf_done(&body);
        saved_free(&got);
        saved_free(&saved);
}

/* An event of a sequence that the table does not know would be told before it happened. */
static void test_told_is_no_more_than_happened(void **state)
{
        const struct alert_table_marks marks = { .sequence = 5 };
        struct saved saved = saved_new(), got;
        struct recbuf body;

        (void)state;
        alert_table_set_marks(saved.table, &marks);
        eventlog_set_told(saved.log, 100);
        body = saved_write(&saved);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(eventlog_told(got.log), 5);
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
        assert_int_equal(alert_table_left_out(got.table), 1);
        saved_free(&got);
        recbuf_done(&body);
}

/* A kind that cannot be read is none of a later version: what is wrong comes first. */
static void test_an_unreadable_kind_is_wrong(void **state)
{
        char name[100] = "";

        (void)state;
        for (int longer = 0; longer < 2; longer++) {
                struct recbuf key = { 0 }, item = { 0 }, whole = { 0 }, body = { 0 };
                struct recview view;
                struct alert alert;

                memset(name, 'x', longer ? sizeof(name) - 1 : 0);
                recbuf_put_text(&key, name);
                stateitem_put(&item, &key);
                recbuf_put_buf(&whole, &item);
                stateitem_put(&body, &whole);
                view = recview_of(&body);
                assert_int_equal(alertitem_get(&view, &alert), 0);
                assert_string_equal(view.wrong, "a kind of alert");
                recbuf_empty(&body);
                wrap_alert(&item, &body);
                assert_int_equal(read_body(&body), -EBADMSG);
                recbuf_done(&item);
                recbuf_done(&body);
        }
}

static void test_fewer_times_of_a_leak(void **state)
{
        struct saved saved = saved_new(), got;
        struct recbuf body;
        struct alert alert;

        (void)state;
        srandom(1);
        alert = any_alert(ALERT_CLOSE_WAIT_LEAK, ALERT_RAISED, 1);
        alert.values.leak.times = LEAK_TIMES_MAX + 1;
        assert_int_equal(alert_table_restore(saved.table, &alert), 0);
        body = saved_write(&saved);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        alert.values.leak.times = LEAK_TIMES_MAX;
        assert_same_alert(&alert, alert_table_get(got.table, 0));
        recbuf_done(&body);
        saved_free(&got);
        saved_free(&saved);
}

/* ---- left out, and nothing else is ---- */

static void put_no_marks(struct recbuf *body)
{
        struct recbuf marks = { 0 };

        stateitem_put(body, &marks);
}

static void put_marks(struct recbuf *body, uint64_t sequence, uint64_t told)
{
        struct recbuf marks = { 0 };

        recbuf_put(&marks, sequence);
        recbuf_put(&marks, 0);
        recbuf_put(&marks, told);
        stateitem_put(body, &marks);
}

/* An alert that none of ours can be like, between two that are. */
static void assert_left_out(const struct alert *alert)
{
        const struct alert first = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1000);
        const struct alert last = any_alert(ALERT_BLIND, ALERT_PENDING, 0);
        struct recbuf body = { 0 };
        struct saved got;

        put_no_marks(&body);
        recbuf_put(&body, 3);
        alertitem_put(&body, &first);
        alertitem_put(&body, alert);
        alertitem_put(&body, &last);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 2);
        assert_int_equal(alert_table_left_out(got.table), 1);
        assert_same_alert(&first, alert_table_get(got.table, 0));
        assert_same_alert(&last, alert_table_get(got.table, 1));
        recbuf_done(&body);
        saved_free(&got);
}

static void test_impossible_alerts(void **state)
{
        struct alert good, bad;

        (void)state;
        srandom(3);
        good = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
#define LEFT_OUT(change)                                                                           \
        do {                                                                                       \
                bad = good;                                                                        \
                change;                                                                            \
                assert_left_out(&bad);                                                             \
        } while (0)
        LEFT_OUT(bad.key.port.side = SIDE_COUNT);
        LEFT_OUT(bad.key.port.side = SIDE_HOST);
        LEFT_OUT(bad.key.destination.family = ADDR_IPV4);
        LEFT_OUT(bad.key.destination.family = 7);
        LEFT_OUT(bad.state = (enum alert_state)2);
        LEFT_OUT(bad.severity = (enum severity)3);
        LEFT_OUT(bad.severity = SEVERITY_NONE);
        LEFT_OUT(bad.acknowledgement = (struct acknowledgement){ .given = true };
                 strcpy(bad.acknowledgement.comment, "two\nlines"));
        LEFT_OUT(bad.acknowledgement = (struct acknowledgement){ .given = true };
                 strcpy(bad.acknowledgement.comment, "a\ttab"));
        LEFT_OUT(bad.acknowledgement = (struct acknowledgement){ .given = true };
                 strcpy(bad.acknowledgement.comment, "\xff"));
        good = any_alert(ALERT_BLIND, ALERT_RAISED, 1);
        LEFT_OUT(bad.key.port.port = 80);
        good = any_alert(ALERT_PORT_EXHAUSTION, ALERT_RAISED, 1);
        LEFT_OUT(bad.key.destination.family = ADDR_NONE);
        good = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_PENDING, 1);
        LEFT_OUT(bad.acknowledgement.given = true);
        LEFT_OUT(bad.since_usec = 0);
#undef LEFT_OUT
}

static void test_two_of_one_key(void **state)
{
        struct recbuf body = { 0 };
        struct alert alert;
        struct saved got;

        (void)state;
        srandom(9);
        alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
        put_no_marks(&body);
        recbuf_put(&body, 2);
        alertitem_put(&body, &alert);
        alertitem_put(&body, &alert);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_int_equal(alert_table_left_out(got.table), 1);
        recbuf_done(&body);
        saved_free(&got);
}

/* A version that keeps more wrote it: as many as there is room for, and the host's have theirs. */
static void test_more_alerts_than_room(void **state)
{
        const struct alert host = any_alert(ALERT_BLIND, ALERT_RAISED, 0);
        const unsigned n = 2 * ALERTS_MAX;
        struct recbuf body = { 0 };
        struct event event;
        struct saved got;

        (void)state;
        srandom(9);
        put_marks(&body, 9, 0);
        recbuf_put(&body, n + 1);
        for (unsigned i = 0; i < n; i++) {
                const struct alert alert =
                        any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, (uint16_t)i);

                alertitem_put(&body, &alert);
        }
        alertitem_put(&body, &host);
        recbuf_put(&body, 1);
        event = any_event(7);
        alertitem_put_event(&body, &event);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), ALERTS_MAX - ALERTS_HOST + 1);
        assert_int_equal(alert_table_left_out(got.table), n - (ALERTS_MAX - ALERTS_HOST));
        assert_non_null(alert_table_find(got.table, &host.key));
        assert_int_equal(eventlog_count(got.log), 1);
        recbuf_done(&body);
        saved_free(&got);
}

static void test_more_events_than_room(void **state)
{
        const unsigned n = 2 * EVENTLOG_MAX + 5;
        struct recbuf body = { 0 };
        struct alert alert;
        struct saved got;

        (void)state;
        srandom(9);
        alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
        put_marks(&body, n, EVENTLOG_MAX);
        recbuf_put(&body, 1);
        alertitem_put(&body, &alert);
        recbuf_put(&body, n);
        for (unsigned i = 1; i <= n; i++) {
                const struct event event = any_event(i);

                alertitem_put_event(&body, &event);
        }
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(alert_table_count(got.table), 1);
        assert_int_equal(eventlog_count(got.log), EVENTLOG_MAX);
        assert_int_equal(eventlog_get(got.log, 0)->sequence, n - EVENTLOG_MAX + 1);
        assert_int_equal(eventlog_get(got.log, EVENTLOG_MAX - 1)->sequence, n);
        assert_int_equal(eventlog_lost(got.log), 5); /* the others were told */
        recbuf_done(&body);
        saved_free(&got);
}

/* One that none of ours can be like, between two that are. */
static void assert_event_left_out(const struct event *event)
{
        const struct event first = any_event(event->sequence - 1);
        const struct event last = any_event(event->sequence + 1);
        struct recbuf body = { 0 };
        struct saved got;

        put_marks(&body, last.sequence, 0);
        recbuf_put(&body, 0);
        recbuf_put(&body, 3);
        alertitem_put_event(&body, &first);
        alertitem_put_event(&body, event);
        alertitem_put_event(&body, &last);
        assert_int_equal(read_view(recview_of(&body), &got), 0);
        assert_int_equal(eventlog_count(got.log), 2);
        assert_int_equal(eventlog_left_out(got.log), 1);
        assert_same_event(&first, eventlog_get(got.log, 0));
        assert_same_event(&last, eventlog_get(got.log, 1));
        recbuf_done(&body);
        saved_free(&got);
}

static void test_impossible_events(void **state)
{
        struct event good, bad;

        (void)state;
        srandom(5);
        good = any_event(7);
#define LEFT_OUT(change)                                                                           \
        do {                                                                                       \
                bad = good;                                                                        \
                change;                                                                            \
                assert_event_left_out(&bad);                                                       \
        } while (0)
        LEFT_OUT(bad.transition = TRANSITION_COUNT);
        LEFT_OUT(bad.previous_severity = (enum severity)3);
        LEFT_OUT(bad.alert.key.port.side = SIDE_COUNT);
        LEFT_OUT(bad.alert.severity = SEVERITY_NONE);
        LEFT_OUT(bad.alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_PENDING, 1));
#undef LEFT_OUT
}

/* ---- nothing at all ---- */

static void test_what_cannot_be_read(void **state)
{
        struct alert alert;
        struct recbuf bytes, body = { 0 };

        (void)state;
        srandom(3);
        alert = any_alert(ALERT_CLOSE_WAIT_STUCK, ALERT_RAISED, 1);
        alert.owner.n_processes = OWNER_PROCESSES_LISTED;
        alert.owner.total = 1;
        bytes = bytes_of(&alert);
        wrap_alert(&bytes, &body);
        assert_int_equal(read_body(&body), -EBADMSG);
        recbuf_done(&bytes);
        recbuf_done(&body);
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

/* So many alerts, or events, of a kind that nobody knows. */
static void put_unknown(struct recbuf *body, unsigned n, bool events)
{
        struct recbuf key = { 0 }, alert = { 0 }, item = { 0 }, whole = { 0 };

        recbuf_put_text(&key, "x");
        stateitem_put(&alert, &key);
        if (events) {
                for (int i = 0; i < 5; i++)
                        recbuf_put(&item, 1);
                recbuf_put_text(&item, "");
                stateitem_put(&item, &alert);
                stateitem_put(&whole, &item);
        } else {
                stateitem_put(&whole, &alert);
        }
        for (; n > 0; n--)
                recbuf_put_buf(body, &whole);
        recbuf_done(&whole);
}

/* Of either: more than any version keeps. All of them would be there. */
static void test_counts(void **state)
{
        struct recbuf body = { 0 };

        (void)state;
        for (int events = 0; events < 2; events++) {
                for (unsigned more = 0; more < 2; more++) {
                        struct saved got;

                        recbuf_empty(&body);
                        put_no_marks(&body);
                        if (events)
                                recbuf_put(&body, 0);
                        recbuf_put(&body, 65536 + more);
                        put_unknown(&body, 65536 + more, events);
                        assert_int_equal(read_view(recview_of(&body), &got), more ? -EBADMSG : 0);
                        if (!more)
                                assert_int_equal(events ? eventlog_left_out(got.log)
                                                        : alert_table_left_out(got.table),
                                                 65536);
                        saved_free(&got);
                }
        }
        recbuf_done(&body);
}

/* Wherever it is cut: refused, but for the ends of what may be missing. */
static void test_cut_short(void **state)
{
        struct saved saved, got;
        struct recbuf body;
        unsigned whole = 0;

        (void)state;
        srandom(11);
        saved = any_saved(4, 2);
        body = saved_write(&saved);
        for (size_t i = 0; i < body.len; i++) {
                struct recview view = recview_of(&body);

                view.end = view.at + i;
                whole += read_view(view, &got) == 0;
                saved_free(&got);
        }
        assert_int_equal(whole, 3); /* nothing at all, no alerts, no events */
        recbuf_done(&body);
        saved_free(&saved);
}

/* A bit turned: it is refused, or read, with a value changed or one item left out. */
static void test_damage(void **state)
{
        unsigned refused = 0, less = 0;
        struct saved saved, got;
        struct recbuf body;

        (void)state;
        srandom(11);
        saved = any_saved(4, 2);
        body = saved_write(&saved);
        for (size_t i = 0; i < body.len * 8; i += 3) { /* each bit of a byte in its turn */
                body.data[i / 8] ^= (uint8_t)(1 << i % 8);
                if (read_view(recview_of(&body), &got) < 0)
                        refused++;
                else
                        less += alert_table_left_out(got.table) > 0 ||
                                eventlog_left_out(got.log) > 0;
                body.data[i / 8] ^= (uint8_t)(1 << i % 8);
                saved_free(&got);
        }
        assert_true(refused > body.len / 8);
        assert_true(less > body.len / 40);
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
                cmocka_unit_test(test_told_is_no_more_than_happened),
                cmocka_unit_test(test_later_versions_append),
                cmocka_unit_test(test_earlier_versions_have_less),
                cmocka_unit_test(test_a_kind_of_a_later_version_is_left_out),
                cmocka_unit_test(test_an_unreadable_kind_is_wrong),
                cmocka_unit_test(test_fewer_times_of_a_leak),
                cmocka_unit_test(test_impossible_alerts),
                cmocka_unit_test(test_two_of_one_key),
                cmocka_unit_test(test_more_alerts_than_room),
                cmocka_unit_test(test_more_events_than_room),
                cmocka_unit_test(test_impossible_events),
                cmocka_unit_test(test_what_cannot_be_read),
                cmocka_unit_test(test_wrong_doubles_and_texts),
                cmocka_unit_test(test_order_of_events),
                cmocka_unit_test(test_greatest_sequence),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_cut_short),
                cmocka_unit_test(test_damage),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
