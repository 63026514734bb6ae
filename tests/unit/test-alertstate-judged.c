/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever the detector makes can be saved and read back whole: what the kernel may show, any peer
 * may have caused, and one alert that is refused would cost all the others.
 */

#include "judge.h"

#include "../fuzz/saved.h"

#include "anyalert.h"

#define ROWS_MAX   12
#define CENSUS_MAX 6

/* Low levels, hold times of a scan or two, each kind now and then off. */
static void any_rules(struct judge *judge)
{
        struct rule rules[ALERT_KIND_COUNT];
        size_t n = 0;

        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                if (random() % 8 == 0)
                        continue;
                rules[n++] = (struct rule){
                        .kind = kind,
                        .warning = any_bool() || kind == ALERT_BLIND ? 1 : RULE_LEVEL_OFF,
                        .critical = 5,
                        .stuck_after_usec = (uint64_t)(random() % 3) * JUDGE_STEP,
                        .critical_within_usec = any_u64(),
                        .silent_after_usec = any_u64(),
                        .raise_after_usec = (uint64_t)(random() % 3) * JUDGE_STEP,
                        .clear_after_usec = (uint64_t)(random() % 3) * JUDGE_STEP,
                        .remind_every_usec = (uint64_t)(random() % 5) * JUDGE_STEP,
                        .clear_below_pct = 80,
                        .origin = "built-in",
                };
        }
        judge_set_rules(judge, rules, n);
}

/* Few, so that an alert is seen again; the ends of the range, of which 0 is one, among them. */
static struct port_key any_port(void)
{
        static const uint16_t ports[] = { 0, 0, 1, 80, 443, 5432, 65535 };

        return (struct port_key){ .netns = random() % 4 == 0 ? UINT32_MAX : 0,
                                  .side = any_bool() ? SIDE_LOCAL : SIDE_REMOTE,
                                  .port = ports[(size_t)random() % ARRAY_SIZE(ports)] };
}

static struct port_row any_row(void)
{
        struct port_row row = { .key = any_port(),
                                .oldest_usec = any_u64(),
                                .oldest_at_least = any_bool(),
                                .witness = any_witness(),
                                .listener = any_witness() };

        row.count[SOCK_CLOSE_WAIT] = any_bool() ? any_u32() : (uint32_t)random() % 8;
        row.count[SOCK_TIME_WAIT] = any_bool() ? any_u32() : (uint32_t)random() % 8;
        row.stuck = row.count[SOCK_CLOSE_WAIT];
        row.stuck_held = row.stuck / 2;
        for (size_t i = 0; i < STAGE_COUNT; i++)
                row.stage[i] = any_u32();
        return row;
}

static struct census *any_census(uint64_t asof_usec)
{
        struct census *census = calloc(1, sizeof(*census));

        assert_non_null(census);
        census->refs = 1;
        census->asof_usec = asof_usec;
        census->whole = census->destinations_counted = census->half_open_counted = any_bool();
        census->n_destinations = (size_t)random() % CENSUS_MAX;
        census->n_half_open = (size_t)random() % CENSUS_MAX;
        census->destinations = calloc(CENSUS_MAX, sizeof(*census->destinations));
        census->half_open = calloc(CENSUS_MAX, sizeof(*census->half_open));
        assert_non_null(census->destinations);
        assert_non_null(census->half_open);
        for (size_t i = 0; i < census->n_destinations; i++) {
                census->destinations[i] =
                        (struct destination_row){ any_port(), any_destination(), any_exhaustion(),
                                                  any_witness() };
                census->destinations[i].port.side = SIDE_REMOTE;
        }
        for (size_t i = 0; i < census->n_half_open; i++)
                census->half_open[i] =
                        (struct half_open_row){ any_port(), any_half_open(), any_witness() };
        return census;
}

static struct snapshot *any_snapshot(struct judge *judge)
{
        struct port_row rows[ROWS_MAX];
        const size_t n = (size_t)random() % ROWS_MAX;
        struct snapshot *snapshot;

