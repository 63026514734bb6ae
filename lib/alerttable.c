/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Alerts are few, bounded by ALERTS_MAX: pointers sorted by key, so that lists come out in one
 * order and a key is found by bisection. All that is judged lives in detect.c.
 */

#include "alerttable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "gaps.h"

struct alert_table {
        struct alert *items[ALERTS_MAX];
        size_t n;
        uint64_t overflow;
        uint64_t left_out;
        uint64_t sequence;
        uint64_t changes;
        uint64_t bad_scans;
        uint64_t last_generation;
        struct gaps gaps;      /* between the steps */
        bool tw_judged;        /* the next is known */
        uint64_t tw_overflows; /* of overflows_total, judged already */
        size_t next_asked;     /* place of the alert whose owner is asked for next */
};

int alert_table_new(struct alert_table **ret_table)
{
        struct alert_table *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        *ret_table = table;
        return 0;
}

struct alert_table *alert_table_free(struct alert_table *table)
{
        if (table)
                alert_table_empty(table);
        free(table);
        return NULL;
}

void alert_table_empty(struct alert_table *table)
{
        for (size_t i = 0; i < table->n; i++)
                free(table->items[i]);
        *table = (struct alert_table){ 0 };
}

void alert_table_note_change(struct alert_table *table)
{
        table->changes++;
}

uint64_t alert_table_changes(const struct alert_table *table)
{
        return table->changes;
}

