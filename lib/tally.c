/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens for each socket is a bit test for its side, one look into a small table of the rows
 * used last, and one counter or two of one row: no allocation, no division, no search. Those few
 * tables stay in the processor's first cache while the kernel, between two datagrams, walks over its
 * own.
 *
 * Rows lie in one dense array. The kernel walks its sockets by hash, so a few busy ports take turns
 * at random: each finds its row by the low bits of its port and its side, in TALLY_RECENT positions;
 * where another port has taken that place, by an open-addressing table of all. The row array becomes the
 * snapshot's; its size follows the number of ports, never that of sockets.
 *
 * Sockets in TIME_WAIT come many at a time, and their loop keeps what it needs in registers. Each is
 * counted once, by the time that it has left; how many a port has of them is a sum at the end.
 */

#include "tally-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define ROWS_MIN 64

int tally_new(struct tally **ret_tally)
{
        struct tally *tally = calloc(1, sizeof(*tally));

        if (!tally)
                return -ENOMEM;
        *ret_tally = tally;
        return 0;
}

void tally_drop_rows(struct tally *tally)
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
                tally_drop_rows(tally);
        free(tally);
        return NULL;
}

void tally_begin(struct tally *tally, struct services *services, struct ledger *ledger)
{
        tally_drop_rows(tally);
        tally->services = services;
        tally->ledger = ledger;
        tally->overflow = 0;
        memset(tally->total, 0, sizeof(tally->total));
}

void tally_set_survival(struct tally *tally, const struct survival *survival)
{
        tally->survival = survival;
}

/*
 * Of port_key_number(). Ports that lie side by side, on both sides, do not get into each other's
 * way.
 */
static size_t recent_slot(uint64_t number)
{
        return (number ^ number >> 9) % TALLY_RECENT;
}

static uint32_t *find_slot(const struct port_row *rows, uint32_t *index, uint32_t mask,
                           const struct port_key *key)
{
        uint32_t i = port_key_hash(key) & mask;

        while (index[i] != 0 && !port_key_same(&rows[index[i] - 1].key, key))
                i = (i + 1) & mask;
        return &index[i];
}

void tally_index_rows(struct tally *tally)
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
        tally_index_rows(tally);
        return 0;
}

int tally_find_row(struct tally *tally, const struct port_key *key, struct port_row **ret_row)
{
        const uint64_t number = port_key_number(key);
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
        tally->recent[recent_slot(number)] = (struct recent_row){ number, *ret_row };
        return 0;
}

struct port_row *tally_known_row(const struct tally *tally, const struct port_key *key)
{
        const uint32_t mask = (uint32_t)tally->rows_size * 2 - 1;
        const uint32_t position =
                tally->rows_size > 0 ? *find_slot(tally->rows, tally->index, mask, key) : 0;

        return position > 0 ? &tally->rows[position - 1] : NULL;
}

/* Where the port's row is among those used last, by port_key_number(); NULL: it is not. */
static struct port_row *recent_row(const struct tally *tally, uint64_t number)
{
        const struct recent_row *recent = &tally->recent[recent_slot(number)];

        return recent->number == number ? recent->row : NULL;
}

/* How many they are together is a sum over the bins, when all are counted. */
static void count_time_wait(struct port_row *row, uint32_t expires_msec)
{
        const uint32_t bin = (expires_msec - (expires_msec > 0)) / SNAPSHOT_TW_BIN_MSEC;

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
        row = recent_row(tally, port_key_number(&key));
        if (!row)
                r = tally_find_row(tally, &key, &row);
        if (r == -ENOSPC) {
                tally->overflow++;
                return 0;
        }
        if (r < 0)
                return r;
        if (record->state == SOCK_TIME_WAIT) {
                count_time_wait(row, record->expires_msec);
                return 0;
        }
        row->count[record->state]++;
        if (record->state == SOCK_CLOSE_WAIT)
                row->stage[close_wait_stage(record)]++;
        return 0;
}

static RARELY int add_wait_elsewhere(struct tally *tally, enum port_side side,
                                     const struct sock_wait *wait)
{
        const struct port_key key = {
                .port = side == SIDE_LOCAL ? wait->local_port : wait->remote_port,
                .side = (uint8_t)side,
        };
        struct port_row *row;
        const int r = tally_find_row(tally, &key, &row);

        if (r == 0)
                count_time_wait(row, wait->expires_msec);
        else if (r == -ENOSPC)
                tally->overflow++;
        return r == -ENOSPC ? 0 : r;
}

int tally_add_waits(struct tally *tally, const struct sock_wait *waits, size_t n)
{
        const struct side_rule *rule = services_side_rule(tally->services);

        services_keep_waits(tally->services, waits, n);
        tally->total[SOCK_TIME_WAIT] += n;
        for (const struct sock_wait *wait = waits; wait < waits + n; wait++) {
                const enum port_side side = side_of(rule, wait->local_port, wait->remote_port);
                const uint16_t port = side == SIDE_LOCAL ? wait->local_port : wait->remote_port;
                struct port_row *row = recent_row(tally, port_side_number(side, port));
                int r;

                if (row) {
                        count_time_wait(row, wait->expires_msec);
                        continue;
                }
                r = add_wait_elsewhere(tally, side, wait);
                if (r < 0)
                        return r;
        }
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
        r = tally_find_row(tally, &counts->key, &row);
        if (r == -ENOSPC)
                tally->overflow += sum;
        if (r < 0)
                return r == -ENOSPC ? 0 : r;
        for (size_t i = 0; i < SNAPSHOT_TW_BINS; i++)
                row->tw_remaining[i] += counts->remaining[i];
        row->tw_beyond += counts->beyond;
        return 0;
}
