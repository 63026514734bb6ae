/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shapes: members and their order, what is left out, pages of ports, and the worst case in bytes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "units.h"
#include "varlink.h"
#include "wire.h"

#define WALL_USEC (UINT64_C(1769860800250) * 1000) /* 2026-01-31T12:00:00.250Z */

static void assert_json(json_t *object, const char *expected)
{
        char *text = json_dumps(object, JSON_COMPACT);

        assert_non_null(text);
        assert_string_equal(text, expected);
        free(text);
        json_decref(object);
}

/* Sockets beyond MaxTracked have no age: of a port that has others than stuck ones, any may be. */
static void stuck_is_a_lower_bound(void **state)
{
        struct port_row row = { .key = { .port = 7865, .side = SIDE_LOCAL }, .stuck = 3 };
        struct snapshot snapshot = { .untracked = 1 };
        json_t *object;

        (void)state;
        row.count[SOCK_CLOSE_WAIT] = 3;
        object = wire_port(&snapshot, &row, NULL);
        assert_null(json_object_get(object, "stuckAtLeast"));
        json_decref(object);
        row.stuck = 2;
        object = wire_port(&snapshot, &row, NULL);
        assert_true(json_is_true(json_object_get(object, "stuckAtLeast")));
        json_decref(object);
        snapshot.untracked = 0;
        object = wire_port(&snapshot, &row, NULL);
        assert_null(json_object_get(object, "stuckAtLeast"));
        json_decref(object);
}

static void port_has_its_members(void **state)
{
        struct port_row row = {
                .key = { .side = SIDE_LOCAL, .port = 7865 },
                .flags = PORT_LISTENING,
                .stuck = 3,
                .oldest_usec = 65 * USEC_PER_SEC + 999999,
        };
        struct port_leak leak = { .known = true,
                                  .times = 3,
                                  .outlived = 4,
                                  .arrived = 3,
                                  .window_usec = 5 * USEC_PER_MIN,
                                  .patience_usec = USEC_PER_MIN,
                                  .rate_per_min = 1.5,
                                  .error_per_min = 0.5 };
        struct snapshot snapshot = { .leaks = &leak, .n_leaks = 1 };
        json_t *object;

        (void)state;
        row.count[SOCK_CLOSE_WAIT] = 3;
        row.stage[STAGE_UNACCEPTED] = 1;
        row.stage[STAGE_UNCLOSED] = 2;
        assert_json(wire_port(&snapshot, &row, NULL),
                    "{\"side\":\"local\",\"port\":7865,\"listening\":true,\"configured\":false,"
                    "\"ignored\":false,\"timeWait\":0,\"timeWaitEstimated\":false,\"closeWait\":3,"
                    "\"stuck\":3,\"stuckUsual\":0,"
                    "\"stages\":{\"unaccepted\":1,\"unread\":0,\"eofUnread\":0,"
                    "\"unclosed\":2},"
                    "\"oldestSec\":65,\"oldestAtLeast\":false}");

        row.leak = 1;
        object = wire_port(&snapshot, &row, NULL);
        assert_json(json_incref(json_object_get(object, "leak")),
                    "{\"outlived\":4,\"patienceSec\":60,\"times\":3,\"arrived\":3}");
        assert_true(json_real_value(json_object_get(object, "ratePerMin")) == 1.5);
        assert_true(json_real_value(json_object_get(object, "rateErrorPerMin")) == 0.5);
        assert_null(json_object_get(object, "etaSec"));
        json_decref(object);

        leak.arrived = 0;
        object = wire_port(&snapshot, &row, NULL);
        assert_null(json_object_get(object, "ratePerMin"));
        assert_null(json_object_get(json_object_get(object, "leak"), "arrived"));
        json_decref(object);

        row = (struct port_row){
                .key = { .side = SIDE_REMOTE, .port = 5432 },
                .flags = PORT_CONFIGURED | PORT_IGNORED,
        };
        row.count[SOCK_TIME_WAIT] = 9;
        row.tw_remaining[2] = 55;
        assert_json(wire_port(&snapshot, &row, NULL),
                    "{\"side\":\"remote\",\"port\":5432,\"listening\":false,\"configured\":true,"
                    "\"ignored\":true,\"timeWait\":9,\"timeWaitEstimated\":false,\"closeWait\":0,"
                    "\"stuck\":0,\"stuckUsual\":0,"
                    "\"stages\":{\"unaccepted\":0,\"unread\":0,\"eofUnread\":0,"
                    "\"unclosed\":0},"
                    "\"timeWaitLastSec\":15,\"closesPerSec\":1.0}");
        snapshot.host.rates =
                (struct tcp_rates){ .known = 1U << TCP_TW_RECYCLED | 1U << TCP_TIME_WAIT_OVERFLOW,
                                    .window_usec = 60 * USEC_PER_SEC };
        object = wire_port(&snapshot, &row, NULL);
        assert_true(json_is_false(json_object_get(object, "closesAtLeast")));
        json_decref(object);
        snapshot.host.rates.delta[TCP_TW_RECYCLED] = 1;
        object = wire_port(&snapshot, &row, NULL);
        assert_true(json_is_true(json_object_get(object, "closesAtLeast")));
        json_decref(object);
        row.tw_remaining[2] = 0;
        object = wire_port(&snapshot, &row, NULL);
        assert_null(json_object_get(object, "closesAtLeast"));
        json_decref(object);
        row.tw_remaining[2] = 55;
        row.tw_beyond = 1;
        object = wire_port(&snapshot, &row, NULL);
        assert_int_equal(json_integer_value(json_object_get(object, "timeWaitLastSec")), 65);
        json_decref(object);
}

