/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A host in virtual time, from its sockets to events: observed and judged when the schedule lets
 * scans come. All times are in microseconds, and multiples of a millisecond: so exact tcp_info is.
 */

#include "detect.h"
#include "fixture.h"
#include "observe.h"
#include "rule.h"
#include "schedule.h"

#define HOST_SOCKETS_MAX 2048
#define HOST_PORT        80
#define HOST_MANY        100000 /* in TIME_WAIT, by sockstat */
#define HOST_STEPS_MAX   20000

/* A socket of a port of this host, or a connection of it to port 443 of others. */
struct host_socket {
        enum sock_state state;
        uint16_t port;
        uint16_t destination; /* 0: local port `port` */
        bool acked; /* the peer's system answers: when it got into its state is not known */
        uint64_t entered, left;
};

struct host {
        struct observer *observer;
        struct rules *rules;
        struct alert_table *alerts;
        struct events events;
        uint64_t interval;
        uint64_t generation;
        uint64_t slot;    /* of the next scan */
        uint64_t scanned; /* slot of the last one; 0: none yet */
        uint64_t stretch; /* CPUBudget puts every scan off by up to so much */
        struct detect_due due;

        struct host_socket sockets[HOST_SOCKETS_MAX];
        size_t n_sockets;
        bool many_time_wait;              /* on other ports: they are not counted by every scan */
        uint64_t table_from, table_until; /* the table of TIME_WAIT is full between */
        uint64_t overflow;                /* then it overflows, once */
        uint64_t blind_from, blind_until; /* scans fail between */
        unsigned scans, counts;           /* and how many of them counted TIME_WAIT */
};

#define NEVER UINT64_MAX

static inline uint64_t random_between(uint64_t low, uint64_t high)
{
        return low + (uint64_t)random() % (high - low + 1);
}

/* In whole milliseconds. */
static inline uint64_t random_time(uint64_t low, uint64_t high)
{
        return random_between(low / USEC_PER_MSEC, high / USEC_PER_MSEC) * USEC_PER_MSEC;
}

/* ---- one scan ---- */

static inline struct host_facts host_facts_now(const struct host *host)
{
        struct host_facts facts;

        host_facts_clear(&facts);
        facts.limits.port_range_known = true;
        facts.limits.port_first = 40000;
        facts.limits.port_last = 40199;
        facts.limits.reserved_in_range = 0;
        facts.limits.max_tw_buckets = 2 * HOST_MANY;
        facts.sockstat = (struct sockstat){ .tw = host->many_time_wait ? HOST_MANY : 0 };
        if (host->slot >= host->table_from && host->slot < host->table_until)
                facts.sockstat.tw = 2 * HOST_MANY;
        facts.counters.known = 1U << TCP_TIME_WAIT_OVERFLOW;
        facts.counters.value[TCP_TIME_WAIT_OVERFLOW] = host->slot >= host->overflow;
        for (size_t i = 0; i < host->n_sockets; i++)
                facts.sockstat.inuse += host->sockets[i].entered <= host->slot &&
                                        host->sockets[i].left > host->slot;
        return facts;
}

static inline void host_show(struct host *host, size_t i, bool info)
{
        const struct host_socket *socket = &host->sockets[i];
        const uint64_t age = socket->acked ? 0 : host->slot - socket->entered;
        struct sockrec record = { .cookie = i + 1,
                                  .state = (uint8_t)socket->state,
                                  .family = ADDR_IPV4,
                                  .local_port = socket->port,
                                  .remote_port = 30000,
                                  .have = info ? SOCKREC_INFO : 0 };

        record.remote.bytes[3] = (uint8_t)socket->destination;
        if (socket->destination > 0) {
                record.local_port = (uint16_t)(40000 + i % 200);
                record.remote_port = 443;
                record.remote.bytes[2] = (uint8_t)(socket->destination >> 8);
        }
        if (info)
                record.last_ack_recv_msec = record.last_data_recv_msec =
                        (uint32_t)(age / USEC_PER_MSEC);
        assert_int_equal(observer_socket(host->observer, &record), 0);
}

static inline void host_show_all(struct host *host, uint32_t states, bool info)
{
        for (size_t i = 0; i < host->n_sockets; i++) {
                const struct host_socket *socket = &host->sockets[i];
                const bool there = socket->entered <= host->slot && socket->left > host->slot;

                if (there && states & SOCK_MASK(socket->state))
                        host_show(host, i, info);
        }
}

