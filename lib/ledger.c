/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entries lie in one dense array of 32 bytes each, found by cookie (ledgerindex.h). A scan touches
 * each entry once and allocates nothing unless the array must grow; walking them is one linear sweep,
 * two entries to a line of the processor's cache. Removing moves the last entry into the hole. What
 * sockets of one program have in common is an interned group (grouptab.h), referred to by number.
 * What nobody asks of all sockets, their peers above all, is not kept.
 *
 * The kernel walks its own table, so from scan to scan it shows the sockets in much the same order,
 * which is that of the entries: the entry behind the last one is tried before the table is asked.
 * That makes a scan of known sockets one linear sweep, too, with nothing to look up.
 *
 * A socket takes 43 bytes at most while their number grows: its entry, and up to 11 of the index.
 * The array doubles when full; what is free of it at its end has not been touched, so that the
 * system has given no memory for it. It shrinks when an eighth is used, so that memory follows the
 * number of sockets down again.
 *
 * Age: a socket that is new to us is as old as dating.c finds. Being new means something where the
 * scan before was complete, had room for every socket, and is not long ago: then it was not in
 * CLOSE_WAIT when we looked last, and is an arrival whose moment is known.
 * One that an earlier run of the daemon has followed keeps what that run had found out: the time at
 * which it was seen first, unless tcp_info proves an earlier one, and its flags as they were.
 */

#include "ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "dating.h"
#include "ledgerindex.h"

#define ENTRIES_MIN 64 /* never shrinks below */

static_assert(sizeof(struct ledger_entry) == 32, "an entry has 32 bytes");

struct ledger {
        struct ledger_entry *entries;
        size_t n_entries;
        size_t entries_size;
        struct ledger_index index;

        struct grouptab groups;

        struct ages *restored;   /* NULL: nothing was, or it has had its time */
        unsigned restored_scans; /* complete ones since */
        unsigned reserved_scans; /* of any kind */

        size_t next; /* where the entry of the next socket is if the dump keeps its order */
        size_t max;
        uint64_t now_usec;
        uint64_t complete_usec[LEDGER_MISSES_MAX]; /* of the last complete scans, newest first */
        uint32_t generation;
        size_t untracked;
        bool was_full; /* sockets of the last complete scan found no room */
};

/* Keeps the old array where there is no memory for a new one. */
static int resize_entries(struct ledger *ledger, size_t size)
{
        struct ledger_entry *entries = realloc(ledger->entries, size * sizeof(*entries));

        if (!entries)
                return -ENOMEM;
        ledger->entries = entries;
        ledger->entries_size = size;
        return 0;
}

/* Room for one more. */
static int reserve_entry(struct ledger *ledger)
{
        const size_t n = ledger->n_entries;

        if (n == ledger->entries_size && resize_entries(ledger, n * 2) < 0)
                return -ENOMEM;
        return ledger_index_fit(&ledger->index, ledger->entries, n, n + 1);
}

int ledger_new(struct ledger **ret_ledger)
{
        struct ledger *ledger = calloc(1, sizeof(*ledger));

        if (!ledger)
                return -ENOMEM;
        if (grouptab_init(&ledger->groups) < 0 || resize_entries(ledger, ENTRIES_MIN) < 0 ||
            ledger_index_init(&ledger->index) < 0) {
                ledger_free(ledger);
                return -ENOMEM;
        }
        ledger->max = LEDGER_SOCKETS_MAX;
        *ret_ledger = ledger;
        return 0;
}

void ledger_set_max(struct ledger *ledger, size_t max)
{
        ledger->max = max;
}

struct ledger *ledger_free(struct ledger *ledger)
{
        if (ledger) {
                free(ledger->entries);
                ledger_index_done(&ledger->index);
                grouptab_done(&ledger->groups);
                ages_free(ledger->restored);
        }
        free(ledger);
        return NULL;
}

void ledger_restore(struct ledger *ledger, struct ages *ages)
{
        ages_free(ledger->restored);
        ledger->restored = ages;
        ledger->restored_scans = 0;
        ledger->reserved_scans = 0;
}

void ledger_begin(struct ledger *ledger, uint64_t now_usec)
{
        ledger->now_usec = now_usec;
        ledger->untracked = 0;
        ledger->next = 0;
        ledger->generation++;
}

