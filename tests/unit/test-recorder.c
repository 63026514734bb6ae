/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Record, then replay: what comes out is what the observer made of the scans themselves, whatever
 * the scans were. The scans are random, from fixed seeds.
 */

#include <errno.h>
#include <jansson.h>

#include "recording.h"

#include "rectable.h"
#include "wire.h"

#define SOCKETS_MAX 60
#define PORTS       5
#define SCANS       250

/* ---- a host, as a scan may find it ---- */

struct host {
        uint64_t seed;
        struct sockrec sockets[SOCKETS_MAX];
        size_t n;
        struct sockrec listeners[PORTS + 1];
        bool listening[PORTS + 1];
        unsigned time_wait[PORTS];
        uint64_t cookie;
};

static unsigned roll(struct host *host, unsigned sides)
{
        host->seed ^= host->seed << 13;
        host->seed ^= host->seed >> 7;
        host->seed ^= host->seed << 17;
        return (unsigned)(host->seed >> 11) % sides;
}

static bool chance(struct host *host, unsigned pct)
{
        return roll(host, 100) < pct;
}

static uint16_t port_number(unsigned i)
{
        return (uint16_t)(8000 + i * 7);
}

static struct sockrec random_socket(struct host *host)
{
        struct sockrec record;

        host->cookie += chance(host, 10) ? (uint64_t)-3 - roll(host, 1000) : 1 + roll(host, 3);
        record = close_wait_socket(host->cookie, port_number(roll(host, PORTS)));
        if (chance(host, 30)) { /* outgoing */
                record.remote_port = record.local_port;
                record.local_port = (uint16_t)(40000 + roll(host, 20000));
        }
        if (chance(host, 30)) {
                record.family = ADDR_IPV6;
                record.local.bytes[15] = 1;
                record.remote.bytes[7] = (uint8_t)roll(host, 256);
                record.v6only = chance(host, 50);
                record.have |= SOCKREC_V6ONLY;
        }
        if (chance(host, 10)) {
                record.have &= ~(uint32_t)SOCKREC_CGROUP;
                record.cgroup_id = 0;
        }
        record.receive_queue = chance(host, 50) ? roll(host, 3) : roll(host, 100000);
        record.inode = chance(host, 20) ? 0 : record.inode;
        record.uid = roll(host, 3);
        record.shutdown = (uint8_t)roll(host, 4);
        record.have |= SOCKREC_SHUTDOWN;
        record.timer = (uint8_t)roll(host, SOCK_TIMER_UNKNOWN + 1);
        return record;
}

static void change_socket(struct host *host, struct sockrec *record)
{
        switch (roll(host, 8)) {
        case 0:
                record->receive_queue = roll(host, 3);
                break;
        case 1:
                record->inode = 1 + roll(host, 100000);
                break;
        case 2:
                record->uid = roll(host, 3);
                break;
        case 3:
                record->cgroup_id = roll(host, 5);
                record->have |= SOCKREC_CGROUP;
                break;
        case 4:
                record->timer = (uint8_t)roll(host, SOCK_TIMER_UNKNOWN + 1);
                break;
        case 5:
                record->have ^= SOCKREC_MAPPED;
                break;
        case 6:
                record->local_port = port_number(roll(host, PORTS)); /* no kernel does that */
                break;
        default:
                record->send_queue = roll(host, 1000); /* not recorded */
                break;
        }
}

static void live_on(struct host *host)
{
        unsigned come = chance(host, 5) ? roll(host, 30) : roll(host, 3);

        for (size_t i = 0; i < host->n;)
                if (chance(host, 3))
                        host->sockets[i] = host->sockets[--host->n];
                else if (chance(host, 5))
                        change_socket(host, &host->sockets[i++]);
                else
                        i++;
        for (; come > 0 && host->n < SOCKETS_MAX; come--)
                host->sockets[host->n++] = random_socket(host);
        if (chance(host, 10) && host->n > 1) { /* the order of a dump is the kernel's own */
                const size_t i = roll(host, (unsigned)host->n), j = roll(host, (unsigned)host->n);
                const struct sockrec record = host->sockets[i];

                host->sockets[i] = host->sockets[j];
                host->sockets[j] = record;
        }
        for (unsigned i = 0; i <= PORTS; i++)
                if (chance(host, 4))
                        host->listening[i] = !host->listening[i];
        for (unsigned i = 0; i < PORTS; i++)
                host->time_wait[i] = chance(host, 70) ? host->time_wait[i] : roll(host, 20);
}

