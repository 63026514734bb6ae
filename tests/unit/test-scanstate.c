/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A restart that nobody notices: two observers see the same sockets, of which one knows only what
 * the bytes of the other told it, and both must say the same from then on.
 */

#include "fixture.h"

#include <errno.h>

#include "observe.h"
#include "rule.h"
#include "scanstate.h"

#define STEP        (10 * USEC_PER_SEC)
#define STUCK_AFTER (60 * USEC_PER_SEC)
#define PORTS       6
#define GONE_PORT   1 /* of ports[]: ephemeral, and loses its listener */
#define CONNS_MAX   8192

static const struct sockrec ports[PORTS] = {
        { .local_port = 80, .remote_port = 40000 },   { .local_port = 50000, .remote_port = 5432 },
        { .local_port = 8080, .remote_port = 40001 }, { .local_port = 41000, .remote_port = 5432 },
        { .local_port = 41001, .remote_port = 3306 }, { .local_port = 443, .remote_port = 40002 },
};

struct conn {
        uint64_t cookie;
        uint64_t since; /* the first scan that saw it */
        uint64_t until;
        unsigned port;
        bool at_least; /* older than the watching */
};

struct world {
        struct rules *rules;
        struct observer *steady;
        struct observer *restarted; /* NULL: not yet */
        struct conn conns[CONNS_MAX];
        size_t n;
        uint64_t cookies;
        uint64_t now;
        uint64_t generation;
        uint64_t overflows;
        uint64_t calm_until; /* nothing that would teach leaves before */
        bool listening;      /* on ports[GONE_PORT] */
        uint32_t seed;
};

static unsigned draw(struct world *world, unsigned n)
{
        world->seed = world->seed * 1664525 + 1013904223;
        return (world->seed >> 8) % n;
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        struct rule rule = { .kind = ALERT_CLOSE_WAIT_LEAK,
                             .warning = 3,
                             .critical = RULE_LEVEL_OFF,
                             .stuck_after_usec = STUCK_AFTER,
                             .pool_idle_usec = 5 * USEC_PER_MIN };

        assert_non_null(world);
        assert_int_equal(rules_new(&world->rules), 0);
        assert_int_equal(rules_add(world->rules, &rule), 0);
        rule.kind = ALERT_CLOSE_WAIT_STUCK;
        rule.raise_after_usec = 20 * USEC_PER_SEC;
        rule.usual_max = 1000;
        assert_int_equal(rules_add(world->rules, &rule), 0);
        assert_int_equal(observer_new(&world->steady), 0);
        world->now = 100 * USEC_PER_HOUR;
        world->listening = true;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        rules_free(world->rules);
        observer_free(world->steady);
        observer_free(world->restarted);
        free(world);
        return 0;
}

/* ---- the world ---- */

static struct conn *arrive(struct world *world, unsigned port, uint64_t lasts_usec)
{
        struct conn *conn = &world->conns[world->n++];

        assert_true(world->n <= CONNS_MAX);
        *conn = (struct conn){ .cookie = ++world->cookies * 7919 % 1000003,
                               .port = port,
                               .until = lasts_usec > 0 ? world->now + lasts_usec : UINT64_MAX };
        return conn;
}

static void drop_the_late(struct world *world)
{
        for (size_t i = 0; i < world->n;) {
                const struct conn *conn = &world->conns[i];
                const bool old = conn->since > 0 && world->now - conn->since > STUCK_AFTER / 3;

                if (conn->until <= world->now && !(old && world->now < world->calm_until))
                        world->conns[i] = world->conns[--world->n];
                else
                        i++;
        }
}

/* Of some ports leaks, of some slow closers, of all a few that are quick. */
static void churn(struct world *world)
{
        drop_the_late(world);
        for (unsigned port = 0; port < PORTS; port++) {
                for (unsigned n = draw(world, 3); n > 0; n--)
                        arrive(world, port, (1 + draw(world, 50)) * USEC_PER_SEC);
                if (port % 2 == 1 && draw(world, 3) == 0)
                        arrive(world, port, 0);
                if (port >= 3 && draw(world, 2) == 0)
                        arrive(world, port, (40 + draw(world, 100)) * USEC_PER_SEC);
        }
}

static struct sockrec record_of(const struct world *world, const struct conn *conn)
{
        struct sockrec record = ports[conn->port];
        const uint64_t since = conn->since ? conn->since : world->now;

