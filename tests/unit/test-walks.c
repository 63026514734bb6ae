/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Scans, censuses and the judge together, in virtual time: port-exhaustion is followed until it
 * clears, whatever happens meanwhile, and a look changes nothing of that.
 */

#include "fixture.h"

#include "burn.h"
#include "detect.h"
#include "observe.h"
#include "service.h"
#include "taker.h"

#define FIRST    40000
#define INTERVAL 10  /* seconds */
#define CLEAR    120 /* ClearAfter */
#define DAY      86400
#define FALL     100 /* when most connections are closed */

struct world {
        struct observer *observer;
        struct alert_table *table;
        struct rules *rules;
        struct events events;
        struct host_facts host;
        struct snapshot *snapshot; /* the newest; NULL: none */
        uint64_t second;
        uint64_t serial;
        uint64_t generation;
        unsigned used;  /* connections towards 11.0.0.1 port 443 */
        unsigned other; /* towards as many other destinations */
        unsigned walks;
        unsigned raised, cleared;
        bool walked;    /* by the last scan */
        bool listening; /* on port FIRST */
};

/* remind_sec: what says nothing of destinations, but makes other rules. */
static struct rules *make_rules(uint64_t remind_sec)
{
        const struct rule rule = { .kind = ALERT_PORT_EXHAUSTION,
                                   .warning = 70,
                                   .critical = 85,
                                   .raise_after_usec = 20 * USEC_PER_SEC,
                                   .clear_after_usec = CLEAR * USEC_PER_SEC,
                                   .clear_below_pct = 80,
                                   .remind_every_usec = (DAY + remind_sec) * USEC_PER_SEC,
                                   .origin = "built-in" };
        struct rules *rules;

        assert_int_equal(rules_new(&rules), 0);
        assert_int_equal(rules_add(rules, &rule), 0);
        return rules;
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(observer_new(&world->observer), 0);
        assert_int_equal(alert_table_new(&world->table), 0);
        world->rules = make_rules(0);
        world->serial = 1;
        world->other = 160; /* together always more than sockstat rules out: 113 of 200 */
        host_facts_clear(&world->host);
        world->host.limits.port_range_known = true;
        world->host.limits.port_first = FIRST;
        world->host.limits.port_last = FIRST + 199;
        world->host.limits.reserved_in_range = 0;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        observer_free(world->observer);
        alert_table_free(world->table);
        rules_free(world->rules);
        events_done(&world->events);
        snapshot_unref(world->snapshot);
        free(world);
        return 0;
}

static void reload_with(struct world *world, uint64_t remind_sec)
{
        rules_free(world->rules);
        world->rules = make_rules(remind_sec);
        world->serial++;
}

/* By rules that have changed: nothing was seen by them yet. */
static void reload(struct world *world)
{
        reload_with(world, world->serial);
}

static struct sockrec connection(uint16_t local_port, unsigned destination)
{
        struct sockrec record = { .state = SOCK_ESTABLISHED,
                                  .family = ADDR_IPV4,
                                  .local_port = local_port,
                                  .remote_port = 443 };

        record.local.bytes[0] = 10;
        record.remote.bytes[0] = 11;
        record.remote.bytes[2] = (uint8_t)(destination >> 8);
        record.remote.bytes[3] = (uint8_t)destination;
        return record;
}

static void show_sockets(struct world *world)
{
        for (unsigned i = 0; i < world->used + world->other; i++) {
                const bool other = i >= world->used;
                const struct sockrec record =
                        connection((uint16_t)(FIRST + i % 200), other ? i - world->used + 2 : 1);

                assert_int_equal(observer_socket(world->observer, &record), 0);
        }
}

static struct scan_request request_now(const struct world *world)
{
        return (struct scan_request){ .generation = world->generation,
                                      .now_usec = (1000 + world->second) * USEC_PER_SEC,
                                      .rules = world->rules,
                                      .conf_serial = world->serial,
                                      .interval_usec = INTERVAL * USEC_PER_SEC };
}

