/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When the judge wants the next scan, and what it does with TIME_WAIT that was only estimated. The
 * oracle for the former is the judge itself: just before that moment it decides nothing.
 */

#include "judge.h"

#include "../fuzz/judge-program.h"

#define RAISE  (20 * USEC_PER_SEC)
#define CLEAR  (120 * USEC_PER_SEC)
#define NEVER  UINT64_MAX
#define BYTES  400
#define ROUNDS 400

static struct rule rule_of(enum alert_kind kind, int64_t warning, int64_t critical)
{
        return (struct rule){ .kind = kind,
                              .scope = { .side = alert_kind_is_host(kind) ? SIDE_HOST
                                                                          : SIDE_LOCAL },
                              .warning = warning,
                              .critical = critical,
                              .stuck_after_usec = USEC_PER_MIN,
                              .critical_within_usec = USEC_PER_HOUR,
                              .raise_after_usec = RAISE,
                              .clear_after_usec = CLEAR,
                              .remind_every_usec = USEC_PER_HOUR,
                              .clear_below_pct = 80 };
}

static void begin(struct judge *judge, enum alert_kind kind, int64_t warning, int64_t critical)
{
        const struct rule rule = rule_of(kind, warning, critical);

        judge_init(judge, &rule, 1);
}

/* The judge looks at it now. */
static struct detect_due look(struct judge *judge, struct snapshot *snapshot)
{
        struct detect_due due;

        snapshot->start_usec = judge->now;
        assert_int_equal(
                detect_step(judge->table, judge->rules, snapshot, judge->now, 5, &judge->events),
                0);
        detect_due(judge->table, judge->rules, snapshot, &due);
        snapshot_unref(snapshot);
        return due;
}

/* row: NULL: there is none. */
static struct snapshot *snapshot_of(struct judge *judge, const struct port_row *row)
{
        static const struct port_row nothing;

        return make_snapshot(++judge->generation, row ? row : &nothing, row ? 1 : 0);
}

/* ... at one whole scan of local port 80 with such numbers. */
static struct detect_due see(struct judge *judge, uint32_t close_wait, uint32_t time_wait)
{
        struct port_row row = { .key = local_port(80), .stuck = close_wait };

        row.count[SOCK_CLOSE_WAIT] = close_wait;
        row.count[SOCK_TIME_WAIT] = time_wait;
        return look(judge, snapshot_of(judge, &row));
}

/* ... that shows an estimate of TIME_WAIT. */
static struct detect_due see_estimate(struct judge *judge, uint32_t time_wait,
                                      enum scan_result result)
{
        struct port_row row = { .key = local_port(80) };
        struct snapshot *snapshot;

        row.count[SOCK_TIME_WAIT] = time_wait;
        snapshot = snapshot_of(judge, &row);
        snapshot->estimated = SOCK_MASK(SOCK_TIME_WAIT);
        snapshot->requested &= ~snapshot->estimated;
        snapshot->result = result;
        snapshot->complete = result == SCAN_COMPLETE ? snapshot->requested : 0;
        return look(judge, snapshot);
}

static void assert_due(struct detect_due due, uint64_t usec, bool time_wait)
{
        assert_true(due.usec == usec);
        assert_int_equal(due.time_wait, time_wait);
}

static void assert_told(const struct judge *judge, enum transition transition)
{
        assert_int_equal(judge->events.n, 1);
        assert_int_equal(judge->events.items[0].transition, transition);
}

static void test_a_quiet_host_needs_none(void **state)
{
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        assert_due(look(&judge, snapshot_of(&judge, NULL)), NEVER, false);
        assert_due(see(&judge, 9, 1000000), NEVER,
                   false); /* its sockets' ages are not the judge's */
        judge_done(&judge);
}

