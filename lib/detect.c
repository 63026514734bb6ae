/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An alert's life, judged at each snapshot from what it says about the alert's port:
 *
 *   (none)   -> pending    the number is at or above the lowest level
 *   pending  -> (none)     it is not any more; nothing was said, nothing is unsaid
 *   pending  -> raised     it has been for RaiseAfter; critical if that level has been reached for
 *                          as long, warning otherwise
 *   warning  -> critical   the critical level has been reached for RaiseAfter ("escalated")
 *   critical -> warning    at or below the critical level's clear level for ClearAfter
 *   raised   -> (none)     at or below the lowest level's clear level for ClearAfter ("cleared"), or
 *                          its rule is gone
 *   raised   -> raised     RemindEvery has passed since anything was said ("reminded"), what is
 *                          said is known to be so, it is not about to clear, and nobody has
 *                          acknowledged it
 *
 * An acknowledgement ends where it escalates, which is news, and with the alert.
 *
 * The clear level is ClearBelow x level rounded down, and always below the level itself: 80 % of 10
 * is 8, of 5 is 4, of 1 is 0. Between it and the level nothing changes, so nothing flaps.
 *
 * close-wait-leak has no count for its levels. Its warning level is compared with the separate
 * times at which sockets that stay have arrived (arrivals.c), and it is critical when the
 * descriptors of the owner run out within LeakCriticalWithin; at once, where that is known when it
 * is raised. While sockets are there that have outlived the patience of their port (survival.c), it
 * clears only after that patience has passed without a verdict, and three of the pauses between
 * arrivals.
 *
 * A hold time counts from when we know the condition to be true. For close-wait-stuck that is not
 * the scan that sees it first: when enough sockets are already older than StuckAfter + RaiseAfter,
 * the condition has held for RaiseAfter by their ages, and the alert is raised at once.
 *
 * Where scans have paused for longer than StuckAfter, and for longer than was planned, the whole
 * machine may have been held: then its programs had no time to close anything either. So what goes
 * by age is raised after StuckAfter has passed again at the earliest. That is known of a pause that
 * this daemon has seen the end of, and not of one that a restart has ended.
 *
 * A stretch that nobody watched counts as held where both scans at its ends show the condition: one
 * between two scans, and a restart alike.
 *
 * What a scan could not see whole is a lower bound: it can start and raise an alert, never clear or
 * drop one, and ClearAfter begins anew after it. `blind` is judged by the scans themselves: a
 * failed one is critical, a partial one is a warning.
 *
 * What only a census tells is judged once by each census, and holds until the next one. Its hold
 * times count between the times at which censuses were taken, which is seldom. So does
 * time-wait-count, which is judged by the scans that have counted TIME_WAIT: an estimate decides
 * nothing. When there is something to decide stands in detectdue.c.
 */

#include "detect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alerttable.h"
#include "base.h"
#include "detectstep.h"
#include "sight.h"

/* Keeps *since at the first moment of an unbroken row of trues; 0: not now. */
static void keep_since(uint64_t *since, bool now_true, uint64_t now_usec)
{
        if (!now_true)
                *since = 0;
        else if (*since == 0)
                *since = MAX(now_usec, UINT64_C(1));
}

static bool has_held(uint64_t since, uint64_t hold, uint64_t now_usec)
{
        return since != 0 && now_usec - MIN(since, now_usec) >= hold;
}

/* A lower bound may start what raises and keep it running; what clears starts anew after it. */
static void run_clocks(const struct step *step, struct alert *alert, const struct sight *sight)
{
        if (sight->certain || sight->level == SEVERITY_CRITICAL)
                keep_since(&alert->critical_since_usec, sight->level == SEVERITY_CRITICAL,
                           step->seen_usec);
        keep_since(&alert->below_since_usec, sight->certain && sight->below_lowest,
                   step->seen_usec);
        keep_since(&alert->below_critical_since_usec, sight->certain && sight->below_critical,
                   step->seen_usec);
}

