/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Patience, what is learnt from departures, and who keeps arriving: a ledger driven through virtual
 * time, one complete scan every 10 s unless said otherwise.
 */

#include "fixture.h"

#include <malloc.h>
#include <math.h>

#include "ledger.h"
#include "rule.h"
#include "survival.h"

#if defined(__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define STEP        (10 * USEC_PER_SEC)
#define STUCK_AFTER (60 * USEC_PER_SEC)
#define POOL_IDLE   (15 * USEC_PER_MIN)
#define SOCKETS_MAX 20000

struct conn {
        struct port_key port;
        uint64_t cookie;
        uint64_t since_usec;
        uint64_t until_usec; /* leaves by itself */
        enum close_wait_stage stage;
        bool at_least; /* an hour old or more when it is first seen */
};

struct world {
        struct ledger *ledger;
        struct survival *survival;
        struct rules *rules;
        struct conn *conns;
        size_t n;
        uint64_t cookies;
        uint64_t now;
        uint64_t step;       /* from scan to scan */
        bool dated;          /* with tcp_info, of connections that were idle for an hour */
        size_t judged_bytes; /* what judging has allocated in all */
};

static size_t allocated_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__)
        return __sanitizer_get_current_allocated_bytes();
#else
        return mallinfo2().uordblks;
#endif
}

static struct rule leak_rule(void)
{
        return (struct rule){ .kind = ALERT_CLOSE_WAIT_LEAK,
                              .warning = 3,
                              .critical = RULE_LEVEL_OFF,
                              .stuck_after_usec = STUCK_AFTER,
                              .pool_idle_usec = POOL_IDLE,
                              .clear_below_pct = 80 };
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct rule rule = leak_rule();

        assert_non_null(world);
        world->conns = calloc(SOCKETS_MAX, sizeof(*world->conns));
        assert_non_null(world->conns);
        assert_int_equal(ledger_new(&world->ledger), 0);
        assert_int_equal(survival_new(&world->survival), 0);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        world->now = 100 * USEC_PER_HOUR;
        world->step = STEP;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        ledger_free(world->ledger);
        survival_free(world->survival);
        rules_free(world->rules);
        free(world->conns);
        free(world);
        return 0;
}

/* ---- the world ---- */

/* A connection that the peer closes now. Valid until one leaves. */
static struct conn *arrive(struct world *world, struct port_key port)
{
        struct conn *conn = &world->conns[world->n++];

        assert_true(world->n <= SOCKETS_MAX);
        *conn = (struct conn){ .port = port,
                               .cookie = ++world->cookies,
                               .since_usec = world->now,
                               .until_usec = UINT64_MAX,
                               .stage = STAGE_UNCLOSED };
        return conn;
}

static void arrive_for(struct world *world, struct port_key port, uint64_t usec)
{
        arrive(world, port)->until_usec = world->now + usec;
}

static void all_leave(struct world *world)
{
        world->n = 0;
}

static void drop_the_late(struct world *world)
{
        for (size_t i = 0; i < world->n;) {
                if (world->conns[i].until_usec <= world->now)
                        world->conns[i] = world->conns[--world->n];
                else
                        i++;
        }
}

static void see(struct world *world, const struct conn *conn)
{
        struct sockrec record = { .cookie = conn->cookie,
                                  .state = SOCK_CLOSE_WAIT,
                                  .inode = conn->stage != STAGE_UNACCEPTED,
                                  .receive_queue = conn->stage == STAGE_EOF_UNREAD };

        if (conn->stage == STAGE_UNREAD)
                record.receive_queue = 100;
        if (world->dated) {
                record.have = SOCKREC_INFO;
                record.last_ack_recv_msec =
                        (uint32_t)((world->now - conn->since_usec) / USEC_PER_MSEC);
                record.last_data_recv_msec = record.last_ack_recv_msec + 3600 * 1000;
        }
        if (conn->at_least) {
                record.have = SOCKREC_INFO;
                record.last_ack_recv_msec = 3600 * 1000;
                record.last_data_recv_msec = 7200 * 1000;
        }
        assert_int_equal(ledger_see(world->ledger, &record, &conn->port), 0);
}

