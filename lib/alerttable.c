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

struct alert_table {
        struct alert *items[ALERTS_MAX];
        size_t n;
        uint64_t overflow;
        uint64_t sequence;
        uint64_t bad_scans;
        uint64_t last_generation;
        uint64_t last_usec;    /* of the last step; 0: none yet */
        uint64_t pause_usec;   /* between the last two */
        uint64_t resumed_usec; /* the step after the last gap; 0: there was none */
        uint64_t gap_usec;     /* how long that was */
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
                for (size_t i = 0; i < table->n; i++)
                        free(table->items[i]);
        free(table);
        return NULL;
}

static int compare_keys(const struct alert_key *a, const struct alert_key *b)
{
        int r;

        if (a->kind != b->kind)
                return (int)a->kind - (int)b->kind;
        r = port_key_compare(&a->port, &b->port);
        return r != 0 ? r : destination_compare(&a->destination, &b->destination);
}

/* Where the key is, or belongs. */
static size_t find_place(const struct alert_table *table, const struct alert_key *key)
{
        size_t low = 0, high = table->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_keys(&table->items[middle]->key, key) < 0)
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
        if (at == table->n || compare_keys(&table->items[at]->key, key) != 0)
                return NULL;
        return table->items[at];
}

int alert_table_claim(struct alert_table *table, const struct alert_key *key,
                      struct alert **ret_alert)
{
        const size_t at = find_place(table, key);
        struct alert *alert = find_at(table, at, key);

        if (alert) {
                *ret_alert = alert;
                return 0;
        }
        if (table->n >= (alert_kind_is_host(key->kind) ? ALERTS_MAX : ALERTS_MAX - ALERTS_HOST)) {
                table->overflow++;
                return -ENOSPC;
        }
        alert = calloc(1, sizeof(*alert));
        if (!alert)
                return -ENOMEM;
        alert->key = *key;
        owner_clear(&alert->owner);
        memmove(&table->items[at + 1], &table->items[at], (table->n - at) * sizeof(alert));
        table->items[at] = alert;
        table->n++;
        *ret_alert = alert;
        return ALERT_NEW;
}