static struct scan_outcome outcome_of(enum scan_result result)
{
        return (struct scan_outcome){ .result = result, .sockets_whole = result == SCAN_COMPLETE };
}

static void judge(struct world *world, uint64_t now_usec)
{
        assert_int_equal(detect_step(world->table, world->rules, world->snapshot, now_usec, 5,
                                     &world->events),
                         0);
        for (size_t i = 0; i < world->events.n; i++) {
                world->raised += world->events.items[i].transition == TRANSITION_RAISED;
                world->cleared += world->events.items[i].transition == TRANSITION_CLEARED;
        }
}

/* One scan, and INTERVAL passes. */
static void scan(struct world *world, enum scan_result result)
{
        static const struct sockrec listener = { .state = SOCK_LISTEN, .local_port = FIRST };
        const struct scan_outcome outcome = outcome_of(result);
        struct scan_request request;
        bool info;

        world->generation++;
        request = request_now(world);
        world->host.sockstat = (struct sockstat){ .inuse = world->used + world->other };
        observer_begin(world->observer, &request);
        observer_set_host(world->observer, &world->host);
        observer_begin_listeners(world->observer);
        if (world->listening)
                observer_listener(world->observer, &listener);
        observer_end_listeners(world->observer, true);
        world->walked = observer_plan(world->observer, &info) != OBSERVER_STATES;
        world->walks += world->walked;
        observer_begin_sockets(world->observer);
        if (world->walked && result != SCAN_FAILED)
                show_sockets(world);
        snapshot_unref(world->snapshot);
        assert_int_equal(observer_finish(world->observer, &outcome, &world->snapshot), 0);
        judge(world, request.now_usec);
        world->second += INTERVAL;
}

/* 75 % of the ports are in use until FALL, then 5 %. */
static void raise_and_fall(struct world *world)
{
        world->used = 150;
        while (world->second < FALL)
                scan(world, SCAN_COMPLETE);
        assert_int_equal(world->raised, 1);
        world->used = 10;
}

/* Scans until it clears, which has to be ClearAfter and two walks after `since` at the latest. */
static void assert_clears(struct world *world, uint64_t since)
{
        while (world->cleared == 0) {
                if (world->second > since + CLEAR + 120)
                        fail_msg("not cleared %d s after second %d", CLEAR + 120, (int)since);
                scan(world, SCAN_COMPLETE);
        }
        assert_int_equal(alert_table_count(world->table), 0);
}

static void it_clears_undisturbed(void **state)
{
        struct world *world = *state;

        raise_and_fall(world);
        assert_clears(world, FALL);
        assert_int_equal(world->second - INTERVAL, FALL + CLEAR);
}

enum disturbance { RELOAD, RELOAD_UNCHANGED, PARTIAL, FAILED, LOOK_AWAY };

static void disturb(struct world *world, enum disturbance what)
{
        switch (what) {
        case RELOAD:
                reload(world);
                break;
        case RELOAD_UNCHANGED:
                reload_with(world, 0);
                break;
        case PARTIAL:
                scan(world, SCAN_PARTIAL);
                break;
        case FAILED:
                scan(world, SCAN_FAILED);
                break;
        case LOOK_AWAY: /* nothing is asked for a while */
                world->second += 7 * CLEAR;
                break;
        }
}

