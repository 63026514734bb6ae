/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An alert that was saved and restored is judged on as if nothing had happened: random programs
 * (tests/fuzz/judge-program.h) in which the daemon restarts at any moment.
 */

#include "fixture.h"

#include "../fuzz/judge-program.h"

#include "alertitem.h"
#include "alertstate.h"
#include "alerttable.h"

#define PROGRAM_BYTES 1000

/* What the program's detector knows goes through a state file's body, and nothing else does. */
static void restart(struct program *program)
{
        struct model *model = &program->model;
        struct recbuf body = { 0 };
        struct recview view;
        struct eventlog *log;
        const char *wrong = "";

        assert_int_equal(eventlog_new(&log), 0);
        alertstate_write(&body, program->table, log);
        assert_int_equal(body.error, 0);
        alert_table_free(program->table);
        assert_int_equal(alert_table_new(&program->table), 0);
        view = recview_of(&body);
        if (alertstate_read(&view, program->table, log, &wrong) < 0)
                fail_msg("%s", wrong);
        assert_false(alert_table_has_resumed(program->table, 0));
        eventlog_free(log);
        recbuf_done(&body);

        /* pauses, the last snapshot and who found no room are of this daemon alone */
        model->stepped_usec = model->pause_usec = model->n_gaps = 0;
        model->overflow = 0;
        snapshot_unref(program->snapshot);
        program->snapshot = NULL;
}

static void start(struct program *program, uint8_t *bytes, unsigned seed, bool many)
{
        srandom(seed);
        for (size_t i = 0; i < PROGRAM_BYTES; i++)
                bytes[i] = (uint8_t)(random() >> 8);
        bytes[0] = (uint8_t)((bytes[0] & ~1) | many);
        program_init(program, bytes, PROGRAM_BYTES);
}

static void assert_whole(const struct program *program, unsigned seed)
{
        if (program->model.broken[0] != '\0')
                fail_msg("seed %u, step %llu: property %s", seed,
                         (unsigned long long)program->model.steps, program->model.broken);
}

static bool goes_on(const struct program *program)
{
        return program->left > 0 && program->model.steps < PROGRAM_STEPS_FEW &&
               program->model.broken[0] == '\0';
}

/* ---- by the properties of the detector, pauses of the machine included ---- */

static void run_properties(unsigned first, unsigned last, bool many, uint64_t told[])
{
        for (unsigned seed = first; seed <= last; seed++) {
                uint8_t bytes[PROGRAM_BYTES];
                struct program program;

                start(&program, bytes, seed, many);
                while (goes_on(&program) && (!many || program.model.steps < PROGRAM_STEPS_MANY)) {
                        if (random() % 4 == 0)
                                restart(&program);
                        program_step(&program);
                }
                assert_whole(&program, seed);
                for (int i = 0; i < TRANSITION_COUNT; i++)
                        told[i] += program.model.told[i];
                program_done(&program);
        }
}

static void test_properties_hold(void **state)
{
        uint64_t told[TRANSITION_COUNT] = { 0 };

        (void)state;
        run_properties(1, 120, false, told);
        for (int i = 0; i < TRANSITION_COUNT; i++)
                assert_true(told[i] >= 50);
        run_properties(1, 10, true, told);
}

/* ---- beside a daemon that was not restarted ---- */

/* Whether the machine has paused is all that a restart forgets: no rule shall ask for that. */
static void forget_stuck_after(struct program *program)
{
        struct config *config = &program->model.config;

        for (int kind = 0; kind < PORT_KINDS; kind++) {
                config->general[kind].stuck_after_usec = 0;
                for (size_t port = 0; port < MODEL_FEW; port++)
                        config->exceptions[port][kind].stuck_after_usec = 0;
        }
        program_use_rules(program);
}