static void table_has_its_members(void **state)
{
        struct tw_table table = { .known = true,
                                  .used = 50,
                                  .max = 200,
                                  .time_wait_known = true,
                                  .time_wait = 47,
                                  .overflow_known = true,
                                  .overflows = 2 };

        (void)state;
        assert_json(wire_tw_table(&table),
                    "{\"used\":50,\"max\":200,\"usedPercent\":25.0,\"timeWait\":47,"
                    "\"finWait2\":3,\"overflows\":2}");
        table.time_wait_known = table.overflow_known = false;
        assert_json(wire_tw_table(&table), "{\"used\":50,\"max\":200,\"usedPercent\":25.0}");
        table.max = 0;
        assert_json(wire_tw_table(&table), "{\"used\":50,\"max\":0,\"usedPercent\":0.0}");
}

static void endings_have_their_members(void **state)
{
        struct host_facts facts;
        json_t *object = json_object();

        (void)state;
        host_facts_clear(&facts);
        assert_int_equal(wire_put_host(object, &facts), 0);
        assert_json(object, "{}");

        facts.sockstat.tw = 100;
        facts.rates = (struct tcp_rates){ .known = (1U << TCP_COUNTER_COUNT) - 1,
                                          .window_usec = 60 * USEC_PER_SEC - 1 };
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++)
                facts.rates.delta[i] = i + 1;
        facts.tw_table = (struct tw_table){ .known = true, .used = 1, .max = 4 };
        object = json_object();
        assert_int_equal(wire_put_host(object, &facts), 0);
        assert_json(object, "{\"timeWaitTable\":{\"used\":1,\"max\":4,\"usedPercent\":25.0},"
                            "\"endings\":{\"windowSec\":60,\"abortOnClose\":1,\"abortOnData\":2,"
                            "\"abortOnLinger\":3,\"abortOnTimeout\":4,\"timeWaitOverflow\":5,"
                            "\"timeWaitRecycled\":6,\"listenOverflows\":7,\"listenDrops\":8}}");

        facts.rates.known = 1U << TCP_ABORT_ON_DATA;
        facts.rates.delta[TCP_ABORT_ON_DATA] = 1000;
        object = wire_endings(&facts);
        assert_null(json_object_get(object, "abortOnClose"));
        assert_non_null(strstr(json_string_value(json_object_get(object, "reading")),
                               "aborts high, TIME_WAIT low"));
        json_decref(object);
}