/* A scan, now: as observe.c does it. Sockets from `seen` on are not seen. */
static void scan_some(struct world *world, size_t seen, bool whole)
{
        size_t before;

        ledger_begin(world->ledger, world->now);
        for (size_t i = 0; i < world->n && i < seen; i++)
                see(world, &world->conns[i]);
        before = allocated_bytes();
        survival_begin(world->survival, world->rules, world->now);
        world->judged_bytes += allocated_bytes() - before;
        ledger_end(world->ledger, whole, survival_left, world->survival);
        before = allocated_bytes();
        survival_judge(world->survival, world->ledger, whole);
        world->judged_bytes += allocated_bytes() - before;
}

static void scan(struct world *world)
{
        scan_some(world, SIZE_MAX, true);
}

/* Time passes, scan by scan; who is to leave leaves. */
static void live(struct world *world, uint64_t usec)
{
        for (const uint64_t end = world->now + usec; world->now < end;) {
                world->now += MIN(world->step, end - world->now);
                drop_the_late(world);
                scan(world);
        }
}

/* The same without a scan but the last, for days that nobody looks at. */
static void sleep_for(struct world *world, uint64_t usec)
{
        world->now += usec;
        drop_the_late(world);
        scan(world);
}

/* As many as make a lesson, the youngest of them of that age. */
static void turn_over(struct world *world, struct port_key port, uint64_t usec)
{
        for (unsigned i = 0; i < SURVIVAL_LESSONS; i++)
                arrive_for(world, port, usec + i * STEP);
}

static struct port_leak tell(const struct world *world, struct port_key port)
{
        struct port_leak leak;

        survival_tell(world->survival, &port, &leak);
        return leak;
}

static struct port_key remote_port(uint16_t port)
{
        return (struct port_key){ .side = SIDE_REMOTE, .port = port };
}

/* Of a port with one that has outlived it. Nearly: what is learnt decays from then on. */
static void assert_patience(const struct world *world, struct port_key port, uint64_t usec)
{
        const struct port_leak leak = tell(world, port);

        assert_true(leak.known);
        assert_in_range(leak.patience_usec, usec - usec / 50, usec);
}

/* The next socket of the port counts within STEP of that age, by watching one. */
static void assert_next_patience(struct world *world, struct port_key port, uint64_t usec)
{
        const uint32_t before = tell(world, port).outlived;

        arrive(world, port);
        scan(world);
        live(world, usec - usec / 50 - STEP);
        assert_int_equal(tell(world, port).outlived, before);
        live(world, usec / 50 + STEP);
        assert_int_equal(tell(world, port).outlived, before + 1);
}

/* ---- patience ---- */

static void test_nothing_is_known_before_patience_is_over(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        scan(world);
        live(world, 59 * USEC_PER_SEC);
        assert_false(tell(world, local_port(80)).known);
        live(world, USEC_PER_SEC);
        assert_true(tell(world, local_port(80)).known);
        assert_int_equal(tell(world, local_port(80)).outlived, 1);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
        assert_false(tell(world, local_port(81)).known);
        assert_false(tell(world, remote_port(80)).known);
}

static void test_twice_the_turnover(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        turn_over(world, local_port(80), 125 * USEC_PER_SEC);
        scan(world);
        live(world, 150 * USEC_PER_SEC);
        live(world, 5 * USEC_PER_MIN);
        assert_patience(world, local_port(80), 240 * USEC_PER_SEC);
}