/* All that was told, and after each step all that is known. */
static void note(const struct program *program, struct recbuf *trace)
{
        struct eventlog *log;

        assert_int_equal(eventlog_new(&log), 0);
        for (size_t i = 0; i < program->events.n; i++)
                alertitem_put_event(trace, &program->events.items[i]);
        alertstate_write(trace, program->table, log);
        eventlog_free(log);
}

/* One step, as program_step() makes it; but whatever is told is noted, and no snapshot is twice. */
static void step(struct program *program, struct recbuf *trace, unsigned (*maybe)(struct program *))
{
        const uint8_t op = *program->at;
        const bool bad = op >= 0xb8;
        uint8_t time;

        if (op < 0x80 || (op >= 0xd0 && op < 0xf8)) {
                program_step(program);
                note(program, trace);
                return;
        }
        (void)program_take(program);
        if (op >= 0xf8) {
                program_pass(program, op);
                return;
        }
        time = program_take(program);
        for (unsigned n = (bad ? op & 7 : op & 15) + 1U; n > 0; n--) {
                maybe(program);
                program_pass(program, time);
                program_scan(program, !bad ? SCAN_COMPLETE : op & 8 ? SCAN_FAILED : SCAN_PARTIAL);
                note(program, trace);
        }
}

static unsigned never(struct program *program)
{
        (void)program;
        return 0;
}

static unsigned sometimes(struct program *program)
{
        if (random() % 3 != 0)
                return 0;
        restart(program);
        return 1;
}

static struct recbuf trace_of(unsigned seed, unsigned (*maybe)(struct program *),
                              uint64_t *restarts, uint64_t *told)
{
        struct recbuf trace = { 0 };
        uint8_t bytes[PROGRAM_BYTES];
        struct program program;

        start(&program, bytes, seed, false);
        while (goes_on(&program)) {
                forget_stuck_after(&program);
                *restarts += maybe(&program);
                step(&program, &trace, maybe);
        }
        assert_whole(&program, seed);
        for (int i = 0; i < TRANSITION_COUNT; i++)
                *told += program.model.told[i];
        program_done(&program);
        assert_int_equal(trace.error, 0);
        return trace;
}

static void test_same_as_without(void **state)
{
        uint64_t restarts = 0, none = 0, told = 0;

        (void)state;
        for (unsigned seed = 1001; seed <= 1030; seed++) {
                struct recbuf without = trace_of(seed, never, &none, &told);
                struct recbuf with = trace_of(seed, sometimes, &restarts, &told);

                if (with.len != without.len || memcmp(with.data, without.data, with.len) != 0)
                        fail_msg("seed %u: a restart has changed what was told or known", seed);
                recbuf_done(&with);
                recbuf_done(&without);
        }
        assert_int_equal(none, 0);
        assert_true(restarts >= 500);
        assert_true(told >= 1000);
}

/* ---- what the programs have none of ---- */

static struct rule host_rule(enum alert_kind kind)
{
        return (struct rule){ .kind = kind,
                              .warning = 10,
                              .critical = 95,
                              .clear_after_usec = 60 * USEC_PER_SEC,
                              .clear_below_pct = 80,
                              .silent_after_usec = 60 * USEC_PER_SEC };
}

/* A program that does nothing of its own, and judges by that rule alone. */
static void init_quiet(struct program *program, enum alert_kind kind)
{
        static const uint8_t nothing[1];
        const struct rule rule = host_rule(kind);

        program_init(program, nothing, sizeof(nothing));
        rules_free(program->rules);
        assert_int_equal(rules_new(&program->rules), 0);
        assert_int_equal(rules_add(program->rules, &rule), 0);
}

/* A scan 10 s after the last; how many events. */
static size_t see(struct program *program, const struct tw_table *table, struct census *census)
{
        struct snapshot *snapshot = make_snapshot(++program->generation, NULL, 0);

        program->model.now_usec += 10 * USEC_PER_SEC;
        snapshot->start_usec = program->model.now_usec;
        if (table)
                snapshot->host.tw_table = *table;
        snapshot->census = census ? census_ref(census) : NULL;
        assert_int_equal(detect_step(program->table, program->rules, snapshot,
                                     program->model.now_usec, 1, &program->events),
                         0);
        snapshot_unref(snapshot);
        return program->events.n;
}

