/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens for each socket is a bit test for its side, one look into a small table of the rows
 * used last, and two counters of one row: no allocation, no division, no search. Those few tables
 * stay in the processor's first cache while the kernel, between two datagrams, walks over its own.
 *
 * Rows lie in one dense array. The kernel walks its sockets by hash, so a few busy ports take turns
 * at random: each finds its row by the low bits of its port, in RECENT positions; where another port
 * has taken that place, by an open-addressing table of all. The row array becomes the snapshot's;
 * its size follows the number of ports, never that of sockets.
 */

#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "survival.h"

#define ROWS_MIN 64
#define RECENT   256 /* rows that are found at once */
#define LENSES   256 /* groups whose sockets may alternate at no cost */

struct tally {
        struct services *services;
        struct ledger *ledger;
        const struct survival *survival; /* NULL: none */
        struct port_row *rows;
        size_t n_rows;
        size_t rows_size;                /* a power of two; 0: nothing allocated */
        uint32_t *index;                 /* 2 * rows_size: position + 1; 0: free */
        struct port_row *recent[RECENT]; /* by recent_slot(): the row that it may be; or NULL */
        uint64_t total[SOCK_STATE_COUNT];
        uint64_t overflow;
};

int tally_new(struct tally **ret_tally)
{
        struct tally *tally = calloc(1, sizeof(*tally));

        if (!tally)
                return -ENOMEM;
        *ret_tally = tally;
        return 0;
}

static void drop_rows(struct tally *tally)
{
        free(tally->rows);
        free(tally->index);
        tally->rows = NULL;
        tally->index = NULL;
        tally->n_rows = tally->rows_size = 0;
        memset(tally->recent, 0, sizeof(tally->recent));
}

struct tally *tally_free(struct tally *tally)
{
        if (tally)
                drop_rows(tally);
        free(tally);
        return NULL;
}

void tally_begin(struct tally *tally, struct services *services, struct ledger *ledger)
{
        drop_rows(tally);
        tally->services = services;
        tally->ledger = ledger;
        tally->overflow = 0;
        memset(tally->total, 0, sizeof(tally->total));
}

void tally_set_survival(struct tally *tally, const struct survival *survival)
{
        tally->survival = survival;
}

/* Ports that lie side by side, on both sides, do not get into each other's way. */
static size_t recent_slot(const struct port_key *key)
{
        return (key->port ^ key->side << 7) % RECENT;
}

static uint32_t *find_slot(const struct port_row *rows, uint32_t *index, uint32_t mask,
                           const struct port_key *key)
{
        uint32_t i = port_key_hash(key) & mask;

        while (index[i] != 0 && !port_key_same(&rows[index[i] - 1].key, key))
                i = (i + 1) & mask;
        return &index[i];
}

static void index_rows(struct tally *tally)
{
        const uint32_t mask = (uint32_t)tally->rows_size * 2 - 1;

        for (size_t i = 0; i < tally->n_rows; i++)
                *find_slot(tally->rows, tally->index, mask, &tally->rows[i].key) = (uint32_t)i + 1;
}

static int grow(struct tally *tally)
{
        const size_t size = MAX(tally->rows_size * 2, (size_t)ROWS_MIN);
        struct port_row *rows = realloc(tally->rows, size * sizeof(*rows));
        uint32_t *index;

        if (!rows)
                return -ENOMEM;
        tally->rows = rows;
        memset(tally->recent, 0, sizeof(tally->recent));
        index = calloc(size * 2, sizeof(*index));
        if (!index)
                return -ENOMEM;
        free(tally->index);
        tally->index = index;
        tally->rows_size = size;
        index_rows(tally);
        return 0;
}

/* The row of that port, made if need be. -ENOSPC at TALLY_PORTS_MAX, -ENOMEM. */
static int find_row(struct tally *tally, const struct port_key *key, struct port_row **ret_row)
{
        uint32_t *slot;

        if (tally->n_rows == tally->rows_size && tally->n_rows < TALLY_PORTS_MAX) {
                int r = grow(tally);

                if (r < 0)
                        return r;
        }
        slot = find_slot(tally->rows, tally->index, (uint32_t)tally->rows_size * 2 - 1, key);
        if (*slot == 0) {
                if (tally->n_rows == TALLY_PORTS_MAX)
                        return -ENOSPC;
                tally->rows[tally->n_rows] = (struct port_row){ .key = *key };
                *slot = (uint32_t)++tally->n_rows;
        }
        *ret_row = &tally->rows[*slot - 1];
        tally->recent[recent_slot(key)] = *ret_row;
        return 0;
}

/* The same, where the port's row is among those used last; NULL: it is not. */
static struct port_row *recent_row(const struct tally *tally, const struct port_key *key)
{
        struct port_row *row = tally->recent[recent_slot(key)];