        record.cookie = conn->cookie;
        record.state = SOCK_CLOSE_WAIT;
        record.uid = 33;
        record.cgroup_id = 5;
        record.inode = 100 + conn->port;
        record.receive_queue = conn->port == 3; /* eof-unread, of a pool */
        record.have = SOCKREC_OWNER | SOCKREC_CGROUP | SOCKREC_INFO;
        record.last_ack_recv_msec = (uint32_t)((world->now - since) / USEC_PER_MSEC);
        record.last_data_recv_msec = record.last_ack_recv_msec;
        if (conn->at_least) {
                record.last_ack_recv_msec += 3600 * 1000;
                record.last_data_recv_msec += 2 * 3600 * 1000;
        }
        return record;
}

static void show_listeners(const struct world *world, struct observer *observer)
{
        struct sockrec listener = { .state = SOCK_LISTEN,
                                    .uid = 34,
                                    .cgroup_id = 6,
                                    .have = SOCKREC_OWNER | SOCKREC_CGROUP };

        observer_begin_listeners(observer);
        for (unsigned port = 0; port < 3; port++) {
                listener.local_port = ports[port].local_port;
                listener.inode = 200 + port;
                if (port != GONE_PORT || world->listening)
                        observer_listener(observer, &listener);
        }
        observer_end_listeners(observer, true);
}

/* dated: with tcp_info. */
static struct snapshot *scan(const struct world *world, struct observer *observer, bool dated)
{
        const struct scan_request request = { .generation = world->generation,
                                              .now_usec = world->now,
                                              .now_wall_usec = world->now,
                                              .rules = world->rules,
                                              .date_new = dated,
                                              .interval_usec = STEP };
        const struct scan_outcome outcome = { .result = SCAN_COMPLETE, .sockets_whole = true };
        struct host_facts facts;
        struct snapshot *snapshot;
        bool info;

        host_facts_clear(&facts);
        facts.sockstat.tw = 600; /* the counters are read at every scan */
        facts.limits.max_tw_buckets = 1000;
        facts.counters.known = 1U << TCP_TIME_WAIT_OVERFLOW;
        facts.counters.value[TCP_TIME_WAIT_OVERFLOW] = world->overflows;
        observer_begin(observer, &request);
        observer_set_host(observer, &facts);
        show_listeners(world, observer);
        (void)observer_plan(observer, &info);
        observer_begin_sockets(observer);
        for (size_t i = 0; i < world->n; i++) {
                const struct sockrec record = record_of(world, &world->conns[i]);

                assert_int_equal(observer_socket(observer, &record), 0);
        }
        assert_int_equal(observer_finish(observer, &outcome, &snapshot), 0);
        return snapshot;
}

static void mark_seen(struct world *world)
{
        for (size_t i = 0; i < world->n; i++)
                if (world->conns[i].since == 0)
                        world->conns[i].since = world->now;
}

static void assert_same_row(const struct port_row *a, const struct port_row *b)
{
        assert_int_equal(port_key_compare(&a->key, &b->key), 0);
        assert_int_equal(a->flags, b->flags);
        assert_memory_equal(a->count, b->count, sizeof(a->count));
        assert_memory_equal(a->stage, b->stage, sizeof(a->stage));
        assert_int_equal(a->stuck, b->stuck);
        assert_int_equal(a->stuck_held, b->stuck_held);
        assert_int_equal(a->stuck_usual, b->stuck_usual);
        assert_int_equal(a->stuck_held_usual, b->stuck_held_usual);
        assert_int_equal(a->oldest_usec, b->oldest_usec);
        assert_int_equal(a->oldest_at_least, b->oldest_at_least);
        assert_true(port_witness_equal(&a->witness, &b->witness));
        assert_true(port_witness_equal(&a->listener, &b->listener));
        assert_int_equal(a->leak, b->leak);
}

