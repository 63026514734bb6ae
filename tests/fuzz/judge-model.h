/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What must be true of the detector whatever happens, checked after each of its steps by a model of
 * its own: the model is told the rules and the numbers, not the snapshot or the rule table, keeps
 * its own clocks, and compares the events and the alert table with what it knows.
 *
 *   a  of a key: raised, then (escalated | deescalated | reminded)*, then cleared; one at a step
 *   b  nothing is cleared, deescalated or dropped by a scan that was not whole. `blind` alone, which
 *      is judged by the scans themselves, goes from critical to warning by partial ones
 *   c  a reload that leaves a rule in force says nothing about its alert and keeps it; one that
 *      removes it clears it once, with the reason
 *   d  escalated from warning to critical, deescalated from critical to warning, both after their
 *      hold; the severity told is the one in the table
 *   e  sequence numbers rise by one
 *   f  at most ALERTS_MAX alerts, in key order, and room for the host's at any time
 *   g  reminders when RemindEvery has passed since anything was said, and not before
 *   h  cleared when the number has been low for the hold, and not before; ClearAfter, or the
 *      patience of the port where that is more and a leak's sockets are still there
 *   i  what is raised is in the table, as raised
 *   k  raised when the level has been reached for RaiseAfter, by the clock or by ages, and not before
 *   m  a scan that was not whole lowers no number
 *   n  no step loses an owner
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "detect.h"
#include "units.h"

#define PORT_KINDS   ALERT_HALF_OPEN /* the kinds before it judge ports by their rows */
#define MODEL_FEW    16              /* ports that may have exceptions; half of them remote */
#define MODEL_MANY   300             /* with all kinds more than ALERTS_MAX */
#define MODEL_NEVER  UINT64_MAX
#define MODEL_REASON "its rule was removed from the configuration"

/* The rules in force, as the harness made them. */
struct config {
        struct rule general[PORT_KINDS];
        struct rule exceptions[MODEL_FEW][PORT_KINDS];
        bool excepted[MODEL_FEW][PORT_KINDS];
        bool ignored[MODEL_FEW];
        struct rule blind;
};

/* What a scan shows of a port. */
struct shown {
        bool there; /* false: no row */
        struct port_row row;
        struct port_leak leak;
};

/* What the model knows of one key. Clocks: MODEL_NEVER while not running. */
struct life {
        bool listed; /* in the table */
        bool raised;
        enum severity severity;
        uint64_t listed_usec;
        uint64_t critical_usec;
        uint64_t low_usec;
        uint64_t low_critical_usec;
        uint64_t told_usec;
        uint64_t pause_usec; /* the longest between arrivals while they were a leak */
        uint64_t count;
        int64_t uid; /* of its owner */

        /* of the step under way; NULL: none */
        const struct event *event;
        const struct alert *alert;
};

#define MODEL_GAPS 256 /* each four times as long as a pause before it: time ends before these do */

struct model {
        size_t n_ports; /* MODEL_FEW or MODEL_MANY */
        struct life *lives;
        struct config config;
        uint64_t now_usec;
        uint64_t sequence;
        uint64_t overflow;
        uint64_t bad_scans;
        uint64_t stepped_usec; /* the last step; 0: none yet */
        uint64_t pause_usec;   /* before it */
        struct model_gap {
                uint64_t usec, resumed_usec;
        } gaps[MODEL_GAPS]; /* the last ones */
        size_t n_gaps;      /* that there have been */
        char broken[256];   /* the property that does not hold, and the key; empty: all do */

        /* how much was tried */
        uint64_t steps;
        uint64_t told[TRANSITION_COUNT];
        uint64_t retired;
        uint64_t kept;          /* raised alerts that a reload left alone */
        uint64_t raised_unseen; /* raised alerts that went through a scan that was not whole */
};

/* One step of the detector: what it was shown, and what it said. */
struct model_step {
        struct model *model;
        const struct shown *shown; /* by port; NULL: a reload */
        enum scan_result result;
        bool room; /* no condition was turned away */
};

/* What the numbers say of one key. */
struct reading {
        bool known, certain;
        enum severity level, held;
        bool low, low_critical;
        uint64_t hold_usec; /* for which it must be low */
};