static void begin_host(struct host *host, uint64_t seed)
{
        *host = (struct host){ .seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .cookie = 1000 };
        for (unsigned i = 0; i <= PORTS; i++) {
                host->listeners[i] = close_wait_socket(500 + i, port_number(i % PORTS));
                host->listeners[i].state = SOCK_LISTEN;
                host->listeners[i].send_queue = 128;
                host->listening[i] = chance(host, 60);
        }
}

/* ---- scans of it ---- */

static struct scan_outcome random_outcome(struct host *host)
{
        struct scan_outcome outcome = { .sockets_whole = true, .messages = roll(host, 1000) };

        if (chance(host, 85))
                return outcome;
        outcome.sockets_whole = chance(host, 30);
        outcome.result = chance(host, 60) ? SCAN_PARTIAL : SCAN_FAILED;
        outcome.error = outcome.result == SCAN_FAILED ? -ENOBUFS : 0;
        outcome.malformed = roll(host, 2);
        snprintf(outcome.error_text, sizeof(outcome.error_text), "trouble %u", roll(host, 100));
        return outcome;
}

static void show_sockets(struct studio *studio, struct host *host, unsigned missed_pct)
{
        for (size_t i = 0; i < host->n; i++) {
                struct sockrec record = host->sockets[i];

                if (chance(host, missed_pct))
                        continue;
                if (studio->request.date_new) {
                        record.have |= SOCKREC_INFO;
                        record.last_ack_recv_msec = roll(host, 400000);
                        record.last_data_recv_msec =
                                record.last_ack_recv_msec + (chance(host, 50) ? 5000 : 0);
                }
                studio_see(studio, &record);
                if (!chance(host, 5))
                        continue;
                record.inode++; /* a dump may show a socket twice */
                studio_see(studio, &record);
        }
}

static void show_time_wait(struct studio *studio, struct host *host)
{
        for (unsigned i = 0; i < PORTS; i++)
                for (unsigned n = 0; n < host->time_wait[i]; n++) {
                        const struct sockrec record = { .local_port = port_number(i),
                                                        .remote_port = 50000,
                                                        .state = SOCK_TIME_WAIT,
                                                        .expires_msec = roll(host, 65000),
                                                        .have = SOCKREC_MINI };

                        studio_see(studio, &record);
                }
}

/* Where sockstat has many, two scans of three go without them. */
static void plan(struct studio *studio, struct host *host)
{
        struct host_facts facts;
        bool info;

        host_facts_clear(&facts);
        if (chance(host, 90))
                facts.sockstat.tw = OBSERVER_TIME_WAIT_FEW + roll(host, 100);
        studio->request.interval_usec = 10 * USEC_PER_SEC;
        observer_set_host(studio->observer, &facts);
        (void)observer_plan(studio->observer, &info);
}

static struct snapshot *scan_host(struct studio *studio, struct host *host)
{
        const uint64_t step = chance(host, 4) ? 1900 * USEC_PER_SEC : 10 * USEC_PER_SEC;
        const struct scan_outcome outcome = random_outcome(host);
        const unsigned missed_pct = outcome.result == SCAN_COMPLETE ? 1 : roll(host, 101);
        unsigned given_up = chance(host, 10) ? roll(host, 3) : 0;

        studio->request.date_new = step > 20 * USEC_PER_SEC || chance(host, 5);
        studio_begin(studio, step);
        if (chance(host, 5)) {
                const uint16_t first = (uint16_t)(30000 + roll(host, 3));

                observer_set_port_range(studio->observer, first, 60999);
                recorder_port_range(studio->recorder, first, 60999);
        }
        for (unsigned i = 0; i <= PORTS; i++)
                if (host->listening[i])
                        studio_listen(studio, &host->listeners[i]);
        studio_listened(studio, outcome.result == SCAN_COMPLETE);
        plan(studio, host);
        for (; given_up > 0; given_up--) {
                studio_attempt(studio);
                show_sockets(studio, host, roll(host, 101));
                live_on(host);
        }
        studio_attempt(studio);
        show_sockets(studio, host, missed_pct);
        if (outcome.result != SCAN_FAILED)
                show_time_wait(studio, host);
        return studio_end(studio, &outcome);
}