static void assert_same_leak(const struct port_leak *a, const struct port_leak *b)
{
        assert_int_equal(a->known, b->known);
        assert_int_equal(a->times, b->times);
        assert_int_equal(a->unaccepted, b->unaccepted);
        assert_int_equal(a->outlived, b->outlived);
        assert_int_equal(a->arrived, b->arrived);
        assert_int_equal(a->window_usec, b->window_usec);
        assert_int_equal(a->pause_usec, b->pause_usec);
        assert_int_equal(a->patience_usec, b->patience_usec);
        assert_true(a->rate_per_min == b->rate_per_min);
        assert_true(a->error_per_min == b->error_per_min);
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
        assert_int_equal(a->n_rows, b->n_rows);
        assert_int_equal(a->n_leaks, b->n_leaks);
        for (size_t i = 0; i < a->n_rows; i++)
                assert_same_row(&a->rows[i], &b->rows[i]);
        for (size_t i = 0; i < a->n_leaks; i++)
                assert_same_leak(&a->leaks[i], &b->leaks[i]);
        assert_int_equal(a->host.tw_table.overflow_known, b->host.tw_table.overflow_known);
        assert_int_equal(a->host.tw_table.overflows_total, b->host.tw_table.overflows_total);
}

/* A scan later. */
static void live(struct world *world, bool first)
{
        struct snapshot *snapshot;

        world->now += STEP;
        world->generation++;
        world->overflows += draw(world, 2);
        churn(world);
        snapshot = scan(world, world->steady, world->generation == 1);
        if (world->restarted) {
                struct snapshot *other = scan(world, world->restarted, first);

                assert_same(snapshot, other);
                snapshot_unref(other);
        }
        snapshot_unref(snapshot);
        mark_seen(world);
}

static void write_state(const struct world *world, uint64_t stuck_after_usec, struct recbuf *body)
{
        assert_int_equal(scanstate_write(body, world->steady, stuck_after_usec, world->now), 0);
        assert_int_equal(body->error, 0);
}

static void restart_from(struct world *world, const struct recbuf *body)
{
        struct recview view = recview_of(body);
        const char *wrong = NULL;

        assert_int_equal(observer_new(&world->restarted), 0);
        assert_int_equal(scanstate_read(&view, world->restarted, world->now, &wrong), 0);
}

/*
 * One run: scans, the state, and both to the end. Crash: what is stuck, some more scans without one
 * of them, and tcp_info for those that came meanwhile; otherwise everything, at once, and nothing
 * else tells any age.
 */
static void restart_somewhere(struct world *world, bool crash)
{
        struct recbuf body = { 0 };
        unsigned scans = 30 + draw(world, 120);

        for (unsigned i = 0; i < 20; i++)
                arrive(world, i % PORTS, i % 2 ? 0 : USEC_PER_HOUR)->at_least = true;
        while (scans-- > 0) {
                if (draw(world, 60) == 0)
                        world->listening = false;
                live(world, false);
        }
        world->calm_until = UINT64_MAX;
        for (unsigned i = 0; i < LEDGER_MISSES_MAX; i++)
                live(world, false);
        write_state(world, crash ? STUCK_AFTER : 0, &body);
        world->listening = world->listening && draw(world, 2) == 0;
        for (scans = crash ? draw(world, 4) : 0; scans > 0; scans--)
                live(world, false);
        restart_from(world, &body);
        for (unsigned i = 0; i <= LEDGER_MISSES_MAX; i++)
                live(world, crash && i == 0);
        world->calm_until = 0;
        for (scans = 60; scans > 0; scans--)
                live(world, false);
        recbuf_done(&body);
}

/* ---- restarts ---- */

static void restart_many(bool crash)
{
        for (uint32_t seed = 1; seed <= 60; seed++) {
                void *world;

                assert_int_equal(setup(&world), 0);
                ((struct world *)world)->seed = seed;
                restart_somewhere(world, crash);
                teardown(&world);
        }
}

static void test_crash_is_not_noticed(void **state)
{
        (void)state;
        restart_many(true);
}

static void test_orderly_restart_is_not_noticed(void **state)
{
        (void)state;
        restart_many(false);
}

static const struct port_row *row_of(const struct snapshot *snapshot, enum port_side side,
                                     uint16_t port)
{
        const struct port_key key = { .side = (uint8_t)side, .port = port };
        const struct port_row *row = snapshot_find(snapshot, &key);

        assert_non_null(row);
        return row;
}

/* Its listener died while nobody watched: what leaks there keeps its name, and its owner. */
static void test_listener_gone_meanwhile(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        struct snapshot *snapshot;
        const struct port_row *row;

        for (unsigned i = 0; i < 5; i++)
                arrive(world, GONE_PORT, 0);
        world->now += STEP;
        snapshot_unref(scan(world, world->steady, true));
        write_state(world, STUCK_AFTER, &body);
        world->listening = false;
        world->now += 3 * SERVICE_KEEP_USEC;
        restart_from(world, &body);
        snapshot = scan(world, world->restarted, true);
        row = row_of(snapshot, SIDE_LOCAL, 50000);
        assert_int_equal(row->count[SOCK_CLOSE_WAIT], 5);
        assert_int_equal(row->flags, PORT_LISTENED);
        assert_int_equal(row->listener.inode, 200 + GONE_PORT);
        snapshot_unref(snapshot);
        recbuf_done(&body);
}