static inline struct port_key model_port(size_t port)
{
        if (port < MODEL_FEW / 2)
                return (struct port_key){ .side = SIDE_LOCAL, .port = (uint16_t)(80 + port) };
        if (port < MODEL_FEW)
                return (struct port_key){ .side = SIDE_REMOTE,
                                          .port = (uint16_t)(80 + port - MODEL_FEW / 2) };
        return (struct port_key){ .side = SIDE_LOCAL, .port = (uint16_t)(1000 + port) };
}

static inline size_t model_port_index(const struct port_key *key)
{
        if (key->port >= 1000)
                return key->port - 1000U;
        return key->port - 80U + (key->side == SIDE_REMOTE ? MODEL_FEW / 2 : 0);
}

static inline struct life *model_life(const struct model *model, const struct alert_key *key)
{
        if (key->kind == ALERT_BLIND)
                return &model->lives[PORT_KINDS * model->n_ports];
        return &model->lives[key->kind * model->n_ports + model_port_index(&key->port)];
}

static inline size_t model_n_lives(const struct model *model)
{
        return PORT_KINDS * model->n_ports + 1;
}

static inline struct alert_key model_key(const struct model *model, size_t life)
{
        if (life == PORT_KINDS * model->n_ports)
                return (struct alert_key){ .kind = ALERT_BLIND };
        return (struct alert_key){ .kind = (enum alert_kind)(life / model->n_ports),
                                   .port = model_port(life % model->n_ports) };
}

/* Keeps the first thing that is wrong. */
static inline void model_require(struct model *model, bool holds, const char *property,
                                 const struct alert_key *key)
{
        char text[ALERT_KEY_TEXT_MAX] = "";

        if (holds || model->broken[0] != '\0')
                return;
        snprintf(model->broken, sizeof(model->broken), "%s: %s", property,
                 key ? alert_key_text(key, text) : "");
}

/* Of a key; NULL: nothing judges it. */
static inline const struct rule *model_rule(const struct model *model, const struct alert_key *key)
{
        const struct config *config = &model->config;
        const struct rule *rule = &config->blind;

        if (key->kind != ALERT_BLIND) {
                const size_t port = model_port_index(&key->port);

                rule = &config->general[key->kind];
                if (port < MODEL_FEW && config->excepted[port][key->kind])
                        rule = &config->exceptions[port][key->kind];
                if (port < MODEL_FEW && config->ignored[port])
                        return NULL;
        }
        return rule->warning < 0 && rule->critical < 0 ? NULL : rule;
}

/* ---- what the numbers say ---- */

static inline bool model_reaches(int64_t level, uint64_t n)
{
        return level >= 0 && n >= (uint64_t)level;
}

static inline bool model_is_low(const struct rule *rule, int64_t level, uint64_t n)
{
        return level < 0 || n <= (uint64_t)MIN(level * rule->clear_below_pct / 100, level - 1);
}

static inline enum severity model_level(const struct rule *rule, uint64_t n)
{
        if (model_reaches(rule->critical, n))
                return SEVERITY_CRITICAL;
        return model_reaches(rule->warning, n) ? SEVERITY_WARNING : SEVERITY_NONE;
}

/* When descriptors run out, at the lowest likely rate; false: nobody knows. */
static inline bool model_time_left(const struct port_leak *leak, const struct owner *owner,
                                   uint64_t *ret_usec)
{
        const double rate = leak->rate_per_min - leak->error_per_min;
        double room = -1, usec;
        bool unknown = !owner || owner->n_processes == 0;

        for (size_t i = 0; owner && i < owner->n_processes; i++) {
                const struct owner_process *process = &owner->processes[i];
                double left;

                if (process->fd_limit == OWNER_UNLIMITED)
                        continue;
                if (process->fds < 0 || process->fd_limit < 0) {
                        unknown = true;
                        continue;
                }
                left = (double)MAX(process->fd_limit - process->fds, INT64_C(0));
                if (room < 0 || left < room)
                        room = left;
        }
        if (leak->arrived == 0 || (room < 0 && unknown))
                return false;
        usec = rate > 0 && room >= 0 ? room / rate * (double)USEC_PER_MIN : -1;
        *ret_usec = usec < 0 || usec > 3650.0 * (double)USEC_PER_DAY ? MODEL_NEVER : (uint64_t)usec;
        return true;
}