/* What is usual anyway is not remembered. */
static void test_short_lives_change_nothing(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        for (int i = 0; i < 100; i++) {
                arrive_for(world, local_port(80), 35 * USEC_PER_SEC);
                live(world, 20 * USEC_PER_SEC);
        }
        live(world, USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
}

static void test_ports_learn_apart(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        arrive(world, local_port(81));
        arrive(world, remote_port(80));
        turn_over(world, local_port(80), 300 * USEC_PER_SEC);
        scan(world);
        live(world, 15 * USEC_PER_MIN);
        assert_patience(world, local_port(80), 580 * USEC_PER_SEC);
        assert_int_equal(tell(world, local_port(81)).patience_usec, STUCK_AFTER);
        assert_int_equal(tell(world, remote_port(80)).patience_usec, STUCK_AFTER);
}

static void test_half_life_of_a_day(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        turn_over(world, local_port(80), 605 * USEC_PER_SEC);
        scan(world);
        live(world, 650 * USEC_PER_SEC);
        sleep_for(world, USEC_PER_DAY);
        assert_patience(world, local_port(80), 600 * USEC_PER_SEC);
        sleep_for(world, USEC_PER_DAY);
        assert_patience(world, local_port(80), 300 * USEC_PER_SEC);
        sleep_for(world, 7 * USEC_PER_DAY);
        assert_patience(world, local_port(80), STUCK_AFTER);
}

/* Seen again, it is as it was; less than what is remembered does not replace it. */
static void test_seen_again(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        turn_over(world, local_port(80), 605 * USEC_PER_SEC);
        scan(world);
        live(world, 650 * USEC_PER_SEC);
        turn_over(world, local_port(80), 305 * USEC_PER_SEC);
        live(world, 650 * USEC_PER_SEC);
        assert_in_range(tell(world, local_port(80)).patience_usec, 1190 * USEC_PER_SEC,
                        1200 * USEC_PER_SEC);
        sleep_for(world, USEC_PER_DAY);
        turn_over(world, local_port(80), 605 * USEC_PER_SEC);
        live(world, 660 * USEC_PER_SEC);
        assert_in_range(tell(world, local_port(80)).patience_usec, 1170 * USEC_PER_SEC,
                        1200 * USEC_PER_SEC);
}

static void test_patience_ends_at_half_an_hour(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        turn_over(world, local_port(80), SURVIVAL_TURNOVER_MAX_USEC - STEP);
        scan(world);
        live(world, 32 * USEC_PER_MIN);
        assert_patience(world, local_port(80), 29 * USEC_PER_MIN + 20 * USEC_PER_SEC);
        assert_true(tell(world, local_port(80)).patience_usec <= 2 * SURVIVAL_TURNOVER_MAX_USEC);
}

/* A leaked socket of some hours that leaves at last says nothing about what is usual. */
static void test_what_leaves_late_was_no_turnover(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        arrive_for(world, local_port(80), 5 * USEC_PER_HOUR);
        arrive_for(world, local_port(80), SURVIVAL_TURNOVER_MAX_USEC + 3 * STEP);
        scan(world);
        live(world, 5 * USEC_PER_HOUR + USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
}

/* StuckAfter is a floor that nothing learnt lowers, above half an hour too. */
static void test_stuck_after_of_a_port(void **state)
{
        struct world *world = *state;
        struct rule rule = leak_rule();

        rule.scope = local_port(80);
        rule.stuck_after_usec = 2 * USEC_PER_HOUR;
        rule.warning = RULE_LEVEL_OFF; /* governs, even where it judges nothing */
        assert_int_equal(rules_add(world->rules, &rule), 0);
        arrive(world, local_port(80));
        arrive(world, local_port(81));
        arrive_for(world, local_port(80), 100 * USEC_PER_MIN);
        scan(world);
        live(world, 2 * USEC_PER_HOUR - STEP);
        assert_false(tell(world, local_port(80)).known);
        assert_true(tell(world, local_port(81)).known);
        live(world, STEP);
        assert_int_equal(tell(world, local_port(80)).patience_usec, 2 * USEC_PER_HOUR);
}

/* ---- exits ---- */

/* Sockets of different ages that all leave at one moment, and what is made of it. */
static void end_together(struct world *world, unsigned n)
{
        const uint64_t end = world->now + 10 * USEC_PER_MIN;

        for (unsigned i = 0; i < n; i++) {
                arrive(world, local_port(80))->until_usec = end;
                live(world, STEP);
        }
        live(world, end - world->now + 3 * STEP);
}

/* However often: what leaks and dies every few minutes must be told every time. */
static void test_exits_are_not_learnt(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 6; i++)
                end_together(world, SURVIVAL_FLOOD_MIN);
        assert_next_patience(world, local_port(80), STUCK_AFTER);
}

static void test_fewer_are_no_flood(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < SURVIVAL_LESSONS; i++)
                end_together(world, SURVIVAL_FLOOD_MIN - 1);
        assert_next_patience(world, local_port(80), 2 * 580 * USEC_PER_SEC); /* last seen at 580 */
}

