/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each followed port has a ring of packed points, one per slot; the rings share one position. A ring
 * of flags, one byte per slot, remembers what each scan told of ports that it did not list: so a
 * port that is followed from now on begins with the zeros that were seen before, and with gaps where
 * nobody looked.
 *
 * Scans come every 10 to 30 s. The slots between two of them repeat the first one's counts as long
 * as the second came when it was planned; after a longer pause they are gaps.
 */

#include "history.h"

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "history-private.h"
#include "units.h"

#define CANDIDATES_MAX (2 * HISTORY_PORTS_MAX) /* of a scan's worst rows */

/* What one scan tells. */
struct scan_view {
        const struct snapshot *snapshot;
        const struct history_alert *alerts;
        size_t n_alerts;
        uint8_t flags;  /* of ports that it lists */
        uint8_t absent; /* of those that it does not */
};

int history_new(struct history **ret_history)
{
        struct history *history = calloc(1, sizeof(*history));

        if (!history)
                return -ENOMEM;
        *ret_history = history;
        return 0;
}

struct history *history_free(struct history *history)
{
        for (size_t i = 0; history && i < history->n; i++)
                free(history->entries[i]);
        free(history);
        return NULL;
}

/* ---- the rings ---- */

static uint64_t packed_unknown(void)
{
        struct history_point point;

        history_point_clear(&point);
        return history_pack_last(&point);
}

static void forget_slot(struct history *history, uint32_t slot)
{
        const size_t at = slot % HISTORY_FINE_SLOTS;

        history->flags[at] = 0;
        for (size_t i = 0; i < history->n; i++)
                history->entries[i]->fine[at] = packed_unknown();
}

static void hold_slot(struct history *history, uint32_t from, uint32_t slot)
{
        const size_t source = from % HISTORY_FINE_SLOTS, at = slot % HISTORY_FINE_SLOTS;

        history->flags[at] = history->flags[source];
        for (size_t i = 0; i < history->n; i++)
                history->entries[i]->fine[at] = history->entries[i]->fine[source];
}

/* Was this scan made no later than was planned after the one before? */
static bool is_as_planned(const struct snapshot *snapshot, uint32_t slots)
{
        const uint64_t pause_usec = snapshot->pause_usec;

        return pause_usec > 0 && pause_usec <= HISTORY_HOLD_USEC &&
               slots * HISTORY_FINE_SEC * USEC_PER_SEC <=
                       pause_usec + HISTORY_FINE_SEC * USEC_PER_SEC;
}

static void forget_all(struct history *history)
{
        for (uint32_t i = 0; i < HISTORY_FINE_SLOTS; i++)
                forget_slot(history, i);
}

/* Makes slot the newest. What is ahead of it, because the clock was set back, is forgotten. */
static void advance(struct history *history, uint32_t slot, const struct snapshot *snapshot)
{
        const uint32_t from = history->slot;

        history->slot = slot;
        if (!history->begun || slot - from >= HISTORY_FINE_SLOTS) {
                if (from > slot && from - slot < HISTORY_FINE_SLOTS)
                        for (uint32_t at = slot + 1; at <= from; at++)
                                forget_slot(history, at);
                else
                        forget_all(history);
                history->begun = true;
                return;
        }
        for (uint32_t at = from + 1; at < slot; at++)
                if (is_as_planned(snapshot, slot - from))
                        hold_slot(history, from, at);
                else
                        forget_slot(history, at);
        if (slot != from)
                forget_slot(history, slot);
}

/* ---- a scan ---- */

static struct scan_view view_of(const struct snapshot *snapshot)
{
        struct scan_view view = { .snapshot = snapshot };

        if (snapshot->result == SCAN_FAILED)
                return view;
        if (snapshot->complete & SOCK_MASK(SOCK_CLOSE_WAIT))
                view.flags |= HISTORY_SAW_CLOSE_WAIT;
        if (snapshot->complete & SOCK_MASK(SOCK_TIME_WAIT))
                view.flags |= HISTORY_SAW_TIME_WAIT;
        else if (snapshot->estimated & SOCK_MASK(SOCK_TIME_WAIT))
                view.flags |= HISTORY_GUESSED_TIME_WAIT;
        view.absent = view.flags;
        if (snapshot->ports_overflow > 0) /* one that is not listed may be among those */
                view.absent |= HISTORY_LEFT_OUT;
        return view;
}