/* Whenever between the rise and the clearing it comes. */
static void assert_clears_after(enum disturbance what)
{
        for (uint64_t when = FALL - 30; when <= FALL + CLEAR; when += INTERVAL) {
                struct world *world;
                uint64_t since;

                assert_int_equal(setup((void **)&world), 0);
                world->used = 150;
                for (since = when; world->second < when;) {
                        if (world->second >= FALL)
                                world->used = 10;
                        scan(world, SCAN_COMPLETE);
                }
                assert_int_equal(world->raised, 1);
                disturb(world, what);
                while (world->second < FALL)
                        scan(world, SCAN_COMPLETE);
                world->used = 10;
                since = MAX(what <= RELOAD_UNCHANGED ? when : world->second, (uint64_t)FALL);
                assert_clears(world, since);
                /* what could not see begins ClearAfter anew */
                if (what == PARTIAL || what == FAILED)
                        assert_true(world->second - INTERVAL >= since + CLEAR);
                else if (what <= RELOAD_UNCHANGED)
                        assert_true(world->second - INTERVAL >= FALL + CLEAR);
                teardown((void **)&world);
        }
}

static void it_clears_after_a_reload(void **state)
{
        (void)state;
        assert_clears_after(RELOAD);
}

static void it_clears_after_a_reload_that_changes_nothing(void **state)
{
        (void)state;
        assert_clears_after(RELOAD_UNCHANGED);
}

static void it_clears_after_a_partial_scan(void **state)
{
        (void)state;
        assert_clears_after(PARTIAL);
}

static void it_clears_after_a_failed_scan(void **state)
{
        (void)state;
        assert_clears_after(FAILED);
}

static void it_clears_after_a_pause(void **state)
{
        (void)state;
        assert_clears_after(LOOK_AWAY);
}

/* What is in use again before that begins the time anew. */
static void it_does_not_clear_on_old_numbers(void **state)
{
        struct world *world = *state;

        raise_and_fall(world);
        scan(world, SCAN_PARTIAL);
        while (world->second < FALL + CLEAR) {
                reload(world); /* walks once */
                scan(world, SCAN_COMPLETE);
        }
        world->used = 150;
        for (unsigned i = 0; i < 60; i++)
                scan(world, SCAN_COMPLETE);
        assert_int_equal(world->cleared, 0);
}

/* Without the range no walk is made: nothing is known, and nothing recovers meanwhile. */
static void nothing_recovers_where_no_walk_can_come(void **state)
{
        struct world *world = *state;

        raise_and_fall(world);
        scan(world, SCAN_COMPLETE);
        assert_true(alert_is_clearing(alert_table_get(world->table, 0)));
        world->host.limits.port_range_known = false;
        for (unsigned i = 0; i < 30; i++)
                scan(world, SCAN_COMPLETE);
        assert_int_equal(world->cleared, 0);
        assert_false(alert_is_clearing(alert_table_get(world->table, 0)));
        world->host.limits.port_range_known = true;
        assert_clears(world, world->second);
}

static void sockstat_that_rules_it_out_is_enough(void **state)
{
        struct world *world = *state;
        unsigned walks;

        raise_and_fall(world);
        world->other = 0;
        scan(world, SCAN_FAILED);
        walks = world->walks;
        assert_clears(world, FALL + INTERVAL);
        assert_int_equal(world->walks, walks);
        assert_int_equal(world->second - INTERVAL, FALL + INTERVAL + CLEAR);
}

/* As advised; near is much more then, but the alert was judged by the narrow range. */
static void it_clears_after_the_range_is_widened(void **state)
{
        struct world *world = *state;

        raise_and_fall(world);
        world->used = 150;
        world->host.limits.port_first = 32768;
        world->host.limits.port_last = 60999;
        observer_set_port_range(world->observer, 32768, 60999);
        assert_clears(world, FALL);
}

/* What is not walked costs nothing for long after a fall, either. */
static void walks_become_rare_again(void **state)
{
        struct world *world = *state;
        unsigned walks;

        raise_and_fall(world);
        assert_clears(world, FALL);
        for (unsigned i = 0; i < 6; i++)
                scan(world, SCAN_COMPLETE);
        walks = world->walks;
        for (unsigned i = 0; i < 60; i++)
                scan(world, SCAN_COMPLETE);
        assert_in_range(world->walks - walks, 9, 10); /* one a minute */
}