static void test_one_event_teaches_nothing(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < SURVIVAL_LESSONS - 1; i++)
                end_together(world, SURVIVAL_FLOOD_MIN - 1);
        assert_next_patience(world, local_port(80), STUCK_AFTER);
}

/* One of two workers ends: half of the sockets leave together, old ones stay. */
static void test_half_an_exit_is_not_learnt(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 60; i++) {
                arrive(world, local_port(80));
                arrive_for(world, local_port(80), (uint64_t)(60 - i) * STEP);
                live(world, STEP);
        }
        live(world, 5 * USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
        assert_int_equal(tell(world, local_port(80)).outlived, 60);
}

/* A client uses the port of a leaked socket again: that one ends, the older ones stay. */
static void test_ends_among_elders_are_not_learnt(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 60; i++) {
                arrive(world, local_port(80));
                if (i % 5 == 4)
                        arrive_for(world, local_port(80), 4 * USEC_PER_MIN);
                live(world, STEP);
        }
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
        assert_true(tell(world, local_port(80)).times >= 3);
}

/* The program that was started in its place is no witness that the old one lives on. */
static void test_restart_is_an_exit(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 20; i++)
                arrive_for(world, local_port(80), 10 * USEC_PER_MIN);
        scan(world);
        live(world, 10 * USEC_PER_MIN);
        for (unsigned i = 0; i < 20; i++)
                arrive_for(world, local_port(80), 5 * USEC_PER_SEC);
        arrive(world, local_port(80));
        live(world, STUCK_AFTER);
        assert_false(tell(world, local_port(80)).known);
        live(world, STEP);
        assert_int_equal(tell(world, local_port(80)).outlived, 1);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
}

/* Another port's sockets have nothing to do with it. */
static void test_exit_is_of_a_port(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(81));
        end_together(world, SURVIVAL_FLOOD_MIN);
        assert_next_patience(world, local_port(80), STUCK_AFTER);
}

/* It closes what is ten minutes old, one after the other, and leaves what is younger. */
static void test_slow_closing_is_learnt(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 10; i++) {
                arrive_for(world, local_port(80), 605 * USEC_PER_SEC);
                live(world, 3 * STEP);
        }
        live(world, 15 * USEC_PER_MIN);
        arrive(world, local_port(80));
        live(world, 18 * USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).outlived, 0);
        live(world, 2 * USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).outlived, 1);
}

/* A socket every 10 s that is closed after that time, for an hour. */
static void come_and_go(struct world *world, uint64_t usec)
{
        for (unsigned i = 0; i < 360; i++) {
                world->now += STEP;
                drop_the_late(world);
                arrive_for(world, local_port(80), usec);
                if (world->now % world->step == 0)
                        scan(world);
        }
}