static struct alert stuck_alert(void)
{
        struct alert alert = {
                .key = { ALERT_CLOSE_WAIT_STUCK, { 0, 7865, SIDE_LOCAL } },
                .state = ALERT_RAISED,
                .severity = SEVERITY_WARNING,
                .since_usec = 100 * USEC_PER_SEC,
                .since_wall_usec = WALL_USEC,
                .values = { .count = 6,
                            .close_wait = 7,
                            .time_wait = 1,
                            .stuck = 6,
                            .oldest_usec = 65 * USEC_PER_SEC,
                            .stage = { [STAGE_EOF_UNREAD] = 2, [STAGE_UNREAD] = 5 },
                            .port_known = true },
                .origin = "built-in",
                .warning = 5,
                .critical = RULE_LEVEL_OFF,
                .stuck_after_usec = USEC_PER_MIN,
        };

        owner_clear(&alert.owner);
        return alert;
}

/* Without the advice, which is prose. */
static json_t *bare(json_t *alert)
{
        assert_non_null(alert);
        assert_true(json_string_length(json_object_get(alert, "advice")) > 100);
        json_object_del(alert, "advice");
        json_object_del(alert, "stageAdvice");
        return alert;
}

static void alert_has_its_members(void **state)
{
        struct alert alert = stuck_alert();
        json_t *object;

        (void)state;
        assert_json(
                bare(wire_alert(&alert, 142 * USEC_PER_SEC)),
                "{\"key\":\"close-wait-stuck:-:local:7865:-\",\"kind\":\"close-wait-stuck\","
                "\"side\":\"local\",\"port\":7865,\"severity\":\"warning\","
                "\"state\":\"raised\",\"clearing\":false,\"count\":6,\"since\":\"2026-01-31T12:00:00.250Z\","
                "\"sinceSec\":42,\"closeWait\":7,\"timeWait\":1,\"stuck\":6,\"stuckUsual\":0,"
                "\"stages\":{\"unaccepted\":0,\"unread\":5,\"eofUnread\":2,"
                "\"unclosed\":0},\"oldestSec\":65,"
                "\"oldestAtLeast\":false,\"warningLevel\":5,\"stuckAfterSec\":60,"
                "\"rule\":\"built-in\",\"stage\":\"unread\"}");

        alert.below_since_usec = 100 * USEC_PER_SEC;
        alert.clear_after_usec = 120 * USEC_PER_SEC;
        object = wire_alert(&alert, 142 * USEC_PER_SEC);
        assert_true(json_is_true(json_object_get(object, "clearing")));
        assert_int_equal(json_integer_value(json_object_get(object, "clearsInSec")), 78);
        json_decref(object);
        object = wire_alert(&alert, 500 * USEC_PER_SEC); /* at the next observation */
        assert_int_equal(json_integer_value(json_object_get(object, "clearsInSec")), 0);
        json_decref(object);
        alert.below_since_usec = 0;

        alert.acknowledgement =
                (struct acknowledgement){ .given = true, .uid = 33, .wall_usec = WALL_USEC };
        object = wire_alert(&alert, 142 * USEC_PER_SEC);
        assert_json(json_incref(json_object_get(object, "acknowledged")),
                    "{\"uid\":33,\"at\":\"2026-01-31T12:00:00.250Z\"}");
        json_decref(object);
        strcpy(alert.acknowledgement.comment, "seen");
        object = wire_alert(&alert, 142 * USEC_PER_SEC);
        assert_json(json_incref(json_object_get(object, "acknowledged")),
                    "{\"uid\":33,\"at\":\"2026-01-31T12:00:00.250Z\",\"comment\":\"seen\"}");
        json_decref(object);
        alert.acknowledgement.given = false;

        alert.key = (struct alert_key){ .kind = ALERT_TIME_WAIT_TABLE };
        alert.values =
                (struct alert_values){ .count = 97,
                                       .tw_table = { .known = true, .used = 97, .max = 100 } };
        assert_json(bare(wire_alert(&alert, 142 * USEC_PER_SEC)),
                    "{\"key\":\"time-wait-table:-:host:0:-\",\"kind\":\"time-wait-table\","
                    "\"side\":\"host\",\"port\":0,\"severity\":\"warning\",\"state\":\"raised\","
                    "\"clearing\":false,\"count\":97,\"since\":\"2026-01-31T12:00:00.250Z\","
                    "\"sinceSec\":42,\"warningLevel\":5,"
                    "\"timeWaitTable\":{\"used\":97,\"max\":100,\"usedPercent\":97.0},"
                    "\"rule\":\"built-in\"}");

        /* What is unknown is absent, not zero. */
        alert.key = (struct alert_key){ .kind = ALERT_BLIND, .port = { 0, 0, SIDE_HOST } };
        alert.values = (struct alert_values){ .count = 3 };
        alert.warning = RULE_LEVEL_OFF;
        alert.owner.uid = 0;
        strcpy(alert.reason, "ENOENT");
        assert_json(
                bare(wire_alert(&alert, 0)),
                "{\"key\":\"blind:-:host:0:-\",\"kind\":\"blind\",\"side\":\"host\","
                "\"port\":0,\"severity\":\"warning\",\"state\":\"raised\",\"clearing\":false,\"count\":3,"
                "\"since\":\"2026-01-31T12:00:00.250Z\",\"sinceSec\":0,\"rule\":\"built-in\","
                "\"owner\":{\"uid\":0,\"byListener\":false},\"reason\":\"ENOENT\"}");
}