/* What dates the sockets that this scan finds, and the ledger does not hold. */
static struct dating dating_now(const struct ledger *ledger)
{
        return (struct dating){ .now_usec = ledger->now_usec,
                                .complete_usec = ledger->complete_usec[0],
                                .was_full = ledger->was_full };
}

static void recall_entry(const struct age *age, struct ledger_entry *entry)
{
        entry->first_seen_usec = MIN(entry->first_seen_usec, age->first_seen_usec);
        entry->flags = age->flags;
}

/*
 * What may change while a socket stays in CLOSE_WAIT: accepted, read from, handed over. One that
 * had an inode keeps it when the kernel shows none any more: it tells who held the socket.
 */
static void update_entry(struct ledger_entry *entry, const struct sockrec *record)
{
        if (record->inode != 0)
                entry->inode = record->inode;
        entry->stage = (uint8_t)close_wait_stage(record);
}

/* Room for restored ones that have not been seen yet. */
static size_t reserved(const struct ledger *ledger)
{
        if (ledger->reserved_scans >= LEDGER_RESERVE_SCANS)
                return 0;
        return ages_left(ledger->restored);
}

static int add_entry(struct ledger *ledger, const struct sockrec *record,
                     const struct ledger_group *like)
{
        struct ledger_entry entry = { .cookie = record->cookie, .generation = ledger->generation };
        struct age *age = ages_find(ledger->restored, record->cookie);
        const struct dating dating = dating_now(ledger);
        const size_t kept = age ? 0 : reserved(ledger);
        int64_t group;
        bool at_least;

        if (ledger->n_entries + kept >= ledger->max || reserve_entry(ledger) < 0 ||
            (group = grouptab_join(&ledger->groups, like)) < 0) {
                ledger->untracked++;
                return LEDGER_UNTRACKED;
        }
        entry.group = (uint32_t)group;
        entry.first_seen_usec = dating_first_seen(&dating, record, &at_least);
        entry.flags = at_least ? LEDGER_AT_LEAST : 0;
        if (age) {
                recall_entry(age, &entry);
                ages_take(ledger->restored, age);
        }
        update_entry(&entry, record);
        ledger->entries[ledger->n_entries] = entry;
        ledger_index_add(&ledger->index, ledger->entries, ledger->n_entries++);
        return 0;
}

/* A socket moves to another group when its port's side was decided anew or its uid changed. */
static void regroup(struct ledger *ledger, struct ledger_entry *entry,
                    const struct ledger_group *like)
{
        int64_t group;

        if (grouptab_same(&ledger->groups.items[entry->group], like))
                return;
        group = grouptab_join(&ledger->groups, like);
        if (group < 0)
                return; /* no room: its age stays with the group it had */
        grouptab_leave(&ledger->groups, entry->group);
        entry->group = (uint32_t)group;
}

/* Its position, or LEDGER_INDEX_NONE. */
static size_t find_position(const struct ledger *ledger, uint64_t cookie)
{
        const size_t next = ledger->next;

        if (next < ledger->n_entries && ledger->entries[next].cookie == cookie)
                return next;
        return ledger_index_find(&ledger->index, ledger->entries, cookie);
}

static struct ledger_entry *find_entry(struct ledger *ledger, uint64_t cookie)
{
        const size_t e = find_position(ledger, cookie);

        if (e == LEDGER_INDEX_NONE)
                return NULL;
        ledger->next = e + 1;
        return &ledger->entries[e];
}

bool ledger_knows(const struct ledger *ledger, uint64_t cookie)
{
        return find_position(ledger, cookie) != LEDGER_INDEX_NONE;
}

int ledger_see(struct ledger *ledger, const struct sockrec *record, const struct port_key *port)
{
        const struct ledger_group like = { .port = *port,
                                           .uid = record->uid,
                                           .cgroup_id = record->cgroup_id };
        struct ledger_entry *entry = find_entry(ledger, record->cookie);

        if (!entry)
                return add_entry(ledger, record, &like);
        if (entry->generation == ledger->generation)
                return LEDGER_REPEATED;
        entry->generation = ledger->generation;
        entry->misses = 0;
        update_entry(entry, record);
        regroup(ledger, entry, &like);
        return 0;
}

