/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The promise of twmond(8), "How soon it tells", from sockets to events in virtual time: no alert is
 * later than that table says, whatever Interval and the hold times are and however seldom scans come,
 * and none is earlier than its hold times.
 */

#include <inttypes.h>

#include "promise-host.h"

#define LEVEL  5
#define ROUNDS 600
#define LEAKS  2400u

static struct host the_host; /* large */

/* What a round is made of. */
struct terms {
        uint64_t interval, steady;
        struct rule rule;
};

static struct terms random_terms(enum alert_kind kind)
{
        struct terms terms = { .interval = random_time(USEC_PER_SEC / 10, USEC_PER_MIN) };

        terms.steady = schedule_steady_usec(terms.interval);
        terms.rule = (struct rule){
                .kind = kind,
                .scope = { .side = alert_kind_is_host(kind) ? SIDE_HOST : SIDE_LOCAL },
                .warning = LEVEL,
                .critical = RULE_LEVEL_OFF,
                .stuck_after_usec = random_time(USEC_PER_SEC / 10, 300 * USEC_PER_SEC),
                .silent_after_usec = random_time(10 * USEC_PER_SEC, 10 * USEC_PER_MIN),
                .raise_after_usec = random_time(0, 120 * USEC_PER_SEC),
                .clear_after_usec = random_time(0, 300 * USEC_PER_SEC),
                .clear_below_pct = 80,
        };
        return terms;
}

/* In a third of the rounds the budget puts scans off: then the longest gap stands for both pauses. */
static struct host *begin(struct terms *terms)
{
        host_init(&the_host, terms->interval, &terms->rule);
        if (random() % 3 == 0) {
                the_host.stretch = random_time(0, 570 * USEC_PER_SEC);
                terms->interval = terms->steady = terms->steady + the_host.stretch;
        }
        return &the_host;
}

/* A moment after at least one scan, when scans may have become rare. */
static uint64_t a_moment(const struct host *host, const struct terms *terms)
{
        return host->slot + random_time(0, 6 * terms->steady);
}

/* Other ports have sockets that come and go, so that scans come now fast, now seldom. */
static void add_noise(struct host *host, const struct terms *terms)
{
        struct host_socket socket = { .state = SOCK_CLOSE_WAIT, .port = 81 };
        const unsigned n = (unsigned)random_between(0, 6);

        for (unsigned i = 0; i < n; i++) {
                socket.entered = a_moment(host, terms);
                socket.left = socket.entered + random_time(0, 2 * terms->rule.stuck_after_usec);
                (void)host_add(host, socket, 1, 0);
        }
}

/* LEVEL of them, one after the other; returns when the last has come. */
static uint64_t add_enough(struct host *host, const struct terms *terms, enum sock_state state)
{
        const struct host_socket socket = {
                .state = state, .port = HOST_PORT, .entered = a_moment(host, terms), .left = NEVER
        };

        return host_add(host, socket, LEVEL, random_time(0, 3 * terms->steady));
}

static void assert_between(uint64_t when, uint64_t earliest, uint64_t latest)
{
        if (when < earliest || when > latest)
                fail_msg("at %llu ms, not in %llu .. %llu", (unsigned long long)when / 1000,
                         (unsigned long long)earliest / 1000, (unsigned long long)latest / 1000);
}

static void assert_clears(struct host *host, const struct terms *terms, uint64_t gone,
                          uint64_t pause)
{
        const uint64_t hold = terms->rule.clear_after_usec;

        assert_between(host_wait_for(host, TRANSITION_CLEARED), gone + hold,
                       gone + pause + hold + terms->interval);
}

static void test_stuck(void **state)
{
        (void)state;
        srandom(5);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_CLOSE_WAIT_STUCK);
                const uint64_t hold = terms.rule.stuck_after_usec + terms.rule.raise_after_usec;
                struct host *host = begin(&terms);
                uint64_t last, gone;

                add_noise(host, &terms);
                last = add_enough(host, &terms, SOCK_CLOSE_WAIT);
                assert_between(host_wait_for(host, TRANSITION_RAISED), last + hold,
                               last + MAX(hold + 2 * terms.interval, terms.steady));
                gone = a_moment(host, &terms);
                host_end(host, HOST_PORT, gone);
                assert_clears(host, &terms, gone, terms.steady);
                host_done(host);
        }
}

/* Their peers' systems go on answering, which hides when they were closed. */
static void test_stuck_and_answered(void **state)
{
        (void)state;
        srandom(6);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_CLOSE_WAIT_STUCK);
                const uint64_t hold = terms.rule.stuck_after_usec + terms.rule.raise_after_usec;
                struct host *host = begin(&terms);
                uint64_t last;

                add_noise(host, &terms);
                last = add_enough(host, &terms, SOCK_CLOSE_WAIT);
                for (size_t i = 0; i < host->n_sockets; i++)
                        host->sockets[i].acked = true;
                assert_between(host_wait_for(host, TRANSITION_RAISED), last + hold,
                               last + hold + terms.steady + terms.interval);
                host_done(host);
        }
}