/* A listed process has no descriptor left. */
static inline bool model_is_full(const struct owner *owner)
{
        for (size_t i = 0; owner && i < owner->n_processes; i++) {
                const struct owner_process *process = &owner->processes[i];

                if (process->fds >= 0 && process->fd_limit >= 0 &&
                    process->fds >= process->fd_limit)
                        return true;
        }
        return false;
}

static inline void model_read_leak(const struct rule *rule, const struct port_leak *leak,
                                   const struct life *life, struct reading *reading)
{
        const struct owner *owner = life->alert ? &life->alert->owner : NULL;
        const uint64_t within = rule->critical_within_usec;
        uint64_t left = 0;
        bool known = model_time_left(leak, owner, &left);

        if (leak->outlived > 0 && model_is_full(owner)) {
                known = true;
                left = 0;
        }
        if (reading->level == SEVERITY_WARNING && known && left < within)
                reading->level = SEVERITY_CRITICAL;
        if (leak->outlived > 0) {
                reading->hold_usec = MAX(reading->hold_usec, leak->patience_usec);
                reading->hold_usec = MAX(reading->hold_usec, 3 * life->pause_usec);
                reading->low = reading->low && !model_is_full(owner);
        }
        reading->low_critical =
                within == 0 || (known && left / 100 * rule->clear_below_pct >= within);
}

static inline struct reading model_read_scans(const struct model_step *step)
{
        return (struct reading){ .known = true,
                                 .certain = true,
                                 .level = step->result == SCAN_FAILED    ? SEVERITY_CRITICAL
                                          : step->result == SCAN_PARTIAL ? SEVERITY_WARNING
                                                                         : SEVERITY_NONE,
                                 .low = step->result == SCAN_COMPLETE,
                                 .low_critical = step->result != SCAN_FAILED,
                                 .hold_usec = step->model->config.blind.clear_after_usec };
}

static inline struct reading model_read(const struct model_step *step, const struct alert_key *key,
                                        const struct rule *rule)
{
        static const struct shown nothing;
        const struct life *life = model_life(step->model, key);
        const struct shown *shown;
        struct reading reading = { .known = step->result != SCAN_FAILED,
                                   .certain = step->result == SCAN_COMPLETE,
                                   .hold_usec = rule->clear_after_usec };
        uint64_t n;

        if (key->kind == ALERT_BLIND)
                return model_read_scans(step);
        if (!reading.known)
                return reading;
        shown = &step->shown[model_port_index(&key->port)];
        if (!shown->there)
                shown = &nothing;
        n = key->kind == ALERT_CLOSE_WAIT_LEAK    ? shown->leak.times
            : key->kind == ALERT_CLOSE_WAIT_COUNT ? shown->row.count[SOCK_CLOSE_WAIT]
            : key->kind == ALERT_TIME_WAIT_COUNT  ? shown->row.count[SOCK_TIME_WAIT]
                                                  : shown->row.stuck - shown->row.stuck_usual;
        if (key->kind == ALERT_CLOSE_WAIT_STUCK)
                reading.held =
                        model_level(rule, shown->row.stuck_held - shown->row.stuck_held_usual);
        reading.level = model_level(rule, n);
        reading.low_critical = model_is_low(rule, rule->critical, n);
        reading.low = reading.low_critical && model_is_low(rule, rule->warning, n);
        if (key->kind == ALERT_CLOSE_WAIT_LEAK)
                model_read_leak(rule, &shown->leak, life, &reading);
        return reading;
}

/* ---- one key at one step ---- */

static inline void model_forget(struct life *life)
{
        life->listed = life->raised = false;
        life->severity = SEVERITY_NONE;
        life->critical_usec = life->low_usec = life->low_critical_usec = MODEL_NEVER;
        life->count = life->pause_usec = 0;
        life->uid = -1;
}

static inline void model_keep(uint64_t *since, bool now_true, uint64_t now_usec)
{
        if (!now_true)
                *since = MODEL_NEVER;
        else if (*since == MODEL_NEVER)
                *since = now_usec;
}

static inline bool model_held(const struct model *model, uint64_t since, uint64_t hold_usec)
{
        return since != MODEL_NEVER && model->now_usec - since >= hold_usec;
}

static inline void model_run_clocks(const struct model *model, const struct reading *reading,
                                    struct life *life)
{
        const bool critical = reading->level == SEVERITY_CRITICAL;