static void test_a_life(void **state)
{
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        since = judge.now;
        assert_due(see(&judge, 10, 0), since + RAISE, false);
        judge.now += RAISE - 1;
        assert_due(see(&judge, 10, 0), since + RAISE, false);
        judge.now++;
        assert_due(see(&judge, 10, 0), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        since = judge.now += JUDGE_STEP;
        assert_due(see(&judge, 100, 0), since + RAISE, false);
        judge.now += RAISE;
        assert_due(see(&judge, 100, 0), NEVER, false);
        assert_told(&judge, TRANSITION_ESCALATED);
        since = judge.now += JUDGE_STEP;
        assert_due(see(&judge, 80, 0), since + CLEAR, false);
        judge.now += CLEAR;
        assert_due(see(&judge, 80, 0), NEVER, false);
        assert_told(&judge, TRANSITION_DEESCALATED);
        since = judge.now += JUDGE_STEP;
        assert_due(see(&judge, 8, 0), since + CLEAR, false);
        judge.now += CLEAR;
        assert_due(see(&judge, 8, 0), NEVER, false);
        assert_told(&judge, TRANSITION_CLEARED);
        judge_done(&judge);
}

/* Acknowledged or not, and whenever the next reminder is. */
static void test_what_stands_needs_none(void **state)
{
        static const struct acknowledgement acknowledgement = { .given = true };
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(80) };
        struct judge judge;
        unsigned reminders = 0;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        while (see(&judge, 100, 0).usec != NEVER)
                judge.now += JUDGE_STEP;
        for (int i = 0; i < 1000; i++) {
                judge.now += JUDGE_STEP;
                assert_due(see(&judge, 100, 0), NEVER, false);
                reminders += judge.events.n > 0;
                if (i == 500)
                        assert_int_equal(
                                alert_table_acknowledge(judge.table, &key, &acknowledgement), 0);
        }
        assert_int_equal(reminders, 1); /* until it was acknowledged */
        judge_done(&judge);
}

/* It clears before it could be deescalated: that moment passes without anything to decide. */
static void test_not_deescalated_while_clearing(void **state)
{
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        while (see(&judge, 100, 0).usec != NEVER)
                judge.now += JUDGE_STEP;
        judge.now += JUDGE_STEP;
        assert_due(see(&judge, 50, 0), judge.now + CLEAR, false);
        since = judge.now += JUDGE_STEP;
        assert_due(see(&judge, 0, 0), since + CLEAR, false);
        judge.now += CLEAR - JUDGE_STEP;
        assert_due(see(&judge, 0, 0), since + CLEAR, false);
        assert_int_equal(judge.events.n, 0);
        judge_done(&judge);
}

static void test_what_was_not_whole_is_seen_again(void **state)
{
        static const enum scan_result results[] = { SCAN_PARTIAL, SCAN_FAILED };
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                struct snapshot *snapshot = snapshot_of(&judge, NULL);

                judge.now += JUDGE_STEP;
                snapshot->result = results[i];
                snapshot->complete = 0;
                assert_due(look(&judge, snapshot), judge.now, false);
        }
        judge.now += JUDGE_STEP;
        assert_due(look(&judge, snapshot_of(&judge, NULL)), NEVER, false);
        judge_done(&judge);
}

/* What goes by age waits for StuckAfter after a gap. */
static void test_a_gap_ends(void **state)
{
        struct judge judge;
        uint64_t resumed;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        for (int i = 0; i < 3; i++, judge.now += JUDGE_STEP)
                assert_due(see(&judge, 0, 0), NEVER, false);
        resumed = judge.now += USEC_PER_HOUR;
        assert_due(see(&judge, 10, 0), resumed + USEC_PER_MIN, false);
        judge.now += USEC_PER_MIN - 1;
        assert_due(see(&judge, 10, 0), resumed + USEC_PER_MIN, false);
        assert_int_equal(judge.events.n, 0);
        judge.now++;
        assert_due(see(&judge, 10, 0), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        judge_done(&judge);
}

/* ---- what is near ---- */

static void test_a_count_that_is_near(void **state)
{
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_COUNT, 10, 100);
        assert_due(see(&judge, 7, 100), NEVER, false);
        assert_due(see(&judge, 8, 0), judge.now, false);
        for (int i = 0; i < 3; i++, judge.now += JUDGE_STEP)
                assert_due(see(&judge, 10, 0), i < 2 ? judge.now : NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        assert_due(see(&judge, 79, 0), NEVER, false);
        assert_due(see(&judge, 80, 0), judge.now, false); /* it may escalate */
        for (int i = 0; i < 3; i++, judge.now += JUDGE_STEP)
                assert_due(see(&judge, 100, 0), i < 2 ? judge.now : NEVER, false);
        assert_told(&judge, TRANSITION_ESCALATED);
        assert_due(see(&judge, 99, 0), NEVER, false); /* it can become no worse */
        judge_done(&judge);
}

static void test_nothing_is_near_the_smallest_level(void **state)
{
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_COUNT, 1, RULE_LEVEL_OFF);
        assert_due(see(&judge, 0, 0), NEVER, false);
        assert_due(see(&judge, 1, 0), judge.now, false);
        judge_done(&judge);
}