        return row && port_key_same(&row->key, key) ? row : NULL;
}

static void count_time_wait(struct port_row *row, uint32_t expires_msec)
{
        const uint32_t bin = expires_msec == 0 ? 0 : (expires_msec - 1) / SNAPSHOT_TW_BIN_MSEC;

        if (bin < SNAPSHOT_TW_BINS)
                row->tw_remaining[bin]++;
        else
                row->tw_beyond++;
}

int tally_add(struct tally *tally, const struct sockrec *record)
{
        struct port_key key =
                services_classify(tally->services, record->local_port, record->remote_port);
        struct port_row *row;
        int r = 0;

        key.netns = record->netns;
        if (record->state == SOCK_CLOSE_WAIT &&
            ledger_see(tally->ledger, record, &key) == LEDGER_REPEATED)
                return 0;
        tally->total[record->state]++;
        row = recent_row(tally, &key);
        if (!row)
                r = find_row(tally, &key, &row);
        if (r == -ENOSPC) {
                tally->overflow++;
                return 0;
        }
        if (r < 0)
                return r;
        row->count[record->state]++;
        if (record->state == SOCK_TIME_WAIT)
                count_time_wait(row, record->expires_msec);
        else if (record->state == SOCK_CLOSE_WAIT)
                row->stage[close_wait_stage(record)]++;
        return 0;
}

int tally_add_time_wait(struct tally *tally, const struct time_wait_counts *counts)
{
        struct port_row *row;
        uint32_t sum = counts->beyond;
        int r;

        if (counts->key.side == SIDE_LOCAL) /* a port that lost its listener is still in use */
                services_keep(tally->services, counts->key.port);
        for (size_t i = 0; i < SNAPSHOT_TW_BINS; i++)
                sum += counts->remaining[i];
        tally->total[SOCK_TIME_WAIT] += sum;
        r = find_row(tally, &counts->key, &row);
        if (r == -ENOSPC)
                tally->overflow += sum;
        if (r < 0)
                return r == -ENOSPC ? 0 : r;
        row->count[SOCK_TIME_WAIT] += sum;
        for (size_t i = 0; i < SNAPSHOT_TW_BINS; i++)
                row->tw_remaining[i] += counts->remaining[i];
        row->tw_beyond += counts->beyond;
        return 0;
}

/* What the ages of a group's sockets are added to, and compared with. */
struct lens {
        bool valid;
        uint32_t group;       /* the number that it is for */
        struct port_row *row; /* NULL: beyond TALLY_PORTS_MAX, in the totals alone */
        uint64_t stuck_usec;
        uint64_t raise_after_usec;
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
        int r = find_row(finish->tally, key, &row);

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

static void settle_rows(struct tally *tally, const struct rules *rules)
{
        for (size_t i = 0; i < tally->n_rows; i++) {
                struct port_row *row = &tally->rows[i];

                if (rules_ignored(rules, &row->key))
                        row->flags |= PORT_IGNORED;
                if (row->stuck_usual > 0)
                        limit_usual(rules, row);
        }
}

/* Never makes one: the lenses point at them. NULL: beyond TALLY_PORTS_MAX, or grouped otherwise. */
static struct port_row *known_row(const struct tally *tally, const struct port_key *key)
{
        const uint32_t mask = (uint32_t)tally->rows_size * 2 - 1;
        const uint32_t position =
                tally->rows_size > 0 ? *find_slot(tally->rows, tally->index, mask, key) : 0;

        return position > 0 ? &tally->rows[position - 1] : NULL;
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
        lens->row = known_row(finish->tally, key);
        lens->stuck_usec = rule ? rule->stuck_after_usec : RULE_STUCK_AFTER_USEC;
        lens->raise_after_usec = rule ? rule->raise_after_usec : 0;
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
        const uint64_t hold_usec = lens->raise_after_usec;

        row->stuck++;
        row->stuck_usual += age_usec < usual_usec;
        if (age_usec < lens->stuck_usec + hold_usec)
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
        const uint64_t held_usec = lens->stuck_usec + lens->raise_after_usec;

        expect_age(finish, age_usec, usual_usec);
        expect_age(finish, age_usec, MAX(lens->stuck_usec, least_usec));
        expect_age(finish, age_usec, MAX(held_usec, least_usec));
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
        if (lens->is_judged)
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
        index_rows(tally);
        snapshot->index_mask = (uint32_t)tally->rows_size * 2 - 1;
        snapshot->index = TAKE_PTR(tally->index);
        fitted = realloc(tally->rows, tally->n_rows * sizeof(*fitted));
        snapshot->rows = fitted ? fitted : tally->rows;
        snapshot->n_rows = tally->n_rows;
        tally->rows = NULL;
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
        drop_rows(tally);
        *ret_snapshot = snapshot;
        return 0;
}