        if (reading->certain || critical)
                model_keep(&life->critical_usec, critical, model->now_usec);
        model_keep(&life->low_usec, reading->certain && reading->low, model->now_usec);
        model_keep(&life->low_critical_usec, reading->certain && reading->low_critical,
                   model->now_usec);
}

/* Called once per step of the detector: every pause that was more than four times the one before. */
static inline void model_notice_gap(struct model *model)
{
        const uint64_t pause = model->now_usec - model->stepped_usec;

        if (model->stepped_usec > 0 && pause > 0) {
                if (model->pause_usec > 0 && pause / 4 >= model->pause_usec &&
                    pause > 4 * model->pause_usec) {
                        struct model_gap *gap = &model->gaps[model->n_gaps++ % MODEL_GAPS];

                        gap->usec = pause;
                        gap->resumed_usec = model->now_usec;
                }
                model->pause_usec = pause;
        }
        model->stepped_usec = model->now_usec;
}

/* Ages have grown in a gap: what goes by them waits for StuckAfter. */
static inline bool model_settles(const struct model *model, const struct rule *rule)
{
        const bool by_age =
                rule->kind == ALERT_CLOSE_WAIT_STUCK || rule->kind == ALERT_CLOSE_WAIT_LEAK;

        for (size_t i = 0; by_age && i < MODEL_GAPS && i < model->n_gaps; i++)
                if (model->gaps[i].usec > rule->stuck_after_usec &&
                    model->now_usec - model->gaps[i].resumed_usec < rule->stuck_after_usec)
                        return true;
        return false;
}

static inline void model_judge_pending(const struct model_step *step, const struct alert_key *key,
                                       const struct rule *rule, const struct reading *reading)
{
        struct model *model = step->model;
        struct life *life = model_life(model, key);
        const bool due = reading->level != SEVERITY_NONE && !model_settles(model, rule) &&
                         (reading->held != SEVERITY_NONE ||
                          model_held(model, life->listed_usec, rule->raise_after_usec));
        const bool critical =
                reading->held == SEVERITY_CRITICAL ||
                (key->kind == ALERT_CLOSE_WAIT_LEAK && reading->level == SEVERITY_CRITICAL) ||
                model_held(model, life->critical_usec, rule->raise_after_usec) ||
                (rule->warning < 0 && key->kind != ALERT_BLIND);
        const bool over = reading->certain && reading->level == SEVERITY_NONE;

        model_require(model, life->event || !due, "k, not raised in time", key);
        model_require(model, !life->event || due, "k, raised too early", key);
        model_require(model, over || life->alert, "b, a pending one was dropped", key);
        model_require(model, !over || !life->alert, "k, pending without a condition", key);
        if (!life->event)
                return;
        model_require(model, (life->event->alert.severity == SEVERITY_CRITICAL) == critical,
                      "k, raised as critical", key);
        life->low_usec = MODEL_NEVER;
}

static inline void model_judge_raised(const struct model_step *step, const struct alert_key *key,
                                      const struct rule *rule, const struct reading *reading)
{
        struct model *model = step->model;
        const struct life *life = model_life(model, key);
        const bool cleared = life->event && life->event->transition == TRANSITION_CLEARED;
        const bool due = reading->certain && model_held(model, life->low_usec, reading->hold_usec);
        const bool seen = reading->known && (reading->certain || reading->level != SEVERITY_NONE);
        const bool remind = seen && life->low_usec == MODEL_NEVER && rule->remind_every_usec > 0 &&
                            model_held(model, life->told_usec, rule->remind_every_usec);

        model_require(model, cleared || life->alert, "i, a raised one was lost", key);
        model_require(model, cleared || !due, "h, not cleared in time", key);
        model_require(model, !remind || life->event, "g, not reminded", key);
        if (!life->event)
                return;
        switch (life->event->transition) {
        case TRANSITION_CLEARED:
                model_require(model, step->result == SCAN_COMPLETE, "b, cleared", key);
                model_require(model, due, "h, cleared too early", key);
                model_require(model, life->event->reason[0] == '\0', "c, a reason", key);
                break;
        case TRANSITION_DEESCALATED:
                model_require(model,
                              step->result == SCAN_COMPLETE ||
                                      (key->kind == ALERT_BLIND && step->result == SCAN_PARTIAL),
                              "b, deescalated", key);
                model_require(model,
                              model_held(model, life->low_critical_usec, rule->clear_after_usec),
                              "d, deescalated too early", key);
                break;
        case TRANSITION_ESCALATED:
                model_require(
                        model,
                        reading->level == SEVERITY_CRITICAL &&
                                (reading->held == SEVERITY_CRITICAL ||
                                 model_held(model, life->critical_usec, rule->raise_after_usec)),
                        "d, escalated too early", key);
                break;
        case TRANSITION_REMINDED:
                model_require(model, remind, "g, reminded", key);
                break;
        case TRANSITION_RAISED:
        case TRANSITION_COUNT:
                break;
        }
}