static void test_a_level_alone(void **state)
{
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_COUNT, RULE_LEVEL_OFF, 10);
        assert_due(see(&judge, 7, 0), NEVER, false);
        assert_due(see(&judge, 8, 0), judge.now, false);
        judge_done(&judge);
        begin(&judge, ALERT_CLOSE_WAIT_COUNT, 10, RULE_LEVEL_OFF);
        while (see(&judge, 10, 0).usec != NEVER)
                judge.now += JUDGE_STEP;
        assert_due(see(&judge, 1000000, 0), NEVER, false);
        judge_done(&judge);
}

/* Only where a rule asks for it, whatever else has one. */
static void test_near_on_one_port_alone(void **state)
{
        struct rule rule = rule_of(ALERT_TIME_WAIT_COUNT, 10, RULE_LEVEL_OFF);
        struct rule off = rule_of(ALERT_TIME_WAIT_COUNT, RULE_LEVEL_OFF, RULE_LEVEL_OFF);
        struct judge judge;

        (void)state;
        rule.scope = local_port(80);
        judge_init(&judge, &rule, 1);
        assert_due(see(&judge, 10, 8), judge.now, true);
        off.scope = local_port(80);
        assert_int_equal(rules_add(judge.rules, &off), 0);
        assert_due(see(&judge, 10, 8), NEVER, false);
        rule.scope = local_port(81);
        assert_int_equal(rules_add(judge.rules, &rule), 0);
        assert_due(see(&judge, 10, 8), NEVER, false);
        rule.scope = local_port(0);
        assert_int_equal(rules_add(judge.rules, &rule), 0);
        assert_due(see(&judge, 10, 8), NEVER, false); /* 80 is off all the same */
        judge_done(&judge);

        judge_init(&judge, &rule, 1);
        assert_int_equal(rules_ignore(judge.rules, SIDE_LOCAL, 0, 79), 0);
        assert_due(see(&judge, 10, 8), judge.now, true);
        assert_int_equal(rules_ignore(judge.rules, SIDE_LOCAL, 80, 80), 0);
        assert_due(see(&judge, 10, 8), NEVER, false);
        judge_done(&judge);
}

static struct detect_due see_table(struct judge *judge, bool known, uint64_t used)
{
        struct snapshot *snapshot = snapshot_of(judge, NULL);

        snapshot->host.tw_table = (struct tw_table){ .known = known, .used = used, .max = 100 };
        return look(judge, snapshot);
}

static void test_the_table(void **state)
{
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_TIME_WAIT_TABLE, 50, 95);
        assert_due(see_table(&judge, true, 39), NEVER, false);
        assert_due(see_table(&judge, true, 40), judge.now, false);
        assert_due(see_table(&judge, false, 0), NEVER, false);
        since = judge.now;
        assert_due(see_table(&judge, true, 50), judge.now, false);
        judge.now += RAISE / 2;
        assert_due(see_table(&judge, false, 0), since + RAISE, false);
        judge.now += RAISE; /* who cannot tell cannot raise it, either */
        assert_due(see_table(&judge, false, 0), NEVER, false);
        assert_due(see_table(&judge, true, 50), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        assert_due(see_table(&judge, true, 75), NEVER, false);
        assert_due(see_table(&judge, true, 76), judge.now, false);
        judge_done(&judge);
}

/* ---- estimates ---- */