/* Between two scans a whole generation has left; that is no flood. */
static void test_slow_closing_is_learnt_by_few_scans(void **state)
{
        const struct port_key port = local_port(80);

        for (uint64_t step = 30 * USEC_PER_SEC; step <= 4 * USEC_PER_MIN; step *= 2) {
                struct world *world = *state;

                world->dated = true;
                world->step = step;
                come_and_go(world, 245 * USEC_PER_SEC);
                assert_in_range(survival_patience(world->survival, &port, false),
                                2 * 220 * USEC_PER_SEC, 2 * 245 * USEC_PER_SEC);
                teardown(state);
                setup(state);
        }
}

/* What stays for long, and leaves together, is one by scans a minute apart, too. */
static void test_exits_are_not_learnt_by_few_scans(void **state)
{
        struct world *world = *state;

        world->dated = true;
        world->step = USEC_PER_MIN;
        for (int i = 0; i < 6; i++) {
                const uint64_t end = world->now + 10 * USEC_PER_MIN;

                for (unsigned n = 0; n < SURVIVAL_FLOOD_MIN; n++)
                        arrive(world, local_port(80))->until_usec = end;
                live(world, 14 * USEC_PER_MIN);
        }
        world->step = STEP;
        assert_next_patience(world, local_port(80), STUCK_AFTER);
}

/* Connections that were idle before their end: every scan dates, and they have arrived all the same. */
static void test_leak_is_told_by_few_scans(void **state)
{
        struct world *world = *state;

        world->dated = true;
        world->step = 30 * USEC_PER_SEC;
        scan(world);
        for (int i = 0; i < 5; i++) {
                arrive(world, local_port(80));
                live(world, USEC_PER_MIN);
        }
        assert_int_equal(tell(world, local_port(80)).outlived, 5);
        assert_int_equal(tell(world, local_port(80)).times, 5);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
}

/* What has outlived once stays so, whatever is learnt then. */
static void test_outlived_for_good(void **state)
{
        struct world *world = *state;

        for (unsigned i = 0; i < 10; i++) {
                arrive_for(world, local_port(80), 605 * USEC_PER_SEC);
                live(world, 3 * STEP);
        }
        live(world, 7 * USEC_PER_MIN + 3 * STEP); /* five have left, which makes 20 min usual */
        assert_true(survival_patience(world->survival, &(struct port_key){ 0, 80, SIDE_LOCAL },
                                      false) > 19 * USEC_PER_MIN);
        assert_int_equal(tell(world, local_port(80)).outlived, 5);
}

/* ---- who counts, and as what ---- */

/* Older than our watching: nobody knows when they arrived. */
static void test_lower_bounds_are_no_arrivals(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 100; i++)
                arrive(world, local_port(80))->at_least = true;
        scan(world);
        assert_int_equal(tell(world, local_port(80)).outlived, 100);
        for (int i = 0; i < 60; i++) {
                live(world, STEP);
                assert_int_equal(tell(world, local_port(80)).outlived, 100);
                assert_int_equal(tell(world, local_port(80)).times, 0);
                assert_int_equal(tell(world, local_port(80)).arrived, 0);
        }
        for (int i = 0; i < 4; i++) {
                arrive(world, local_port(80));
                live(world, USEC_PER_MIN);
        }
        live(world, STUCK_AFTER);
        assert_int_equal(tell(world, local_port(80)).outlived, 104);
        assert_int_equal(tell(world, local_port(80)).times, 4);
        assert_int_equal(tell(world, local_port(80)).arrived, 4);
}

/* A client need not poll its idle connections; a server must. */
static void test_pool_members_wait_for_pool_idle(void **state)
{
        static const enum close_wait_stage stages[] = { STAGE_UNACCEPTED, STAGE_UNCLOSED };
        struct world *world = *state;

        for (int i = 0; i < 3; i++)
                arrive(world, remote_port(5432))->stage = STAGE_EOF_UNREAD;
        arrive(world, local_port(80))->stage = STAGE_EOF_UNREAD;
        for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
                arrive(world, remote_port((uint16_t)(6000 + i)))->stage = stages[i];
        scan(world);
        live(world, STUCK_AFTER);
        assert_false(tell(world, remote_port(5432)).known);
        assert_int_equal(tell(world, local_port(80)).outlived, 1);
        for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
                assert_int_equal(tell(world, remote_port((uint16_t)(6000 + i))).outlived, 1);
        live(world, POOL_IDLE - STUCK_AFTER - STEP);
        assert_false(tell(world, remote_port(5432)).known);
        live(world, STEP);
        assert_int_equal(tell(world, remote_port(5432)).outlived, 3);
}

