/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When the judge wants the next scan. An alert that stands as it is needs none, nor does a host
 * without one. What does is
 *
 *   a hold time that runs       when it ends
 *   after a gap (alerttable.h)  when what goes by age may be raised again
 *   a leak with an end          when its descriptors, at the rate it has, will be critical
 *   a number near a level       at once, and again with every scan: it may jump at any moment. Only
 *                               counts do, and the table of TIME_WAIT; how old sockets become is
 *                               known beforehand, and the snapshot tells it (snapshot.due_usec)
 *   a scan that was not whole   at once
 *
 * Near is ClearBelow x level, of the lowest level that the alert is not raised at: an alert that is
 * raised as critical can become no worse.
 *
 * Scans must not come fast for ever for something that they cannot decide. So a hold that has ended
 * is due no more: this scan would have decided it, if scans could. Those between two censuses cannot
 * (when a census is due others say), nor can any while the table of TIME_WAIT is unknown. The one
 * that is still due is of time-wait-count, where this scan did not count TIME_WAIT; the next will.
 *
 * While a hold of time-wait-count runs, or its number is near, every scan shall count TIME_WAIT:
 * which of them is the first after the end depends on where the scans' slots lie. Nearness by an
 * estimate is good enough to have it counted.
 */

#include "detect.h"

#include "alerttable.h"
#include "base.h"
#include "detectstep.h"
#include "leak.h"
#include "sight.h"

#define NEVER UINT64_MAX

struct due {
        const struct alert_table *table;
        const struct rules *rules;
        const struct snapshot *snapshot;
        enum alert_kind kind; /* whose near ports are looked for */
        struct detect_due *ret;
};

static void want(const struct due *due, enum alert_kind kind, uint64_t usec)
{
        if (usec == NEVER)
                return;
        due->ret->usec = MIN(due->ret->usec, usec);
        due->ret->time_wait |= kind == ALERT_TIME_WAIT_COUNT;
}

/* ---- hold times ---- */

/* When it will have been so for that long; NEVER: it is not so. */
static uint64_t end_of(uint64_t since_usec, uint64_t hold_usec)
{
        return since_usec > 0 ? since_usec + hold_usec : NEVER;
}

static uint64_t pending_end(const struct due *due, const struct rule *rule,
                            const struct alert *alert)
{
        const uint64_t settles_usec =
                detect_goes_by_age(rule->kind)
                        ? alert_table_settles_usec(due->table, rule->stuck_after_usec)
                        : 0;

        if (settles_usec > 0)
                return settles_usec;
        return end_of(alert->since_usec, rule->raise_after_usec);
}

/* When the descriptors that are left will last for LeakCriticalWithin, should the leak go on. */
static uint64_t leak_end(const struct rule *rule, const struct alert *alert)
{
        const uint64_t within_usec = rule->critical_within_usec;
        uint64_t eta_usec;

        if (rule->kind != ALERT_CLOSE_WAIT_LEAK || alert->critical_since_usec != 0 ||
            sight_level(rule, alert->values.leak.times) == SEVERITY_NONE || within_usec == 0 ||
            leak_eta_cautious(&alert->values.leak, &alert->owner, &eta_usec) != 0)
                return NEVER;
        return alert->seen_usec + 1 + eta_usec - MIN(eta_usec, within_usec);
}

static uint64_t raised_end(const struct rule *rule, const struct alert *alert)
{
        uint64_t usec;

        if (alert_is_clearing(alert)) /* then it is not deescalated */
                return end_of(alert->below_since_usec, alert->clear_after_usec);
        if (alert->severity == SEVERITY_CRITICAL)
                return end_of(alert->below_critical_since_usec, rule->clear_after_usec);
        usec = end_of(alert->critical_since_usec, rule->raise_after_usec);
        return MIN(usec, leak_end(rule, alert));
}

/* Was it judged, as far as it can be? */
static bool had_its_chance(const struct due *due, enum alert_kind kind)
{
        return kind != ALERT_TIME_WAIT_COUNT ||
               (due->snapshot->requested & SOCK_MASK(SOCK_TIME_WAIT));
}