static void copy_facts(const struct step *step, const struct rule *rule, const struct sight *sight,
                       struct alert *alert)
{
        alert->warning = rule->warning;
        alert->critical = rule->critical;
        alert->stuck_after_usec = rule->stuck_after_usec;
        alert->silent_after_usec = rule->silent_after_usec;
        alert->critical_within_usec = rule->critical_within_usec;
        alert->clear_after_usec = sight->clear_after_usec;
        memcpy(alert->origin, rule->origin, sizeof(alert->origin));
        if (alert->key.kind == ALERT_CLOSE_WAIT_LEAK && sight->level != SEVERITY_NONE)
                alert->leak_pause_usec = MAX(alert->leak_pause_usec, sight->values.leak.pause_usec);
        if (sight->certain || sight->values.count >= alert->values.count)
                alert->values = sight->values;
        if (sight->witness.known)
                alert->witness = sight->witness;
        if (alert->key.kind == ALERT_BLIND && step->snapshot->result != SCAN_COMPLETE)
                snprintf(alert->reason, sizeof(alert->reason), "%s", step->snapshot->error_text);
}

static void raise_alert(const struct step *step, const struct rule *rule, struct alert *alert,
                        const struct sight *sight)
{
        /* the time that a leak leaves is measured over minutes, and known once its owner is */
        const bool critical =
                sight->held == SEVERITY_CRITICAL ||
                (rule->kind == ALERT_CLOSE_WAIT_LEAK && sight->level == SEVERITY_CRITICAL) ||
                has_held(alert->critical_since_usec, rule->raise_after_usec, step->seen_usec);
        const bool warning = rule->warning != RULE_LEVEL_OFF || alert->key.kind == ALERT_BLIND;

        alert->state = ALERT_RAISED;
        alert->severity = critical || !warning ? SEVERITY_CRITICAL : SEVERITY_WARNING;
        alert->since_usec = step->now_usec;
        alert->since_wall_usec = step->now_wall_usec;
        alert->below_since_usec = 0;
        step_tell(step, alert, TRANSITION_RAISED, SEVERITY_NONE);
}

/* Ages have grown while nobody watched, and perhaps while nobody could close anything. */
static bool is_settling(const struct step *step, const struct rule *rule)
{
        return detect_goes_by_age(rule->kind) &&
               alert_table_has_resumed(step->table, rule->stuck_after_usec);
}

/* 0 or ALERT_GONE. */
static int judge_pending(const struct step *step, const struct rule *rule, struct alert *alert,
                         const struct sight *sight)
{
        if (sight->level == SEVERITY_NONE)
                return sight->certain ? ALERT_GONE : 0;
        alert->severity = sight->level;
        if (is_settling(step, rule))
                return 0;
        if (sight->held == SEVERITY_NONE &&
            !has_held(alert->since_usec, rule->raise_after_usec, step->seen_usec))
                return 0;
        raise_alert(step, rule, alert, sight);
        return 0;
}

static bool shall_escalate(const struct step *step, const struct rule *rule,
                           const struct alert *alert, const struct sight *sight)
{
        return alert->severity == SEVERITY_WARNING && sight->level == SEVERITY_CRITICAL &&
               (sight->held == SEVERITY_CRITICAL ||
                has_held(alert->critical_since_usec, rule->raise_after_usec, step->seen_usec));
}

static bool shall_remind(const struct step *step, const struct rule *rule,
                         const struct alert *alert, const struct sight *sight)
{
        const bool seen = sight->known && (sight->certain || sight->level != SEVERITY_NONE);

        return seen && rule->remind_every_usec != 0 && !alert_is_clearing(alert) &&
               !alert->acknowledgement.given &&
               has_held(alert->told_usec, rule->remind_every_usec, step->now_usec);
}