/* The pause to the next scan is the interval, however long the last one was. */
static void a_gap_is_not_the_pause_to_the_next_scan(void **state)
{
        struct world *world = *state;
        unsigned walks;

        world->used = 150;
        scan(world, SCAN_COMPLETE);
        world->second += 3600;
        scan(world, SCAN_COMPLETE);
        assert_true(world->snapshot->census->n_destinations > 0);
        assert_true(world->snapshot->census->destinations[0].exhaustion.pause_usec ==
                    INTERVAL * USEC_PER_SEC);
        walks = world->walks;
        world->used = 10;
        for (unsigned i = 0; i < 60; i++)
                scan(world, SCAN_COMPLETE);
        /* near for ClearAfter and three intervals, then one a minute */
        assert_in_range(world->walks - walks, 12 + 3, 12 + 3 + 8);
}

static void add_half_open_rule(struct world *world)
{
        const struct rule rule = { .kind = ALERT_HALF_OPEN,
                                   .warning = 1,
                                   .critical = RULE_LEVEL_OFF,
                                   .silent_after_usec = 3600 * USEC_PER_SEC,
                                   .raise_after_usec = 20 * USEC_PER_SEC,
                                   .clear_after_usec = CLEAR * USEC_PER_SEC,
                                   .clear_below_pct = 80 };

        assert_int_equal(rules_add(world->rules, &rule), 0);
}

/* As look.c does, 3 s after the last scan. */
static struct census *look(const struct world *world, bool whole)
{
        struct scan_request request = request_now(world);
        struct census_request census_request;
        struct census_taker *taker;
        struct census *census;

        request.now_usec -= 7 * USEC_PER_SEC;
        observer_ask_census(world->observer, &request, &world->host, &census_request);
        assert_int_equal(census_taker_new(&taker), 0);
        census_taker_want_destinations(taker);
        census_taker_begin(taker, &census_request);
        for (unsigned i = 0; i < world->used; i++) {
                const struct sockrec record = connection((uint16_t)(FIRST + i), 1);

                assert_int_equal(census_taker_add(taker, &record), 0);
        }
        assert_int_equal(census_taker_end(taker, whole, &census), 0);
        census_taker_free(taker);
        census_recall(census, observer_census(world->observer));
        return census;
}

static void assert_same_census(const struct census *a, const struct census *b)
{
        assert_int_equal(!a, !b);
        if (!a)
                return;
        assert_true(a->asof_usec == b->asof_usec && a->whole == b->whole);
        assert_int_equal(a->n_destinations, b->n_destinations);
        for (size_t i = 0; i < a->n_destinations; i++) {
                const struct exhaustion *x = &a->destinations[i].exhaustion;
                const struct exhaustion *y = &b->destinations[i].exhaustion;

                assert_int_equal(x->used, y->used);
                assert_int_equal(x->burning, y->burning);
                assert_true(x->eta_usec == y->eta_usec);
        }
        assert_int_equal(a->n_half_open, b->n_half_open);
}

/* Two hosts alike, one of which somebody looks at after every scan. */
static void looks_change_nothing(void **state)
{
        struct world *looked = *state, *other;

        assert_int_equal(setup((void **)&other), 0);
        add_half_open_rule(looked);
        add_half_open_rule(other);
        looked->listening = other->listening = true;
        for (unsigned i = 0; i < 400; i++) {
                looked->used = other->used = i < 40 ? i + 1 : 1;
                looked->other = other->other = i % 60;
                scan(looked, SCAN_COMPLETE);
                scan(other, SCAN_COMPLETE);
                looked->listening = other->listening = false;
                census_unref(look(looked, i % 2));
                assert_int_equal(looked->walked, other->walked);
                assert_same_census(looked->snapshot->census, other->snapshot->census);
                assert_int_equal(services_side(observer_services(looked->observer), FIRST, 443),
                                 services_side(observer_services(other->observer), FIRST, 443));
        }
        teardown((void **)&other);
}

