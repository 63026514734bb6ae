/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes as a program that drives the detector as the daemon does: scans, the passing of time,
 * reloads, owners. Any bytes are a program; after each step judge-model.h says what does not hold.
 *
 *   first byte   bit 0: many ports, of which a number stands for a stretch; the rest: rules to begin
 *                with, by steps of a reload
 *   00-7f        a scan: bits 0-1 rows that change before it, 2-4 how it goes, 5-6 == 2: all are
 *                gone first; then how much time passes before it, then the rows
 *   80-b7        1 to 16 complete scans of the same numbers; then the time between them
 *   b8-cf        1 to 8 that are partial or failed; then the time between them
 *   d0-df        time alone
 *   e0-ef        a reload: 1 to 3 changes; from e8 on without telling the detector
 *   f0-f7        the owner of a port
 *   f8-ff        the last snapshot once more, later
 */

#include "judge-model.h"

#define PROGRAM_STEPS_FEW  300
#define PROGRAM_STEPS_MANY 40

struct program {
        const uint8_t *at;
        size_t left;
        struct model model;
        struct alert_table *table;
        struct rules *rules;
        struct events events;
        struct snapshot *snapshot; /* the last one; NULL: none yet */
        enum scan_result result;   /* of it */
        uint64_t generation;
        int64_t owners;      /* set so far */
        struct shown *real;  /* what there is, by port */
        struct shown *shown; /* what the last scan shows of it */
};

static const uint32_t program_counts[16] = { 0,  1,  3,  4,  5,   8,    9,    10,
                                             11, 20, 80, 99, 100, 1000, 4321, UINT32_MAX };
static const uint64_t program_times[16] = {
        0,
        1,
        USEC_PER_SEC,
        5 * USEC_PER_SEC,
        10 * USEC_PER_SEC,
        10 * USEC_PER_SEC,
        20 * USEC_PER_SEC,
        30 * USEC_PER_SEC,
        USEC_PER_MIN,
        2 * USEC_PER_MIN - 1,
        2 * USEC_PER_MIN,
        5 * USEC_PER_MIN,
        30 * USEC_PER_MIN,
        USEC_PER_HOUR,
        USEC_PER_DAY,
        7 * USEC_PER_DAY,
};

/* 0 after the end. */
static inline uint8_t program_take(struct program *program)
{
        if (program->left == 0)
                return 0;
        program->left--;
        return *program->at++;
}

static inline void program_must(bool holds)
{
        if (!holds)
                abort(); /* no memory, or a mistake of the harness */
}

/* ---- rules ---- */

static inline struct rule program_rule(enum alert_kind kind)
{
        return (struct rule){ .kind = kind,
                              .warning = kind == ALERT_CLOSE_WAIT_LEAK ? 3 : 10,
                              .critical = kind == ALERT_CLOSE_WAIT_STUCK ? 100 : RULE_LEVEL_OFF,
                              .raise_after_usec = 20 * USEC_PER_SEC,
                              .clear_after_usec = 2 * USEC_PER_MIN,
                              .remind_every_usec = USEC_PER_HOUR,
                              .critical_within_usec = USEC_PER_HOUR,
                              .clear_below_pct = 80,
                              .origin = "program" };
}

/* Two levels, the critical one not below the other, each of them off at times. */
static inline void program_set_levels(struct rule *rule, uint8_t byte)
{
        static const int64_t levels[8] = { 1, 3, 5, 5, 10, 10, 20, 100 };
        const int64_t warning = levels[byte & 7], critical = levels[byte >> 3 & 7];

        rule->warning = byte & 0x40 ? RULE_LEVEL_OFF : warning;
        rule->critical = byte & 0x80 || rule->kind == ALERT_CLOSE_WAIT_LEAK
                                 ? RULE_LEVEL_OFF
                                 : MAX(warning, critical);
}

static inline void program_set_holds(struct rule *rule, uint8_t byte)
{
        static const uint64_t holds[4] = { 0, 10 * USEC_PER_SEC, 30 * USEC_PER_SEC,
                                           10 * USEC_PER_MIN };
        static const uint64_t reminders[4] = { 0, 1, USEC_PER_MIN, USEC_PER_HOUR };
        static const unsigned percents[4] = { 1, 50, 80, 100 };

        rule->raise_after_usec = holds[byte & 3];
        rule->clear_after_usec = holds[byte >> 2 & 3];
        rule->remind_every_usec = reminders[byte >> 4 & 3];
        rule->clear_below_pct = percents[byte >> 6];
        rule->critical_within_usec = byte & 0x11 ? USEC_PER_HOUR : 0;
        rule->stuck_after_usec = byte & 0x22 ? USEC_PER_MIN : 0;
}