static void test_an_estimate_decides_nothing(void **state)
{
        const struct alert *alert;
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_TIME_WAIT_COUNT, 1000, RULE_LEVEL_OFF);
        for (int i = 0; i < 10; i++, judge.now += JUDGE_STEP)
                assert_due(see_estimate(&judge, 5000, SCAN_COMPLETE), judge.now, true);
        assert_int_equal(alert_table_count(judge.table), 0);

        since = judge.now;
        assert_due(see(&judge, 0, 1000), judge.now, true);
        judge.now += RAISE / 2;
        assert_due(see_estimate(&judge, 0, SCAN_COMPLETE), since + RAISE, true);
        alert = alert_table_get(judge.table, 0);
        assert_int_equal(alert->values.count, 1000);
        judge.now += RAISE;
        assert_due(see_estimate(&judge, 1000, SCAN_COMPLETE), judge.now, true);
        assert_int_equal(alert->state, ALERT_PENDING);
        assert_due(see(&judge, 0, 1000), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);

        judge.now += JUDGE_STEP;
        assert_due(see_estimate(&judge, 0, SCAN_COMPLETE), NEVER, false);
        since = judge.now;
        assert_due(see(&judge, 0, 800), since + CLEAR, true);
        judge.now += CLEAR / 2;
        assert_due(see_estimate(&judge, 5000, SCAN_COMPLETE), since + CLEAR, true);
        assert_true(alert_is_clearing(alert));
        assert_int_equal(alert->values.count, 800);
        judge.now += CLEAR;
        assert_due(see_estimate(&judge, 0, SCAN_COMPLETE), judge.now, true);
        assert_int_equal(judge.events.n, 0);
        assert_due(see(&judge, 0, 0), NEVER, false);
        assert_told(&judge, TRANSITION_CLEARED);
        judge_done(&judge);
}

/* ClearAfter begins anew after a scan that could not see, whatever it was to look at. */
static void test_an_estimate_that_failed(void **state)
{
        static const enum scan_result results[] = { SCAN_PARTIAL, SCAN_FAILED };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                struct judge judge;

                begin(&judge, ALERT_TIME_WAIT_COUNT, 1000, 5000);
                while (see(&judge, 0, 1000).usec != NEVER)
                        judge.now += JUDGE_STEP;
                assert_due(see(&judge, 0, 0), judge.now + CLEAR, true);
                judge.now += JUDGE_STEP;
                assert_due(see_estimate(&judge, 5000, results[i]), judge.now, true);
                assert_false(alert_is_clearing(alert_table_get(judge.table, 0)));
                assert_int_equal(alert_table_get(judge.table, 0)->critical_since_usec, 0);
                judge.now += JUDGE_STEP;
                assert_due(see(&judge, 0, 0), judge.now + CLEAR, true);
                judge_done(&judge);
        }
}

/* Those in CLOSE_WAIT are counted all the same, and an alert may start beside. */
static void test_an_estimate_beside_a_count(void **state)
{
        struct port_row row = { .key = local_port(80), .stuck = 10 };
        struct rule rule = rule_of(ALERT_TIME_WAIT_COUNT, 1000, RULE_LEVEL_OFF);
        struct snapshot *snapshot;
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_STUCK, 10, 100);
        assert_int_equal(rules_add(judge.rules, &rule), 0);
        row.count[SOCK_CLOSE_WAIT] = 10;
        row.count[SOCK_TIME_WAIT] = 700;
        snapshot = snapshot_of(&judge, &row);
        snapshot->requested = snapshot->complete = SOCK_MASK(SOCK_CLOSE_WAIT);
        assert_due(look(&judge, snapshot), judge.now + RAISE, false);
        assert_int_equal(alert_table_count(judge.table), 1);
        assert_int_equal(alert_table_get(judge.table, 0)->values.time_wait, 700);
        judge_done(&judge);
}

/* ---- leaks ---- */

static struct detect_due see_leak(struct judge *judge, uint8_t times, uint32_t outlived)
{
        struct port_row row = { .key = local_port(80), .leak = 1, .stuck = outlived };
        struct snapshot *snapshot;

        row.count[SOCK_CLOSE_WAIT] = outlived;
        snapshot = snapshot_of(judge, &row);
        snapshot->leaks = calloc(1, sizeof(*snapshot->leaks));
        assert_non_null(snapshot->leaks);
        snapshot->n_leaks = 1;
        snapshot->leaks[0] = (struct port_leak){ .known = true,
                                                 .times = times,
                                                 .outlived = outlived,
                                                 .arrived = times,
                                                 .pause_usec = USEC_PER_MIN,
                                                 .patience_usec = 6 * USEC_PER_MIN,
                                                 .rate_per_min = 2.5,
                                                 .error_per_min = 0.5 };
        return look(judge, snapshot);
}