static void get_counts(const struct scan_view *view, const struct port_row *row,
                       struct history_point *ret_point)
{
        history_absent(view->flags, ret_point);
        if (history_point_is_known(ret_point, HISTORY_CLOSE_WAIT)) {
                ret_point->spans[HISTORY_CLOSE_WAIT] = history_span_of(row->count[SOCK_CLOSE_WAIT]);
                ret_point->spans[HISTORY_STUCK] = history_span_of(row->stuck);
        }
        if (history_point_is_known(ret_point, HISTORY_TIME_WAIT))
                ret_point->spans[HISTORY_TIME_WAIT] = history_span_of(row->count[SOCK_TIME_WAIT]);
}

static void get_point(const struct scan_view *view, const struct port_key *key,
                      struct history_point *ret_point)
{
        const struct port_row *row = snapshot_find(view->snapshot, key);

        if (row)
                get_counts(view, row, ret_point);
        else
                history_absent(view->absent, ret_point);
        for (size_t i = 0; i < view->n_alerts; i++)
                if (port_key_same(&view->alerts[i].port, key))
                        ret_point->severity =
                                MAX(ret_point->severity, (uint8_t)view->alerts[i].severity);
}

/* The same scan twice is as good as once. */
static void note_port(struct history *history, const struct scan_view *view,
                      struct history_entry *entry)
{
        uint64_t *fine = &entry->fine[history->slot % HISTORY_FINE_SLOTS];
        struct history_point point, slot;

        get_point(view, &entry->key, &point);
        entry->weight = MAX(entry->weight, history_weight(&point));
        history_point_add(&entry->minute, &point);
        history_unpack_last(*fine, &slot);
        history_point_add(&slot, &point);
        *fine = history_pack_last(&slot);
}

/* Those that are not followed and have something to tell, the worst first; from *i on. */
static const struct port_row *next_row(const struct history *history, const struct scan_view *view,
                                       size_t *i, uint64_t *ret_weight)
{
        while (*i < MIN(view->snapshot->n_rows, (size_t)CANDIDATES_MAX)) {
                const struct port_row *row = &view->snapshot->rows[(*i)++];
                struct history_point point;

                get_counts(view, row, &point);
                *ret_weight = history_weight(&point);
                if (*ret_weight > 0 && !history_find(history, &row->key))
                        return row;
        }
        return NULL;
}

/* The port of an alert may be in no row: of other connections. False: one has found no room. */
static bool admit_alerts(struct history *history, const struct scan_view *view)
{
        bool room = true;

        for (size_t i = 0; i < view->n_alerts; i++) {
                const struct port_key *key = &view->alerts[i].port;
                struct history_point point;

                if (history_find(history, key))
                        continue;
                get_point(view, key, &point);
                if (history_make_room(history, key, history_weight(&point)) &&
                    history_follow(history, key))
                        note_port(history, view, history->entries[history->n - 1]);
                else
                        room = false;
        }
        return room;
}

/* True: one that has something to tell has found no room, or lost it. */
static bool admit(struct history *history, const struct scan_view *view)
{
        const bool room = admit_alerts(history, view);
        const struct port_row *row;
        uint64_t weight;
        size_t i = 0;

        while ((row = next_row(history, view, &i, &weight)) &&
               history_make_room(history, &row->key, weight)) /* else for no other, either */
                if (history_follow(history, &row->key))
                        note_port(history, view, history->entries[history->n - 1]); /* its weight */
        i = 0;
        return !room || next_row(history, view, &i, &weight) != NULL;
}

/* The ports that were asked for may be far down. */
static void admit_named(struct history *history, const struct scan_view *view)
{
        for (size_t i = 0; i < history->n_named; i++) {
                const struct port_key *key = &history->named[i];
                struct history_point point;

                get_point(view, key, &point);
                if (history_weight(&point) > 0 && !history_find(history, key))
                        (void)history_follow(history, key);
        }
}