        for (size_t i = 0; i < n; i++)
                rows[i] = any_row();
        snapshot = make_snapshot(++judge->generation, rows, n);
        snapshot->leaks = calloc(ROWS_MAX, sizeof(*snapshot->leaks));
        assert_non_null(snapshot->leaks);
        for (size_t i = 0; i < n; i++) {
                snapshot->leaks[i] = any_leak();
                snapshot->rows[i].leak = any_bool() ? (uint32_t)i + 1 : 0;
        }
        snapshot->n_leaks = n;
        snapshot->start_usec = judge->now;
        snapshot->result = random() % 4 == 0   ? SCAN_FAILED
                           : random() % 4 == 0 ? SCAN_PARTIAL
                                               : SCAN_COMPLETE;
        if (snapshot->result != SCAN_COMPLETE) {
                snapshot->complete = 0;
                any_text(snapshot->error_text, sizeof(snapshot->error_text));
        }
        snapshot->host.tw_table = any_tw_table();
        if (any_bool())
                snapshot->census = any_census(any_bool() ? judge->now : 1);
        return snapshot;
}

static void acknowledge_one(struct alert_table *table)
{
        const struct acknowledgement acknowledgement = any_acknowledgement();
        const size_t n = alert_table_count(table);

        if (n > 0)
                (void)alert_table_acknowledge(table,
                                              &alert_table_get(table, (size_t)random() % n)->key,
                                              &acknowledgement);
}

static void own_one(struct alert_table *table)
{
        const struct alert *alert;
        struct owner_answer answer;

        if (alert_table_count(table) == 0)
                return;
        alert = alert_table_get(table, (size_t)random() % alert_table_count(table));
        answer = (struct owner_answer){ .port = alert->key.port,
                                        .witness = alert->witness,
                                        .owner = any_owner() };
        alert_table_set_owner(table, &answer);
}

/* All of it: what is read is written as the same bytes. */
static void assert_whole(const struct saved *saved)
{
        struct recbuf body = saved_write(saved), again;
        struct recview view = recview_of(&body);
        struct saved got = saved_new();
        const char *wrong = NULL;

        if (alertstate_read(&view, got.table, got.log, &wrong) < 0)
                fail_msg("%s", wrong);
        assert_int_equal(alert_table_left_out(got.table), 0);
        assert_int_equal(eventlog_left_out(got.log), 0);
        assert_int_equal(alert_table_count(got.table), alert_table_count(saved->table));
        assert_int_equal(eventlog_count(got.log), eventlog_count(saved->log));
        again = saved_write(&got);
        assert_int_equal(again.len, body.len);
        assert_memory_equal(again.data, body.data, body.len);
        recbuf_done(&again);
        recbuf_done(&body);
        saved_free(&got);
}

static void note_kinds(const struct saved *saved, unsigned seen[], unsigned *port_zero)
{
        for (size_t i = 0; i < alert_table_count(saved->table); i++) {
                const struct alert_key *key = &alert_table_get(saved->table, i)->key;

                seen[key->kind]++;
                *port_zero += key->port.port == 0 && key->port.side == SIDE_REMOTE;
        }
}

static void test_what_was_judged_is_read_back(void **state)
{
        unsigned seen[ALERT_KIND_COUNT] = { 0 }, port_zero = 0;

        (void)state;
        for (unsigned seed = 1; seed <= 15; seed++) {
                struct judge judge;
                struct saved saved;

                srandom(seed);
                judge_init(&judge, NULL, 0);
                saved = (struct saved){ .table = judge.table };
                assert_int_equal(eventlog_new(&saved.log), 0);
                for (int scan = 0; scan < 30; scan++) {
                        if (random() % 10 == 0 || scan == 0)
                                any_rules(&judge);
                        (void)judge_see(&judge, any_snapshot(&judge));
                        for (size_t i = 0; i < judge.events.n; i++)
                                assert_int_equal(eventlog_add(saved.log, &judge.events.items[i]),
                                                 0);
                        acknowledge_one(judge.table);
                        own_one(judge.table);
                        note_kinds(&saved, seen, &port_zero);
                        assert_whole(&saved);
                }
                eventlog_free(saved.log);
                judge_done(&judge);
        }
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                assert_true(seen[kind] >= 50);
        assert_true(port_zero >= 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_judged_is_read_back),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
