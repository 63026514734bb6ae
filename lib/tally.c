/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows lie in one dense array, found by an open-addressing table of positions. Consecutive sockets
 * are often of one port (the kernel walks its table by hash, a busy service is everywhere in it),
 * so the row used last is tried first. The row array becomes the snapshot's; its size follows the
 * number of ports, never that of sockets.
 */

#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define ROWS_MIN 64

struct tally {
        struct services *services;
        struct ledger *ledger;
        struct port_row *rows;
        size_t n_rows;
        size_t rows_size; /* a power of two; 0: nothing allocated */
        uint32_t *index;  /* 2 * rows_size: position + 1; 0: free */
        size_t last;      /* the row that was found last */
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
        tally->n_rows = tally->rows_size = tally->last = 0;
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

static uint32_t *find_slot(const struct port_row *rows, uint32_t *index, uint32_t mask,
                           const struct port_key *key)
{
        uint32_t i = port_key_hash(key) & mask;

        while (index[i] != 0 && port_key_compare(&rows[index[i] - 1].key, key) != 0)
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

        if (tally->n_rows > 0 && port_key_compare(&tally->rows[tally->last].key, key) == 0) {
                *ret_row = &tally->rows[tally->last];
                return 0;
        }
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
        tally->last = *slot - 1;
        *ret_row = &tally->rows[tally->last];
        return 0;
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
        struct port_key key = { .netns = record->netns };
        struct port_row *row;
        int r;

        services_classify(tally->services, record->local_port, record->remote_port, &key);
        if (record->state == SOCK_CLOSE_WAIT &&
            ledger_see(tally->ledger, record, &key) == LEDGER_REPEATED)
                return 0;
        tally->total[record->state]++;
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

/* What finishing carries through the callbacks of services, rules and ledger. */
struct finish {
        struct tally *tally;
        const struct rules *rules;
        uint64_t now_usec;
        struct port_row *row;
        uint64_t stuck_usec;
        uint64_t held_usec;
        int error;
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

static void flag_ignored(struct tally *tally, const struct rules *rules)
{
        for (size_t i = 0; i < tally->n_rows; i++)
                if (rules_ignored(rules, &tally->rows[i].key))
                        tally->rows[i].flags |= PORT_IGNORED;
}

static void select_row(struct finish *finish, const struct port_key *key)
{
        const struct rule *rule = rules_governing(finish->rules, ALERT_CLOSE_WAIT_STUCK, key);

        if (finish->row && port_key_compare(&finish->row->key, key) == 0)
                return;
        if (find_row(finish->tally, key, &finish->row) < 0)
                finish->row = NULL; /* beyond TALLY_PORTS_MAX: in the totals alone */
        finish->stuck_usec = rule ? rule->stuck_after_usec : TALLY_STUCK_AFTER_USEC;
        finish->held_usec = finish->stuck_usec + (rule ? rule->raise_after_usec : 0);
}

static void add_age(const struct ledger_entry *entry, const struct ledger_group *group,
                    void *userdata)
{
        struct finish *finish = userdata;
        uint64_t age_usec;
        struct port_row *row;

        select_row(finish, &group->port);
        row = finish->row;
        if (!row)
                return;
        age_usec = finish->now_usec - MIN(entry->first_seen_usec, finish->now_usec);
        row->stuck += age_usec >= finish->stuck_usec;
        row->stuck_held += age_usec >= finish->held_usec;
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
        struct finish finish = { .tally = tally, .rules = rules, .now_usec = now_usec };
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
        flag_ignored(tally, rules);
        hand_over(tally, snapshot);
        memcpy(snapshot->total, tally->total, sizeof(snapshot->total));
        snapshot->ports_overflow = tally->overflow;
        snapshot->tracked = ledger_count(tally->ledger);
        snapshot->untracked = ledger_untracked(tally->ledger);
        snapshot->refs = 1;
        drop_rows(tally);
        *ret_snapshot = snapshot;
        return 0;
}
