/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The promise of twmond(8), from sockets to event in virtual time: a port that has StuckWarning
 * sockets in CLOSE_WAIT is raised within StuckAfter + RaiseAfter + 2 x Interval after the last of
 * them got there, whatever the three are, and never before StuckAfter + RaiseAfter.
 */

#include "fixture.h"

#include "detect.h"
#include "ledger.h"
#include "rule.h"
#include "service.h"
#include "tally.h"

#define LEVEL  5
#define ROUNDS 2000

struct host {
        struct services *services;
        struct ledger *ledger;
        struct tally *tally;
        struct rules *rules;
        struct alert_table *alerts;
        struct events events;
        uint64_t generation;
};

static void host_init(struct host *host, uint64_t stuck_after, uint64_t raise_after)
{
        const struct rule rule = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                   .warning = LEVEL,
                                   .critical = RULE_LEVEL_OFF,
                                   .stuck_after_usec = stuck_after,
                                   .raise_after_usec = raise_after,
                                   .clear_below_pct = 80 };

        *host = (struct host){ 0 };
        assert_int_equal(services_new(&host->services), 0);
        assert_int_equal(ledger_new(&host->ledger), 0);
        assert_int_equal(tally_new(&host->tally), 0);
        assert_int_equal(rules_new(&host->rules), 0);
        assert_int_equal(rules_add(host->rules, &rule), 0);
        assert_int_equal(alert_table_new(&host->alerts), 0);
}

static void host_done(struct host *host)
{
        events_done(&host->events);
        alert_table_free(host->alerts);
        rules_free(host->rules);
        tally_free(host->tally);
        ledger_free(host->ledger);
        services_free(host->services);
}

/* One complete scan that sees the sockets which are there by now. Returns the number of events. */
static size_t scan(struct host *host, const uint64_t entered[static LEVEL], uint64_t now)
{
        struct snapshot *snapshot;

        tally_begin(host->tally, host->services, host->ledger);
        ledger_begin(host->ledger, now);
        for (uint64_t i = 0; i < LEVEL; i++) {
                const struct sockrec record = { .cookie = i + 1,
                                                .state = SOCK_CLOSE_WAIT,
                                                .local_port = 80,
                                                .remote_port = 40000 };

                if (entered[i] <= now)
                        assert_int_equal(tally_add(host->tally, &record), 0);
        }
        ledger_end(host->ledger, true, NULL, NULL);
        assert_int_equal(tally_finish(host->tally, host->rules, now, &snapshot), 0);
        snapshot->generation = ++host->generation;
        snapshot->requested = snapshot->complete = SOCK_MASK(SOCK_CLOSE_WAIT) | SOCK_MASK(SOCK_TIME_WAIT);
        assert_int_equal(detect_step(host->alerts, host->rules, snapshot, now, now, &host->events),
                         0);
        snapshot_unref(snapshot);
        return host->events.n;
}

static uint64_t random_between(uint64_t low, uint64_t high)
{
        return low + (uint64_t)random() % (high - low + 1);
}

static void test_raised_in_time(void **state)
{
        (void)state;
        srandom(5);
        for (int round = 0; round < ROUNDS; round++) {
                const uint64_t interval = random_between(USEC_PER_SEC / 10, 60 * USEC_PER_SEC);
                const uint64_t stuck_after = random_between(USEC_PER_SEC / 10, 300 * USEC_PER_SEC);
                const uint64_t raise_after = random_between(0, 120 * USEC_PER_SEC);
                uint64_t entered[LEVEL], last = 0, now = USEC_PER_SEC;
                struct host host;

                host_init(&host, stuck_after, raise_after);
                for (size_t i = 0; i < LEVEL; i++) {
                        entered[i] = random_between(now, now + 3 * interval);
                        last = MAX(last, entered[i]);
                }
                while (scan(&host, entered, now) == 0)
                        now += interval;
                assert_int_equal(host.events.items[0].transition, TRANSITION_RAISED);
                assert_true(now <= last + stuck_after + raise_after + 2 * interval);
                assert_true(now >= last + stuck_after + raise_after);
                host_done(&host);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_raised_in_time),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