/* The same where it had died before; and a port that nobody uses any more is forgotten. */
static void test_listener_gone_before(void **state)
{
        struct world *world = *state;

        for (unsigned used = 0; used < 2; used++) {
                struct recbuf body = { 0 };
                struct snapshot *snapshot;

                world->n = 0;
                for (unsigned i = 0; i < 5 * used; i++)
                        arrive(world, GONE_PORT, 0);
                for (unsigned i = 0; i < 2; i++) {
                        world->listening = i == 0;
                        world->now += STEP;
                        snapshot_unref(scan(world, world->steady, true));
                }
                write_state(world, STUCK_AFTER, &body);
                world->now += 3 * SERVICE_KEEP_USEC;
                restart_from(world, &body);
                world->n = 0;
                arrive(world, GONE_PORT, 0);
                snapshot = scan(world, world->restarted, true);
                assert_int_equal(
                        row_of(snapshot, used ? SIDE_LOCAL : SIDE_REMOTE, used ? 50000 : 5432)
                                ->count[SOCK_CLOSE_WAIT],
                        1);
                snapshot_unref(snapshot);
                world->restarted = observer_free(world->restarted);
                recbuf_done(&body);
        }
}

/* ---- bytes ---- */

static bool same_bytes(const struct recbuf *a, const struct recbuf *b)
{
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* What leaks stays, on a port without a listener, too; nothing else happens. */
static void test_same_bytes_while_only_time_passes(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 }, later = { 0 }, changed = { 0 };

        for (unsigned i = 0; i < 50; i++)
                arrive(world, i % PORTS, 0);
        for (unsigned i = 0; i < 20; i++) {
                world->listening = i < 10;
                world->now += STEP;
                snapshot_unref(scan(world, world->steady, i == 0));
                if (i == 11)
                        write_state(world, STUCK_AFTER, &body);
        }
        write_state(world, STUCK_AFTER, &later);
        assert_true(same_bytes(&body, &later));
        world->conns[0] = world->conns[--world->n];
        for (unsigned i = 0; i < LEDGER_MISSES_MAX; i++) {
                world->now += STEP;
                snapshot_unref(scan(world, world->steady, false));
        }
        write_state(world, STUCK_AFTER, &changed);
        assert_false(same_bytes(&body, &changed));
        recbuf_done(&body);
        recbuf_done(&later);
        recbuf_done(&changed);
}

static void test_nothing_is_small(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };

        write_state(world, STUCK_AFTER, &body);
        assert_true(body.len > 0 && body.len < 16);
        restart_from(world, &body);
        recbuf_done(&body);
}

static void test_young_ones_are_left_out(void **state)
{
        struct world *world = *state;
        struct recbuf all = { 0 }, stuck = { 0 }, none = { 0 };

        for (unsigned i = 0; i < 100; i++)
                arrive(world, i % PORTS, 0);
        world->now += STEP;
        snapshot_unref(scan(world, world->steady, false));
        world->now += STUCK_AFTER - 1;
        write_state(world, STUCK_AFTER, &none);
        write_state(world, 0, &all);
        world->now++;
        write_state(world, STUCK_AFTER, &stuck);
        assert_true(none.len + 100 < all.len);
        assert_true(same_bytes(&all, &stuck));
        recbuf_done(&all);
        recbuf_done(&stuck);
        recbuf_done(&none);
}

/* Restored and written again before anything was seen. */
static void test_goes_on_without_a_scan(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 }, again = { 0 };

        arrive(world, 0, 0);
        for (unsigned i = 0; i < 2; i++) {
                world->listening = i == 0;
                world->now += STUCK_AFTER;
                snapshot_unref(scan(world, world->steady, false));
        }
        world->now += USEC_PER_HOUR;
        write_state(world, STUCK_AFTER, &body);
        restart_from(world, &body);
        (void)scanstate_write(&again, world->restarted, STUCK_AFTER, world->now);
        assert_true(same_bytes(&body, &again));
        recbuf_done(&body);
        recbuf_done(&again);
}