static void set_left(struct judge *judge, int64_t left)
{
        struct owner_answer answer = { .port = local_port(80) };

        owner_clear(&answer.owner);
        answer.owner.total = answer.owner.n_processes = 1;
        answer.owner.processes[0] =
                (struct owner_process){ .pid = 7, .fds = 1024 - left, .fd_limit = 1024 };
        ((struct alert *)alert_table_get(judge->table, 0))->witness.known = true;
        alert_table_set_owner(judge->table, &answer);
}

static void test_a_leak(void **state)
{
        struct snapshot *snapshot;
        struct detect_due due;
        struct judge judge;

        (void)state;
        begin(&judge, ALERT_CLOSE_WAIT_LEAK, 3, RULE_LEVEL_OFF);
        assert_due(see_leak(&judge, 3, 3), judge.now + RAISE, false);
        judge.now += RAISE;
        assert_due(see_leak(&judge, 3, 3), NEVER, false); /* nobody knows how long that goes on */
        assert_told(&judge, TRANSITION_RAISED);

        set_left(&judge, 140); /* 2 a minute: 70 min, of which 60 are critical */
        judge.now += JUDGE_STEP;
        assert_due(see_leak(&judge, 3, 3), judge.now + 10 * USEC_PER_MIN + 1, false);
        set_left(&judge, 121);
        judge.now += JUDGE_STEP;
        assert_due(see_leak(&judge, 3, 3), judge.now + USEC_PER_MIN / 2 + 1, false);

        set_left(&judge, 100); /* the answer has come after the scan */
        snapshot = make_snapshot(judge.generation, NULL, 0);
        snapshot->start_usec = judge.now;
        detect_due(judge.table, judge.rules, snapshot, &due);
        snapshot_unref(snapshot);
        assert_due(due, judge.now + 1, false);
        judge.now += JUDGE_STEP;
        assert_due(see_leak(&judge, 3, 3), judge.now + RAISE, false);
        judge.now += RAISE;
        assert_due(see_leak(&judge, 3, 3), NEVER, false);
        assert_told(&judge, TRANSITION_ESCALATED);

        judge.now += JUDGE_STEP;
        assert_due(see_leak(&judge, 2, 3), judge.now + 6 * USEC_PER_MIN, false); /* its patience */
        judge_done(&judge);
}

/* ---- what a census tells ---- */

static struct census *new_census(const struct judge *judge)
{
        struct census *census = calloc(1, sizeof(*census));

        assert_non_null(census);
        census->refs = 1;
        census->asof_usec = judge->now;
        census->whole = true;
        return census;
}

static struct detect_due see_census(struct judge *judge, const struct census *census)
{
        struct snapshot *snapshot = snapshot_of(judge, NULL);

        snapshot->census = census_ref((struct census *)census);
        host_facts_clear(&snapshot->host);
        return look(judge, snapshot);
}

static struct census *half_open_census(const struct judge *judge, uint32_t silent)
{
        struct census *census = new_census(judge);

        census->half_open_counted = true;
        census->half_open = calloc(1, sizeof(*census->half_open));
        assert_non_null(census->half_open);
        census->half_open[0] =
                (struct half_open_row){ .port = local_port(80),
                                        .half_open = { .known = true, .silent = silent } };
        census->n_half_open = 1;
        return census;
}

/* No scan between two censuses decides: they are not asked for. */
static void test_half_open(void **state)
{
        struct census *census;
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_HALF_OPEN, 10, RULE_LEVEL_OFF);
        since = judge.now;
        census = half_open_census(&judge, 10);
        assert_due(see_census(&judge, census), since + RAISE, false);
        judge.now += RAISE / 2;
        assert_due(see_census(&judge, census), since + RAISE, false);
        judge.now += RAISE;
        assert_due(see_census(&judge, census), NEVER, false);
        census_unref(census);
        assert_int_equal(alert_table_get(judge.table, 0)->state, ALERT_PENDING);
        census = half_open_census(&judge, 10);
        assert_due(see_census(&judge, census), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        census_unref(census);
        judge.now += JUDGE_STEP;
        since = judge.now;
        census = half_open_census(&judge, 8);
        assert_due(see_census(&judge, census), since + CLEAR, false);
        judge.now += CLEAR;
        assert_due(see_census(&judge, census), NEVER, false);
        census_unref(census);
        judge_done(&judge);
}