static void owner_is_whole(void **state)
{
        struct alert alert = stuck_alert();
        json_t *object;

        (void)state;
        strcpy(alert.owner.unit, "leaky.service");
        alert.owner.uid = 1000;
        alert.owner.holders = true;
        alert.owner.total = 12;
        alert.owner.n_processes = 2;
        alert.owner.processes[0] = (struct owner_process){ 4711, "leakyd", 25, 1024 };
        alert.owner.processes[1] = (struct owner_process){ 4712, "leakyd", 1, OWNER_UNLIMITED };
        object = wire_alert(&alert, 0);
        assert_json(json_incref(json_object_get(object, "owner")),
                    "{\"unit\":\"leaky.service\",\"userUnit\":false,\"uid\":1000,"
                    "\"byListener\":false,\"holders\":true,\"processesTotal\":12,\"processes\":["
                    "{\"pid\":4711,\"comm\":\"leakyd\",\"fds\":25,\"fdLimit\":1024},"
                    "{\"pid\":4712,\"comm\":\"leakyd\",\"fds\":1,\"fdUnlimited\":true}]}");
        json_decref(object);
}

/* What is unknown is absent, and so is what nothing is known of. */
static void owner_is_partly_known(void **state)
{
        struct owner owner;

        (void)state;
        owner_clear(&owner);
        owner.by_listener = true;
        owner.unit_is_user = true;
        strcpy(owner.unit, "web.service");
        assert_json(wire_owner(&owner),
                    "{\"unit\":\"web.service\",\"userUnit\":true,\"byListener\":true}");
        owner.unit[0] = '\0';
        owner.total = owner.n_processes = 1;
        owner.processes[0] = (struct owner_process){ 4711, "", OWNER_UNKNOWN, OWNER_UNKNOWN };
        assert_json(wire_owner(&owner), "{\"byListener\":true,\"holders\":false,"
                                        "\"processesTotal\":1,\"processes\":[{\"pid\":4711}]}");
}