static struct observer *observer_with(struct ages *ages)
{
        struct observer_past past = { .ages = ages };
        struct observer *observer;

        assert_int_equal(observer_new(&observer), 0);
        assert_int_equal(services_new(&past.services), 0);
        assert_int_equal(survival_new(&past.survival), 0);
        assert_int_equal(ages_index(ages), 0);
        observer_restore(observer, &past);
        return observer;
}

static void count_one(const struct age *age, void *userdata)
{
        (void)age;
        ++*(size_t *)userdata;
}

static size_t count_ages(const struct observer *observer)
{
        size_t n = 0;

        ledger_each_age(observer_ledger(observer), count_one, &n);
        return n;
}

/* As many as MaxTracked= allows are written and read; more are counted. */
static void test_more_than_there_is_room_for(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        struct ages *ages;
        struct observer *observer;

        assert_int_equal(ages_new(SCANSTATE_AGES_MAX + 3, &ages), 0);
        for (uint64_t cookie = 1; cookie <= SCANSTATE_AGES_MAX + 3; cookie++)
                ages_add(ages, cookie, 1000, 0);
        observer = observer_with(ages);
        assert_int_equal(scanstate_write(&body, observer, 0, world->now), 3);
        assert_int_equal(body.error, 0);
        observer_free(observer);
        restart_from(world, &body);
        assert_int_equal(count_ages(world->restarted), SCANSTATE_AGES_MAX);
        recbuf_done(&body);
}

/* A file has its limit, too: what it has no room for is counted, and the rest is whole. */
static void test_what_does_not_fit_is_left_out(void **state)
{
        const size_t others = SCANSTATE_BODY_MAX - 1000;
        struct world *world = *state;
        struct recbuf body = { 0 };
        struct recview view;
        struct ages *ages;
        struct observer *observer;
        void *zeros = calloc(1, others);
        const char *wrong = NULL;
        size_t left_out;

        assert_non_null(zeros);
        recbuf_put_bytes(&body, zeros, others);
        free(zeros);
        assert_int_equal(ages_new(1000, &ages), 0);
        for (uint64_t i = 1; i <= 1000; i++)
                ages_add(ages, i * UINT64_C(0x9e3779b97f4a7c15), i << 33, 0);
        observer = observer_with(ages);
        left_out = scanstate_write(&body, observer, 0, UINT64_C(1) << 60);
        assert_int_equal(body.error, 0);
        assert_in_range(body.len, SCANSTATE_BODY_MAX - 60, SCANSTATE_BODY_MAX);
        assert_in_range(left_out, 900, 999);
        observer_free(observer);

        view = recview_of(&body);
        view.at += others;
        assert_int_equal(observer_new(&world->restarted), 0);
        assert_int_equal(scanstate_read(&view, world->restarted, UINT64_C(1) << 60, &wrong), 0);
        assert_int_equal(count_ages(world->restarted), 1000 - left_out);
        recbuf_done(&body);
}

/* ---- what a later version writes, and what is wrong ---- */

static void put_item(struct recbuf *body, const uint64_t *fields, size_t n)
{
        struct recbuf item = { 0 };

        for (size_t i = 0; i < n; i++)
                recbuf_put(&item, fields[i]);
        recbuf_put(body, item.len);
        recbuf_put_buf(body, &item);
        recbuf_done(&item);
}

#define ITEM(body, ...)                                                                            \
        put_item(body, (const uint64_t[]){ __VA_ARGS__ },                                          \
                 ARRAY_SIZE(((const uint64_t[]){ __VA_ARGS__ })))

/* Each item has a field more, and behind the last one there is something else. */
static void test_what_is_new_is_skipped(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        uint64_t age;
        bool at_least;

        ITEM(&body, 1, 10, 20, 999);
        recbuf_put(&body, 1);
        ITEM(&body, 80, 1 | 4 | 64, 0, 12, 13, 14, 999);
        recbuf_put(&body, 1);
        ITEM(&body, 0, SIDE_LOCAL, 80, 1000, 3, 300, 200, 100, 999);
        recbuf_put(&body, 1);
        ITEM(&body, 7 * 2, 1000 * 2, LEDGER_AT_LEAST | 128, 999);
        recbuf_put(&body, 999);
        restart_from(world, &body);
        assert_int_equal(observer_overflow(world->restarted)->total, 20);
        assert_false(observer_age(world->restarted, 7, world->now, &age, &at_least));
        world->conns[world->n++] = (struct conn){ .cookie = 7 };
        snapshot_unref(scan(world, world->restarted, true));
        assert_true(observer_age(world->restarted, 7, world->now, &age, &at_least));
        assert_int_equal(age, world->now - 1000);
        assert_true(at_least);
        recbuf_done(&body);
}