static inline void program_change_rule(struct program *program)
{
        struct config *config = &program->model.config;
        const uint8_t what = program_take(program);
        const size_t port = program_take(program) % MODEL_FEW;
        const enum alert_kind kind = (enum alert_kind)(what & 3);
        struct rule *rule = &config->general[kind];

        switch (what >> 2 & 7) {
        case 0:
        case 1:
                program_set_levels(rule, program_take(program));
                break;
        case 2:
                program_set_holds(rule, program_take(program));
                break;
        case 3:
                config->excepted[port][kind] = true;
                config->exceptions[port][kind] = *rule;
                program_set_levels(&config->exceptions[port][kind], program_take(program));
                break;
        case 4:
                config->excepted[port][kind] = false;
                break;
        case 5:
                config->ignored[port] = !config->ignored[port];
                break;
        case 6:
                program_set_holds(&config->blind, program_take(program));
                break;
        default:
                break; /* reads the same again */
        }
}

static inline struct rules *program_make_rules(const struct config *config)
{
        struct rules *rules;

        program_must(rules_new(&rules) == 0 && rules_add(rules, &config->blind) == 0);
        for (int kind = 0; kind < PORT_KINDS; kind++)
                program_must(rules_add(rules, &config->general[kind]) == 0);
        for (size_t port = 0; port < MODEL_FEW; port++) {
                const struct port_key key = model_port(port);

                if (config->ignored[port])
                        program_must(rules_ignore(rules, (enum port_side)key.side, key.port,
                                                  key.port) == 0);
                for (int kind = 0; kind < PORT_KINDS; kind++) {
                        struct rule rule = config->exceptions[port][kind];

                        rule.scope = key;
                        if (config->excepted[port][kind])
                                program_must(rules_add(rules, &rule) == 0);
                }
        }
        return rules;
}

static inline void program_use_rules(struct program *program)
{
        rules_free(program->rules);
        program->rules = program_make_rules(&program->model.config);
}

/* The daemon tells the detector at once; it must also do the right thing when it finds out later. */
static inline void program_reload(struct program *program, uint8_t op)
{
        struct model *model = &program->model;

        for (int i = 0; i <= (op & 7) % 3; i++)
                program_change_rule(program);
        program_use_rules(program);
        if (op & 8)
                return;
        program_must(detect_retire(program->table, program->rules, model->now_usec, 1,
                                   &program->events) == 0);
        model_check(model, NULL, SCAN_COMPLETE, program->table, &program->events);
}

/* ---- what there is ---- */

/* Of a row with so many stuck sockets, for whoever has outlived is stuck. */
static inline void program_change_leak(struct program *program, uint32_t stuck,
                                       struct port_leak *leak)
{
        static const double rates[8] = { 0, 0.05, 0.5, 1, 6, 60, 6000, 1e9 };
        const uint8_t a = program_take(program), b = program_take(program);

        *leak = (struct port_leak){ .outlived = MIN(program_counts[a >> 4], stuck) };
        if (leak->outlived == 0)
                return;
        leak->known = true;
        leak->times = (uint8_t)MIN(a & 15U, MIN(leak->outlived, (uint32_t)LEAK_TIMES_MAX));
        leak->patience_usec = program_times[8 + (b & 7)];
        leak->pause_usec = leak->times > 1 ? program_times[4 + (a >> 4 & 7)] : 0;
        if (!(b & 8))
                return;
        leak->arrived = leak->outlived;
        leak->window_usec = 20 * USEC_PER_MIN;
        leak->rate_per_min = rates[b >> 4 & 7];
        leak->error_per_min = leak->rate_per_min / (b & 0x80 ? 1 : 4);
}