static void test_close_wait_count(void **state)
{
        (void)state;
        srandom(8);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_CLOSE_WAIT_COUNT);
                const uint64_t hold = terms.rule.raise_after_usec;
                struct host *host;
                uint64_t when;

                terms.rule.critical = 2 * LEVEL;
                host = begin(&terms);
                add_noise(host, &terms);
                when = add_enough(host, &terms, SOCK_CLOSE_WAIT);
                assert_between(host_wait_for(host, TRANSITION_RAISED), when + hold,
                               when + hold + terms.steady + terms.interval);
                when = add_enough(host, &terms, SOCK_CLOSE_WAIT);
                assert_between(host_wait_for(host, TRANSITION_ESCALATED), when + hold,
                               when + hold + terms.steady + terms.interval);
                when = a_moment(host, &terms);
                host_end(host, HOST_PORT, when);
                assert_clears(host, &terms, when, terms.steady);
                host_done(host);
        }
}

static void test_time_wait_count(void **state)
{
        unsigned scans = 0, counts = 0;

        (void)state;
        srandom(9);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_TIME_WAIT_COUNT);
                const uint64_t hold = terms.rule.raise_after_usec;
                struct host *host;
                uint64_t pause = terms.steady, when;

                if (round % 2) /* longer ones count them anyway */
                        terms.interval = random_time(USEC_PER_SEC / 10, 10 * USEC_PER_SEC);
                terms.steady = schedule_steady_usec(terms.interval);
                host = begin(&terms);
                host->many_time_wait = random() % 4 > 0;
                pause = host->many_time_wait ? 30 * USEC_PER_SEC + terms.interval : terms.steady;
                add_noise(host, &terms);
                when = add_enough(host, &terms, SOCK_TIME_WAIT);
                assert_between(host_wait_for(host, TRANSITION_RAISED), when + hold,
                               when + hold + pause + terms.interval);
                when = a_moment(host, &terms);
                host_end(host, HOST_PORT, when);
                assert_clears(host, &terms, when, pause);
                scans += host->scans;
                counts += host->counts;
                host_done(host);
        }
        assert_true(scans - counts > 1000); /* that estimated */
}

static void test_time_wait_table(void **state)
{
        (void)state;
        srandom(10);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_TIME_WAIT_TABLE);
                const uint64_t hold = terms.rule.raise_after_usec;
                struct host *host;

                terms.rule.warning = 80;
                host = begin(&terms);
                add_noise(host, &terms);
                host->table_from = a_moment(host, &terms);
                host->table_until = NEVER;
                assert_between(host_wait_for(host, TRANSITION_RAISED), host->table_from + hold,
                               host->table_from + hold + terms.steady + terms.interval);
                host->table_until = a_moment(host, &terms);
                assert_clears(host, &terms, host->table_until, terms.steady);
                host_done(host);
        }
}

/* What filled the table stays for a minute, or is gone again at once. */
static void test_overflow(void **state)
{
        (void)state;
        srandom(13);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_TIME_WAIT_TABLE);
                const uint64_t unread = MIN(3 * terms.interval, 30 * USEC_PER_SEC);
                const bool stays = random() % 2;
                struct host *host;
                uint64_t told;

                terms.rule.warning = 80;
                terms.rule.raise_after_usec = NEVER / 4;
                host = begin(&terms);
                add_noise(host, &terms);
                host->overflow = host->table_from = a_moment(host, &terms);
                host->table_until =
                        host->overflow + (stays ? terms.steady : random_time(0, USEC_PER_SEC));
                told = host_wait_for(host, TRANSITION_RAISED);
                assert_between(told, host->overflow,
                               host->overflow + terms.steady + (stays ? 0 : unread));
                host_done(host);
        }
}

static void test_blind(void **state)
{
        (void)state;
        srandom(11);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_BLIND);
                const uint64_t hold = terms.rule.raise_after_usec;
                struct host *host;

                terms.rule.warning = 1;
                host = begin(&terms);
                add_noise(host, &terms);
                host->blind_from = a_moment(host, &terms);
                host->blind_until = NEVER;
                assert_between(host_wait_for(host, TRANSITION_RAISED), host->blind_from + hold,
                               host->blind_from + hold + terms.steady + terms.interval);
                host->blind_until = a_moment(host, &terms);
                assert_clears(host, &terms, host->blind_until, terms.steady);
                host_done(host);
        }
}

/* Between two censuses pass so much and a pause. */
static uint64_t census_every(const struct terms *terms)
{
        return MIN(USEC_PER_MIN, terms->rule.silent_after_usec / 2);
}

static void test_half_open(void **state)
{
        (void)state;
        srandom(12);
        for (int round = 0; round < ROUNDS; round++) {
                struct terms terms = random_terms(ALERT_HALF_OPEN);
                const uint64_t hold = terms.rule.raise_after_usec;
                struct host *host = begin(&terms);
                const uint64_t walk = census_every(&terms) + terms.steady;
                uint64_t when;

                add_noise(host, &terms);
                when = add_enough(host, &terms, SOCK_ESTABLISHED) + terms.rule.silent_after_usec;
                assert_between(host_wait_for(host, TRANSITION_RAISED), when + hold,
                               when + walk + hold +
                                       (hold > census_every(&terms) ? walk : terms.interval));
                when = a_moment(host, &terms);
                host_end(host, HOST_PORT, when);
                assert_between(host_wait_for(host, TRANSITION_CLEARED),
                               when + terms.rule.clear_after_usec,
                               when + walk + terms.rule.clear_after_usec + walk);
                host_done(host);
        }
}