static struct census *full_census(const struct judge *judge, uint32_t used)
{
        struct census *census = new_census(judge);

        census->destinations_counted = true;
        census->usable = 100;
        census->destinations = calloc(1, sizeof(*census->destinations));
        assert_non_null(census->destinations);
        census->destinations[0] = (struct destination_row){
                .port = { .side = SIDE_REMOTE, .port = 443 },
                .destination = { .family = ADDR_IPV4 },
                .exhaustion = { .known = true, .used = used, .usable = 100 },
        };
        census->n_destinations = 1;
        return census;
}

static void test_port_exhaustion(void **state)
{
        struct census *census;
        struct judge judge;
        uint64_t since;

        (void)state;
        begin(&judge, ALERT_PORT_EXHAUSTION, 70, 85);
        since = judge.now;
        census = full_census(&judge, 69);
        assert_due(see_census(&judge, census), NEVER, false);
        census_unref(census);
        since = judge.now += JUDGE_STEP;
        census = full_census(&judge, 70);
        assert_due(see_census(&judge, census), since + RAISE, false);
        judge.now += RAISE;
        assert_due(see_census(&judge, census), NEVER, false); /* an old one decides nothing */
        census_unref(census);
        census = full_census(&judge, 70);
        assert_due(see_census(&judge, census), NEVER, false);
        assert_told(&judge, TRANSITION_RAISED);
        census_unref(census);
        judge_done(&judge);
}

/* ---- whatever happened before ---- */

/* Counts are near for ever where they are near; without them nothing may be. */
static void switch_counts_off(struct program *program)
{
        struct config *config = &program->model.config;

        for (int kind = ALERT_CLOSE_WAIT_COUNT; kind <= ALERT_TIME_WAIT_COUNT; kind++) {
                config->general[kind].warning = config->general[kind].critical = RULE_LEVEL_OFF;
                for (size_t port = 0; port < MODEL_FEW; port++)
                        config->excepted[port][kind] = false;
        }
        program_use_rules(program);
}

/* A whole scan of the same numbers. estimate: it does not count TIME_WAIT, and shows nonsense. */
static void still(struct program *program, bool estimate, struct detect_due *ret_due)
{
        const uint64_t now_usec = program->model.now_usec;
        struct snapshot *snapshot;

        program->result = SCAN_COMPLETE;
        program->generation++;
        snapshot = program_make_snapshot(program);
        snapshot->start_usec = now_usec;
        snapshot->pause_usec = 1000 * USEC_PER_DAY; /* whatever it is, it was planned */
        if (estimate) {
                snapshot->requested = snapshot->complete = SOCK_MASK(SOCK_CLOSE_WAIT);
                for (size_t i = 0; i < snapshot->n_rows; i++)
                        snapshot->rows[i].count[SOCK_TIME_WAIT] = 0;
        }
        assert_int_equal(detect_step(program->table, program->rules, snapshot, now_usec, 1,
                                     &program->events),
                         0);
        detect_due(program->table, program->rules, snapshot, ret_due);
        snapshot_unref(snapshot);
}

static unsigned decisions(const struct program *program)
{
        unsigned n = 0;

        for (size_t i = 0; i < program->events.n; i++)
                n += program->events.items[i].transition != TRANSITION_REMINDED;
        return n;
}

static void start(struct program *program, unsigned seed, bool counts)
{
        static uint8_t bytes[BYTES];

        srandom(seed);
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(random() >> 8);
        bytes[0] &= (uint8_t)~1;
        program_init(program, bytes, sizeof(bytes) / 2);
        program_run(program);
        if (program->model.broken[0] != '\0')
                fail_msg("seed %u: property %s", seed, program->model.broken);
        if (!counts)
                switch_counts_off(program);
        program->at = &bytes[sizeof(bytes) / 2];
        program->left = sizeof(bytes) / 2;
        for (int i = 0; i < 5; i++)
                program_change_rows(program);
        memcpy(program->shown, program->real, program->model.n_ports * sizeof(*program->real));
        program->model.now_usec += USEC_PER_SEC;
}

