/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Alerts with any value in every field, and whether two are the same in every field.
 *
 * The initializers name no fields on purpose: a field that is added to one of these structs makes
 * the compiler complain here (-Wmissing-field-initializers). Whoever adds one gives it a value here,
 * compares it below, and appends it to its item in lib/alertitem*.c; or says here why it need not
 * outlive the daemon.
 */

#include "fixture.h"

#include <stdio.h>

#include "detect.h"

static inline uint64_t any_u64(void)
{
        const uint64_t bits =
                (uint64_t)random() << 62 ^ (uint64_t)random() << 31 ^ (uint64_t)random();

        return (bits & INT64_MAX) >> random() % 63;
}

static inline uint32_t any_u32(void)
{
        return (uint32_t)random() << 1 ^ (uint32_t)random();
}

static inline bool any_bool(void)
{
        return random() & 0x100;
}

static inline double any_double(void)
{
        return (double)any_u32() / (1 + (double)any_u32()) * (any_bool() ? 1e6 : -1e-6);
}

/* Any bytes but NUL, as many as there is room for, or fewer. */
static inline void any_text(char *buf, size_t size)
{
        const size_t len = any_bool() ? size - 1 : (size_t)random() % size;

        for (size_t i = 0; i < len; i++)
                buf[i] = (char)(random() % 255 + 1);
        buf[len] = '\0';
}

static inline struct destination any_destination(void)
{
        struct destination destination = { { { 0 } },
                                           { { 0 } },
                                           any_bool() ? ADDR_IPV4 : ADDR_IPV6 };
        const size_t len = destination.family == ADDR_IPV4 ? 4 : 16;

        for (size_t i = 0; i < len; i++) {
                destination.source.bytes[i] = (uint8_t)random();
                destination.address.bytes[i] = (uint8_t)random();
        }
        return destination;
}

static inline struct alert_key any_key(enum alert_kind kind, uint16_t number)
{
        const struct port_key host = { 0, 0, SIDE_HOST };
        const struct port_key port = { any_u32(), (uint16_t)(number + 1),
                                       any_bool() ? SIDE_LOCAL : SIDE_REMOTE };
        struct destination none = { { { 0 } }, { { 0 } }, ADDR_NONE };

        return (struct alert_key){ kind, alert_kind_is_host(kind) ? host : port,
                                   kind == ALERT_PORT_EXHAUSTION ? any_destination() : none };
}

static inline struct port_leak any_leak(void)
{
        return (struct port_leak){ any_bool(),   (uint8_t)(random() % (LEAK_TIMES_MAX + 1)),
                                   any_u32(),    any_u32(),
                                   any_u32(),    any_u64(),
                                   any_u64(),    any_u64(),
                                   any_double(), any_double() };
}

static inline struct exhaustion any_exhaustion(void)
{
        return (struct exhaustion){ any_bool(), any_u32(),    any_u32(), any_u32(), any_u32(),
                                    any_bool(), any_double(), any_u64(), any_u64() };
}

static inline struct tw_table any_tw_table(void)
{
        return (struct tw_table){ any_bool(), any_u64(),  any_u64(), any_bool(),
                                  any_u64(),  any_bool(), any_u64(), any_u64() };
}

static inline struct half_open any_half_open(void)
{
        return (struct half_open){ any_bool(), any_u32(), any_u32(), any_u32(),
                                   any_u32(),  any_u32(), any_u64(), any_u64() };
}

static inline struct alert_values any_values(void)
{
        return (struct alert_values){
                any_u64(),        any_u64(),
                any_u64(),        any_u64(),
                any_u64(),        any_u64(),
                any_bool(),       { any_u32(), any_u32(), any_u32(), any_u32() },
                any_leak(),       any_bool(),
                any_exhaustion(), any_tw_table(),
                any_half_open(),  false
        };
}

static inline int64_t any_known(uint64_t max)
{
        return any_bool() ? (int64_t)(any_u64() % (max + 1)) : OWNER_UNKNOWN;
}

static inline struct owner_process any_process(void)
{
        struct owner_process process = { any_known(INT32_MAX), "", any_known(INT64_MAX),
                                         any_bool() ? OWNER_UNLIMITED : any_known(INT64_MAX) };

        any_text(process.comm, sizeof(process.comm));
        return process;
}

static inline struct owner any_owner(void)
{
        const uint32_t listed = (uint32_t)random() % (OWNER_PROCESSES_LISTED + 1);
        struct owner owner = { "",
                               any_bool(),
                               any_bool(),
                               any_bool(),
                               any_known(UINT32_MAX),
                               listed + (uint32_t)random() % 100,
                               listed,
                               { { 0 } } };

        any_text(owner.unit, sizeof(owner.unit));
        for (uint32_t i = 0; i < listed; i++)
                owner.processes[i] = any_process();
        return owner;
}

static inline struct port_witness any_witness(void)
{
        return (struct port_witness){ any_u64(), any_u32(), any_u32(), any_bool(), any_bool() };
}

static inline struct acknowledgement any_acknowledgement(void)
{
        struct acknowledgement acknowledgement = { true, any_u32(), any_u64(), "" };

        for (size_t i = (size_t)random() % ACKNOWLEDGEMENT_COMMENT_MAX; i > 0; i--)
                acknowledgement.comment[i - 1] = (char)(' ' + random() % 95);
        return acknowledgement;
}