/* A key whose rule is gone. */
static inline void model_judge_retired(struct model *model, const struct alert_key *key)
{
        const struct life *life = model_life(model, key);

        model_require(model, !life->alert, "c, there without a rule", key);
        model_require(model, life->raised || !life->event, "c, told without a rule", key);
        model_require(model, !life->raised || life->event, "c, not cleared", key);
        if (!life->event)
                return;
        model_require(model, life->event->transition == TRANSITION_CLEARED, "c, not cleared", key);
        model_require(model, strcmp(life->event->reason, MODEL_REASON) == 0, "c, reason", key);
        model->retired++;
}

static inline void model_judge_life(const struct model_step *step, const struct alert_key *key)
{
        struct model *model = step->model;
        struct life *life = model_life(model, key);
        const struct rule *rule = model_rule(model, key);
        struct reading reading;

        if (!rule) {
                model_judge_retired(model, key);
                return;
        }
        if (!step->shown) { /* a reload that leaves its rule in force */
                model_require(model, !life->event, "c, a reload told", key);
                model_require(model, life->listed == !!life->alert, "c, a reload lost", key);
                model->kept += life->raised;
                return;
        }
        reading = model_read(step, key, rule);
        if (!life->listed) {
                const bool condition = reading.known && reading.level != SEVERITY_NONE;
                const bool host = key->kind == ALERT_BLIND;

                model_require(model, condition || !life->alert, "k, listed for nothing", key);
                model_require(model, life->alert || !condition || !(step->room || host),
                              "f, not listed", key);
                model_require(model, life->alert || !life->event, "i, told but not listed", key);
                if (!life->alert)
                        return;
                life->listed_usec = model->now_usec;
        }
        model_run_clocks(model, &reading, life);
        model->raised_unseen += life->raised && step->result != SCAN_COMPLETE;
        if (life->raised)
                model_judge_raised(step, key, rule, &reading);
        else
                model_judge_pending(step, key, rule, &reading);
        if (key->kind == ALERT_CLOSE_WAIT_LEAK && reading.known && reading.level != SEVERITY_NONE)
                life->pause_usec = MAX(life->pause_usec,
                                       step->shown[model_port_index(&key->port)].leak.pause_usec);
}

/* ---- one step ---- */

/* What needs no numbers. */
static inline void model_check_event(struct model *model, const struct event *event)
{
        const struct alert_key *key = &event->alert.key;
        struct life *life = model_life(model, key);
        const enum severity now = event->alert.severity, before = event->previous_severity;

        model_require(model, event->sequence == ++model->sequence, "e", key);
        model_require(model, event->now_usec == model->now_usec, "e, time", key);
        model_require(model, !life->event, "a, twice at a step", key);
        model_require(model, life->raised == (event->transition != TRANSITION_RAISED), "a", key);
        model_require(model, before == life->severity, "d, severity before", key);
        switch (event->transition) {
        case TRANSITION_RAISED:
                model_require(model, now != SEVERITY_NONE, "d, raised as nothing", key);
                break;
        case TRANSITION_ESCALATED:
                model_require(model, before == SEVERITY_WARNING && now == SEVERITY_CRITICAL,
                              "d, escalated", key);
                break;
        case TRANSITION_DEESCALATED:
                model_require(model, before == SEVERITY_CRITICAL && now == SEVERITY_WARNING,
                              "d, deescalated", key);
                break;
        case TRANSITION_REMINDED:
        case TRANSITION_CLEARED:
                model_require(model, before == now, "d, unchanged", key);
                break;
        case TRANSITION_COUNT:
                break;
        }
        life->event = event;
        model->told[event->transition]++;
}