/* grows: the host has more sockets in all; else others end, and nothing shows it but a walk. */
static void exhaust(bool grows)
{
        struct terms terms = random_terms(ALERT_PORT_EXHAUSTION);
        struct host_socket socket = { .state = SOCK_ESTABLISHED, .port = 1, .left = NEVER };
        struct host *host;
        uint64_t seen, when;

        terms.rule.scope.side = SIDE_REMOTE;
        terms.rule.warning = 70;
        host = begin(&terms);
        seen = terms.steady + (grows ? 0 : USEC_PER_MIN);
        for (int i = 0; i < 160; i++) { /* more than sockstat rules out */
                socket.destination = (uint16_t)(2 + i);
                (void)host_add(host, socket, 1, 0);
        }
        add_noise(host, &terms);
        when = a_moment(host, &terms);
        if (!grows)
                host_end(host, 1, when);
        socket = (struct host_socket){ .state = SOCK_ESTABLISHED,
                                       .port = HOST_PORT,
                                       .destination = 1,
                                       .entered = when,
                                       .left = NEVER };
        (void)host_add(host, socket, 160, 0);
        assert_between(host_wait_for(host, TRANSITION_RAISED), when,
                       when + seen + terms.rule.raise_after_usec + terms.interval);
        when = a_moment(host, &terms);
        host_end(host, HOST_PORT, when);
        assert_clears(host, &terms, when,
                      terms.steady + (host->stretch > 0 ? USEC_PER_MIN + terms.steady : 0));
        host_done(host);
}

static void test_port_exhaustion(void **state)
{
        (void)state;
        srandom(13);
        for (int round = 0; round < ROUNDS; round++)
                exhaust(round % 2);
}

/*
 * What is told by scans at every Interval is told by those of the schedule, as a rule not much later.
 * There is no bound: how many separate times arrivals have depends on where they fall.
 */
static void test_leak(void **state)
{
        unsigned late = 0;
        uint64_t worst = 0;

        (void)state;
        srandom(14);
        for (unsigned round = 0; round < LEAKS; round++) {
                struct terms terms = random_terms(ALERT_CLOSE_WAIT_LEAK);
                const uint64_t distance = random_time(USEC_PER_SEC, 2 * USEC_PER_MIN);
                const uint64_t from = random_time(0, 10 * terms.steady);
                uint64_t told[2];

                terms.rule.warning = 3;
                if (round % 2)
                        terms.interval = random_time(USEC_PER_SEC, 10 * USEC_PER_SEC);
                terms.steady = schedule_steady_usec(terms.interval);
                terms.rule.stuck_after_usec = random_time(terms.steady, 300 * USEC_PER_SEC);
                for (int seldom = 0; seldom < 2; seldom++) {
                        struct host *host = &the_host;
                        struct host_socket socket = { .state = SOCK_CLOSE_WAIT,
                                                      .port = HOST_PORT,
                                                      .left = NEVER };
                        const struct rule near = { .kind = ALERT_CLOSE_WAIT_COUNT,
                                                   .scope = { .side = SIDE_LOCAL, .port = 82 },
                                                   .warning = 1,
                                                   .critical = 100,
                                                   .clear_below_pct = 1 };

                        host_init(host, terms.interval, &terms.rule);
                        socket.entered = host->slot + from;
                        for (int i = 0; i < 300; i++, socket.entered += distance)
                                (void)host_add(host, socket, 1, 0);
                        if (!seldom) { /* something is near for ever */
                                socket.port = 82;
                                socket.entered = 0;
                                (void)host_add(host, socket, 1, 0);
                                assert_int_equal(rules_add(host->rules, &near), 0);
                        }
                        told[seldom] = host_wait_for(host, TRANSITION_RAISED);
                        host_done(host);
                }
                late += told[1] > told[0] + terms.steady + terms.interval;
                worst = MAX(worst, told[1] - MIN(told[0], told[1]));
        }
        print_message("# %u of %u leaks later by more than a pause and an interval, %" PRIu64
                      " s at most\n",
                      late, LEAKS, worst / USEC_PER_SEC);
        assert_in_range(late, 0, LEAKS / 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stuck),
                cmocka_unit_test(test_stuck_and_answered),
                cmocka_unit_test(test_close_wait_count),
                cmocka_unit_test(test_time_wait_count),
                cmocka_unit_test(test_time_wait_table),
                cmocka_unit_test(test_overflow),
                cmocka_unit_test(test_blind),
                cmocka_unit_test(test_half_open),
                cmocka_unit_test(test_port_exhaustion),
                cmocka_unit_test(test_leak),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