static void event_has_its_members(void **state)
{
        struct event event = {
                .sequence = 12,
                .transition = TRANSITION_CLEARED,
                .now_usec = 200 * USEC_PER_SEC,
                .now_wall_usec = WALL_USEC,
                .alert = stuck_alert(),
                .reason = "the rule was removed",
        };
        json_t *object = wire_event(&event);

        (void)state;
        assert_non_null(object);
        assert_int_equal(json_integer_value(json_object_get(object, "sequence")), 12);
        assert_string_equal(json_string_value(json_object_get(object, "event")), "cleared");
        assert_string_equal(json_string_value(json_object_get(object, "at")),
                            "2026-01-31T12:00:00.250Z");
        assert_int_equal(json_string_length(json_object_get(object, "messageId")), 32);
        assert_non_null(strstr(json_string_value(json_object_get(object, "message")), "7865"));
        assert_string_equal(json_string_value(json_object_get(object, "reason")),
                            "the rule was removed");
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(object, "alert"), "sinceSec")),
                100);
        json_decref(object);
}

static void text_of_others_is_always_sendable(void **state)
{
        (void)state;
        assert_json(json_pack("[o, o]", wire_line("a\nb\x1b[2J\x7f"), wire_text("a\nb\tc")),
                    "[\"a?b?[2J?\",\"a\\nb?c\"]");
        assert_json(json_pack("[o, o]", wire_line("h\xc3\xa4"), wire_line("h\xc3")),
                    "[\"h\xc3\xa4\",\"h?\"]");
}

/* n rows: local ports 1, 2, ... with as many TIME_WAIT each. */
static struct port_row *rows_new(size_t n)
{
        struct port_row *rows = calloc(n, sizeof(*rows));

        assert_non_null(rows);
        for (size_t i = 0; i < n; i++) {
                rows[i].key = (struct port_key){ 0, (uint16_t)(i + 1), SIDE_LOCAL };
                rows[i].count[SOCK_TIME_WAIT] = 1;
        }
        return rows;
}

static void assert_page(const struct snapshot *snapshot, const struct wire_filter *filter,
                        size_t max, const char *expected)
{
        json_t *object, *ports, *numbers = json_array();
        size_t cursor = 0, n_pages = 0;

        do { /* [[1,2],[3]] */
                json_t *page = json_array();

                object = wire_ports(snapshot, filter, max, &cursor);
                assert_non_null(object);
                ports = json_object_get(object, "ports");
                for (size_t i = 0; i < json_array_size(ports); i++)
                        json_array_append(page, json_object_get(json_array_get(ports, i), "port"));
                json_array_append_new(numbers, page);
                assert_int_equal(json_is_true(json_object_get(object, "truncated")),
                                 cursor != wire_ports_end(snapshot, filter));
                json_decref(object);
                assert_true(++n_pages < 100);
        } while (cursor != wire_ports_end(snapshot, filter));
        assert_json(numbers, expected);
}

static void pages_hold_every_port_once(void **state)
{
        struct snapshot snapshot = { .n_rows = 7, .rows = rows_new(7) };
        struct wire_filter filter = { .all = false };

        (void)state;
        snapshot.rows[1].flags = PORT_IGNORED;
        snapshot.rows[3].count[SOCK_TIME_WAIT] = 0;
        snapshot.rows[5].count[SOCK_TIME_WAIT] = 0;
        snapshot.rows[5].flags = PORT_LISTENED;
        snapshot.rows[6].count[SOCK_TIME_WAIT] = 0;

        assert_page(&snapshot, &filter, 100, "[[1,3,5,6]]");
        assert_page(&snapshot, &filter, 4, "[[1,3,5,6]]"); /* no empty page behind a full one */
        assert_page(&snapshot, &filter, 3, "[[1,3,5],[6]]");
        filter.all = true;
        assert_page(&snapshot, &filter, 3, "[[1,2,3],[4,5,6],[7]]");
        free(snapshot.rows);
}

