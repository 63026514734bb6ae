/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is known when all sockets are counted: how old those in CLOSE_WAIT are, by the ledger, which
 * ports are shown without having any, and in which order. One sweep over the ledger; what a rule
 * says of a socket's age is looked up once for each group of sockets, not for each socket.
 */

#include "tally-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "survival.h"

#define LENSES 256 /* groups whose sockets may alternate at no cost */

/* What the ages of a group's sockets are added to, and compared with. */
struct lens {
        bool valid;
        uint32_t group;       /* the number that it is for */
        struct port_row *row; /* NULL: beyond TALLY_PORTS_MAX, in the totals alone */
        uint64_t stuck_usec;
        uint64_t held_usec;  /* ... and for RaiseAfter longer: with what is usual, the last bound */
        uint64_t usual_max;  /* so many usual ones are left out */
        uint64_t usual_usec; /* below it an age is usual */
        uint64_t pool_usec;  /* ... that of an idle member of a pool */
        bool is_judged;      /* a rule asks how old its sockets are */
};

/* What finishing carries through the callbacks of services, rules and ledger. */
struct finish {
        struct tally *tally;
        const struct rules *rules;
        uint64_t now_usec;
        uint64_t due_usec; /* the least time until an age means something else; UINT64_MAX: never */
        int error;
        struct lens lenses[LENSES]; /* by group number, modulo their number */
};

/* Ports are shown at zero where there is room for them. */
static struct port_row *flag_row(struct finish *finish, const struct port_key *key, uint8_t flag)
{
        struct port_row *row;
        int r = tally_find_row(finish->tally, key, &row);

        if (r == 0) {
                row->flags |= flag;
                return row;
        }
        if (r != -ENOSPC)
                finish->error = r;
        return NULL;
}

/* Where no socket in CLOSE_WAIT names a process, whoever listens on the port does. */
static void flag_listening(uint16_t port, bool listening, void *userdata)
{
        const struct port_key key = { .side = SIDE_LOCAL, .port = port };
        struct finish *finish = userdata;
        struct port_row *row = flag_row(finish, &key, listening ? PORT_LISTENING : PORT_LISTENED);

        if (!row)
                return;
        services_listener(finish->tally->services, port, &row->listener);
        if (row->listener.known && (!row->witness.known || row->witness.inode == 0))
                row->witness = row->listener;
}

static void flag_configured(const struct port_key *key, void *userdata)
{
        (void)flag_row(userdata, key, PORT_CONFIGURED);
}

/* What is usual has its measure: beyond it nothing is. */
static void limit_usual(const struct rules *rules, struct port_row *row)
{
        const struct rule *rule = rules_governing(rules, ALERT_CLOSE_WAIT_STUCK, &row->key);
        const uint32_t max = rule ? (uint32_t)rule->usual_max : 0;

        row->stuck_usual = MIN(row->stuck_usual, max);
        row->stuck_held_usual = MIN(row->stuck_held_usual, max);
}

/* Each bin was counted alone. */
static void sum_time_wait(struct port_row *row)
{
        row->count[SOCK_TIME_WAIT] = row->tw_beyond;
        for (size_t i = 0; i < SNAPSHOT_TW_BINS; i++)
                row->count[SOCK_TIME_WAIT] += row->tw_remaining[i];
}

static void settle_rows(struct tally *tally, const struct rules *rules)
{
        for (size_t i = 0; i < tally->n_rows; i++) {
                struct port_row *row = &tally->rows[i];

                sum_time_wait(row);
                if (rules_ignored(rules, &row->key))
                        row->flags |= PORT_IGNORED;
                if (row->stuck_usual > 0)
                        limit_usual(rules, row);
        }
}

static const struct lens *lens_for(struct finish *finish, uint32_t number,
                                   const struct port_key *key)
{
        struct lens *lens = &finish->lenses[number % LENSES];
        const struct rule *rule;

        if (lens->valid && lens->group == number)
                return lens;
        rule = rules_governing(finish->rules, ALERT_CLOSE_WAIT_STUCK, key);
        lens->valid = true;
        lens->group = number;
        lens->row = tally_known_row(finish->tally, key);
        lens->stuck_usec = rule ? rule->stuck_after_usec : RULE_STUCK_AFTER_USEC;
        lens->held_usec = lens->stuck_usec + (rule ? rule->raise_after_usec : 0);
        lens->usual_max = rule ? (uint64_t)rule->usual_max : 0;
        lens->is_judged = rules_find(finish->rules, ALERT_CLOSE_WAIT_STUCK, key) ||
                          rules_find(finish->rules, ALERT_CLOSE_WAIT_LEAK, key);
        if (finish->tally->survival) {
                lens->usual_usec = survival_patience(finish->tally->survival, key, false);
                lens->pool_usec = survival_patience(finish->tally->survival, key, true);
        }
        return lens;
}