static void find_ends(const struct due *due)
{
        const uint64_t now_usec = due->snapshot->start_usec;

        for (size_t i = 0; i < alert_table_count(due->table); i++) {
                const struct alert *alert = alert_table_get(due->table, i);
                const struct rule *rule = rules_find(due->rules, alert->key.kind, &alert->key.port);
                uint64_t usec;

                if (!rule)
                        continue; /* it is about to go with it */
                usec = alert->state == ALERT_PENDING ? pending_end(due, rule, alert)
                                                     : raised_end(rule, alert);
                if (usec > now_usec || !had_its_chance(due, rule->kind))
                        want(due, rule->kind, MAX(usec, now_usec));
        }
}

/* ---- what is near ---- */

/* The lowest level that the alert (NULL: none) is not raised at. */
static int64_t next_level(const struct rule *rule, const struct alert *alert)
{
        if (!alert || alert->state != ALERT_RAISED)
                return rule->warning != RULE_LEVEL_OFF ? rule->warning : rule->critical;
        return alert->severity == SEVERITY_CRITICAL ? RULE_LEVEL_OFF : rule->critical;
}

/* The alert is looked up last: most ports are near nothing. */
static bool is_near(const struct due *due, const struct alert_key *key, uint64_t number)
{
        const struct rule *rule = rules_find(due->rules, key->kind, &key->port);
        int64_t level;

        if (!rule || next_level(rule, NULL) == RULE_LEVEL_OFF ||
            !sight_is_near(rule, next_level(rule, NULL), number))
                return false;
        level = next_level(rule, alert_table_find(due->table, key));
        return level != RULE_LEVEL_OFF && sight_is_near(rule, level, number);
}

/* True: there is nothing more to find out. */
static bool look_at_row(const struct due *due, const struct port_row *row)
{
        const enum sock_state state =
                due->kind == ALERT_TIME_WAIT_COUNT ? SOCK_TIME_WAIT : SOCK_CLOSE_WAIT;
        const struct alert_key key = { .kind = due->kind, .port = row->key };
        const bool near = is_near(due, &key, row->count[state]);

        if (near)
                want(due, due->kind, due->snapshot->start_usec);
        return near;
}

static void look_at_port(const struct port_key *port, void *userdata)
{
        const struct due *due = userdata;
        const struct port_row *row = snapshot_find(due->snapshot, port);

        if (row)
                (void)look_at_row(due, row);
}

/* Counts have no rule unless somebody configures one, and then often for a few ports alone. */
static void find_near_ports(struct due *due, enum alert_kind kind)
{
        static const struct port_key every_port = { .side = SIDE_LOCAL }; /* 0: has no exception */
        const struct rule *general = rules_governing(due->rules, kind, &every_port);

        due->kind = kind;
        if (!general || next_level(general, NULL) == RULE_LEVEL_OFF) {
                rules_each_configured(due->rules, look_at_port, due);
                return;
        }
        for (size_t i = 0; i < due->snapshot->n_rows; i++)
                if (look_at_row(due, &due->snapshot->rows[i]))
                        return;
}

static void find_near_table(const struct due *due)
{
        const struct alert_key key = { .kind = ALERT_TIME_WAIT_TABLE,
                                       .port = { .side = SIDE_HOST } };
        const struct tw_table *table = &due->snapshot->host.tw_table;

        if (table->known && is_near(due, &key, tw_table_percent(table)))
                want(due, key.kind, due->snapshot->start_usec);
}

void detect_due(const struct alert_table *table, const struct rules *rules,
                const struct snapshot *snapshot, struct detect_due *ret_due)
{
        struct due due = { .table = table, .rules = rules, .snapshot = snapshot, .ret = ret_due };

        *ret_due = (struct detect_due){ .usec = NEVER };
        if (snapshot->result != SCAN_COMPLETE)
                ret_due->usec = snapshot->start_usec;
        find_ends(&due);
        find_near_ports(&due, ALERT_CLOSE_WAIT_COUNT);
        find_near_ports(&due, ALERT_TIME_WAIT_COUNT);
        find_near_table(&due);
}