int alert_table_sweep(struct alert_table *table, int (*judge)(struct alert *alert, void *userdata),
                      void *userdata)
{
        size_t kept = 0;
        int error = 0;

        for (size_t i = 0; i < table->n; i++) {
                int r = error < 0 ? 0 : judge(table->items[i], userdata);

                if (r == ALERT_GONE) {
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

void alert_table_count_step(struct alert_table *table, uint64_t now_usec)
{
        const uint64_t pause_usec = table->last_usec > 0 ? now_usec - table->last_usec : 0;

        table->last_usec = MAX(now_usec, UINT64_C(1));
        if (pause_usec == 0)
                return; /* the first one, or the same again */
        if (table->pause_usec > 0 && pause_usec > GAP_PAUSES * table->pause_usec) {
                table->resumed_usec = now_usec;
                table->gap_usec = pause_usec;
        }
        table->pause_usec = pause_usec;
}

bool alert_table_has_resumed(const struct alert_table *table, uint64_t within_usec)
{
        return table->gap_usec > within_usec && table->resumed_usec != 0 &&
               table->last_usec - table->resumed_usec < within_usec;
}

uint64_t alert_table_bad_scans(const struct alert_table *table)
{
        return table->bad_scans;
}

void alert_table_set_overflows(const struct alert_table *table, struct tw_table *tw_table)
{
        const uint64_t total = tw_table->overflows_total;

        tw_table->overflows = total - MIN(table->tw_overflows, total);
        if (tw_table->overflows > 0)
                tw_table->overflow_known = true;
}

void alert_table_judge_overflows(struct alert_table *table, const struct tw_table *tw_table)
{
        if (tw_table->known)
                table->tw_overflows = tw_table->overflows_total;
}

uint64_t alert_table_next_sequence(struct alert_table *table)
{
        return ++table->sequence;
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

/* An older recording tells of an answer only whether it is of the listener or of a socket. */
static bool is_found_by(const struct owner_answer *answer, const struct port_witness *witness)
{
        if (!answer->witness.known)
                return witness->known && witness->by_listener == answer->owner.by_listener;
        return port_witness_equal(witness, &answer->witness);
}

bool alert_is_answered(const struct alert *alert, const struct owner_answer *answer)
{
        return alert->witness.known && is_found_by(answer, &alert->witness) &&
               port_key_compare(&alert->key.port, &answer->port) == 0;
}

static bool is_close_wait(enum alert_kind kind)
{
        return kind == ALERT_CLOSE_WAIT_STUCK || kind == ALERT_CLOSE_WAIT_LEAK ||
               kind == ALERT_CLOSE_WAIT_COUNT;
}

/*
 * The oldest socket may have been closed since its holder was asked for, and another be the witness
 * now: the answer is still the best that there is.
 *
 * Who was found by the listener may stand in for the holder of a CLOSE_WAIT socket that nobody has
 * found yet; never the other way round: that socket says nothing about those in TIME_WAIT. And no
 * other socket of the port stands in for anything: it may be another program's.
 */
static bool may_own(const struct alert *alert, const struct owner_answer *answer)
{
        if (!alert->witness.known || port_key_compare(&alert->key.port, &answer->port) != 0)
                return false;
        return is_found_by(answer, &alert->witness) || is_found_by(answer, &alert->owner_asked) ||
               (is_close_wait(alert->key.kind) && answer->owner.by_listener &&
                !owner_is_known(&alert->owner));
}

void alert_table_set_owner(struct alert_table *table, const struct owner_answer *answer)
{
        for (size_t i = 0; i < table->n; i++)
                if (may_own(table->items[i], answer))
                        table->items[i]->owner = answer->owner;
}

static bool wants_owner(const struct alert *alert, uint64_t now_usec)
{
        uint64_t keep_usec = ALERT_OWNER_KEEP_USEC, eta_usec;

        if (!alert->witness.known || alert_is_clearing(alert) ||
            (alert->state == ALERT_PENDING && alert->key.kind != ALERT_CLOSE_WAIT_LEAK))
                return false;
        if (alert->owner_forgotten)
                keep_usec = ALERT_OWNER_KEEP_FORGOTTEN_USEC;
        if (leak_eta(&alert->values.leak, &alert->owner, &eta_usec) == 0 &&
            eta_usec < ALERT_OWNER_URGENT_USEC)
                keep_usec = ALERT_OWNER_KEEP_URGENT_USEC;
        return alert->owner_asked_usec == 0 || now_usec - alert->owner_asked_usec >= keep_usec;
}

void alert_table_ask_owners(struct alert_table *table, uint64_t now_usec, alert_ask_fn ask,
                            void *userdata)
{
        unsigned asked = 0;

        for (size_t i = 0; i < table->n && asked < ALERT_OWNERS_ASKED_MAX; i++) {
                struct alert *alert = table->items[table->next_asked++ % table->n];

                if (!wants_owner(alert, now_usec) ||
                    ask(userdata, &alert->key.port, &alert->witness) < 0)
                        continue;
                alert->owner_asked_usec = MAX(now_usec, UINT64_C(1));
                alert->owner_forgotten = false;
                alert->owner_asked = alert->witness;
                asked++;
        }
}

void events_done(struct events *events)
{
        free(events->items);
        *events = (struct events){ 0 };
}

bool events_reserve(struct events *events)
{
        const size_t size = MAX(events->size * 2, (size_t)4);
        struct event *items;

        if (events->n < events->size)
                return true;
        items = realloc(events->items, size * sizeof(*items));
        if (!items)
                return false;
        events->items = items;
        events->size = size;
        return true;
}

struct event *events_add(struct events *events)
{
        if (!events_reserve(events))
                return NULL;
        memset(&events->items[events->n], 0, sizeof(*events->items));
        return &events->items[events->n++];
}

bool alert_is_clearing(const struct alert *alert)
{
        return alert->state == ALERT_RAISED && alert->below_since_usec != 0;
}

bool alert_clears_in(const struct alert *alert, uint64_t now_usec, uint64_t *ret_usec)
{
        const uint64_t since_usec = alert->below_since_usec;

        if (!alert_is_clearing(alert))
                return false;
        *ret_usec = alert->clear_after_usec -
                    MIN(alert->clear_after_usec, now_usec - MIN(since_usec, now_usec));
        return true;
}

const char *alert_state_name(enum alert_state state)
{
        return state == ALERT_RAISED ? "raised" : "pending";
}

const char *transition_name(enum transition transition)
{
        static const char *const names[] = {
                [TRANSITION_RAISED] = "raised",           [TRANSITION_ESCALATED] = "escalated",
                [TRANSITION_DEESCALATED] = "deescalated", [TRANSITION_REMINDED] = "reminded",
                [TRANSITION_CLEARED] = "cleared",
        };

        assert(transition < TRANSITION_COUNT);
        return names[transition];
}
