/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A TIME_WAIT socket cannot do anything but wait, so a count that knows the remaining times tells
 * the next minute of those that are in it. What is not in it has come since; how many those are
 * sockstat tells, at no cost:
 *
 *     come since = (tw now - FIN_WAIT2 then) - (counted then and still there)
 *
 * FIN_WAIT2 is what sockstat's tw has beyond the TIME_WAIT sockets of the count. It is taken to be
 * what it was.
 *
 * Aging. Within a bin sockets are taken to be spread evenly, those beyond the last bin over one more
 * of the same width (the kernel gives none more than a minute, and a tick). After k bins and a part
 * p of one has passed, bin j has what was in bin j + k, less the part p of it, and the part p of
 * bin j + k + 1. What falls out of the first bin is gone.
 *
 * Newcomers. They take the places of those that have gone, in each port alike, as where connections
 * are closed at a steady rate; and have what is left of a minute that began since: evenly between
 * 60 s less the time that has passed, and 60 s. Those beyond the places belong to no port: where
 * growth is, nobody knows before the next count, and a port that is idle must not be blamed for
 * it. Where sockstat has fewer than are left by the remaining times (the kernel recycles sockets, and
 * gives up others when its table is full) all are made fewer alike.
 *
 * Rounding. Bins of all ports form one chain, in which the sum so far is rounded and the difference
 * to the rounded sum before is what the bin gets: no bin is off by one or more, none is below zero
 * or above what can be in it, and the sum of all is right however many ports there are.
 *
 * What is not modelled: sockets stay listed for up to 4 s after their time (coarse timers). They
 * are taken for newcomers, about one in thirty of a steady stream.
 */

#include "timewait.h"

#include <math.h>

#include "base.h"
#include "units.h"

#define BINS      (SNAPSHOT_TW_BINS + 1) /* the last one: beyond */
#define BIN_USEC  (SNAPSHOT_TW_BIN_MSEC * USEC_PER_MSEC)
#define LIFE_USEC (SNAPSHOT_TW_BINS * BIN_USEC)

/* Most of the sockets are newcomers where there are more than so many times those of the count. */
#define GROWTH_MAX 2

/* Adds parts of sockets and gives out whole ones. */
struct chain {
        double sum;
        double given; /* whole, and no more than half a socket off the sum */
};

struct estimate {
        uint64_t bins; /* that have passed, and the part of one more */
        double part;
        double come_up_to[BINS]; /* of the newcomers, those who have no more left than the bin */
        double scale;            /* of what is left of the count: 1, or less */
        struct chain left;
        double newcomers;
        double gone;   /* of the count, on all ports */
        double before; /* ... on the ports that have had their turn */
        double placed; /* of the newcomers, those who take the places of these */
        struct chain come;
};

void time_wait_past_set(struct time_wait_past *past, struct snapshot *snapshot, int64_t used)
{
        snapshot_ref(snapshot);
        time_wait_past_done(past);
        past->snapshot = snapshot;
        past->used = used;
}

void time_wait_past_done(struct time_wait_past *past)
{
        past->snapshot = snapshot_unref(past->snapshot);
}

/* Of sockstat's tw now, those in TIME_WAIT. */
static double time_wait_of(const struct time_wait_past *past, int64_t used)
{
        const uint64_t time_wait = past->snapshot->total[SOCK_TIME_WAIT];
        const uint64_t then = MAX((uint64_t)past->used, time_wait);
        const uint64_t fin_wait2 = then - time_wait;
        const uint64_t now = MIN((uint64_t)used, (uint64_t)UINT32_MAX);

        return (double)(now - MIN(fin_wait2, now));
}

bool time_wait_past_is_useless(const struct time_wait_past *past, int64_t used)
{
        double counted;

        if (!past->snapshot || past->used == HOST_UNKNOWN || used == HOST_UNKNOWN)
                return true;
        counted = (double)MAX(past->snapshot->total[SOCK_TIME_WAIT], UINT64_C(1));
        return time_wait_of(past, used) > GROWTH_MAX * counted;
}

/* What the chain gives when its sum has become that. */
static uint32_t give(struct chain *chain, double sum)
{
        const double rounded = floor(sum + 0.5);
        const double given = MAX(rounded - chain->given, 0.0);

        chain->sum = sum;
        chain->given += given;
        return (uint32_t)given;
}

static double bin_of(const struct port_row *row, uint64_t bin)
{
        if (bin >= BINS)
                return 0;
        return bin < SNAPSHOT_TW_BINS ? row->tw_remaining[bin] : row->tw_beyond;
}