static void ports_asked_for_are_there(void **state)
{
        static const uint16_t asked[] = { 9999, 2, 80, 4, 80, 2 };
        struct snapshot snapshot = { .n_rows = 5, .rows = rows_new(5), .counts_wall_usec = 1 };
        struct wire_filter filter = { .ports = asked, .n_ports = ARRAY_SIZE(asked) };
        size_t cursor = 0;
        json_t *object;

        (void)state;
        snapshot.rows[1].flags = PORT_IGNORED;
        snapshot.rows[4].key = (struct port_key){ 0, 2, SIDE_REMOTE };
        assert_page(&snapshot, &filter, 100, "[[2,4,2,80,9999]]");
        assert_page(&snapshot, &filter, 2, "[[2,4],[2,80],[9999]]");

        object = wire_ports(&snapshot, &filter, 100, &cursor);
        assert_int_equal(json_integer_value(json_object_get(object, "total")), 5);
        assert_json(json_incref(json_array_get(json_object_get(object, "ports"), 3)),
                    "{\"side\":\"local\",\"port\":80,\"listening\":false,\"configured\":false,"
                    "\"ignored\":false,\"timeWait\":0,\"timeWaitEstimated\":false,\"closeWait\":0,"
                    "\"stuck\":0,\"stuckUsual\":0,"
                    "\"stages\":{\"unaccepted\":0,\"unread\":0,\"eofUnread\":0,"
                    "\"unclosed\":0}}");
        json_decref(object);

        /* Where nothing was seen, zero would be a lie. */
        snapshot.result = SCAN_FAILED;
        assert_page(&snapshot, &filter, 100, "[[2,4,2]]");
        free(snapshot.rows);
}

static void filter_matches_as_the_pages_do(void **state)
{
        static const uint16_t asked[] = { 7 };
        struct wire_filter numbers = { .ports = asked, .n_ports = 1 }, every = { .all = true };
        struct wire_filter filter = { .all = false };
        struct port_row row = { .key = { .side = SIDE_LOCAL, .port = 7 } };

        (void)state;
        assert_false(wire_filter_match(&filter, &row));
        assert_true(wire_filter_match(&every, &row));
        assert_true(wire_filter_match(&numbers, &row));
        row.flags = PORT_CONFIGURED;
        assert_true(wire_filter_match(&filter, &row));
        row.count[SOCK_CLOSE_WAIT] = 1;
        row.flags = PORT_IGNORED;
        assert_false(wire_filter_match(&filter, &row));
        row.key.port = 8;
        assert_false(wire_filter_match(&numbers, &row));
}

static size_t encoded(json_t *parameters)
{
        json_t *message = varlink_reply(parameters, true);
        size_t len;
        char *bytes;

        assert_int_equal(varlink_encode(message, VARLINK_REPLY_MAX, &bytes, &len), 0);
        free(bytes);
        json_decref(message);
        return len;
}

static void longest_ports_fit_a_reply(void **state)
{
        struct snapshot snapshot = { .n_rows = 1000, .rows = rows_new(1000) };
        struct wire_filter filter = { .all = true };
        size_t cursor = 0;

        (void)state;
        for (size_t i = 0; i < snapshot.n_rows; i++) {
                snapshot.rows[i] = (struct port_row){
                        .key = { 0, UINT16_MAX, SIDE_REMOTE },
                        .stuck = UINT32_MAX,
                        .oldest_usec = UINT64_MAX,
                        .tw_beyond = 1,
                };
                snapshot.rows[i].count[SOCK_TIME_WAIT] = UINT32_MAX;
                snapshot.rows[i].count[SOCK_CLOSE_WAIT] = UINT32_MAX;
        }
        assert_true(encoded(wire_ports(&snapshot, &filter, 1000, &cursor)) < VARLINK_REPLY_MAX);
        assert_int_equal(cursor, 1000);
        free(snapshot.rows);
}

/* Fills a text member with a character that takes two bytes in JSON. */
#define FILL(text)                                                                                 \
        do {                                                                                       \
                memset(text, '"', sizeof(text) - 1);                                               \
                (text)[sizeof(text) - 1] = '\0';                                                   \
        } while (0)

static void fill_owner(struct owner *owner)
{
        owner->uid = UINT32_MAX;
        owner->total = UINT32_MAX;
        owner->n_processes = OWNER_PROCESSES_LISTED;
        FILL(owner->unit);
        for (int i = 0; i < OWNER_PROCESSES_LISTED; i++) {
                owner->processes[i] =
                        (struct owner_process){ INT32_MAX, "", INT64_MAX, INT64_MAX - 1 };
                FILL(owner->processes[i].comm);
        }
}