static inline void model_look_at_table(struct model *model, const struct alert_table *table)
{
        const size_t n = alert_table_count(table);

        model_require(model, n <= ALERTS_MAX, "f, too many", NULL);
        for (size_t i = 0; i < n; i++) {
                const struct alert *alert = alert_table_get(table, i);
                struct life *life = model_life(model, &alert->key);

                model_require(model, !life->alert, "f, listed twice", &alert->key);
                life->alert = alert;
                if (i > 0) {
                        const struct alert_key *a = &alert_table_get(table, i - 1)->key;

                        model_require(model,
                                      a->kind < alert->key.kind ||
                                              (a->kind == alert->key.kind &&
                                               port_key_compare(&a->port, &alert->key.port) < 0),
                                      "f, order", &alert->key);
                }
        }
}

/* Takes over what the step has changed, once it is known to be right. */
static inline void model_settle_life(const struct model_step *step, const struct alert_key *key)
{
        struct model *model = step->model;
        struct life *life = model_life(model, key);
        const struct alert *alert = life->alert;

        if (life->event) {
                life->raised = life->event->transition != TRANSITION_CLEARED;
                life->severity = life->event->alert.severity;
                life->told_usec = model->now_usec;
        }
        if (!alert || !life->raised) {
                if (!alert)
                        model_forget(life);
                model_require(model, !alert || alert->state == ALERT_PENDING, "i, state", key);
        } else {
                model_require(model, alert->state == ALERT_RAISED, "i, state", key);
                model_require(model, alert->severity == life->severity, "d, table", key);
        }
        if (alert) {
                if (key->kind == ALERT_BLIND && step->shown)
                        model_require(model, alert->values.count == model->bad_scans, "m, blind",
                                      key);
                else if (step->result != SCAN_COMPLETE)
                        model_require(model, alert->values.count >= life->count, "m", key);
                model_require(model, alert->owner.uid == life->uid, "n", key);
                life->listed = true;
                life->count = alert->values.count;
        }
}

static inline void model_check_totals(struct model *model, const struct alert_table *table)
{
        enum severity worst = SEVERITY_NONE, told_worst;
        size_t raised = 0;

        for (size_t i = 0; i < model_n_lives(model); i++) {
                raised += model->lives[i].raised;
                if (model->lives[i].raised)
                        worst = MAX(worst, model->lives[i].severity);
        }
        model_require(model, alert_table_raised(table, &told_worst) == raised, "i, raised", NULL);
        model_require(model, told_worst == worst, "i, worst", NULL);
}

/* shown: of each port; NULL: a reload, whose rules are model->config already. */
static inline void model_check(struct model *model, const struct shown *shown,
                               enum scan_result result, const struct alert_table *table,
                               const struct events *events)
{
        const uint64_t overflow = alert_table_overflow(table);
        const struct model_step step = { .model = model,
                                         .shown = shown,
                                         .result = result,
                                         .room = overflow == model->overflow };

        model->steps++;
        model->overflow = overflow;
        for (size_t i = 0; i < model_n_lives(model); i++) {
                model->lives[i].event = NULL;
                model->lives[i].alert = NULL;
        }
        for (size_t i = 0; i < events->n; i++)
                model_check_event(model, &events->items[i]);
        model_look_at_table(model, table);
        for (size_t i = 0; i < model_n_lives(model); i++) {
                const struct alert_key key = model_key(model, i);

                model_judge_life(&step, &key);
                model_settle_life(&step, &key);
        }
        model_check_totals(model, table);
}

/* The owner of a port was set: takes note of whose it now is, which no step may change. */
static inline void model_note_owners(struct model *model, const struct alert_table *table)
{
        for (size_t i = 0; i < alert_table_count(table); i++) {
                const struct alert *alert = alert_table_get(table, i);

                model_life(model, &alert->key)->uid = alert->owner.uid;
        }
}

static inline void model_init(struct model *model, size_t n_ports)
{
        *model = (struct model){ .n_ports = n_ports };
        model->lives = calloc(model_n_lives(model), sizeof(*model->lives));
        if (!model->lives)
                abort();
        for (size_t i = 0; i < model_n_lives(model); i++)
                model_forget(&model->lives[i]);
}

static inline void model_done(struct model *model)
{
        free(model->lives);
}