/* An overflow is judged once, whichever daemon was there to see it. */
static void test_overflows_are_judged_once(void **state)
{
        struct tw_table table = { .known = true, .used = 1, .max = 100, .overflow_known = true };
        struct program program;

        (void)state;
        init_quiet(&program, ALERT_TIME_WAIT_TABLE);
        assert_int_equal(see(&program, &table, NULL), 0);
        table.overflows_total = 5;
        assert_int_equal(see(&program, &table, NULL), 1);
        assert_int_equal(program.events.items[0].alert.values.tw_table.overflows, 5);
        for (int i = 0; i < 6; i++) {
                restart(&program);
                assert_int_equal(see(&program, &table, NULL), 0);
        }
        restart(&program);
        assert_int_equal(see(&program, &table, NULL), 1); /* 60 s after the first without */
        assert_int_equal(program.events.items[0].transition, TRANSITION_CLEARED);
        assert_int_equal(program.events.items[0].sequence, 2);
        program_done(&program);
}

/* Until the new daemon has taken a census of its own, what the last one has shown holds. */
static void test_what_a_census_has_shown_holds(void **state)
{
        struct census *census = calloc(1, sizeof(*census));
        struct program program;

        (void)state;
        assert_non_null(census);
        census->refs = 1;
        census->whole = census->half_open_counted = true;
        census->half_open = calloc(1, sizeof(*census->half_open));
        assert_non_null(census->half_open);
        census->n_half_open = 1;
        census->half_open[0] = (struct half_open_row){
                .port = local_port(80),
                .half_open = { .known = true, .established = 20, .silent = 12 },
        };
        init_quiet(&program, ALERT_HALF_OPEN);
        census->asof_usec = program.model.now_usec + 10 * USEC_PER_SEC;
        assert_int_equal(see(&program, NULL, census), 1);
        for (int i = 0; i < 30; i++) {
                restart(&program);
                assert_int_equal(see(&program, NULL, NULL), 0);
                assert_int_equal(alert_table_get(program.table, 0)->values.half_open.silent, 12);
        }
        census_unref(census);
        program_done(&program);
}

/* ---- what is no pause ---- */

static void judge_at(struct program *program, uint64_t now_usec)
{
        program->model.now_usec = now_usec;
        program_scan(program, SCAN_COMPLETE);
}

/* The machine is not taken for held because the daemon was away. */
static void test_a_restart_is_no_pause(void **state)
{
        static const uint64_t within = 60 * USEC_PER_SEC;
        static const uint8_t nothing[1];

        (void)state;
        for (int restarted = 0; restarted < 2; restarted++) {
                struct program program;

                program_init(&program, nothing, sizeof(nothing));
                judge_at(&program, 1000 * USEC_PER_SEC);
                judge_at(&program, 1010 * USEC_PER_SEC);
                judge_at(&program, 1020 * USEC_PER_SEC);
                if (restarted)
                        restart(&program);
                judge_at(&program, 5000 * USEC_PER_SEC);
                assert_int_equal(alert_table_has_resumed(program.table, within), !restarted);
                restart(&program);
                assert_false(alert_table_has_resumed(program.table, within));
                judge_at(&program, 5010 * USEC_PER_SEC);
                assert_false(alert_table_has_resumed(program.table, within));
                program_done(&program);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_properties_hold),
                cmocka_unit_test(test_same_as_without),
                cmocka_unit_test(test_overflows_are_judged_once),
                cmocka_unit_test(test_what_a_census_has_shown_holds),
                cmocka_unit_test(test_a_restart_is_no_pause),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