struct learnt {
        size_t n;
        struct survival_lessons last;
};

static void note_lessons(const struct survival_lessons *lessons, void *userdata)
{
        struct learnt *learnt = userdata;

        learnt->n++;
        learnt->last = *lessons;
}

static struct learnt lessons_of(const struct observer *observer)
{
        struct learnt learnt = { 0 };

        survival_each_lessons(observer_survival(observer), note_lessons, &learnt);
        return learnt;
}

/* The greatest ages are those that both have, however many scans a writer asked for. */
static void test_other_numbers_of_lessons(void **state)
{
        static const uint64_t given[SURVIVAL_LESSONS + 2] = { 500, 400, 300, 200, 100 };
        struct world *world = *state;

        for (size_t n = 1; n <= ARRAY_SIZE(given); n++) {
                uint64_t fields[5 + ARRAY_SIZE(given) + 1] = { 0, SIDE_LOCAL, 80, 1000, n };
                struct recbuf body = { 0 };
                struct learnt learnt;

                memcpy(fields + 5, given, n * sizeof(given[0]));
                fields[5 + n] = 999; /* and what came after them */
                ITEM(&body, 0);
                recbuf_put(&body, 0);
                recbuf_put(&body, 1);
                put_item(&body, fields, 6 + n);
                restart_from(world, &body);
                learnt = lessons_of(world->restarted);
                assert_int_equal(learnt.n, 1);
                for (size_t i = 0; i < SURVIVAL_LESSONS; i++)
                        assert_int_equal(learnt.last.ages_usec[i], i < n ? given[i] : 0);
                world->restarted = observer_free(world->restarted);
                recbuf_done(&body);
        }
}

/* More ports and sockets than we keep: the first ones, whatever stands in the others. */
static void test_more_than_we_keep_is_skipped(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        void *unknown = calloc(1, SCANSTATE_AGES_MAX);

        assert_non_null(unknown);
        ITEM(&body, 0);
        recbuf_put(&body, 0);
        recbuf_put(&body, SURVIVAL_PORTS_MAX + 2);
        for (uint64_t port = 1; port <= SURVIVAL_PORTS_MAX; port++)
                ITEM(&body, 0, SIDE_LOCAL, port, 1000, 1, 300);
        ITEM(&body, 0, SIDE_LOCAL, 1, 1000, 1, 300); /* again */
        ITEM(&body, 99, 99, 99);
        recbuf_put(&body, SCANSTATE_AGES_MAX + 2);
        ITEM(&body, 7 * 2, 1000 * 2, 0);
        recbuf_put(&body, 3); /* as old as the clock: unknown */
        recbuf_put_signed(&body, 1);
        recbuf_put_signed(&body, -1000);
        recbuf_put_bytes(&body, unknown, SCANSTATE_AGES_MAX - 2);
        ITEM(&body, 0, 1000 * 2, 0);
        ITEM(&body, 0, UINT64_MAX);
        restart_from(world, &body);
        assert_int_equal(lessons_of(world->restarted).n, SURVIVAL_PORTS_MAX);
        assert_int_equal(count_ages(world->restarted), 1);
        free(unknown);
        recbuf_done(&body);
}

static void note_service(const struct service_port *port, void *userdata)
{
        *(struct service_port *)userdata = *port;
}

/* A connection may come from port 0, and a raw socket listen there. */
static void test_port_zero_is_one(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 }, again = { 0 };
        struct service_port port = { .port = 1 };

        ITEM(&body, 1, 10, 20);
        recbuf_put(&body, 1);
        ITEM(&body, 0, 1 | 4, 0, 12, 13, 14);
        recbuf_put(&body, 2);
        ITEM(&body, 0, SIDE_LOCAL, 0, 1000, 3, 300, 200, 100);
        ITEM(&body, 0, SIDE_REMOTE, 0, 1000, 3, 300, 200, 100);
        recbuf_put(&body, 0);
        restart_from(world, &body);
        services_each_known(observer_services(world->restarted), note_service, &port);
        assert_int_equal(port.port, 0);
        assert_true(port.listening && port.listener.known);
        assert_int_equal(port.listener.inode, 12);
        assert_int_equal(lessons_of(world->restarted).n, 2);
        assert_int_equal(scanstate_write(&again, world->restarted, 0, world->now), 0);
        assert_true(same_bytes(&body, &again));
        recbuf_done(&body);
        recbuf_done(&again);
}