static struct snapshot *scan_blindly(struct studio *studio)
{
        const struct scan_outcome outcome = { .result = SCAN_FAILED,
                                              .error = -EACCES,
                                              .error_text = "no socket" };
        struct snapshot *snapshot;

        studio->request.generation++;
        studio->request.now_usec += 10 * USEC_PER_SEC;
        assert_int_equal(observer_failed(&studio->request, &outcome, &snapshot), 0);
        snapshot->end_usec = snapshot->start_usec + 5;
        recorder_finish(studio->recorder, &studio->request, snapshot);
        return snapshot;
}

/* ---- what is the same ---- */

static void assert_same_json(json_t *a, json_t *b)
{
        char *x = json_dumps(a, JSON_SORT_KEYS), *y = json_dumps(b, JSON_SORT_KEYS);

        assert_non_null(x);
        assert_non_null(y);
        assert_string_equal(x, y);
        free(x);
        free(y);
        json_decref(a);
        json_decref(b);
}

static void assert_same_witness(const struct port_witness *a, const struct port_witness *b)
{
        assert_int_equal(a->known, b->known);
        assert_int_equal(a->by_listener, b->by_listener);
        assert_int_equal(a->cgroup_id, b->cgroup_id);
        assert_int_equal(a->uid, b->uid);
        assert_int_equal(a->inode, b->inode);
}

static void assert_same_row(const struct snapshot *x, const struct snapshot *y, size_t i)
{
        const struct port_row *a = &x->rows[i], *b = &y->rows[i];

        assert_int_equal(port_key_compare(&a->key, &b->key), 0);
        assert_int_equal(a->flags, b->flags);
        assert_memory_equal(a->count, b->count, sizeof(a->count));
        assert_memory_equal(a->stage, b->stage, sizeof(a->stage));
        assert_memory_equal(a->tw_remaining, b->tw_remaining, sizeof(a->tw_remaining));
        assert_int_equal(a->tw_beyond, b->tw_beyond);
        assert_int_equal(a->stuck, b->stuck);
        assert_int_equal(a->stuck_held, b->stuck_held);
        assert_int_equal(a->stuck_usual, b->stuck_usual);
        assert_int_equal(a->stuck_held_usual, b->stuck_held_usual);
        assert_int_equal(a->leak, b->leak);
        assert_int_equal(a->oldest_usec, b->oldest_usec);
        assert_int_equal(a->oldest_at_least, b->oldest_at_least);
        assert_same_witness(&a->witness, &b->witness);
        assert_same_witness(&a->listener, &b->listener);
        assert_same_json(wire_port(x, a, NULL), wire_port(y, b, NULL));
}

static void assert_same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
        assert_int_equal(a->generation, b->generation);
        assert_int_equal(a->result, b->result);
        assert_int_equal(a->error, b->error);
        assert_string_equal(a->error_text, b->error_text);
        assert_int_equal(a->start_usec, b->start_usec);
        assert_int_equal(a->end_usec, b->end_usec);
        assert_int_equal(a->start_wall_usec, b->start_wall_usec);
        assert_int_equal(a->counts_wall_usec, b->counts_wall_usec);
        assert_int_equal(a->requested, b->requested);
        assert_int_equal(a->complete, b->complete);
        assert_int_equal(a->estimated, b->estimated);
        assert_memory_equal(a->asof_usec, b->asof_usec, sizeof(a->asof_usec));
        assert_memory_equal(&a->cost, &b->cost, sizeof(a->cost));
        assert_int_equal(a->retries, b->retries);
        assert_memory_equal(a->total, b->total, sizeof(a->total));
        assert_int_equal(a->malformed, b->malformed);
        assert_int_equal(a->ports_overflow, b->ports_overflow);
        assert_int_equal(a->tracked, b->tracked);
        assert_int_equal(a->untracked, b->untracked);
        assert_int_equal(a->n_rows, b->n_rows);
        assert_int_equal(a->index_mask, b->index_mask);
        for (size_t i = 0; i < a->n_rows; i++)
                assert_same_row(a, b, i);
        if (a->index_mask > 0)
                assert_memory_equal(a->index, b->index, (a->index_mask + 1) * sizeof(a->index[0]));
}