/* A pool whose patience is longer than PoolIdle by what was learnt. */
static void test_pool_learns_too(void **state)
{
        struct world *world = *state;
        struct rule rule = leak_rule();

        rule.pool_idle_usec = 2 * USEC_PER_MIN;
        assert_int_equal(rules_add(world->rules, &rule), 0);
        arrive(world, remote_port(5432));
        turn_over(world, remote_port(5432), 605 * USEC_PER_SEC);
        scan(world);
        live(world, 700 * USEC_PER_SEC);
        arrive(world, remote_port(5432))->stage = STAGE_EOF_UNREAD;
        live(world, 19 * USEC_PER_MIN);
        assert_int_equal(tell(world, remote_port(5432)).outlived, 1);
        live(world, 2 * USEC_PER_MIN);
        assert_int_equal(tell(world, remote_port(5432)).outlived, 2);
}

/* ---- scans that are not whole ---- */

static void test_partial_scans_teach_nothing(void **state)
{
        struct world *world = *state;

        arrive(world, local_port(80));
        for (int i = 0; i < 5; i++)
                arrive(world, local_port(80));
        scan(world);
        live(world, 10 * USEC_PER_MIN);
        for (int i = 0; i < 100; i++) { /* one is left in sight */
                world->now += STEP;
                scan_some(world, 1, false);
                assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
        }
        live(world, 3 * STEP); /* and there they are again */
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
        assert_int_equal(tell(world, local_port(80)).outlived, 6);
}

/* One complete scan may miss a few: that is no departure. */
static void test_one_miss_is_no_departure(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 6; i++)
                arrive(world, local_port(80));
        scan(world);
        live(world, 10 * USEC_PER_MIN);
        for (int i = 0; i < 50; i++) {
                world->now += STEP;
                scan_some(world, i % 2 ? SIZE_MAX : 1, true);
        }
        assert_int_equal(tell(world, local_port(80)).outlived, 6);
        assert_int_equal(tell(world, local_port(80)).patience_usec, STUCK_AFTER);
}

/* ---- bounds ---- */

static struct port_key many_port(size_t i)
{
        return (struct port_key){ .side = SIDE_LOCAL, .port = (uint16_t)(1000 + i) };
}

static void test_ports_are_bounded_and_counted(void **state)
{
        struct world *world = *state;
        size_t full;

        for (size_t i = 0; i < SURVIVAL_PORTS_MAX + 100; i++)
                for (int k = 0; k < 2; k++)
                        arrive(world, many_port(i));
        scan(world);
        live(world, STUCK_AFTER - STEP);
        assert_int_equal(survival_overflow(world->survival), 0);
        live(world, STEP);
        assert_int_equal(survival_overflow(world->survival), 200);
        live(world, STEP);
        assert_int_equal(survival_overflow(world->survival), 200); /* of a scan, not in all */
        full = world->judged_bytes;
        assert_in_range(full, 1, 2 * 1024 * 1024);
        for (size_t i = 0; i < 10000; i++)
                arrive(world, many_port(SURVIVAL_PORTS_MAX + 100 + i));
        scan(world);
        live(world, STUCK_AFTER + STEP);
        assert_int_equal(survival_overflow(world->survival), 10200);
        assert_int_equal(world->judged_bytes, full);
        for (size_t i = 0, told = 0; i <= SURVIVAL_PORTS_MAX; i++) {
                told += tell(world, many_port(i)).known;
                if (i == SURVIVAL_PORTS_MAX)
                        assert_int_equal(told, SURVIVAL_PORTS_MAX);
        }
}