enum list { OVERFLOW, SERVICES, LESSONS, AGES, LISTS };

/* The list has that item, twice if need be; the others are empty. */
static int read_item(struct observer *observer, enum list list, unsigned times,
                     const uint64_t *fields, size_t n, const char **ret_wrong)
{
        struct recbuf body = { 0 };
        struct recview view;
        int r;

        for (enum list at = OVERFLOW; at < LISTS; at++) {
                if (at != OVERFLOW)
                        recbuf_put(&body, at == list ? times : 0);
                else if (at != list)
                        ITEM(&body, 0, 0, 0);
                for (unsigned i = 0; i < (at == list ? times : 0); i++)
                        put_item(&body, fields, n);
        }
        view = recview_of(&body);
        r = scanstate_read(&view, observer, 5000, ret_wrong);
        recbuf_done(&body);
        return r;
}

static void assert_wrong(struct world *world, enum list list, unsigned times, const char *what,
                         const uint64_t *fields, size_t n)
{
        const char *wrong = NULL;

        assert_int_equal(read_item(world->steady, list, times, fields, n, &wrong), -EBADMSG);
        assert_string_equal(wrong, what);
}

#define WRONG(world, list, times, what, ...)                                                       \
        assert_wrong(world, list, times, what, (const uint64_t[]){ __VA_ARGS__ },                  \
                     ARRAY_SIZE(((const uint64_t[]){ __VA_ARGS__ })))

static void test_wrong_services(void **state)
{
        struct world *world = *state;

        WRONG(world, OVERFLOW, 1, "whether overflows are known", 2, 0, 0);
        WRONG(world, SERVICES, 1, "a service's port", 65536, 1, 0, 0, 0, 0);
        WRONG(world, SERVICES, 1, "when a listener went away", 80, 0, 5001, 0, 0, 0);
        WRONG(world, SERVICES, 1, "a listener's inode", 80, 5, 0, UINT64_C(1) << 32, 0, 0);
        WRONG(world, SERVICES, 1, "a listener's uid", 80, 5, 0, 1, 0, UINT64_C(1) << 32);
        WRONG(world, SERVICES, 2, "a service's port again", 80, 1, 0, 0, 0, 0);
        WRONG(world, SERVICES, 2, "a service's port again", 80, 0, 9, 0, 0, 0);
}

static void test_wrong_lessons(void **state)
{
        static const char usual[] = "the usual age of a port";
        struct world *world = *state;

        WRONG(world, LESSONS, 1, "a port's namespace", UINT64_C(1) << 32, SIDE_LOCAL);
        WRONG(world, LESSONS, 1, "a port's side", 0, SIDE_COUNT, 80, 1, 1, 300);
        WRONG(world, LESSONS, 1, "a port", 0, SIDE_LOCAL, 65536, 1, 1, 300);
        WRONG(world, LESSONS, 1, "when it was learnt", 0, SIDE_LOCAL, 80, 5001, 1, 300);
        WRONG(world, LESSONS, 1, usual, 0, SIDE_LOCAL, 80, 1, 3, 100, 200, 100);
        WRONG(world, LESSONS, 1, usual, 0, SIDE_LOCAL, 80, 1, 1, SURVIVAL_TURNOVER_MAX_USEC + 1);
        WRONG(world, LESSONS, 1, "the number of usual ages of a port", 0, SIDE_LOCAL, 80, 1, 3);
        WRONG(world, LESSONS, 2, "a port's usual age again", 0, SIDE_LOCAL, 80, 1, 1, 300);
}

static void test_wrong_ages(void **state)
{
        struct world *world = *state;

        WRONG(world, AGES, 1, "when a socket was first seen", 7 * 2, 5001 * 2, 0); /* in future */
        WRONG(world, AGES, 1, "when a socket was first seen", 7 * 2, 2 * 2 - 1, 0);
        WRONG(world, AGES, 2, "a socket again", 0, 1000 * 2, 0); /* the second: 2000 */
}

