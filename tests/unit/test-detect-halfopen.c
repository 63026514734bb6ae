/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a half-open alert, in virtual time: a scan every 10 s, a census every n-th scan. */

#include "judge.h"

#include "halfopen.h"
#include "taker.h"

struct world {
        struct judge judge;
        struct census *census; /* the newest; NULL: none yet */
        uint64_t serial;
        enum scan_result result; /* of the next scan */
};

static void set_rule(struct world *world, int64_t warning, int64_t critical)
{
        const struct rule rule = { .kind = ALERT_HALF_OPEN,
                                   .warning = warning,
                                   .critical = critical,
                                   .silent_after_usec = 3600 * USEC_PER_SEC,
                                   .raise_after_usec = 20 * USEC_PER_SEC,
                                   .clear_after_usec = 120 * USEC_PER_SEC,
                                   .remind_every_usec = 3600 * USEC_PER_SEC,
                                   .clear_below_pct = 80,
                                   .origin = "test.conf:7" };

        judge_set_rules(&world->judge, &rule, 1);
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        judge_init(&world->judge, NULL, 0);
        set_rule(world, 10, 100);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        judge_done(&world->judge);
        census_unref(world->census);
        free(world);
        return 0;
}

/* A census as of now: so many of 200 connections of local port 80 are silent. */
static struct census *count(struct world *world, uint32_t silent)
{
        const struct half_open_row row = {
                .port = local_port(80),
                .half_open = { .known = true, .established = 200, .silent = silent },
                .witness = { .known = true, .inode = 7 },
        };

        census_unref(world->census);
        world->census = calloc(1, sizeof(*world->census));
        assert_non_null(world->census);
        *world->census = (struct census){ .refs = 1,
                                          .whole = true,
                                          .asof_usec = world->judge.now,
                                          .conf_serial = world->serial,
                                          .half_open_counted = true,
                                          .half_open = malloc(sizeof(row)),
                                          .n_half_open = 1 };
        assert_non_null(world->census->half_open);
        world->census->half_open[0] = row;
        return world->census;
}

/* A scan that shows the newest census, then time passes. Returns the number of events. */
static size_t scan(struct world *world)
{
        struct snapshot *snapshot = make_snapshot(++world->judge.generation, NULL, 0);

        snapshot->conf_serial = world->serial;
        snapshot->start_usec = world->judge.now;
        snapshot->result = world->result;
        if (world->result != SCAN_COMPLETE)
                snapshot->complete = 0;
        snapshot->census = census_ref(world->census);
        return judge_see(&world->judge, snapshot);
}

static size_t walk(struct world *world, uint32_t silent)
{
        (void)count(world, silent);
        return scan(world);
}

/* n scans without a census. Nothing may happen. */
static void pass(struct world *world, unsigned n)
{
        while (n-- > 0)
                assert_int_equal(scan(world), 0);
}

static const struct alert *the_alert(const struct world *world)
{
        assert_int_equal(alert_table_count(world->judge.table), 1);
        return alert_table_get(world->judge.table, 0);
}

static void assert_event(const struct world *world, enum transition transition)
{
        assert_int_equal(world->judge.events.n, 1);
        assert_int_equal(world->judge.events.items[0].transition, transition);
}

static void raise_it(struct world *world, uint32_t silent)
{
        assert_int_equal(walk(world, silent), 0);
        pass(world, 1);
        assert_int_equal(walk(world, silent), 1);
        assert_event(world, TRANSITION_RAISED);
}

static void two_censuses_apart_raise(void **state)
{
        struct world *world = *state;
        const struct alert *alert;

        assert_int_equal(walk(world, 9), 0);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(walk(world, 10), 0);
        assert_int_equal(the_alert(world)->state, ALERT_PENDING);
        pass(world, 5); /* far longer than RaiseAfter, but nobody has looked */
        assert_int_equal(the_alert(world)->state, ALERT_PENDING);
        assert_int_equal(walk(world, 12), 1);
        assert_event(world, TRANSITION_RAISED);
        alert = the_alert(world);
        assert_int_equal(alert->severity, SEVERITY_WARNING);
        assert_int_equal(alert->values.count, 12);
        assert_int_equal(alert->values.half_open.silent, 12);
        assert_int_equal(alert->values.half_open.established, 200);
        assert_false(alert->values.port_known);
        assert_int_equal(alert->silent_after_usec, 3600 * USEC_PER_SEC);
        assert_int_equal(alert->witness.inode, 7);
}