static int take_row(struct history *history, struct history_row *ret_row)
{
        if (!history->minute_known)
                return 0;
        history->minute_known = false;
        ret_row->slot = history->minute;
        ret_row->flags = history->minute_flags;
        ret_row->n = history->n;
        for (size_t i = 0; i < history->n; i++)
                ret_row->cells[i] = (struct history_cell){ .key = history->entries[i]->key,
                                                           .point = history->entries[i]->minute };
        return HISTORY_ROW;
}

static void begin_minute(struct history *history, uint32_t minute)
{
        history->minute = minute;
        history->minute_flags = 0;
        for (size_t i = 0; i < history->n; i++)
                history_point_clear(&history->entries[i]->minute);
        history_weigh(history);
}

int history_step(struct history *history, const struct snapshot *snapshot,
                 const struct history_alert *alerts, size_t n_alerts, struct history_row *ret_row)
{
        const uint64_t sec = snapshot->start_wall_usec / USEC_PER_SEC;
        struct scan_view view = view_of(snapshot);
        int r = 0;

        view.alerts = alerts;
        view.n_alerts = n_alerts;
        if (!history->begun || sec / HISTORY_MINUTE_SEC != history->minute) {
                r = take_row(history, ret_row);
                begin_minute(history, (uint32_t)(sec / HISTORY_MINUTE_SEC));
        }
        advance(history, (uint32_t)(sec / HISTORY_FINE_SEC), snapshot);
        if (view.flags == 0)
                return r;
        admit_named(history, &view);
        if (admit(history, &view))
                view.absent |= HISTORY_LEFT_OUT;
        for (size_t i = 0; i < history->n; i++)
                note_port(history, &view, history->entries[i]);
        history->left_out += view.absent & HISTORY_LEFT_OUT ? 1 : 0;
        history->flags[history->slot % HISTORY_FINE_SLOTS] |= view.absent;
        history->minute_flags |= view.absent;
        history->minute_known = true;
        return r;
}

int history_end(struct history *history, struct history_row *ret_row)
{
        return take_row(history, ret_row);
}

/* ---- what is known ---- */

void history_bounds(const struct history *history, uint32_t *ret_first, uint32_t *ret_end)
{
        uint32_t first;

        *ret_first = *ret_end = 0;
        if (!history->begun)
                return;
        for (first = history->slot - MIN(history->slot, HISTORY_FINE_SLOTS - 1U);
             first < history->slot && history->flags[first % HISTORY_FINE_SLOTS] == 0;)
                first++;
        *ret_first = first;
        *ret_end = history->slot + 1;
}

void history_get(const struct history *history, const struct port_key *port, uint32_t slot,
                 struct history_point *ret_point)
{
        const struct history_entry *entry = history_find(history, port);

        const uint8_t flags = history->flags[slot % HISTORY_FINE_SLOTS];

        if (!entry) {
                history_absent(flags, ret_point);
                return;
        }
        history_unpack_last(entry->fine[slot % HISTORY_FINE_SLOTS], ret_point);
        /* it was not followed yet, perhaps because it was left out */
        if (!history_point_is_known(ret_point, HISTORY_CLOSE_WAIT))
                ret_point->left_out = flags & HISTORY_LEFT_OUT;
}

bool history_peek(const struct history_scan *scan, const struct port_key *port, uint32_t *ret_slot,
                  struct history_point *ret_point)
{
        struct scan_view view = view_of(scan->snapshot);

        if (view.flags == 0)
                return false;
        view.alerts = scan->alerts;
        view.n_alerts = scan->n_alerts;
        get_point(&view, port, ret_point);
        *ret_slot = (uint32_t)(scan->snapshot->start_wall_usec / USEC_PER_SEC / HISTORY_FINE_SEC);
        return true;
}

void history_get_stats(const struct history *history, struct history_stats *ret_stats)
{
        *ret_stats = (struct history_stats){
                .followed = history->n,
                .replaced = history->replaced,
                .left_out = history->left_out,
        };
}
