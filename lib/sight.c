/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each kind compares one number with its levels. That of close-wait-stuck leaves out what is there
 * for no longer than is usual on its port (survival.c). That of close-wait-leak is the separate
 * times of arrival; it is critical by the time that is left, and slower to clear: not before its
 * sockets are gone, or nothing has arrived for PAUSES_TO_CLEAR of the pauses that arrivals made
 * before although the owner has descriptors left for more.
 *
 * TIME_WAIT is not counted by every scan where there is much of it. What those between show of it is
 * an estimate, which is good enough to be shown beside the number of another alert. Of
 * time-wait-count it tells nothing: what was counted last holds until the next count. A scan that
 * could not see is no such pause: as for every other alert, ClearAfter begins anew after it.
 */

#include "sight.h"

#include <string.h>

#include "base.h"

#define PAUSES_TO_CLEAR 3

static uint64_t number_of(enum alert_kind kind, const struct snapshot *snapshot,
                          const struct port_row *row)
{
        switch (kind) {
        case ALERT_CLOSE_WAIT_STUCK:
                return row->stuck - row->stuck_usual;
        case ALERT_CLOSE_WAIT_LEAK:
                return snapshot_leak(snapshot, row)->times;
        case ALERT_CLOSE_WAIT_COUNT:
                return row->count[SOCK_CLOSE_WAIT];
        case ALERT_TIME_WAIT_COUNT:
                return row->count[SOCK_TIME_WAIT];
        case ALERT_HALF_OPEN:
        case ALERT_PORT_EXHAUSTION:
        case ALERT_TIME_WAIT_TABLE:
        case ALERT_BLIND:
        case ALERT_KIND_COUNT:
                break;
        }
        return 0;
}

enum severity sight_level(const struct rule *rule, uint64_t number)
{
        if (rule->critical != RULE_LEVEL_OFF && number >= (uint64_t)rule->critical)
                return SEVERITY_CRITICAL;
        if (rule->warning != RULE_LEVEL_OFF && number >= (uint64_t)rule->warning)
                return SEVERITY_WARNING;
        return SEVERITY_NONE;
}

bool sight_is_below(const struct rule *rule, int64_t level, uint64_t count)
{
        uint64_t clear_level;

        if (level == RULE_LEVEL_OFF)
                return true;
        clear_level = (uint64_t)level / 100 * rule->clear_below_pct +
                      (uint64_t)level % 100 * rule->clear_below_pct / 100;
        if (clear_level >= (uint64_t)level && level > 0)
                clear_level = (uint64_t)level - 1;
        return count <= clear_level;
}

bool sight_is_near(const struct rule *rule, int64_t level, uint64_t number)
{
        const uint64_t part = (uint64_t)level / 100 * rule->clear_below_pct +
                              ((uint64_t)level % 100 * rule->clear_below_pct + 99) / 100;

        return number > 0 && number >= part;
}

/* TIME_WAIT sockets have no owner, and those in CLOSE_WAIT say nothing about them: who listens does.
 */
static const struct port_witness *witness_of(enum alert_kind kind, const struct port_row *row)
{
        return kind == ALERT_TIME_WAIT_COUNT ? &row->listener : &row->witness;
}

static enum sock_state state_of_kind(enum alert_kind kind)
{
        return kind == ALERT_TIME_WAIT_COUNT ? SOCK_TIME_WAIT : SOCK_CLOSE_WAIT;
}

/* A scan that has not asked for a state shows an estimate of it, by which nothing is judged. */
static bool was_asked_for(enum alert_kind kind, const struct snapshot *snapshot)
{
        return snapshot->requested & SOCK_MASK(state_of_kind(kind));
}

static void set_values(const struct snapshot *snapshot, const struct port_row *row,
                       struct alert_values *values)
{
        *values = (struct alert_values){ .close_wait = row->count[SOCK_CLOSE_WAIT],
                                         .time_wait = row->count[SOCK_TIME_WAIT],
                                         .stuck = row->stuck,
                                         .stuck_usual = row->stuck_usual,
                                         .stuck_at_least = snapshot_stuck_at_least(snapshot, row),
                                         .oldest_usec = row->oldest_usec,
                                         .oldest_at_least = row->oldest_at_least,
                                         .leak = *snapshot_leak(snapshot, row),
                                         .port_known = true };
        memcpy(values->stage, row->stage, sizeof(values->stage));
}