/* Who has left needs no room, and is not counted as having found none. */
static void test_departures_do_not_overflow(void **state)
{
        struct world *world = *state;

        for (size_t i = 0; i < SURVIVAL_PORTS_MAX; i++)
                arrive(world, many_port(i));
        scan(world);
        live(world, STUCK_AFTER);
        for (size_t i = 0; i < 100; i++)
                arrive_for(world, many_port(SURVIVAL_PORTS_MAX + i), 59 * USEC_PER_SEC);
        for (int i = 0; i < 10; i++) {
                live(world, STEP);
                assert_int_equal(survival_overflow(world->survival), 0);
        }
}

/* Nothing is told of a port without sockets, and after days nothing is remembered. */
static void test_ports_are_forgotten(void **state)
{
        struct world *world = *state;
        const size_t before = allocated_bytes();

        for (size_t i = 0; i < SURVIVAL_PORTS_MAX + 100; i++)
                arrive(world, many_port(i));
        scan(world);
        live(world, 2 * USEC_PER_MIN);
        all_leave(world);
        live(world, 3 * STEP);
        assert_false(tell(world, many_port(0)).known);
        assert_int_equal(survival_overflow(world->survival), 0);
        for (int day = 0; day < 12; day++) /* it shrinks step by step */
                sleep_for(world, USEC_PER_DAY);
        assert_in_range(allocated_bytes(), before, before + (size_t)32 * 1024);
        for (size_t i = 0; i < 100; i++) /* those that found no room before */
                arrive(world, many_port(SURVIVAL_PORTS_MAX + i));
        scan(world);
        live(world, STUCK_AFTER);
        assert_int_equal(survival_overflow(world->survival), 0);
        for (size_t i = 0; i < 100; i++)
                assert_true(tell(world, many_port(SURVIVAL_PORTS_MAX + i)).known);
}

static void test_no_growth_by_churn(void **state)
{
        struct world *world = *state;
        size_t peak = 0, later_peak = 0;

        srandom(6);
        for (int i = 0; i < 100000; i++) {
                for (int k = random() % 4; k > 0; k--)
                        arrive_for(world, local_port((uint16_t)(random() % 50)),
                                   (uint64_t)random() % (200 * USEC_PER_SEC));
                live(world, STEP);
                if (i < 10000)
                        peak = MAX(peak, allocated_bytes());
                else
                        later_peak = MAX(later_peak, allocated_bytes());
        }
        assert_in_range(later_peak, 1, peak);
}

/* Series come, move into each other's places and go: each port still finds its own. */
static void test_random_ports_keep_apart(void **state)
{
        struct world *world = *state;

        srandom(7);
        for (size_t i = 0; i < 300; i++)
                arrive(world, many_port(i * 100));
        scan(world);
        live(world, 2 * USEC_PER_MIN);
        for (int round = 0; round < 40; round++) {
                for (int k = 0; k < 3; k++) { /* one by one, so that no exit is seen */
                        const size_t leaver = (size_t)random() % world->n;

                        world->conns[leaver] = world->conns[--world->n];
                }
                for (int k = 0; k < 5; k++)
                        arrive(world, many_port(50000 + (size_t)random() % 1000));
                live(world, STEP);
        }
        live(world, 10 * USEC_PER_MIN);
        sleep_for(world, 9 * USEC_PER_DAY);
        for (size_t i = 0; i < world->n; i++) {
                const struct port_key *port = &world->conns[i].port;
                uint32_t there = 0;

                for (size_t k = 0; k < world->n; k++)
                        there += port_key_compare(&world->conns[k].port, port) == 0;
                assert_int_equal(tell(world, *port).outlived, there);
        }
}

/* ---- the promise ---- */