/* 0 or ALERT_GONE. */
static int judge_raised(const struct step *step, const struct rule *rule, struct alert *alert,
                        const struct sight *sight)
{
        const enum severity before = alert->severity;

        if (has_held(alert->below_since_usec, sight->clear_after_usec, step->seen_usec) &&
            sight->certain) {
                step_tell(step, alert, TRANSITION_CLEARED, before);
                return ALERT_GONE;
        }
        if (shall_escalate(step, rule, alert, sight)) {
                alert->severity = SEVERITY_CRITICAL;
                alert->acknowledgement = (struct acknowledgement){ 0 };
                step_tell(step, alert, TRANSITION_ESCALATED, before);
        } else if (before == SEVERITY_CRITICAL && sight->certain && !sight->below_lowest &&
                   has_held(alert->below_critical_since_usec, rule->clear_after_usec,
                            step->seen_usec)) {
                alert->severity = SEVERITY_WARNING;
                step_tell(step, alert, TRANSITION_DEESCALATED, before);
        } else if (shall_remind(step, rule, alert, sight)) {
                step_tell(step, alert, TRANSITION_REMINDED, before);
        }
        return 0;
}

static void look_at(const struct step *step, const struct rule *rule, const struct alert *alert,
                    struct sight *ret_sight)
{
        switch (alert->key.kind) {
        case ALERT_BLIND:
                sight_of_scans(rule, step->snapshot, alert_table_bad_scans(step->table), ret_sight);
                break;
        case ALERT_TIME_WAIT_TABLE:
                sight_of_table(rule, &step->tw_table, ret_sight);
                break;
        case ALERT_PORT_EXHAUSTION:
                sight_of_destination(rule, step->snapshot, alert, ret_sight);
                break;
        case ALERT_HALF_OPEN:
                sight_of_half_open(rule, step->snapshot, alert, ret_sight);
                break;
        case ALERT_CLOSE_WAIT_STUCK:
        case ALERT_CLOSE_WAIT_LEAK:
        case ALERT_CLOSE_WAIT_COUNT:
        case ALERT_TIME_WAIT_COUNT:
        case ALERT_KIND_COUNT: /* is no kind */
                sight_of_port(rule, step->snapshot, alert, ret_sight);
                break;
        }
}

/* Called for every alert in the table. 0, ALERT_GONE, or -ENOMEM. */
static int judge(struct alert *alert, void *userdata)
{
        struct step *step = userdata;
        const struct rule *rule = rules_find(step->rules, alert->key.kind, &alert->key.port);
        struct sight sight;

        if (!events_reserve(step->events))
                return -ENOMEM;
        if (!rule)
                return step_retire(step, alert);
        look_at(step, rule, alert, &sight);
        if (sight.stale)
                return 0;
        step->seen_usec = sight.seen_usec > 0 ? sight.seen_usec : step->now_usec;
        if (sight.known)
                alert->seen_usec = step->seen_usec;
        run_clocks(step, alert, &sight);
        if (sight.known)
                copy_facts(step, rule, &sight, alert);
        if (alert_is_clearing(alert)) {
                step_forget_descriptors(&alert->owner);
                alert->owner_forgotten = true; /* should it get worse again, that is asked anew */
        }
        if (alert->state == ALERT_PENDING)
                return sight.known ? judge_pending(step, rule, alert, &sight) : 0;
        return judge_raised(step, rule, alert, &sight);
}

/* A condition that no alert stands for yet gets a pending one. No room: the table counts it. */
static int start(const struct step *step, const struct alert_key *key)
{
        struct alert *alert;
        int r = alert_table_claim(step->table, key, &alert);

        if (r != ALERT_NEW)
                return r < 0 && r != -ENOSPC ? r : 0;
        alert->state = ALERT_PENDING;
        alert->since_usec = MAX(step->now_usec, UINT64_C(1)); /* 0 would mean: not running */
        alert->since_wall_usec = step->now_wall_usec;
        return 0;
}