static void judge(struct alert_table *table, const struct rules *rules,
                  const struct snapshot *snapshot, struct events *events)
{
        assert_int_equal(detect_step(table, rules, snapshot, snapshot->start_usec,
                                     snapshot->start_wall_usec, events),
                         0);
}

/* The events of both, and how many there were. */
static size_t assert_same_events(struct alert_table *tables[2], const struct rules *rules,
                                 const struct snapshot *a, const struct snapshot *b)
{
        struct events x = { 0 }, y = { 0 };
        size_t n;

        judge(tables[0], rules, a, &x);
        judge(tables[1], rules, b, &y);
        n = x.n;
        assert_int_equal(n, y.n);
        for (size_t i = 0; i < n; i++)
                assert_same_json(wire_event(&x.items[i]), wire_event(&y.items[i]));
        events_done(&x);
        events_done(&y);
        return n;
}

static void assert_replays(struct studio *studio, struct snapshot *const *snapshots, size_t n,
                           size_t *events)
{
        struct alert_table *tables[2];
        struct replay_item item;
        struct replay *replay;
        struct recerror error;
        int r;

        studio->tape.at = 0;
        assert_int_equal(alert_table_new(&tables[0]), 0);
        assert_int_equal(alert_table_new(&tables[1]), 0);
        r = replay_new(tape_read, &studio->tape, studio->rules, &replay, &error);
        assert_int_equal(r, 0);
        assert_int_equal(replay_next(replay, &item, &error), REPLAY_SESSION);
        for (size_t i = 0; i < n; i++) {
                r = replay_next(replay, &item, &error);
                if (r < 0)
                        fail_msg("scan %zu of %zu: offset %zu: %s", i, n, (size_t)error.offset,
                                 error.text);
                assert_int_equal(r, REPLAY_SCAN);
                assert_same_snapshot(snapshots[i], item.snapshot);
                *events += assert_same_events(tables, studio->rules, snapshots[i], item.snapshot);
                snapshot_unref(item.snapshot);
        }
        assert_int_equal(replay_next(replay, &item, &error), REPLAY_END);
        replay_free(replay);
        alert_table_free(tables[0]);
        alert_table_free(tables[1]);
}

static void test_same_as_directly(void **state)
{
        static struct snapshot *snapshots[SCANS];
        size_t events = 0, estimated = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= 20; seed++) {
                struct studio studio;
                struct host host;

                studio_open(&studio);
                begin_host(&host, seed);
                for (size_t i = 0; i < SCANS; i++) {
                        live_on(&host);
                        snapshots[i] = chance(&host, 3) ? scan_blindly(&studio)
                                                        : scan_host(&studio, &host);
                }
                studio.tape.chunk = seed % 3 == 0 ? 7 : 0;
                assert_replays(&studio, snapshots, SCANS, &events);
                for (size_t i = 0; i < SCANS; i++) {
                        estimated += snapshots[i]->estimated != 0;
                        snapshot_unref(snapshots[i]);
                }
                studio_close(&studio);
        }
        assert_true(events > 200); /* else nothing was compared */
        assert_true(estimated > 1000 && estimated < 4000);
}

/*
 * A port that lost its listener stays a service for as long as it has sockets and for an hour after
 * that, and be they in TIME_WAIT.
 */
static void test_time_wait_keeps_a_service(void **state)
{
        const struct scan_outcome outcome = { .sockets_whole = true };
        const struct sockrec time_wait = { .local_port = 40001,
                                           .remote_port = 50000,
                                           .state = SOCK_TIME_WAIT,
                                           .expires_msec = 1 };
        struct sockrec listener = close_wait_socket(3, 40001);
        struct snapshot *snapshots[12];
        const struct port_key port = local_port(40001);
        struct studio studio;
        size_t events = 0;

        (void)state;
        listener.state = SOCK_LISTEN;
        studio_open(&studio);
        for (size_t i = 0; i < ARRAY_SIZE(snapshots); i++) {
                studio_begin(&studio, 1000 * USEC_PER_SEC);
                if (i == 0)
                        studio_listen(&studio, &listener);
                studio_listened(&studio, true);
                studio_attempt(&studio);
                if (i > 0 && i < 6)
                        studio_see(&studio, &time_wait);
                snapshots[i] = studio_end(&studio, &outcome);
        }
        assert_non_null(snapshot_find(snapshots[8], &port)); /* 3000 s after the last one */
        assert_null(snapshot_find(snapshots[11], &port));
        assert_replays(&studio, snapshots, ARRAY_SIZE(snapshots), &events);
        for (size_t i = 0; i < ARRAY_SIZE(snapshots); i++)
                snapshot_unref(snapshots[i]);
        studio_close(&studio);
}