/* A leak begins; how long until it is told, from its first socket. */
static uint64_t time_to_tell(struct world *world, double mean_sec)
{
        const struct port_key port = local_port((uint16_t)(1 + random() % 60000));
        const uint64_t begin = world->now + (uint64_t)random() % STEP;
        uint64_t next = begin;

        for (;;) {
                world->now += STEP;
                while (next <= world->now) {
                        const double part = ((double)random() + 1) / ((double)RAND_MAX + 1);

                        arrive(world, port);
                        next += (uint64_t)(-log(part) * mean_sec * (double)USEC_PER_SEC);
                }
                scan(world);
                if (tell(world, port).times >= 3)
                        return world->now - begin;
        }
}

static int compare_times(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void test_leak_is_told_in_minutes(void **state)
{
        struct world *world = *state;
        uint64_t times[200];

        srandom(8);
        for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
                times[i] = time_to_tell(world, 60);
                all_leave(world);
                sleep_for(world, 10 * USEC_PER_DAY);
                scan(world);
        }
        qsort(times, ARRAY_SIZE(times), sizeof(times[0]), compare_times);
        print_message("# told after %llu s, median; 9 in 10 after %llu s, all after %llu s\n",
                      (unsigned long long)(times[100] / USEC_PER_SEC),
                      (unsigned long long)(times[180] / USEC_PER_SEC),
                      (unsigned long long)(times[199] / USEC_PER_SEC));
        assert_true(times[0] >= STUCK_AFTER);
        assert_true(times[100] <= 5 * USEC_PER_MIN);
}

static void test_draining_burst_is_never_told(void **state)
{
        struct world *world = *state;

        srandom(9);
        for (int burst = 0; burst < 5; burst++) {
                for (int i = 0; i < 10000; i++)
                        arrive_for(world, local_port(80), (uint64_t)random() % (50 * USEC_PER_SEC));
                for (int i = 0; i < 12; i++) {
                        live(world, STEP);
                        assert_false(tell(world, local_port(80)).known);
                }
        }
}

/* A stall: thousands pile up at once and stay. That is one time, for stuck to tell. */
static void test_stall_is_one_time(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 10000; i++)
                arrive(world, local_port(80));
        for (int i = 0; i < 60; i++) {
                live(world, STEP);
                assert_in_range(tell(world, local_port(80)).times, 0, 1);
        }
        assert_int_equal(tell(world, local_port(80)).outlived, 10000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_nothing_is_known_before_patience_is_over),
                T(test_twice_the_turnover),
                T(test_short_lives_change_nothing),
                T(test_ports_learn_apart),
                T(test_half_life_of_a_day),
                T(test_seen_again),
                T(test_patience_ends_at_half_an_hour),
                T(test_what_leaves_late_was_no_turnover),
                T(test_stuck_after_of_a_port),
                T(test_exits_are_not_learnt),
                T(test_fewer_are_no_flood),
                T(test_one_event_teaches_nothing),
                T(test_half_an_exit_is_not_learnt),
                T(test_ends_among_elders_are_not_learnt),
                T(test_slow_closing_is_learnt),
                T(test_slow_closing_is_learnt_by_few_scans),
                T(test_exits_are_not_learnt_by_few_scans),
                T(test_leak_is_told_by_few_scans),
                T(test_outlived_for_good),
                T(test_restart_is_an_exit),
                T(test_exit_is_of_a_port),
                T(test_lower_bounds_are_no_arrivals),
                T(test_pool_members_wait_for_pool_idle),
                T(test_pool_learns_too),
                T(test_partial_scans_teach_nothing),
                T(test_one_miss_is_no_departure),
                T(test_ports_are_bounded_and_counted),
                T(test_departures_do_not_overflow),
                T(test_ports_are_forgotten),
                T(test_no_growth_by_churn),
                T(test_random_ports_keep_apart),
                T(test_leak_is_told_in_minutes),
                T(test_draining_burst_is_never_told),
                T(test_stall_is_one_time),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