static void longest_alerts_fit_a_reply(void **state)
{
        json_t *array = json_array();

        (void)state;
        for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                struct alert alert = stuck_alert();

                alert.key = (struct alert_key){ .kind = kind,
                                                .port = { UINT32_MAX, UINT16_MAX, SIDE_REMOTE } };
                memset(&alert.values, 0xff, offsetof(struct alert_values, oldest_at_least));
                memset(alert.values.stage, 0xff, sizeof(alert.values.stage));
                alert.warning = alert.critical = INT64_MAX;
                alert.stuck_after_usec = UINT64_MAX;
                alert.values.leak = (struct port_leak){ .known = true,
                                                        .times = LEAK_TIMES_MAX,
                                                        .outlived = UINT32_MAX,
                                                        .arrived = UINT32_MAX,
                                                        .patience_usec = UINT64_MAX,
                                                        .rate_per_min = 1.0 / 3,
                                                        .error_per_min = 1.0 / 7 };
                fill_owner(&alert.owner);
                FILL(alert.reason);
                FILL(alert.origin);
                for (unsigned i = 0; i <= 256 / ALERT_KIND_COUNT; i++)
                        json_array_append_new(array, wire_alert(&alert, UINT64_MAX));
        }
        assert_true(json_array_size(array) >= 256);
        assert_true(encoded(json_pack("{s:o}", "alerts", array)) < VARLINK_REPLY_MAX);
}

static void totals_sum_up(void **state)
{
        struct snapshot snapshot = { .n_rows = 2, .rows = rows_new(2), .tracked = 4 },
                        counted = { 0 };
        json_t *totals;

        (void)state;
        snapshot.total[SOCK_TIME_WAIT] = 3;
        snapshot.total[SOCK_CLOSE_WAIT] = 5;
        snapshot.rows[0].stuck = 1;
        snapshot.rows[1].stuck = 2;
        snapshot.cost = (struct scan_cost){ 1, 2, 3, 4 };
        snapshot.retries = 5;
        assert_json(wire_totals(&snapshot),
                    "{\"ports\":2,\"timeWait\":3,\"timeWaitEstimated\":false,\"closeWait\":5,"
                    "\"stuck\":3,\"tracked\":4}");
        snapshot.estimated = SOCK_MASK(SOCK_TIME_WAIT);
        snapshot.time_wait_new = 2;
        assert_json(wire_totals(&snapshot),
                    "{\"ports\":2,\"timeWait\":3,\"timeWaitEstimated\":true,\"timeWaitNew\":2,"
                    "\"closeWait\":5,\"stuck\":3,\"tracked\":4}");
        snapshot.time_wait = &counted;
        counted.total[SOCK_TIME_WAIT] = 7;
        totals = wire_totals(&snapshot);
        assert_int_equal(json_integer_value(json_object_get(totals, "timeWaitCounted")), 7);
        json_decref(totals);
        assert_json(wire_cost(&snapshot), "{\"messages\":1,\"bytes\":2,\"cpuUsec\":3,"
                                          "\"wallUsec\":4,\"retries\":5}");
        free(snapshot.rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(port_has_its_members),
                cmocka_unit_test(stuck_is_a_lower_bound),
                cmocka_unit_test(table_has_its_members),
                cmocka_unit_test(endings_have_their_members),
                cmocka_unit_test(alert_has_its_members),
                cmocka_unit_test(owner_is_whole),
                cmocka_unit_test(owner_is_partly_known),
                cmocka_unit_test(event_has_its_members),
                cmocka_unit_test(text_of_others_is_always_sendable),
                cmocka_unit_test(pages_hold_every_port_once),
                cmocka_unit_test(ports_asked_for_are_there),
                cmocka_unit_test(filter_matches_as_the_pages_do),
                cmocka_unit_test(longest_ports_fit_a_reply),
                cmocka_unit_test(longest_alerts_fit_a_reply),
                cmocka_unit_test(totals_sum_up),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