static int start_for_row(const struct step *step, const struct port_row *row)
{
        if (row->count[SOCK_CLOSE_WAIT] == 0 && row->count[SOCK_TIME_WAIT] == 0)
                return 0;
        for (enum alert_kind kind = 0; kind < ALERT_HALF_OPEN; kind++) {
                const struct alert_key key = { .kind = kind, .port = row->key };
                const struct rule *rule = rules_find(step->rules, kind, &row->key);
                int r;

                if (!rule || !sight_is_reached(rule, step->snapshot, row))
                        continue;
                r = start(step, &key);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the census tells. It may be older than the snapshot: then no destination is judged by it. */
static int start_for_census(const struct step *step, const struct census *census)
{
        size_t n_destinations;
        int r = 0;

        if (!census || census->conf_serial != step->snapshot->conf_serial)
                return 0;
        n_destinations =
                census->asof_usec == step->snapshot->start_usec ? census->n_destinations : 0;
        for (size_t i = 0; r == 0 && i < n_destinations; i++) {
                const struct destination_row *row = &census->destinations[i];
                const struct alert_key key = { .kind = ALERT_PORT_EXHAUSTION,
                                               .port = row->port,
                                               .destination = row->destination };
                const struct rule *rule = rules_find(step->rules, key.kind, &key.port);

                if (rule && sight_destination_is_reached(rule, row))
                        r = start(step, &key);
        }
        for (size_t i = 0; r == 0 && i < census->n_half_open; i++) {
                const struct half_open_row *row = &census->half_open[i];
                const struct alert_key key = { .kind = ALERT_HALF_OPEN, .port = row->port };
                const struct rule *rule = rules_find(step->rules, key.kind, &key.port);

                if (rule && sight_half_open_is_reached(rule, row))
                        r = start(step, &key);
        }
        return r;
}

static const struct rule *table_rule(const struct step *step)
{
        const struct port_key host = { .side = SIDE_HOST };

        return rules_find(step->rules, ALERT_TIME_WAIT_TABLE, &host);
}

static int start_for_host(const struct step *step)
{
        const struct alert_key blind = { .kind = ALERT_BLIND };
        const struct alert_key table = { .kind = ALERT_TIME_WAIT_TABLE };
        const struct rule *rule = table_rule(step);
        int r = 0;

        if (step->snapshot->result != SCAN_COMPLETE &&
            rules_find(step->rules, ALERT_BLIND, &blind.port))
                r = start(step, &blind);
        if (r == 0 && rule && sight_table_is_reached(rule, &step->tw_table))
                r = start(step, &table);
        return r;
}

static int start_all(const struct step *step)
{
        int r = start_for_host(step);

        if (r < 0 || step->snapshot->result == SCAN_FAILED)
                return r;
        r = start_for_census(step, step->snapshot->census);
        for (size_t i = 0; r == 0 && i < step->snapshot->n_rows; i++)
                r = start_for_row(step, &step->snapshot->rows[i]);
        return r;
}

int detect_step(struct alert_table *table, const struct rules *rules,
                const struct snapshot *snapshot, uint64_t now_usec, uint64_t now_wall_usec,
                struct events *ret_events)
{
        struct step step = { .table = table,
                             .rules = rules,
                             .snapshot = snapshot,
                             .now_usec = now_usec,
                             .now_wall_usec = now_wall_usec,
                             .tw_table = snapshot->host.tw_table,
                             .events = ret_events };
        int r;

        ret_events->n = 0;
        alert_table_count_scan(table, snapshot);
        alert_table_count_step(table, snapshot->pause_usec, now_usec);
        alert_table_set_overflows(table, &step.tw_table);
        r = start_all(&step);
        if (r == 0)
                r = alert_table_sweep(table, judge, &step);
        if (r == 0)
                alert_table_judge_overflows(table, &step.tw_table, table_rule(&step));
        return r;
}