/* The age up to which the socket's is usual; 0: it has been found not to be. */
static uint64_t usual_age(const struct lens *lens, const struct ledger_entry *entry)
{
        if (entry->flags & LEDGER_OUTLIVED)
                return 0;
        return survival_may_be_idle(&lens->row->key, entry) ? lens->pool_usec : lens->usual_usec;
}

static void add_stuck(const struct lens *lens, uint64_t age_usec, uint64_t usual_usec,
                      struct port_row *row)
{
        row->stuck++;
        row->stuck_usual += age_usec < usual_usec;
        if (age_usec < lens->held_usec)
                return;
        row->stuck_held++;
        row->stuck_held_usual += age_usec < usual_usec;
}

/* The next of these ages that the socket reaches is what its port is judged by. */
static void expect_age(struct finish *finish, uint64_t age_usec, uint64_t bound_usec)
{
        if (age_usec < bound_usec)
                finish->due_usec = MIN(finish->due_usec, bound_usec - age_usec);
}

/*
 * What is usual does not count as stuck, as long as no more than UsualMax are: so where the whole
 * port has no more, nothing is decided before the socket is older than what is usual.
 */
static void expect(struct finish *finish, const struct lens *lens, uint64_t age_usec,
                   uint64_t usual_usec)
{
        const bool all_usual = lens->row->count[SOCK_CLOSE_WAIT] <= lens->usual_max;
        const uint64_t least_usec = all_usual ? usual_usec : 0;

        expect_age(finish, age_usec, usual_usec);
        expect_age(finish, age_usec, MAX(lens->stuck_usec, least_usec));
        expect_age(finish, age_usec, MAX(lens->held_usec, least_usec));
}

static void add_age(const struct ledger_entry *entry, const struct ledger_group *group,
                    void *userdata)
{
        struct finish *finish = userdata;
        const struct lens *lens = lens_for(finish, entry->group, &group->port);
        const uint64_t age_usec = finish->now_usec - MIN(entry->first_seen_usec, finish->now_usec);
        struct port_row *row = lens->row;
        uint64_t usual_usec;

        if (!row)
                return;
        usual_usec = usual_age(lens, entry);
        if (age_usec >= lens->stuck_usec)
                add_stuck(lens, age_usec, usual_usec, row);
        if (lens->is_judged && age_usec < MAX(lens->held_usec, usual_usec))
                expect(finish, lens, age_usec, usual_usec);
        if (row->witness.known && age_usec <= row->oldest_usec)
                return;
        row->oldest_usec = MAX(age_usec, UINT64_C(1)); /* 0 would mean: no socket is tracked */
        row->oldest_at_least = entry->flags & LEDGER_AT_LEAST;
        row->witness = (struct port_witness){ .known = true,
                                              .cgroup_id = group->cgroup_id,
                                              .uid = group->uid,
                                              .inode = entry->inode };
}

/* Sorts the rows and rebuilds the index for their new places. */
static void hand_over(struct tally *tally, struct snapshot *snapshot)
{
        struct port_row *fitted;

        if (tally->n_rows == 0)
                return;
        qsort(tally->rows, tally->n_rows, sizeof(*tally->rows), port_row_compare);
        memset(tally->index, 0, tally->rows_size * 2 * sizeof(*tally->index));
        tally_index_rows(tally);
        snapshot->index_mask = (uint32_t)tally->rows_size * 2 - 1;
        snapshot->index = TAKE_PTR(tally->index);
        snapshot->n_rows = tally->n_rows;
        snapshot->rows = TAKE_PTR(tally->rows);
        fitted = realloc(snapshot->rows, snapshot->n_rows * sizeof(*fitted));
        if (fitted)
                snapshot->rows = fitted;
}

int tally_finish(struct tally *tally, const struct rules *rules, uint64_t now_usec,
                 struct snapshot **ret_snapshot)
{
        struct finish finish = {
                .tally = tally, .rules = rules, .now_usec = now_usec, .due_usec = UINT64_MAX
        };
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

        if (!snapshot)
                return -ENOMEM;
        ledger_each_seen(tally->ledger, add_age, &finish);
        services_each(tally->services, flag_listening, &finish);
        rules_each_configured(rules, flag_configured, &finish);
        if (finish.error < 0) {
                free(snapshot);
                return finish.error;
        }
        settle_rows(tally, rules);
        hand_over(tally, snapshot);
        memcpy(snapshot->total, tally->total, sizeof(snapshot->total));
        snapshot->ports_overflow = tally->overflow;
        snapshot->tracked = ledger_count(tally->ledger);
        snapshot->untracked = ledger_untracked(tally->ledger);
        snapshot->due_usec =
                finish.due_usec < UINT64_MAX - now_usec ? now_usec + finish.due_usec : UINT64_MAX;
        snapshot->refs = 1;
        tally_drop_rows(tally);
        *ret_snapshot = snapshot;
        return 0;
}