/* Where the key is, or belongs. */
static size_t find_place(const struct alert_table *table, const struct alert_key *key)
{
        size_t low = 0, high = table->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (alert_key_compare(&table->items[middle]->key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The alert of that key, whose place that is; NULL: it is not there. */
static struct alert *find_at(const struct alert_table *table, size_t at,
                             const struct alert_key *key)
{
        if (at == table->n || alert_key_compare(&table->items[at]->key, key) != 0)
                return NULL;
        return table->items[at];
}

/* The host's sort last. Their places are kept, whichever come first. */
static bool is_full(const struct alert_table *table, enum alert_kind kind)
{
        static const struct alert_key first_of_host = { .kind = ALERT_TIME_WAIT_TABLE };

        if (table->n >= ALERTS_MAX || alert_kind_is_host(kind))
                return table->n >= ALERTS_MAX;
        return find_place(table, &first_of_host) >= ALERTS_MAX - ALERTS_HOST;
}

/* A copy of it at that place, which is its key's. -ENOMEM. */
static int insert(struct alert_table *table, size_t at, const struct alert *alert)
{
        struct alert *copy = malloc(sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        *copy = *alert;
        memmove(&table->items[at + 1], &table->items[at], (table->n - at) * sizeof(copy));
        table->items[at] = copy;
        table->n++;
        return 0;
}

int alert_table_claim(struct alert_table *table, const struct alert_key *key,
                      struct alert **ret_alert)
{
        const size_t at = find_place(table, key);
        struct alert *alert = find_at(table, at, key);
        struct alert fresh = { .key = *key };

        if (alert) {
                *ret_alert = alert;
                return 0;
        }
        if (is_full(table, key->kind)) {
                table->overflow++;
                return -ENOSPC;
        }
        owner_clear(&fresh.owner);
        if (insert(table, at, &fresh) < 0)
                return -ENOMEM;
        alert_table_note_change(table);
        *ret_alert = table->items[at];
        return ALERT_NEW;
}

/* How many scans in a row were bad is what `blind` counts, and nobody else. */
int alert_table_restore(struct alert_table *table, const struct alert *alert)
{
        size_t at;
        int r;

        if (!alert_is_possible(alert))
                return -EINVAL;
        at = find_place(table, &alert->key);
        if (find_at(table, at, &alert->key))
                return -EEXIST;
        if (is_full(table, alert->key.kind))
                return -ENOSPC;
        r = insert(table, at, alert);
        if (r == 0 && alert->key.kind == ALERT_BLIND)
                table->bad_scans = alert->values.count;
        return r;
}

static void clamp_times(struct alert *alert, uint64_t now_usec)
{
        uint64_t *const times[] = { &alert->since_usec,       &alert->owner_asked_usec,
                                    &alert->seen_usec,        &alert->critical_since_usec,
                                    &alert->below_since_usec, &alert->below_critical_since_usec,
                                    &alert->told_usec };

        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                *times[i] = MIN(*times[i], MAX(now_usec, UINT64_C(1)));
}

void alert_table_clamp(struct alert_table *table, uint64_t now_usec)
{
        for (size_t i = 0; i < table->n; i++)
                clamp_times(table->items[i], now_usec);
}

int alert_table_sweep(struct alert_table *table, int (*judge)(struct alert *alert, void *userdata),
                      void *userdata)
{
        size_t kept = 0;
        int error = 0;

        for (size_t i = 0; i < table->n; i++) {
                int r = error < 0 ? 0 : judge(table->items[i], userdata);

                if (r == ALERT_GONE) {
                        alert_table_note_change(table);
                        free(table->items[i]);
                        continue;
                }
                if (r < 0)
                        error = r;
                table->items[kept++] = table->items[i];
        }
        table->n = kept;
        return error;
}

void alert_table_count_scan(struct alert_table *table, const struct snapshot *snapshot)
{
        if (snapshot->generation == table->last_generation)
                return;
        table->last_generation = snapshot->generation;
        table->bad_scans = snapshot->result == SCAN_COMPLETE ? 0 : table->bad_scans + 1;
}

void alert_table_count_step(struct alert_table *table, uint64_t planned_usec, uint64_t now_usec)
{
        gaps_look(&table->gaps, planned_usec, now_usec);
}

uint64_t alert_table_settles_usec(const struct alert_table *table, uint64_t within_usec)
{
        return gaps_settle_usec(&table->gaps, within_usec);
}

bool alert_table_has_resumed(const struct alert_table *table, uint64_t within_usec)
{
        return alert_table_settles_usec(table, within_usec) > 0;
}

uint64_t alert_table_bad_scans(const struct alert_table *table)
{
        return table->bad_scans;
}

void alert_table_set_overflows(const struct alert_table *table, struct tw_table *tw_table)
{
        const uint64_t total = tw_table->overflows_total;

        if (!table->tw_judged)
                return;
        tw_table->overflows = total - MIN(table->tw_overflows, total);
        if (tw_table->overflows > 0)
                tw_table->overflow_known = true;
}

/*
 * The mark need not be saved when it moves: it does with an overflow, which makes an alert or finds
 * one. So without a rule, where it would move and nobody would save it, there is none.
 */
void alert_table_judge_overflows(struct alert_table *table, const struct tw_table *tw_table,
                                 bool ruled)
{
        if (ruled && !tw_table->known)
                return;
        if (table->tw_judged != ruled)
                alert_table_note_change(table);
        table->tw_judged = ruled;
        table->tw_overflows = ruled ? tw_table->overflows_total : 0;
}

void alert_table_forget_counts(struct alert_table *table)
{
        table->bad_scans = 0;
        table->tw_judged = false;
        table->tw_overflows = 0;
}

uint64_t alert_table_next_sequence(struct alert_table *table)
{
        return ++table->sequence;
}

void alert_table_get_marks(const struct alert_table *table, struct alert_table_marks *ret_marks)
{
        *ret_marks = (struct alert_table_marks){ .sequence = table->sequence,
                                                 .tw_judged = table->tw_judged,
                                                 .tw_overflows = table->tw_overflows };
}

void alert_table_set_marks(struct alert_table *table, const struct alert_table_marks *marks)
{
        table->sequence = marks->sequence;
        table->tw_judged = marks->tw_judged;
        table->tw_overflows = marks->tw_judged ? marks->tw_overflows : 0;
}

size_t alert_table_count(const struct alert_table *table)
{
        return table->n;
}

int alert_table_acknowledge(struct alert_table *table, const struct alert_key *key,
                            const struct acknowledgement *acknowledgement)
{
        struct alert *alert = find_at(table, find_place(table, key), key);

        if (!alert)
                return -ENOENT;
        if (alert->state != ALERT_RAISED)
                return -EBUSY;
        alert->acknowledgement =
                acknowledgement->given ? *acknowledgement : (struct acknowledgement){ 0 };
        alert_table_note_change(table);
        return 0;
}

const struct alert *alert_table_get(const struct alert_table *table, size_t i)
{
        assert(i < table->n);
        return table->items[i];
}

const struct alert *alert_table_find(const struct alert_table *table, const struct alert_key *key)
{
        return find_at(table, find_place(table, key), key);
}

void alert_table_leave_out(struct alert_table *table)
{
        table->left_out++;
}

uint64_t alert_table_left_out(const struct alert_table *table)
{
        return table->left_out;
}

uint64_t alert_table_overflow(const struct alert_table *table)
{
        return table->overflow;
}

size_t alert_table_raised(const struct alert_table *table, enum severity *ret_worst)
{
        enum severity worst = SEVERITY_NONE;
        size_t raised = 0;

        for (size_t i = 0; i < table->n; i++) {
                if (table->items[i]->state != ALERT_RAISED)
                        continue;
                raised++;
                worst = MAX(worst, table->items[i]->severity);
        }
        *ret_worst = worst;
        return raised;
}

void alert_table_set_owner(struct alert_table *table, const struct owner_answer *answer)
{
        for (size_t i = 0; i < table->n; i++) {
                struct alert *alert = table->items[i];

                if (!alert_may_be_owned(alert, answer))
                        continue;
                if (alert_owner_is_another(&alert->owner, &answer->owner))
                        alert_table_note_change(table);
                alert->owner = answer->owner;
        }
}

void alert_table_ask_owners(struct alert_table *table, uint64_t now_usec, alert_ask_fn ask,
                            void *userdata)
{
        unsigned asked = 0;

        for (size_t i = 0; i < table->n && asked < ALERT_OWNERS_ASKED_MAX; i++) {
                struct alert *alert = table->items[table->next_asked++ % table->n];

                if (!alert_wants_owner(alert, now_usec) ||
                    ask(userdata, &alert->key.port, &alert->witness) < 0)
                        continue;
                alert->owner_asked_usec = MAX(now_usec, UINT64_C(1));
                alert->owner_forgotten = false;
                alert->owner_asked = alert->witness;
                asked++;
        }
}