static inline struct snapshot *host_observe(struct host *host, enum scan_result result)
{
        static const struct sockrec listener = { .state = SOCK_LISTEN, .local_port = HOST_PORT };
        const struct scan_outcome outcome = { .result = result,
                                              .sockets_whole = result == SCAN_COMPLETE };
        const struct host_facts facts = host_facts_now(host);
        const struct scan_request request = {
                .generation = ++host->generation,
                .now_usec = host->slot,
                .rules = host->rules,
                .conf_serial = 1,
                .interval_usec = host->interval,
                .date_new = host->scanned == 0 || host->slot - host->scanned > host->interval,
                .pause_usec = host->scanned > 0 ? host->slot - host->scanned : 0,
                .time_wait = host->due.time_wait,
        };
        struct snapshot *snapshot;
        uint32_t states;
        bool info;

        observer_begin(host->observer, &request);
        observer_set_host(host->observer, &facts);
        observer_begin_listeners(host->observer);
        observer_listener(host->observer, &listener);
        observer_end_listeners(host->observer, true);
        states = observer_plan(host->observer, &info);
        observer_begin_sockets(host->observer);
        if (result == SCAN_COMPLETE)
                host_show_all(host, states, info);
        assert_int_equal(observer_finish(host->observer, &outcome, &snapshot), 0);
        return snapshot;
}

/* At its slot: looks, judges, and plans the next one. */
static inline void host_scan(struct host *host)
{
        const bool blind = host->slot >= host->blind_from && host->slot < host->blind_until;
        struct snapshot *snapshot = host_observe(host, blind ? SCAN_FAILED : SCAN_COMPLETE);
        const struct schedule schedule = { .interval_usec = host->interval };
        struct schedule_facts facts = { .slot_usec = host->slot,
                                        .end_usec = host->slot,
                                        .now_usec = host->slot };
        struct schedule_plan plan;

        host->scans++;
        host->counts += (snapshot->complete & SOCK_MASK(SOCK_TIME_WAIT)) != 0;
        assert_int_equal(
                detect_step(host->alerts, host->rules, snapshot, host->slot, 5, &host->events), 0);
        detect_due(host->alerts, host->rules, snapshot, &host->due);
        facts.due_usec = MIN(host->due.usec, snapshot->due_usec);
        snapshot_unref(snapshot);
        schedule_next(&schedule, &facts, &plan);
        host->scanned = host->slot;
        host->slot = plan.next_usec;
        if (host->stretch > 0)
                host->slot += random_time(0, host->stretch);
}

/* ---- the host ---- */

static inline void host_init(struct host *host, uint64_t interval, const struct rule *rule)
{
        memset(host, 0, sizeof(*host));
        host->interval = interval;
        host->slot = 1000 * USEC_PER_SEC;
        host->blind_from = host->table_from = host->overflow = NEVER;
        assert_int_equal(observer_new(&host->observer), 0);
        observer_set_port_range(host->observer, 40000, 40199);
        assert_int_equal(rules_new(&host->rules), 0);
        assert_int_equal(rules_add(host->rules, rule), 0);
        assert_int_equal(alert_table_new(&host->alerts), 0);
}

static inline void host_done(struct host *host)
{
        events_done(&host->events);
        alert_table_free(host->alerts);
        rules_free(host->rules);
        observer_free(host->observer);
}

/* n of these, each since a moment of that time; returns the last of them. */
static inline uint64_t host_add(struct host *host, struct host_socket socket, unsigned n,
                                uint64_t within)
{
        const uint64_t from = socket.entered;
        uint64_t last = 0;

        for (unsigned i = 0; i < n; i++) {
                assert_true(host->n_sockets < HOST_SOCKETS_MAX);
                socket.entered = random_time(from, from + within);
                last = MAX(last, socket.entered);
                host->sockets[host->n_sockets++] = socket;
        }
        return last;
}

/* All of that port leave then. */
static inline void host_end(struct host *host, uint16_t port, uint64_t when)
{
        for (size_t i = 0; i < host->n_sockets; i++)
                if (host->sockets[i].port == port)
                        host->sockets[i].left = MIN(host->sockets[i].left, when);
}

/* Scans until that is told of the port, or of the host as a whole; returns when. */
static inline uint64_t host_wait_for(struct host *host, enum transition transition)
{
        for (unsigned steps = 0; steps < HOST_STEPS_MAX; steps++) {
                const uint64_t slot = host->slot;

                host_scan(host);
                for (size_t i = 0; i < host->events.n; i++) {
                        const struct event *event = &host->events.items[i];
                        const uint16_t port = event->alert.key.port.port;

                        if (port != HOST_PORT && port != 443 && port != 0)
                                continue; /* of the noise */
                        if (event->transition != transition)
                                fail_msg("%s", transition_name(event->transition));
                        return slot;
                }
        }
        fail_msg("%s: it never came", transition_name(transition));
        return NEVER;
}

/* Scans until then. Nothing is told of the port. */
static inline void host_pass(struct host *host, uint64_t until)
{
        while (host->slot < until) {
                host_scan(host);
                for (size_t i = 0; i < host->events.n; i++)
                        assert_int_not_equal(host->events.items[i].alert.key.port.port, HOST_PORT);
        }
}
