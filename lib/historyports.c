/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which ports are followed: a port weighs as much as the worst that it was within the hour, by the
 * alerts about it, of whatever kind, then stuck before CLOSE_WAIT before TIME_WAIT. Where all places
 * are taken, a port that now weighs more than a quarter above the lightest takes its place. Its
 * weight stays for an hour, so the one that had to go comes back only when it has become worse by a
 * quarter than what it left behind: two ports that are about as bad never take turns, and a set of
 * ports that stays as it is settles.
 */

#include <stdlib.h>

#include "base.h"
#include "history-private.h"

#define MARGIN 4 /* a worse port is so by more than one in that many */

struct history_entry *history_find(const struct history *history, const struct port_key *key)
{
        for (size_t i = 0; i < history->n; i++)
                if (port_key_same(&history->entries[i]->key, key))
                        return history->entries[i];
        return NULL;
}

static bool history_is_named(const struct history *history, const struct port_key *key)
{
        for (size_t i = 0; i < history->n_named; i++)
                if (port_key_same(&history->named[i], key))
                        return true;
        return false;
}

static bool is_quiet(uint64_t packed)
{
        struct history_point point;

        history_unpack_last(packed, &point);
        return history_point_is_quiet(&point);
}

/* What it had to tell is known no more: from then on it is not zero, but left out. */
static void drop(struct history *history, size_t i)
{
        const struct history_entry *entry = history->entries[i];

        for (size_t at = 0; at < HISTORY_FINE_SLOTS; at++)
                if (!is_quiet(entry->fine[at]))
                        history->flags[at] |= HISTORY_LEFT_OUT;
        if (!history_point_is_quiet(&entry->minute))
                history->minute_flags |= HISTORY_LEFT_OUT;
        free(history->entries[i]);
        history->entries[i] = history->entries[--history->n];
}

/* Of those that nobody asked for: how many there are, and the lightest one. */
static size_t count_worst(const struct history *history, size_t *ret_lightest, uint64_t *ret_weight)
{
        size_t n = 0;

        *ret_weight = UINT64_MAX;
        for (size_t i = 0; i < history->n; i++) {
                if (history_is_named(history, &history->entries[i]->key))
                        continue;
                n++;
                if (history->entries[i]->weight < *ret_weight) {
                        *ret_weight = history->entries[i]->weight;
                        *ret_lightest = i;
                }
        }
        return n;
}

void history_configure(struct history *history, const struct port_key *ports, size_t n)
{
        uint64_t weight;
        size_t lightest = 0;

        history->n_named = MIN(n, (size_t)HISTORY_NAMED_MAX);
        for (size_t i = 0; i < history->n_named; i++)
                history->named[i] = ports[i];
        while (count_worst(history, &lightest, &weight) > HISTORY_WORST_MAX)
                drop(history, lightest);
}

bool history_follow(struct history *history, const struct port_key *key)
{
        struct history_entry *entry;

        if (history->n == HISTORY_PORTS_MAX)
                return false;
        entry = malloc(sizeof(*entry));
        if (!entry)
                return false;
        entry->key = *key;
        entry->weight = 0;
        history_absent(history->minute_flags, &entry->minute);
        for (size_t i = 0; i < HISTORY_FINE_SLOTS; i++) {
                struct history_point point;

                history_absent(history->flags[i], &point);
                entry->fine[i] = history_pack_last(&point);
        }
        history->entries[history->n++] = entry;
        return true;
}

bool history_make_room(struct history *history, const struct port_key *key, uint64_t weight)
{
        uint64_t lightest_weight;
        size_t lightest = 0;

        if (history_is_named(history, key) ||
            count_worst(history, &lightest, &lightest_weight) < HISTORY_WORST_MAX)
                return true;
        if (!history_outweighs(weight, lightest_weight, MARGIN))
                return false;
        drop(history, lightest);
        history->replaced++;
        return true;
}

/* False: it was quiet for an hour. */
static bool weigh(struct history_entry *entry)
{
        bool quiet = true;

        entry->weight = 0;
        for (size_t i = 0; i < HISTORY_FINE_SLOTS; i++) {
                struct history_point point;

                history_unpack_last(entry->fine[i], &point);
                entry->weight = MAX(entry->weight, history_weight(&point));
                quiet = quiet && history_point_is_quiet(&point);
        }
        return !quiet;
}

void history_weigh(struct history *history)
{
        for (size_t i = history->n; i > 0; i--)
                if (!weigh(history->entries[i - 1]))
                        drop(history, i - 1);
}