/* Severity of a leak is a matter of time. Where that is unknown it stays what it is. */
static void judge_time_left(const struct rule *rule, const struct alert *alert, struct sight *sight)
{
        const struct port_leak *leak = &sight->values.leak;
        const uint64_t within_usec = rule->critical_within_usec;
        uint64_t eta_usec;

        sight->values.count = leak->outlived;
        if (leak->outlived > 0) {
                sight->clear_after_usec = MAX(MAX(sight->clear_after_usec, leak->patience_usec),
                                              PAUSES_TO_CLEAR * alert->leak_pause_usec);
                /* with no descriptor left none can arrive any more */
                if (owner_headroom(&alert->owner) == 0)
                        sight->below_lowest = false;
        }
        sight->below_critical = within_usec == 0;
        switch (leak_eta_cautious(leak, &alert->owner, &eta_usec)) {
        case 0:
                if (sight->level == SEVERITY_WARNING && eta_usec < within_usec)
                        sight->level = SEVERITY_CRITICAL;
                sight->below_critical |= eta_usec / 100 * rule->clear_below_pct >= within_usec;
                break;
        case LEAK_ETA_NEVER:
        case LEAK_ETA_NONE:
                sight->below_critical = true;
                break;
        }
}

void sight_of_port(const struct rule *rule, const struct snapshot *snapshot,
                   const struct alert *alert, struct sight *ret_sight)
{
        static const struct port_row nothing;
        const struct port_row *row = snapshot_find(snapshot, &alert->key.port);
        const enum alert_kind kind = alert->key.kind;
        struct sight sight = { .known = snapshot->result != SCAN_FAILED,
                               .certain = snapshot->complete & SOCK_MASK(state_of_kind(kind)),
                               .clear_after_usec = rule->clear_after_usec };
        uint64_t number;

        *ret_sight = (struct sight){ 0 };
        if (!was_asked_for(kind, snapshot)) {
                ret_sight->stale = snapshot->result == SCAN_COMPLETE;
                return;
        }
        if (!sight.known)
                return;
        if (!row)
                row = &nothing;
        number = number_of(kind, snapshot, row);
        set_values(snapshot, row, &sight.values);
        sight.witness = *witness_of(kind, row);
        sight.values.count = number;
        sight.level = sight_level(rule, number);
        sight.below_critical = sight_is_below(rule, rule->critical, number);
        sight.below_lowest = sight.below_critical && sight_is_below(rule, rule->warning, number);
        if (kind == ALERT_CLOSE_WAIT_STUCK)
                sight.held = sight_level(rule, row->stuck_held - row->stuck_held_usual);
        if (kind == ALERT_CLOSE_WAIT_LEAK)
                judge_time_left(rule, alert, &sight);
        *ret_sight = sight;
}

void sight_of_scans(const struct rule *rule, const struct snapshot *snapshot, uint64_t bad_scans,
                    struct sight *ret_sight)
{
        static const enum severity severities[] = { [SCAN_COMPLETE] = SEVERITY_NONE,
                                                    [SCAN_PARTIAL] = SEVERITY_WARNING,
                                                    [SCAN_FAILED] = SEVERITY_CRITICAL };
        struct sight sight = { .known = true,
                               .certain = true,
                               .clear_after_usec = rule->clear_after_usec };

        sight.level = severities[snapshot->result];
        sight.below_lowest = sight.level == SEVERITY_NONE;
        sight.below_critical = sight.level != SEVERITY_CRITICAL;
        sight.values.count = bad_scans;
        *ret_sight = sight;
}

bool sight_is_reached(const struct rule *rule, const struct snapshot *snapshot,
                      const struct port_row *row)
{
        return was_asked_for(rule->kind, snapshot) &&
               sight_level(rule, number_of(rule->kind, snapshot, row)) != SEVERITY_NONE;
}
