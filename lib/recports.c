/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Both sides walk two lists that are sorted by key, the old one and the new one or the difference.
 * A key is one number, namespace above side above port, so that the gap between neighbours is
 * short.
 */

#include "recports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define COUNTS   (SNAPSHOT_TW_BINS + 1) /* the bins, and what lies beyond them */
#define KEY_MAX  (((uint64_t)UINT32_MAX << 18) | ((uint64_t)SIDE_REMOTE << 16) | UINT16_MAX)
#define WHAT_KEY "a port of TIME_WAIT sockets"

void recports_done(struct recports *ports)
{
        free(ports->items);
        *ports = (struct recports){ 0 };
}

static uint64_t number_of_key(const struct port_key *key)
{
        return (uint64_t)key->netns << 18 | (uint64_t)key->side << 16 | key->port;
}

static struct port_key key_of_number(uint64_t number)
{
        return (struct port_key){ .netns = (uint32_t)(number >> 18),
                                  .side = number >> 16 & 3,
                                  .port = (uint16_t)number };
}

static uint32_t count_at(const struct time_wait_counts *counts, unsigned i)
{
        return i < SNAPSHOT_TW_BINS ? counts->remaining[i] : counts->beyond;
}

static uint64_t sum_of(const struct time_wait_counts *counts)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < COUNTS; i++)
                sum += count_at(counts, i);
        return sum;
}

uint64_t recports_total(const struct recports *ports)
{
        uint64_t total = 0;

        for (size_t i = 0; i < ports->n; i++)
                total += sum_of(&ports->items[i]);
        return total;
}

static int compare_keys(const void *a, const void *b)
{
        const struct time_wait_counts *x = a, *y = b;

        return port_key_compare(&x->key, &y->key);
}

/* The rows that have any, by key. */
static int collect(const struct snapshot *snapshot, struct recports *ret_ports)
{
        struct recports ports = { .items = calloc(snapshot->n_rows + 1, sizeof(*ports.items)) };

        if (!ports.items)
                return -ENOMEM;
        for (size_t i = 0; i < snapshot->n_rows; i++) {
                const struct port_row *row = &snapshot->rows[i];
                struct time_wait_counts *counts = &ports.items[ports.n];

                if (row->count[SOCK_TIME_WAIT] == 0)
                        continue;
                counts->key = row->key;
                counts->beyond = row->tw_beyond;
                memcpy(counts->remaining, row->tw_remaining, sizeof(counts->remaining));
                ports.n++;
        }
        qsort(ports.items, ports.n, sizeof(*ports.items), compare_keys);
        *ret_ports = ports;
        return 0;
}

static void put_counts(struct recbuf *buf, const struct time_wait_counts *counts)
{
        unsigned present = 0;

        for (unsigned i = 0; i < COUNTS; i++)
                present |= (unsigned)(count_at(counts, i) != 0) << i;
        recbuf_put(buf, present);
        for (unsigned i = 0; i < COUNTS; i++)
                if (present >> i & 1)
                        recbuf_put(buf, count_at(counts, i));
}

/* Appends the difference to buf; returns how many ports are in it. */
static size_t put_difference(const struct recports *old, const struct recports *new,
                             struct recbuf *buf)
{
        size_t i = 0, j = 0, n = 0;
        uint64_t behind = 0;

        while (i < old->n || j < new->n) {
                const struct time_wait_counts *was = i < old->n ? &old->items[i] : NULL;
                const struct time_wait_counts *is = j < new->n ? &new->items[j] : NULL;
                const int order = !was ? 1 : !is ? -1 : compare_keys(was, is);
                const struct time_wait_counts gone = { .key = was ? was->key : is->key };
                const struct time_wait_counts *told = order < 0 ? &gone : is;

                i += order <= 0;
                j += order >= 0;
                if (order == 0 &&
                    memcmp(was->remaining, is->remaining, sizeof(was->remaining)) == 0 &&
                    was->beyond == is->beyond)
                        continue;
                recbuf_put(buf, number_of_key(&told->key) - behind);
                behind = number_of_key(&told->key) + 1;
                put_counts(buf, told);
                n++;
        }
        return n;
}

int recports_write(struct recports *ports, const struct snapshot *snapshot, struct recbuf *buf)
{
        struct recbuf difference = { 0 };
        struct recports now;
        int r = collect(snapshot, &now);

        if (r < 0)
                return r;
        recbuf_put(buf, put_difference(ports, &now, &difference));
        recbuf_put_buf(buf, &difference);
        recbuf_done(&difference);
        recports_done(ports);
        *ports = now;
        return 0;
}

static void get_counts(struct recview *view, struct time_wait_counts *counts)
{
        static const char what[] = "a count of TIME_WAIT sockets";
        const unsigned present = (unsigned)recview_get(view, (1U << COUNTS) - 1, what);

        for (unsigned i = 0; i < COUNTS; i++) {
                const uint32_t count =
                        present >> i & 1 ? (uint32_t)recview_get(view, UINT32_MAX, what) : 0;

                if (i < SNAPSHOT_TW_BINS)
                        counts->remaining[i] = count;
                else
                        counts->beyond = count;
        }
        if (sum_of(counts) > UINT32_MAX)
                recview_set_wrong(view, what);
}

static void get_port(struct recview *view, uint64_t *behind, struct time_wait_counts *ret_counts)
{
        const uint64_t number =
                *behind + recview_get(view, KEY_MAX - MIN(*behind, KEY_MAX), WHAT_KEY);

        ret_counts->key = key_of_number(number);
        if (*behind > KEY_MAX ||
            (ret_counts->key.side != SIDE_LOCAL && ret_counts->key.side != SIDE_REMOTE))
                recview_set_wrong(view, WHAT_KEY);
        *behind = number + 1;
        get_counts(view, ret_counts);
}

/* Into items, which have room for all of both. The number of ports. */
static size_t merge(const struct recports *old, size_t changes, struct recview *view,
                    struct time_wait_counts *items)
{
        size_t i = 0, n = 0;
        uint64_t behind = 0;

        while (changes-- > 0 && !view->wrong) {
                struct time_wait_counts changed = { 0 };
                bool known;

                get_port(view, &behind, &changed);
                while (i < old->n && compare_keys(&old->items[i], &changed) < 0)
                        items[n++] = old->items[i++];
                known = i < old->n && compare_keys(&old->items[i], &changed) == 0;
                i += known;
                if (sum_of(&changed) > 0)
                        items[n++] = changed;
                else if (!known)
                        recview_set_wrong(view, WHAT_KEY);
        }
        while (i < old->n)
                items[n++] = old->items[i++];
        return n;
}

int recports_read(struct recports *ports, struct recview *view)
{
        const size_t changes = recview_get_count(view, 2 * RECPORTS_MAX, WHAT_KEY);
        struct recports now;

        if (changes == 0)
                return 0;
        now.items = calloc(ports->n + changes, sizeof(*now.items));
        if (!now.items)
                return -ENOMEM;
        now.n = merge(ports, changes, view, now.items);
        if (now.n > RECPORTS_MAX)
                recview_set_wrong(view, WHAT_KEY);
        recports_done(ports);
        *ports = now;
        return 0;
}