static void assert_accepted(enum list list, const uint64_t *fields, size_t n)
{
        struct observer *observer;
        const char *wrong = NULL;

        assert_int_equal(observer_new(&observer), 0);
        assert_int_equal(read_item(observer, list, 1, fields, n, &wrong), 0);
        assert_int_equal(observer_overflow(observer)->total, list == OVERFLOW && n == 3 ? 20 : 0);
        assert_int_equal(count_ages(observer), list == AGES && n >= 2);
        assert_int_equal(lessons_of(observer).n, 0);
        observer_free(observer);
}

/* The fields that an earlier version did not write yet are zero, and none of them is missed. */
static void test_what_is_missing_is_zero(void **state)
{
        static const struct {
                enum list list;
                uint64_t fields[8];
                size_t n;
        } whole[] = {
                { OVERFLOW, { 1, 10, 20 }, 3 },
                { SERVICES, { 80, 1 | 4, 0, 12, 13, 14 }, 6 },
                { LESSONS, { 0, SIDE_LOCAL, 80, 1000 }, 4 },
                { LESSONS, { 0, SIDE_LOCAL, 80, 1000, 0 }, 5 },
                { AGES, { 7 * 2, 1000 * 2, 1 }, 3 },
        };
        static const uint64_t no_side[] = { 0, SIDE_HOST, 80, 1000, 1, 300 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
                for (size_t n = 0; n <= whole[i].n; n++)
                        assert_accepted(whole[i].list, whole[i].fields, n);
        assert_accepted(LESSONS, no_side, ARRAY_SIZE(no_side));
}

/* Refused, and the observer is as it was: still without any knowledge. */
static bool is_refused(struct recview view, uint64_t now)
{
        struct recbuf nothing = { 0 }, after = { 0 };
        struct observer *observer;
        const char *wrong = NULL;
        int r;

        assert_int_equal(observer_new(&observer), 0);
        (void)scanstate_write(&nothing, observer, 0, now);
        r = scanstate_read(&view, observer, now, &wrong);
        (void)scanstate_write(&after, observer, 0, now);
        if (r < 0) {
                assert_int_equal(r, -EBADMSG);
                assert_non_null(wrong);
                assert_true(same_bytes(&nothing, &after));
        }
        observer_free(observer);
        recbuf_done(&nothing);
        recbuf_done(&after);
        return r < 0;
}

static void write_a_life(struct world *world, struct recbuf *body)
{
        for (unsigned i = 0; i < 40; i++) {
                world->listening = i < 30;
                live(world, i == 0);
        }
        write_state(world, STUCK_AFTER, body);
        assert_false(is_refused(recview_of(body), world->now));
}

/* Nothing is missed between the lists: a writer that did not know those that follow. */
static void test_cut_bytes(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        unsigned accepted = 0;

        write_a_life(world, &body);
        for (size_t len = 0; len < body.len; len++) {
                struct recview view = recview_of(&body);

                view.end = view.at + len;
                accepted += !is_refused(view, world->now);
        }
        assert_int_equal(accepted, LISTS); /* before each of them */
        recbuf_done(&body);
}

/* Most of what is not refused is another cookie, inode or uid: the file's checksum is for that. */
static void test_turned_bits(void **state)
{
        struct world *world = *state;
        struct recbuf body = { 0 };
        size_t refused = 0;

        write_a_life(world, &body);
        for (size_t bit = 0; bit < body.len * 8; bit++) {
                body.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
                refused += is_refused(recview_of(&body), world->now);
                body.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        assert_true(refused > body.len * 8 / 5);
        recbuf_done(&body);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_crash_is_not_noticed),
                T(test_orderly_restart_is_not_noticed),
                T(test_listener_gone_meanwhile),
                T(test_listener_gone_before),
                T(test_same_bytes_while_only_time_passes),
                T(test_nothing_is_small),
                T(test_young_ones_are_left_out),
                T(test_goes_on_without_a_scan),
                T(test_more_than_there_is_room_for),
                T(test_what_does_not_fit_is_left_out),
                T(test_what_is_new_is_skipped),
                T(test_other_numbers_of_lessons),
                T(test_more_than_we_keep_is_skipped),
                T(test_port_zero_is_one),
                T(test_wrong_services),
                T(test_wrong_lessons),
                T(test_wrong_ages),
                T(test_what_is_missing_is_zero),
                T(test_cut_bytes),
                T(test_turned_bits),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