/* Numbers that a scan could have counted: a part is never above its whole. */
static inline void program_change_row(struct program *program, struct shown *shown)
{
        const uint8_t a = program_take(program), b = program_take(program),
                      c = program_take(program);
        struct port_row *row = &shown->row;

        row->count[SOCK_CLOSE_WAIT] = program_counts[a & 15];
        row->stuck = MIN(program_counts[a >> 4], row->count[SOCK_CLOSE_WAIT]);
        row->stuck_held = MIN(program_counts[b & 15], row->stuck);
        row->stuck_usual = c & 0x10 ? MIN(program_counts[b >> 4], row->stuck) : 0;
        row->stuck_held_usual = MIN(row->stuck_held, row->stuck_usual);
        row->stage[STAGE_UNCLOSED] = row->count[SOCK_CLOSE_WAIT];
        row->count[SOCK_TIME_WAIT] = program_counts[c & 15];
        row->oldest_usec = program_times[b >> 4];
        row->witness = (struct port_witness){ .known = c & 0x20, .uid = c };
        shown->there = !(c & 0x40);
        if (c & 0x80)
                program_change_leak(program, row->stuck, &shown->leak);
}

static inline void program_change_rows(struct program *program)
{
        const uint8_t which = program_take(program);
        struct shown shown = { .there = true };
        size_t first = which % MODEL_FEW, n = 1;

        if (program->model.n_ports > MODEL_FEW) {
                first = which;
                n = (size_t)1 << program_take(program) % 10;
                n = MIN(n, program->model.n_ports - first);
        }
        program_change_row(program, &shown);
        for (size_t i = first; i < first + n; i++) {
                shown.row.key = model_port(i);
                program->real[i] = shown;
        }
}

/* A scan that is cut short sees a part of the ports, and of one of them half the sockets. */
static inline void program_cut_short(struct program *program)
{
        const uint8_t mask = program_take(program);

        for (size_t i = 0; i < program->model.n_ports; i++) {
                struct shown *shown = &program->shown[i];

                if (mask >> (i & 7) & 1)
                        *shown = (struct shown){ 0 };
        }
        if (mask & 0x10) {
                struct shown *half = &program->shown[mask & 7];
                struct port_row *row = &half->row;

                row->count[SOCK_CLOSE_WAIT] /= 2;
                row->count[SOCK_TIME_WAIT] /= 2;
                row->stuck = MIN(row->stuck, row->count[SOCK_CLOSE_WAIT]);
                row->stuck_held = row->stuck_usual = row->stuck_held_usual = 0;
                half->leak = (struct port_leak){ 0 };
        }
}

/* ---- scans ---- */

static inline void program_add_row(struct snapshot *snapshot, const struct shown *shown)
{
        struct port_row *row = &snapshot->rows[snapshot->n_rows++];
        uint32_t at = port_key_hash(&shown->row.key) & snapshot->index_mask;

        *row = shown->row;
        while (snapshot->index[at] != 0)
                at = (at + 1) & snapshot->index_mask;
        snapshot->index[at] = (uint32_t)snapshot->n_rows;
        if (shown->leak.known) {
                snapshot->leaks[snapshot->n_leaks++] = shown->leak;
                row->leak = (uint32_t)snapshot->n_leaks;
        }
}

/* The rows of what is shown, which a failed scan repeats from the one before. */
static inline struct snapshot *program_make_snapshot(const struct program *program)
{
        const size_t n = program->model.n_ports;
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
        uint32_t slots = 4;

        program_must(snapshot != NULL);
        while (slots < n * 2)
                slots *= 2;
        snapshot->refs = 1;
        snapshot->generation = program->generation;
        snapshot->result = program->result;
        snapshot->requested = SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT);
        if (program->result == SCAN_COMPLETE)
                snapshot->complete = snapshot->requested;
        else
                strcpy(snapshot->error_text, "it went wrong");
        snapshot->rows = calloc(n, sizeof(*snapshot->rows));
        snapshot->leaks = calloc(n, sizeof(*snapshot->leaks));
        snapshot->index = calloc(slots, sizeof(*snapshot->index));
        snapshot->index_mask = slots - 1;
        program_must(snapshot->rows && snapshot->leaks && snapshot->index);
        for (size_t i = 0; i < n; i++)
                if (program->shown[i].there)
                        program_add_row(snapshot, &program->shown[i]);
        return snapshot;
}

static inline void program_judge(struct program *program)
{
        struct model *model = &program->model;

        program_must(detect_step(program->table, program->rules, program->snapshot, model->now_usec,
                                 model->now_usec + 7, &program->events) == 0);
        model_notice_gap(model);
        model_check(model, program->shown, program->result, program->table, &program->events);
}

static inline void program_pass(struct program *program, uint8_t time)
{
        program->model.now_usec += program_times[time & 15];
}