/*
 * The numbers stand still: scans that come when they are due decide whatever there is to decide, at
 * its moment, and are due no more then. One that comes before decides nothing.
 */
static void test_it_ends(void **state)
{
        unsigned dues = 0, decided = 0;

        (void)state;
        for (unsigned seed = 1; seed <= ROUNDS; seed++) {
                struct program program;
                struct detect_due due;
                unsigned steps = 0;

                start(&program, seed, false);
                for (still(&program, false, &due); due.usec != NEVER;
                     still(&program, false, &due)) {
                        assert_true(due.usec > program.model.now_usec);
                        assert_true(++steps < 1000);
                        program.model.now_usec = due.usec - 1;
                        still(&program, false, &due);
                        assert_int_equal(decisions(&program), 0);
                        assert_true(due.usec == program.model.now_usec + 1);
                        program.model.now_usec++;
                        dues++;
                }
                for (int i = 0; i < 20; i++) {
                        program.model.now_usec += USEC_PER_DAY;
                        still(&program, false, &due);
                        assert_true(due.usec == NEVER);
                        assert_int_equal(decisions(&program), 0);
                        decided += (unsigned)alert_table_count(program.table);
                }
                program_done(&program);
        }
        assert_true(dues > 500);
        assert_true(decided > 1000);
}

/* An alert of one table is in the other, and stands there as it stands here. */
static void assert_same_alerts(const struct program *a, const struct program *b)
{
        assert_int_equal(alert_table_count(a->table), alert_table_count(b->table));
        for (size_t i = 0; i < alert_table_count(a->table); i++) {
                const struct alert *x = alert_table_get(a->table, i);
                const struct alert *y = alert_table_get(b->table, i);

                assert_int_equal(alert_key_compare(&x->key, &y->key), 0);
                assert_int_equal(x->state, y->state);
                assert_int_equal(x->severity, y->severity);
        }
}

/* Time passes until it is due, but 10 s at least. */
static void pass(struct program *program, const struct detect_due *due)
{
        const uint64_t next = program->model.now_usec + JUDGE_STEP;

        program->model.now_usec = due->usec == NEVER ? next : MAX(next, due->usec);
}

/* TIME_WAIT is counted where the judge asks for that, and all is decided as if it were always. */
static void test_counted_when_asked_for(void **state)
{
        unsigned estimates = 0, compared = 0;

        (void)state;
        for (unsigned seed = 1; seed <= ROUNDS; seed++) {
                struct program sparse, dense;
                struct detect_due due, other;

                start(&sparse, seed, true);
                start(&dense, seed, true);
                still(&sparse, false, &due);
                still(&dense, false, &other);
                for (int i = 0; i < 500; i++) {
                        pass(&sparse, &due);
                        dense.model.now_usec = sparse.model.now_usec;
                        estimates += !due.time_wait;
                        still(&sparse, !due.time_wait, &due);
                        still(&dense, false, &other);
                        assert_int_equal(decisions(&sparse), decisions(&dense));
                        assert_same_alerts(&sparse, &dense);
                        compared++;
                }
                program_done(&sparse);
                program_done(&dense);
        }
        assert_true(estimates > compared / 10 && estimates < compared * 9 / 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_quiet_host_needs_none),
                cmocka_unit_test(test_a_life),
                cmocka_unit_test(test_what_stands_needs_none),
                cmocka_unit_test(test_not_deescalated_while_clearing),
                cmocka_unit_test(test_what_was_not_whole_is_seen_again),
                cmocka_unit_test(test_a_gap_ends),
                cmocka_unit_test(test_a_count_that_is_near),
                cmocka_unit_test(test_nothing_is_near_the_smallest_level),
                cmocka_unit_test(test_a_level_alone),
                cmocka_unit_test(test_near_on_one_port_alone),
                cmocka_unit_test(test_the_table),
                cmocka_unit_test(test_an_estimate_decides_nothing),
                cmocka_unit_test(test_an_estimate_that_failed),
                cmocka_unit_test(test_an_estimate_beside_a_count),
                cmocka_unit_test(test_a_leak),
                cmocka_unit_test(test_half_open),
                cmocka_unit_test(test_port_exhaustion),
                cmocka_unit_test(test_it_ends),
                cmocka_unit_test(test_counted_when_asked_for),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