static void remove_entry(struct ledger *ledger, size_t e)
{
        const size_t last = ledger->n_entries - 1;

        grouptab_leave(&ledger->groups, ledger->entries[e].group);
        ledger_index_remove(&ledger->index, ledger->entries, e, last);
        ledger->entries[e] = ledger->entries[last];
        ledger->n_entries--;
}

static void compact_groups(struct ledger *ledger)
{
        uint32_t *renumber = grouptab_compact(&ledger->groups);

        if (!renumber)
                return;
        for (size_t e = 0; e < ledger->n_entries; e++)
                ledger->entries[e].group = renumber[ledger->entries[e].group];
        free(renumber);
}

static void shrink(struct ledger *ledger)
{
        if (ledger->entries_size > ENTRIES_MIN && ledger->n_entries * 8 <= ledger->entries_size)
                (void)resize_entries(ledger, MAX(ledger->entries_size / 4, (size_t)ENTRIES_MIN));
        (void)ledger_index_fit(&ledger->index, ledger->entries, ledger->n_entries,
                               ledger->n_entries);
        compact_groups(ledger);
}

/* One that only partial scans have seen since was there when it was first seen. */
static uint64_t last_seen_usec(const struct ledger *ledger, const struct ledger_entry *entry)
{
        return MAX(ledger->complete_usec[LEDGER_MISSES_MAX - 1], entry->first_seen_usec);
}

void ledger_end(struct ledger *ledger, bool complete, ledger_left_fn left, void *userdata)
{
        if (ledger->reserved_scans < LEDGER_RESERVE_SCANS)
                ledger->reserved_scans++;
        if (!complete)
                return;
        for (size_t e = 0; e < ledger->n_entries;) {
                struct ledger_entry *entry = &ledger->entries[e];

                if (entry->generation == ledger->generation ||
                    ++entry->misses < LEDGER_MISSES_MAX) {
                        e++;
                        continue;
                }
                if (left)
                        left(entry, &ledger->groups.items[entry->group],
                             last_seen_usec(ledger, entry), userdata);
                remove_entry(ledger, e); /* the last one takes its place: look again */
        }
        for (size_t i = LEDGER_MISSES_MAX - 1; i > 0; i--)
                ledger->complete_usec[i] = ledger->complete_usec[i - 1];
        ledger->complete_usec[0] = ledger->now_usec;
        ledger->was_full = ledger->untracked > 0;
        if (ledger->restored && ++ledger->restored_scans == LEDGER_MISSES_MAX)
                ledger->restored = ages_free(ledger->restored);
        shrink(ledger);
}

void ledger_each_seen(const struct ledger *ledger, ledger_fn fn, void *userdata)
{
        for (size_t e = 0; e < ledger->n_entries; e++) {
                const struct ledger_entry *entry = &ledger->entries[e];

                if (entry->generation == ledger->generation)
                        fn(entry, &ledger->groups.items[entry->group], userdata);
        }
}

void ledger_each_marked(struct ledger *ledger, ledger_mark_fn fn, void *userdata)
{
        for (size_t e = 0; e < ledger->n_entries; e++) {
                struct ledger_entry *entry = &ledger->entries[e];

                if (entry->generation == ledger->generation)
                        fn(entry, &ledger->groups.items[entry->group], userdata);
        }
}

void ledger_each_age(const struct ledger *ledger, ages_fn fn, void *userdata)
{
        for (size_t e = 0; e < ledger->n_entries; e++) {
                const struct ledger_entry *entry = &ledger->entries[e];
                const struct age age = { .cookie = entry->cookie,
                                         .first_seen_usec = entry->first_seen_usec,
                                         .flags = entry->flags };

                fn(&age, userdata);
        }
        ages_each_left(ledger->restored, fn, userdata);
}

const struct ledger_entry *ledger_find(const struct ledger *ledger, uint64_t cookie)
{
        const size_t e = ledger_index_find(&ledger->index, ledger->entries, cookie);

        return e != LEDGER_INDEX_NONE ? &ledger->entries[e] : NULL;
}

size_t ledger_count(const struct ledger *ledger)
{
        return ledger->n_entries;
}

size_t ledger_untracked(const struct ledger *ledger)
{
        return ledger->untracked;
}
