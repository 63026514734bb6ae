/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A snapshot is written by one thread until it is published, and only read after that; the
 * reference count is the one field that both sides touch, atomically.
 */

#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
        __atomic_add_fetch(&snapshot->refs, 1, __ATOMIC_RELAXED);
        return snapshot;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
        if (snapshot && __atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                free(snapshot->rows);
                free(snapshot->index);
                free(snapshot->leaks);
                census_unref(snapshot->census);
                snapshot_unref(snapshot->time_wait);
                free(snapshot);
        }
        return NULL;
}

static void *copy_array(const void *array, size_t n, size_t item)
{
        void *copy = n > 0 ? malloc(n * item) : NULL;

        if (copy)
                memcpy(copy, array, n * item);
        return copy;
}

static void drop_counts(struct snapshot *snapshot)
{
        free(snapshot->rows);
        free(snapshot->index);
        free(snapshot->leaks);
        snapshot->rows = NULL;
        snapshot->index = NULL;
        snapshot->leaks = NULL;
        snapshot->n_rows = snapshot->index_mask = snapshot->n_leaks = 0;
        snapshot->time_wait_new = 0;
        snapshot->ports_overflow = 0;
        snapshot->estimated = 0;
        snapshot->time_wait = snapshot_unref(snapshot->time_wait);
        memset(snapshot->total, 0, sizeof(snapshot->total));
}

int snapshot_repeat(struct snapshot *snapshot, const struct snapshot *last)
{
        drop_counts(snapshot);
        if (!last)
                return 0;
        snapshot->time_wait_new = last->time_wait_new;
        snapshot->ports_overflow = last->ports_overflow;
        snapshot->estimated = last->estimated;
        snapshot->time_wait = last->time_wait ? snapshot_ref(last->time_wait) : NULL;
        memcpy(snapshot->total, last->total, sizeof(snapshot->total));
        snapshot->counts_wall_usec = last->counts_wall_usec;
        if (last->n_rows == 0)
                return 0;
        snapshot->rows = copy_array(last->rows, last->n_rows, sizeof(*last->rows));
        snapshot->index =
                copy_array(last->index, (size_t)last->index_mask + 1, sizeof(*last->index));
        snapshot->leaks = copy_array(last->leaks, last->n_leaks, sizeof(*last->leaks));
        if (!snapshot->rows || !snapshot->index || (!snapshot->leaks && last->n_leaks > 0))
                return -ENOMEM; /* freed with the snapshot */
        snapshot->n_rows = last->n_rows;
        snapshot->index_mask = last->index_mask;
        snapshot->n_leaks = last->n_leaks;
        return 0;
}

static int descending(uint64_t a, uint64_t b)
{
        return (a < b) - (a > b);
}

int port_row_compare(const void *a, const void *b)
{
        const struct port_row *x = a, *y = b;
        int r = descending(x->stuck, y->stuck);

        if (r == 0)
                r = descending(x->count[SOCK_CLOSE_WAIT], y->count[SOCK_CLOSE_WAIT]);
        if (r == 0)
                r = descending(x->count[SOCK_TIME_WAIT], y->count[SOCK_TIME_WAIT]);
        if (r == 0)
                r = descending(x->oldest_usec, y->oldest_usec);
        return r == 0 ? port_key_compare(&x->key, &y->key) : r;
}

const struct port_leak *snapshot_leak(const struct snapshot *snapshot, const struct port_row *row)
{
        static const struct port_leak nothing;

        return row->leak > 0 ? &snapshot->leaks[row->leak - 1] : &nothing;
}

bool snapshot_stuck_at_least(const struct snapshot *snapshot, const struct port_row *row)
{
        return snapshot->untracked > 0 && row->stuck < row->count[SOCK_CLOSE_WAIT];
}

const struct port_row *snapshot_find(const struct snapshot *snapshot, const struct port_key *key)
{
        if (snapshot->index_mask == 0)
                return NULL;
        for (uint32_t i = port_key_hash(key) & snapshot->index_mask; snapshot->index[i] != 0;
             i = (i + 1) & snapshot->index_mask) {
                const struct port_row *row = &snapshot->rows[snapshot->index[i] - 1];

                if (port_key_compare(&row->key, key) == 0)
                        return row;
        }
        return NULL;
}

bool snapshot_time_wait_counted(const struct snapshot *snapshot, uint64_t *ret_total)
{
        if (!snapshot->time_wait)
                return false;
        *ret_total = snapshot->time_wait->total[SOCK_TIME_WAIT];
        return true;
}

/* A port without a row there had none. */
bool snapshot_time_wait_counted_of(const struct snapshot *snapshot, const struct port_key *key,
                                   uint64_t *ret_count)
{
        const struct port_row *row;

        if (!snapshot->time_wait)
                return false;
        row = snapshot_find(snapshot->time_wait, key);
        *ret_count = row ? row->count[SOCK_TIME_WAIT] : 0;
        return true;
}