static void sooner_than_raise_after_does_not(void **state)
{
        struct world *world = *state;

        assert_int_equal(walk(world, 10), 0);
        assert_int_equal(walk(world, 10), 0); /* 10 s later */
        assert_int_equal(walk(world, 10), 1);
        assert_event(world, TRANSITION_RAISED);
}

static void a_pending_one_is_dropped_by_a_census_alone(void **state)
{
        struct world *world = *state;

        assert_int_equal(walk(world, 10), 0);
        pass(world, 3);
        (void)the_alert(world);
        assert_int_equal(walk(world, 9), 0);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        pass(world, 3);
        assert_int_equal(alert_table_count(world->judge.table), 0);
}

/* Scans between two censuses do not let ClearAfter begin anew, nor do they end it. */
static void clears_by_censuses_a_minute_apart(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        pass(world, 5);
        assert_int_equal(walk(world, 3), 0); /* 0 s */
        assert_true(alert_is_clearing(the_alert(world)));
        pass(world, 5);
        assert_int_equal(walk(world, 3), 0); /* 60 s */
        pass(world, 5);
        assert_int_equal(walk(world, 3), 1); /* 120 s */
        assert_event(world, TRANSITION_CLEARED);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        pass(world, 3);
}

static void a_return_in_between_lets_it_begin_anew(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        assert_int_equal(walk(world, 3), 0);
        pass(world, 5);
        assert_int_equal(walk(world, 20), 0);
        assert_false(alert_is_clearing(the_alert(world)));
        pass(world, 5);
        assert_int_equal(walk(world, 3), 0);
        pass(world, 11);
        assert_int_equal(walk(world, 3), 1);
        assert_event(world, TRANSITION_CLEARED);
}

static void a_broken_scan_lets_it_begin_anew(void **state)
{
        static const enum scan_result results[] = { SCAN_PARTIAL, SCAN_FAILED };
        struct world *world = *state;

        raise_it(world, 20);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                assert_int_equal(walk(world, 3), 0);
                assert_true(alert_is_clearing(the_alert(world)));
                world->result = results[i];
                pass(world, 1);
                assert_false(alert_is_clearing(the_alert(world)));
                world->result = SCAN_COMPLETE;
                pass(world, 12); /* the old census does not start it again */
                assert_false(alert_is_clearing(the_alert(world)));
        }
        assert_int_equal(walk(world, 3), 0);
        pass(world, 11);
        assert_int_equal(walk(world, 3), 1);
        assert_event(world, TRANSITION_CLEARED);
}

static void what_was_not_whole_clears_nothing(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        count(world, 3)->whole = false;
        pass(world, 1);
        assert_false(alert_is_clearing(the_alert(world)));
        assert_int_equal(the_alert(world)->values.count, 20);
}

/* A port that is not listed may have found no room. */
static void an_overflow_clears_nothing(void **state)
{
        struct world *world = *state;
        struct census *census;

        raise_it(world, 20);
        census = count(world, 3);
        census->n_half_open = 0;
        census->half_open_overflow = 1;
        pass(world, 1);
        assert_false(alert_is_clearing(the_alert(world)));
        count(world, 3)->n_half_open = 0; /* none is established */
        pass(world, 1);
        assert_true(alert_is_clearing(the_alert(world)));
        assert_int_equal(the_alert(world)->values.half_open.established, 0);
}

static void old_numbers_of_another_configuration_are_none(void **state)
{
        struct world *world = *state;

        (void)count(world, 20);
        world->serial++;
        pass(world, 3);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        raise_it(world, 20);
        count(world, 3)->conf_serial--;
        pass(world, 3);
        assert_false(alert_is_clearing(the_alert(world)));
}