/* A service that has closed its listener has connections that are in no state a scan asks for. */
static void a_walk_keeps_the_port_of_a_gone_listener(void **state)
{
        struct world *world = *state;
        const uint64_t keep_sec = SERVICE_KEEP_USEC / USEC_PER_SEC;
        uint64_t gone_second;

        add_half_open_rule(world);
        world->used = 1; /* from port FIRST */
        world->listening = true;
        scan(world, SCAN_COMPLETE);
        world->listening = false;
        while (world->second < 3 * keep_sec) {
                scan(world, SCAN_COMPLETE);
                assert_int_equal(services_side(observer_services(world->observer), FIRST, 443),
                                 SIDE_LOCAL);
        }
        world->used = world->other = 0;
        gone_second = world->second;
        while (services_side(observer_services(world->observer), FIRST, 443) == SIDE_LOCAL) {
                scan(world, SCAN_COMPLETE);
                assert_true(world->second < gone_second + 2 * keep_sec);
        }
        assert_in_range(world->second - gone_second, keep_sec - 60, keep_sec + 60);
}

static void a_look_has_the_rates_of_the_scans(void **state)
{
        struct world *world = *state;
        const struct exhaustion *exhaustion, *scanned;
        struct census *census;

        for (world->used = 80; world->used < 140; world->used += 20)
                scan(world, SCAN_COMPLETE);
        scanned = &world->snapshot->census->destinations[0].exhaustion;
        assert_int_equal(scanned->used, 120);
        assert_true(scanned->burning);
        world->used = 126;
        census = look(world, true);
        exhaustion = &census->destinations[0].exhaustion;
        assert_int_equal(exhaustion->used, 126);
        assert_true(exhaustion->burning && exhaustion->burn_per_min == scanned->burn_per_min);
        assert_in_range(exhaustion->eta_usec / USEC_PER_SEC, 36, 38); /* 74 ports, 2 a second */
        assert_false(census->half_open_counted);
        census_unref(census);

        world->second += BURN_WINDOW_USEC / USEC_PER_SEC - 3;
        census = look(world, true);
        assert_true(census->destinations[0].exhaustion.burning);
        census_unref(census);
        world->second++;
        census = look(world, true);
        assert_false(census->destinations[0].exhaustion.burning); /* it has become too old */
        census_unref(census);
}

/* Whatever the scans have seen before. */
static void a_look_that_is_interrupted_says_so(void **state)
{
        struct world *world = *state;
        struct census *census;

        world->used = 150;
        scan(world, SCAN_COMPLETE);
        assert_true(world->snapshot->census->whole);
        world->used = 5;
        census = look(world, false);
        assert_false(census->whole);
        assert_true(census->destinations_counted);
        assert_int_equal(census->destinations[0].exhaustion.used, 5);
        assert_true(census->asof_usec > world->snapshot->census->asof_usec);
        census_unref(census);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(it_clears_undisturbed),
                cmocka_unit_test(it_clears_after_a_reload),
                cmocka_unit_test(it_clears_after_a_reload_that_changes_nothing),
                cmocka_unit_test(it_clears_after_a_partial_scan),
                cmocka_unit_test(it_clears_after_a_failed_scan),
                cmocka_unit_test(it_clears_after_a_pause),
                T(it_does_not_clear_on_old_numbers),
                T(nothing_recovers_where_no_walk_can_come),
                T(sockstat_that_rules_it_out_is_enough),
                T(it_clears_after_the_range_is_widened),
                T(walks_become_rare_again),
                T(a_gap_is_not_the_pause_to_the_next_scan),
                T(looks_change_nothing),
                T(a_walk_keeps_the_port_of_a_gone_listener),
                T(a_look_has_the_rates_of_the_scans),
                T(a_look_that_is_interrupted_says_so),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