/* What is left in the bin. */
static double aged_bin(const struct estimate *estimate, const struct port_row *row, uint64_t bin)
{
        const uint64_t from = bin + estimate->bins;

        return bin_of(row, from) * (1 - estimate->part) + bin_of(row, from + 1) * estimate->part;
}

/* The part of the newcomers whose remaining time ends within the bin or one before it. */
static double come_up_to(uint64_t bin, uint64_t passed_usec)
{
        const uint64_t since_usec = MIN(MAX(passed_usec, UINT64_C(1)), (uint64_t)LIFE_USEC);
        const uint64_t least_usec = LIFE_USEC - since_usec;
        const uint64_t end_usec = MIN((bin + 1) * BIN_USEC, (uint64_t)LIFE_USEC);

        return end_usec > least_usec ? (double)(end_usec - least_usec) / (double)since_usec : 0;
}

/* How many of those that the port had are gone. */
static double gone_of(const struct estimate *estimate, const struct port_row *row)
{
        double left = 0;

        for (uint64_t bin = 0; bin < BINS; bin++)
                left += aged_bin(estimate, row, bin);
        return MAX(row->count[SOCK_TIME_WAIT] - left, 0.0);
}

/* How many are left of the count, summed up as estimate_port() does; and how many are gone. */
static void sum_up(const struct snapshot *counted, struct estimate *estimate, double *ret_left)
{
        double left = 0;

        for (size_t i = 0; i < counted->n_rows; i++) {
                if (counted->rows[i].count[SOCK_TIME_WAIT] == 0)
                        continue;
                estimate->gone += gone_of(estimate, &counted->rows[i]);
                for (uint64_t bin = 0; bin < BINS; bin++)
                        left += aged_bin(estimate, &counted->rows[i], bin);
        }
        *ret_left = left;
}

static void begin(const struct time_wait_past *past, uint64_t now_usec, int64_t used,
                  struct estimate *estimate)
{
        const uint64_t then_usec = past->snapshot->start_usec;
        const uint64_t passed_usec = now_usec - MIN(then_usec, now_usec);
        double left, now;

        *estimate = (struct estimate){ .bins = passed_usec / BIN_USEC,
                                       .part = (double)(passed_usec % BIN_USEC) / (double)BIN_USEC,
                                       .scale = 1 };
        for (uint64_t bin = 0; bin < BINS; bin++)
                estimate->come_up_to[bin] = come_up_to(bin, passed_usec);
        sum_up(past->snapshot, estimate, &left);
        if (used == HOST_UNKNOWN || past->used == HOST_UNKNOWN)
                return;
        now = time_wait_of(past, used);
        if (now >= floor(left + 0.5))
                estimate->newcomers = now - floor(left + 0.5);
        else
                estimate->scale = now / left;
        estimate->placed = MIN(estimate->newcomers, estimate->gone);
}

/* The newcomers of all ports up to that one, whose part of the places is filled up to some bin. */
static uint32_t give_places(struct estimate *estimate, double places)
{
        return estimate->placed > 0
                       ? give(&estimate->come, estimate->placed * places / estimate->gone)
                       : 0;
}

/* Whether the port has any. */
static bool estimate_port(struct estimate *estimate, const struct port_row *row,
                          struct time_wait_counts *ret_counts)
{
        const double gone = gone_of(estimate, row);
        struct time_wait_counts counts = { .key = row->key };
        uint64_t sum = 0;
        double left = estimate->left.sum;

        for (uint64_t bin = 0; bin < BINS; bin++) {
                uint32_t *count = bin < SNAPSHOT_TW_BINS ? &counts.remaining[bin] : &counts.beyond;

                left += aged_bin(estimate, row, bin) * estimate->scale;
                *count = give(&estimate->left, left);
                *count +=
                        give_places(estimate, estimate->before + gone * estimate->come_up_to[bin]);
                sum += *count;
        }
        estimate->before += gone;
        *ret_counts = counts;
        return sum > 0;
}

int time_wait_estimate(const struct time_wait_past *past, uint64_t now_usec, int64_t used,
                       time_wait_fn fn, void *userdata, uint64_t *ret_rest)
{
        struct estimate estimate;
        struct time_wait_counts counts;
        int r = 0;

        begin(past, now_usec, used, &estimate);
        for (size_t i = 0; i < past->snapshot->n_rows && r == 0; i++) {
                const struct port_row *row = &past->snapshot->rows[i];

                if (row->count[SOCK_TIME_WAIT] > 0 && estimate_port(&estimate, row, &counts))
                        r = fn(&counts, userdata);
        }
        if (r == 0)
                *ret_rest = (uint64_t)(estimate.newcomers - estimate.come.given);
        return r;
}