/* Sockets that sockstat has, and no port had when they were counted. */
static void test_estimated_ones_of_no_port(void **state)
{
        const struct scan_outcome outcome = { .sockets_whole = true };
        struct snapshot *snapshots[2];
        struct host_facts facts;
        struct studio studio;
        size_t events = 0;

        (void)state;
        host_facts_clear(&facts);
        facts.sockstat.tw = OBSERVER_TIME_WAIT_FEW + 1;
        studio_open(&studio);
        studio.request.interval_usec = 10 * USEC_PER_SEC;
        for (size_t i = 0; i < ARRAY_SIZE(snapshots); i++) {
                bool info;

                studio_begin(&studio, 10 * USEC_PER_SEC);
                studio_listened(&studio, true);
                observer_set_host(studio.observer, &facts);
                (void)observer_plan(studio.observer, &info);
                studio_attempt(&studio);
                snapshots[i] = studio_end(&studio, &outcome);
                facts.sockstat.tw += 2;
        }
        assert_int_equal(snapshots[1]->total[SOCK_TIME_WAIT], 2);
        assert_int_equal(snapshots[1]->n_rows, 0);
        assert_replays(&studio, snapshots, ARRAY_SIZE(snapshots), &events);
        for (size_t i = 0; i < ARRAY_SIZE(snapshots); i++)
                snapshot_unref(snapshots[i]);
        studio_close(&studio);
}

/* ---- what it costs ---- */

static struct sockrec *many_sockets(size_t n)
{
        struct sockrec *records = calloc(n, sizeof(*records));

        assert_non_null(records);
        for (size_t i = 0; i < n; i++)
                records[i] = close_wait_socket(i + 1, 8080);
        return records;
}

static void scan_partly(struct studio *studio, const struct sockrec *records, size_t n)
{
        const struct scan_outcome outcome = { .result = SCAN_PARTIAL };

        studio_begin(studio, 10 * USEC_PER_SEC);
        studio_listened(studio, true);
        studio_attempt(studio);
        for (size_t i = 0; i < n; i++)
                studio_see(studio, &records[i]);
        snapshot_unref(studio_end(studio, &outcome));
}

static void test_quiet_scans_are_short(void **state)
{
        const size_t n = 100000;
        struct sockrec *records = many_sockets(n);
        struct studio studio;
        size_t before;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, records, n));
        assert_true(studio.tape.len < n * 40);
        before = studio.tape.len;
        snapshot_unref(studio_scan(&studio, records, n));
        assert_true(studio.tape.len - before < 64);

        before = studio.tape.len; /* one has gone, one has come, one was read from */
        records[500] = close_wait_socket(n + 1, 8080);
        records[700].receive_queue = 0;
        snapshot_unref(studio_scan(&studio, records, n));
        assert_true(studio.tape.len - before < 64 + 48);

        before = studio.tape.len; /* and half of them were missed */
        snapshot_unref(studio_scan(&studio, records, n / 2));
        snapshot_unref(studio_scan(&studio, records, n));
        assert_true(studio.tape.len - before < 3 * 64);

        before = studio.tape.len; /* scans that were cut short prove nothing, however many */
        for (unsigned i = 0; i < 5; i++)
                scan_partly(&studio, records, n / 2);
        snapshot_unref(studio_scan(&studio, records, n));
        assert_true(studio.tape.len - before < 6 * 64);
        studio_close(&studio);
        free(records);
}