/* Asked for between two scans: it counts from when it was taken, not from when it was judged. */
static void a_census_between_scans_counts_from_its_own_time(void **state)
{
        struct world *world = *state;

        assert_int_equal(walk(world, 10), 0);
        pass(world, 1);
        count(world, 10)->asof_usec -= 5 * USEC_PER_SEC; /* 15 s after the first */
        pass(world, 1);
        assert_int_equal(the_alert(world)->state, ALERT_PENDING);
        count(world, 10)->asof_usec -= 5 * USEC_PER_SEC; /* 25 s */
        assert_int_equal(scan(world), 1);
        assert_event(world, TRANSITION_RAISED);
}

static void escalates_and_comes_back(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        assert_int_equal(walk(world, 100), 0);
        pass(world, 1);
        assert_int_equal(walk(world, 100), 1);
        assert_event(world, TRANSITION_ESCALATED);
        assert_int_equal(walk(world, 50), 0);
        pass(world, 11);
        assert_int_equal(walk(world, 50), 1);
        assert_event(world, TRANSITION_DEESCALATED);
}

static void reminds_by_a_census_alone(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        pass(world, 400); /* RemindEvery has passed: nobody has looked */
        assert_int_equal(walk(world, 20), 1);
        assert_event(world, TRANSITION_REMINDED);
}

static void a_rule_that_goes_clears_between_censuses(void **state)
{
        struct world *world = *state;

        raise_it(world, 20);
        set_rule(world, RULE_LEVEL_OFF, RULE_LEVEL_OFF);
        assert_int_equal(scan(world), 1);
        assert_event(world, TRANSITION_CLEARED);
}

/* The taker and the judge together: silent from second 0 on, SilentAfter 1 h, RaiseAfter 20 s. */
static void from_silence_to_alert(void **state)
{
        struct world *world = *state;
        struct census_request request = { .rules = world->judge.rules };
        struct host_facts host;
        struct services *services;
        struct census_taker *taker;
        uint64_t walks = 0;
        bool info;

        host_facts_clear(&host);
        host.sockstat = (struct sockstat){ .inuse = 20, .tw = 0 };
        assert_int_equal(services_new(&services), 0);
        assert_int_equal(census_taker_new(&taker), 0);
        request.host = &host;
        request.services = services;
        for (uint64_t second = 3050 /* a walk at 3650 */;; second += 10) {
                const struct sockrec silent = { .state = SOCK_ESTABLISHED,
                                                .local_port = 80,
                                                .remote_port = 40000,
                                                .last_ack_recv_msec = (uint32_t)second * 1000,
                                                .last_data_recv_msec = (uint32_t)second * 1000,
                                                .have = SOCKREC_INFO };

                request.now_usec = world->judge.now;
                if (census_taker_is_due(taker, &request, &info)) {
                        assert_true(info);
                        walks++;
                        census_taker_begin(taker, &request);
                        for (unsigned i = 0; i < 10; i++)
                                assert_int_equal(census_taker_add(taker, &silent), 0);
                        census_unref(world->census);
                        assert_int_equal(census_taker_end(taker, true, &world->census), 0);
                }
                if (scan(world) > 0) {
                        assert_event(world, TRANSITION_RAISED);
                        assert_in_range(second, 3600 + 20, 3600 + 60 + 20);
                        break;
                }
                assert_true(second < 4000);
        }
        assert_in_range(walks, 11, 12); /* one a minute, and one more to decide */
        census_taker_free(taker);
        services_free(services);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(two_censuses_apart_raise),
                T(sooner_than_raise_after_does_not),
                T(a_pending_one_is_dropped_by_a_census_alone),
                T(clears_by_censuses_a_minute_apart),
                T(a_return_in_between_lets_it_begin_anew),
                T(a_broken_scan_lets_it_begin_anew),
                T(what_was_not_whole_clears_nothing),
                T(an_overflow_clears_nothing),
                T(old_numbers_of_another_configuration_are_none),
                T(a_census_between_scans_counts_from_its_own_time),
                T(escalates_and_comes_back),
                T(reminds_by_a_census_alone),
                T(a_rule_that_goes_clears_between_censuses),
                T(from_silence_to_alert),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