static inline void program_scan(struct program *program, enum scan_result result)
{
        struct model *model = &program->model;

        if (result != SCAN_FAILED)
                memcpy(program->shown, program->real, model->n_ports * sizeof(*program->real));
        if (result == SCAN_PARTIAL)
                program_cut_short(program);
        program->result = result;
        program->generation++;
        model->bad_scans = result == SCAN_COMPLETE ? 0 : model->bad_scans + 1;
        snapshot_unref(program->snapshot);
        program->snapshot = program_make_snapshot(program);
        program_judge(program);
}

static inline void program_scan_op(struct program *program, uint8_t op)
{
        static const enum scan_result results[8] = {
                [5] = SCAN_PARTIAL, [6] = SCAN_PARTIAL, [7] = SCAN_FAILED
        };

        program_pass(program, program_take(program));
        if ((op >> 5 & 3) == 2)
                memset(program->real, 0, program->model.n_ports * sizeof(*program->real));
        for (int i = 0; i < (op & 3); i++)
                program_change_rows(program);
        program_scan(program, results[op >> 2 & 7]);
}

static inline void program_scan_again(struct program *program, unsigned n, enum scan_result result)
{
        const uint8_t time = program_take(program);

        for (; n > 0 && program->model.broken[0] == '\0'; n--) {
                program_pass(program, time);
                program_scan(program, result);
        }
}

/* ---- owners ---- */

static inline void program_set_owner(struct program *program)
{
        const uint8_t byte = program_take(program);
        struct owner_answer answer = { .port = model_port(byte % MODEL_FEW) };
        struct owner *owner = &answer.owner;

        owner_clear(owner);
        owner->uid = ++program->owners;
        owner->total = owner->n_processes = byte >> 4 & 3;
        for (uint32_t i = 0; i < owner->n_processes; i++) {
                static const int64_t limits[4] = { 1024, 65536, OWNER_UNLIMITED, OWNER_UNKNOWN };
                const uint8_t fds = program_take(program);

                owner->processes[i] =
                        (struct owner_process){ .pid = 7,
                                                .fds = fds == 255 ? OWNER_UNKNOWN : fds * 5,
                                                .fd_limit = limits[fds & 3] };
        }
        alert_table_set_owner(program->table, &answer);
        model_note_owners(&program->model, program->table);
}

/* ---- a program ---- */

static inline void program_step(struct program *program)
{
        const uint8_t op = program_take(program);

        if (op < 0x80)
                program_scan_op(program, op);
        else if (op < 0xb8)
                program_scan_again(program, (op & 15) + 1U, SCAN_COMPLETE);
        else if (op < 0xd0)
                program_scan_again(program, (op & 7) + 1U, op & 8 ? SCAN_FAILED : SCAN_PARTIAL);
        else if (op < 0xe0)
                program_pass(program, op);
        else if (op < 0xf0)
                program_reload(program, op);
        else if (op < 0xf8)
                program_set_owner(program);
        else if (program->snapshot) {
                program_pass(program, op);
                program_judge(program);
        }
}

static inline void program_init(struct program *program, const uint8_t *data, size_t size)
{
        struct model *model = &program->model;
        uint8_t first;

        *program = (struct program){ .at = data, .left = size };
        first = program_take(program);
        model_init(model, first & 1 ? MODEL_MANY : MODEL_FEW);
        model->now_usec = 1000 * USEC_PER_SEC;
        for (int kind = 0; kind < PORT_KINDS; kind++)
                model->config.general[kind] = program_rule((enum alert_kind)kind);
        model->config.blind = program_rule(ALERT_BLIND);
        model->config.blind.warning = 1;
        for (int i = 0; i < (first >> 1) % 4; i++)
                program_change_rule(program);
        program->real = calloc(model->n_ports, sizeof(*program->real));
        program->shown = calloc(model->n_ports, sizeof(*program->shown));
        program_must(program->real && program->shown && alert_table_new(&program->table) == 0);
        program_use_rules(program);
}

static inline void program_done(struct program *program)
{
        model_done(&program->model);
        alert_table_free(program->table);
        rules_free(program->rules);
        events_done(&program->events);
        snapshot_unref(program->snapshot);
        free(program->real);
        free(program->shown);
}

/* Runs it until its end, or until something does not hold: program->model.broken. */
static inline void program_run(struct program *program)
{
        const uint64_t max =
                program->model.n_ports > MODEL_FEW ? PROGRAM_STEPS_MANY : PROGRAM_STEPS_FEW;

        while (program->left > 0 && program->model.steps < max && program->model.broken[0] == '\0')
                program_step(program);
}