static void test_beyond_the_limit(void **state)
{
        const size_t n = RECTABLE_SOCKETS_MAX + 5;
        struct sockrec *records = many_sockets(n);
        struct recorder_stats stats;
        struct snapshot *snapshots[2];
        struct studio studio;

        (void)state;
        studio_open(&studio);
        for (size_t i = 0; i < 2; i++)
                snapshots[i] = studio_scan(&studio, records, n);
        recorder_get_stats(studio.recorder, &stats);
        assert_int_equal(stats.left_out, 5);
        assert_int_equal(stats.lost, 0);
        assert_int_equal(snapshots[1]->untracked, 5);
        {
                struct replay_item item;
                struct replay *replay;
                struct recerror error;

                assert_int_equal(replay_new(tape_read, &studio.tape, studio.rules, &replay, &error),
                                 0);
                assert_int_equal(replay_next(replay, &item, &error), REPLAY_SESSION);
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(replay_next(replay, &item, &error), REPLAY_SCAN);
                        assert_int_equal(item.snapshot->total[SOCK_CLOSE_WAIT], n);
                        assert_int_equal(item.snapshot->untracked, 5);
                        assert_int_equal(item.snapshot->tracked, n - 5);
                        snapshot_unref(item.snapshot);
                }
                replay_free(replay);
        }
        for (size_t i = 0; i < 2; i++)
                snapshot_unref(snapshots[i]);
        studio_close(&studio);
        free(records);
}

/* ---- what goes wrong while recording ---- */

static void test_full_disk(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct recorder_stats stats;
        struct snapshot *snapshots[4];
        struct studio studio;
        size_t events = 0;

        (void)state;
        studio_open(&studio);
        snapshots[0] = studio_scan(&studio, &record, 1);
        snapshots[1] = studio_scan(&studio, &record, 1);
        studio.tape.limit = studio.tape.len + 1;
        snapshots[2] = studio_scan(&studio, &record, 1);
        studio.tape.limit = 0; /* there is room again, but it has stopped */
        snapshots[3] = studio_scan(&studio, &record, 1);
        recorder_get_stats(studio.recorder, &stats);
        assert_int_equal(stats.error, -ENOSPC);
        assert_int_equal(stats.lost, 2);
        assert_int_equal(stats.frames, 3);
        assert_int_equal(snapshots[3]->total[SOCK_CLOSE_WAIT], 1);
        assert_replays(&studio, snapshots, 2, &events);
        for (size_t i = 0; i < 4; i++)
                snapshot_unref(snapshots[i]);
        studio_close(&studio);
}

/* A scan that made no snapshot: the next frame begins from nothing. */
static void test_lost_scan(void **state)
{
        struct sockrec records[2] = { close_wait_socket(9, 80), close_wait_socket(10, 80) };
        struct recorder_stats stats;
        struct replay_item item;
        struct replay *replay;
        struct recerror error;
        struct studio studio;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, records, 1));
        studio_begin(&studio, 10 * USEC_PER_SEC);
        studio_attempt(&studio);
        studio_see(&studio, &records[1]);
        snapshot_unref(studio_scan(&studio, records, 2));
        recorder_get_stats(studio.recorder, &stats);
        assert_int_equal(stats.lost, 1);
        assert_int_equal(replay_new(tape_read, &studio.tape, studio.rules, &replay, &error), 0);
        assert_int_equal(replay_next(replay, &item, &error), REPLAY_SESSION);
        for (size_t i = 1; i <= 2; i++) {
                assert_int_equal(replay_next(replay, &item, &error), REPLAY_SCAN);
                assert_int_equal(item.snapshot->total[SOCK_CLOSE_WAIT], i);
                snapshot_unref(item.snapshot);
        }
        assert_int_equal(replay_next(replay, &item, &error), REPLAY_END);
        replay_free(replay);
        studio_close(&studio);
}

static void test_no_recorder(void **state)
{
        struct recorder_stats stats;

        (void)state;
        recorder_begin(NULL);
        recorder_port_range(NULL, 1, 2);
        recorder_begin_listeners(NULL);
        recorder_end_listeners(NULL, true);
        recorder_begin_sockets(NULL);
        recorder_end_sockets(NULL, true);
        recorder_finish(NULL, NULL, NULL);
        recorder_owner(NULL, NULL);
        recorder_session(NULL, NULL);
        recorder_get_stats(NULL, &stats);
        assert_int_equal(stats.lost, 0);
        assert_null(recorder_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_as_directly),
                cmocka_unit_test(test_time_wait_keeps_a_service),
                cmocka_unit_test(test_estimated_ones_of_no_port),
                cmocka_unit_test(test_quiet_scans_are_short),
                cmocka_unit_test(test_beyond_the_limit),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_lost_scan),
                cmocka_unit_test(test_no_recorder),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