/* number: two alerts of one kind and different numbers have different keys. */
static inline struct alert any_alert(enum alert_kind kind, enum alert_state state, uint16_t number)
{
        const struct acknowledgement none = { 0 };
        struct alert alert = {
                any_key(kind, number),
                state,
                any_bool() ? SEVERITY_WARNING : SEVERITY_CRITICAL,
                any_u64() | 1,
                any_u64(),
                any_values(),
                any_owner(),
                any_witness(),
                state == ALERT_RAISED && any_bool() ? any_acknowledgement() : none,
                "",
                "",
                any_bool() ? (int64_t)any_u64() >> 1 : RULE_LEVEL_OFF,
                any_bool() ? (int64_t)any_u64() >> 1 : RULE_LEVEL_OFF,
                any_u64(),
                any_u64(),
                any_u64(),

                /* who was asked for: asked for anew by the next daemon */
                0,
                false,
                { 0 },

                any_u64(),
                any_u64(),
                any_u64(),
                any_u64(),
                any_u64(),
                any_u64(),
                any_u64(),
        };

        any_text(alert.reason, sizeof(alert.reason));
        any_text(alert.origin, sizeof(alert.origin));
        return alert;
}

static inline struct event any_event(uint64_t sequence)
{
        struct event event = { sequence,
                               (enum transition)(random() % TRANSITION_COUNT),
                               (enum severity)(random() % (SEVERITY_CRITICAL + 1)),
                               any_u64(),
                               any_u64(),
                               any_alert((enum alert_kind)(random() % ALERT_KIND_COUNT),
                                         ALERT_RAISED, (uint16_t)(random() % 1000)),
                               "" };

        any_text(event.reason, sizeof(event.reason));
        return event;
}

/* ---- the same ---- */

#define SAME(field)      assert_true(a->field == b->field)
#define SAME_TEXT(field) assert_string_equal(a->field, b->field)

static inline void assert_same_key(const struct alert_key *a, const struct alert_key *b)
{
        SAME(kind);
        SAME(port.netns);
        SAME(port.port);
        SAME(port.side);
        SAME(destination.family);
        assert_memory_equal(&a->destination.source, &b->destination.source, 16);
        assert_memory_equal(&a->destination.address, &b->destination.address, 16);
}

static inline void assert_same_values(const struct alert_values *a, const struct alert_values *b)
{
        SAME(count);
        SAME(close_wait);
        SAME(time_wait);
        SAME(stuck);
        SAME(stuck_usual);
        SAME(oldest_usec);
        SAME(oldest_at_least);
        assert_memory_equal(a->stage, b->stage, sizeof(a->stage));
        SAME(port_known);
        SAME(leak.known);
        SAME(leak.times);
        SAME(leak.unaccepted);
        SAME(leak.outlived);
        SAME(leak.arrived);
        SAME(leak.window_usec);
        SAME(leak.pause_usec);
        SAME(leak.patience_usec);
        SAME(leak.rate_per_min);
        SAME(leak.error_per_min);
        SAME(exhaustion.known);
        SAME(exhaustion.used);
        SAME(exhaustion.reusable);
        SAME(exhaustion.usable);
        SAME(exhaustion.error_max);
        SAME(exhaustion.burning);
        SAME(exhaustion.burn_per_min);
        SAME(exhaustion.eta_usec);
        SAME(exhaustion.pause_usec);
        SAME(tw_table.known);
        SAME(tw_table.used);
        SAME(tw_table.max);
        SAME(tw_table.time_wait_known);
        SAME(tw_table.time_wait);
        SAME(tw_table.overflow_known);
        SAME(tw_table.overflows);
        SAME(tw_table.overflows_total);
        SAME(half_open.known);
        SAME(half_open.established);
        SAME(half_open.keepalive);
        SAME(half_open.busy);
        SAME(half_open.silent);
        SAME(half_open.unanswered);
        SAME(half_open.oldest_usec);
        SAME(half_open.default_usec);
}

static inline void assert_same_owner(const struct owner *a, const struct owner *b)
{
        SAME_TEXT(unit);
        SAME(unit_is_user);
        SAME(by_listener);
        SAME(holders);
        SAME(uid);
        SAME(total);
        SAME(n_processes);
        for (uint32_t i = 0; i < a->n_processes; i++) {
                SAME(processes[i].pid);
                SAME_TEXT(processes[i].comm);
                SAME(processes[i].fds);
                SAME(processes[i].fd_limit);
        }
}

static inline void assert_same_alert(const struct alert *a, const struct alert *b)
{
        assert_same_key(&a->key, &b->key);
        SAME(state);
        SAME(severity);
        SAME(since_usec);
        SAME(since_wall_usec);
        assert_same_values(&a->values, &b->values);
        assert_same_owner(&a->owner, &b->owner);
        SAME(witness.known);
        assert_true(port_witness_equal(&a->witness, &b->witness));
        SAME(acknowledgement.given);
        SAME(acknowledgement.uid);
        SAME(acknowledgement.wall_usec);
        SAME_TEXT(acknowledgement.comment);
        SAME_TEXT(reason);
        SAME_TEXT(origin);
        SAME(warning);
        SAME(critical);
        SAME(stuck_after_usec);
        SAME(critical_within_usec);
        SAME(silent_after_usec);
        SAME(owner_asked_usec);
        SAME(owner_forgotten);
        assert_true(port_witness_equal(&a->owner_asked, &b->owner_asked));
        SAME(seen_usec);
        SAME(critical_since_usec);
        SAME(below_since_usec);
        SAME(below_critical_since_usec);
        SAME(clear_after_usec);
        SAME(leak_pause_usec);
        SAME(told_usec);
}

static inline void assert_same_event(const struct event *a, const struct event *b)
{
        SAME(sequence);
        SAME(transition);
        SAME(previous_severity);
        SAME(now_usec);
        SAME(now_wall_usec);
        assert_same_alert(&a->alert, &b->alert);
        SAME_TEXT(reason);
}

#undef SAME
#undef SAME_TEXT
