/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The statistics.
 *
 * A connection that its program will never close differs from every other in one thing: it stays.
 * So what counts is not how many sockets are in CLOSE_WAIT but whether sockets that have outlived
 * what is usual for their port keep adding up.
 *
 * Patience. The age from which a socket counts, per port:
 *
 *     patience = max(StuckAfter, 2 x turnover)
 *
 * Turnover is the age at which sockets of the port were seen to leave CLOSE_WAIT, the greatest that
 * SURVIVAL_LESSONS scans have seen or surpassed, so that one event teaches nothing; it halves in
 * TURNOVER_HALF_LIFE_USEC (a day) unless it is seen again. A server that takes up to two minutes to
 * close is thus given four. It is SURVIVAL_TURNOVER_MAX_USEC (15 min) at most, so that patience is
 * 30 min at most: a scan in which an older one leaves teaches nothing, for that is no turnover but
 * the end of a process, or of a leak. Nor does a flood, SURVIVAL_FLOOD_MIN that leave together and
 * as many as of their age stay at most: what leaks and is restarted every few minutes, and what
 * hangs and recovers, must be told every time. Nor does one that leaves while more that are older
 * stay: if its age were the usual end these would be gone (a leaked socket ends when a client uses
 * its port again, though its descriptor stays open). Sockets that may be idle members of a
 * connection pool (survival.h) are given PoolIdle where that is more. What has outlived once stays
 * so, whatever is learnt later: an alert does not end because sockets have become usual.
 *
 * Where scans are as far apart as sockets live, nobody knows that those that have gone left together:
 * by the next scan all that were there have left wherever sockets come and go. They are no flood.
 *
 * Arrivals. A socket arrives when its age passes the patience; that moment follows from when it was
 * first seen in CLOSE_WAIT, so the sockets that are there tell the history of those that stayed,
 * and those that left are out of the account: what is counted is arrivals minus departures. What
 * makes them a leak, and the rate, is arrivals.c's. Sockets whose age is a lower bound (they are
 * older than our watching) are counted as having outlived, not as arrivals: nobody knows when they
 * arrived.
 */

#include "survival.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"
#include "base.h"
#include "units.h"

#define TURNOVER_HALF_LIFE_USEC USEC_PER_DAY
#define NO_SERIES               UINT32_MAX
#define SERIES_MIN              16
#define VIEWS                   256 /* groups whose sockets may alternate at no cost */

struct series {
        struct port_key port;
        uint64_t patience_usec;
        uint64_t lessons_usec[SURVIVAL_LESSONS]; /* greatest ages of separate scans, descending */
        uint64_t learnt_usec;                    /* when they were as great as that */

        /* of the scan under way */
        uint32_t outlived;
        uint32_t unaccepted; /* of outlived */
        uint32_t left;       /* and the greatest age of those, and when they were last there */
        uint64_t left_age_usec;
        uint64_t left_seen_usec;
        uint64_t left_first_usec; /* the oldest of them was first seen then */
        uint32_t older;           /* that stay are older than every one of them */
        uint32_t elders; /* of the same age, were there with those who left, and still are */
        struct arrivals arrivals;
};

struct survival {
        struct series *series;
        size_t n;
        size_t size;     /* a power of two; 0: nothing allocated */
        uint32_t *index; /* 2 * size: position + 1 by port; 0: free */
        const struct rules *rules;
        uint64_t now_usec;
        uint64_t overflow;
};

int survival_new(struct survival **ret_survival)
{
        struct survival *survival = calloc(1, sizeof(*survival));

        if (!survival)
                return -ENOMEM;
        *ret_survival = survival;
        return 0;
}

struct survival *survival_free(struct survival *survival)
{
        if (survival) {
                free(survival->series);
                free(survival->index);
        }
        free(survival);
        return NULL;
}

/* The slot of the index that holds the port, or the free one where it belongs. */
static uint32_t *find_slot(const struct survival *survival, const struct port_key *port)
{
        const uint32_t mask = (uint32_t)survival->size * 2 - 1;
        uint32_t i = port_key_hash(port) & mask;

        while (survival->index[i] != 0 &&
               port_key_compare(&survival->series[survival->index[i] - 1].port, port) != 0)
                i = (i + 1) & mask;
        return &survival->index[i];
}

static void index_series(struct survival *survival)
{
        memset(survival->index, 0, survival->size * 2 * sizeof(*survival->index));
        for (size_t i = 0; i < survival->n; i++)
                *find_slot(survival, &survival->series[i].port) = (uint32_t)i + 1;
}

static int resize(struct survival *survival, size_t size)
{
        uint32_t *index = calloc(size * 2, sizeof(*index));
        struct series *series;

        if (!index)
                return -ENOMEM;
        series = realloc(survival->series, size * sizeof(*series));
        if (!series) {
                free(index);
                return -ENOMEM;
        }
        free(survival->index);
        survival->series = series;
        survival->index = index;
        survival->size = size;
        index_series(survival);
        return 0;
}

static uint32_t find_series(const struct survival *survival, const struct port_key *port)
{
        const uint32_t position = survival->n > 0 ? *find_slot(survival, port) : 0;

        return position > 0 ? position - 1 : NO_SERIES;
}

static uint64_t stuck_after(const struct survival *survival, const struct port_key *port,
                            uint64_t *ret_pool_idle_usec)
{
        const struct rule *rule = rules_governing(survival->rules, ALERT_CLOSE_WAIT_LEAK, port);

        if (ret_pool_idle_usec)
                *ret_pool_idle_usec = rule ? rule->pool_idle_usec : 0;
        return rule ? rule->stuck_after_usec : RULE_STUCK_AFTER_USEC;
}

/* At the end. -ENOSPC, -ENOMEM. */
static int append_series(struct survival *survival, const struct series *series)
{
        if (survival->n == SURVIVAL_PORTS_MAX)
                return -ENOSPC;
        if (survival->n == survival->size &&
            resize(survival, MAX(survival->size * 2, (size_t)SERIES_MIN)) < 0)
                return -ENOMEM;
        survival->series[survival->n] = *series;
        *find_slot(survival, &series->port) = (uint32_t)++survival->n;
        return 0;
}

/* A new one; NO_SERIES: there is no room. */
static uint32_t add_series(struct survival *survival, const struct port_key *port)
{
        struct series series = { .port = *port };

        arrivals_init(&series.arrivals, stuck_after(survival, port, NULL));
        return append_series(survival, &series) < 0 ? NO_SERIES : (uint32_t)survival->n - 1;
}

void survival_each_lessons(const struct survival *survival,
                           void (*fn)(const struct survival_lessons *lessons, void *userdata),
                           void *userdata)
{
        for (size_t i = 0; i < survival->n; i++) {
                const struct series *series = &survival->series[i];
                struct survival_lessons lessons = { .port = series->port,
                                                    .learnt_usec = series->learnt_usec };

                memcpy(lessons.ages_usec, series->lessons_usec, sizeof(lessons.ages_usec));
                if (lessons.ages_usec[0] > 0)
                        fn(&lessons, userdata);
        }
}

int survival_restore(struct survival *survival, const struct survival_lessons *lessons)
{
        struct series series = { .port = lessons->port, .learnt_usec = lessons->learnt_usec };

        memcpy(series.lessons_usec, lessons->ages_usec, sizeof(series.lessons_usec));
        if (find_series(survival, &lessons->port) != NO_SERIES)
                return -EEXIST;
        return append_series(survival, &series); /* the rest is survival_begin()'s */
}

bool survival_may_be_idle(const struct port_key *port, const struct ledger_entry *entry)
{
        return port->side == SIDE_REMOTE &&
               (entry->stage == STAGE_EOF_UNREAD || entry->stage == STAGE_UNREAD);
}

static uint64_t decayed(const struct survival *survival, const struct series *series, size_t lesson)
{
        const uint64_t age_usec = survival->now_usec - series->learnt_usec;

        return (uint64_t)((double)series->lessons_usec[lesson] *
                          exp2(-(double)age_usec / (double)TURNOVER_HALF_LIFE_USEC));
}

static uint64_t turnover_now(const struct survival *survival, const struct series *series)
{
        return decayed(survival, series, SURVIVAL_LESSONS - 1);
}

void survival_begin(struct survival *survival, const struct rules *rules, uint64_t now_usec)
{
        survival->rules = rules;
        survival->now_usec = now_usec;
        survival->overflow = 0;
        for (size_t i = 0; i < survival->n; i++) {
                struct series *series = &survival->series[i];

                struct series next = { .port = series->port, .learnt_usec = series->learnt_usec };

                memcpy(next.lessons_usec, series->lessons_usec, sizeof(next.lessons_usec));
                *series = next;
                arrivals_init(&series->arrivals, stuck_after(survival, &series->port, NULL));
        }
}

void survival_left(const struct ledger_entry *entry, const struct ledger_group *group,
                   uint64_t seen_usec, void *userdata)
{
        struct survival *survival = userdata;
        const uint64_t age_usec = seen_usec - MIN(entry->first_seen_usec, seen_usec);
        uint32_t i = find_series(survival, &group->port);
        struct series *series;

        /* what is usual anyway need not be learnt */
        if (age_usec * 2 <= stuck_after(survival, &group->port, NULL))
                return;
        if (i == NO_SERIES)
                i = add_series(survival, &group->port);
        if (i == NO_SERIES)
                return;
        series = &survival->series[i];
        if (series->left++ == 0 || entry->first_seen_usec < series->left_first_usec)
                series->left_first_usec = entry->first_seen_usec;
        series->left_age_usec = MAX(series->left_age_usec, age_usec);
        series->left_seen_usec = MAX(series->left_seen_usec, seen_usec);
}

/* A group's port, prepared for its sockets. */
struct view {
        bool valid;
        uint32_t group; /* the number that it is for */
        uint64_t stuck_after_usec;
        uint64_t patience_usec;
        uint64_t pool_patience_usec;
        uint32_t series; /* NO_SERIES: none yet */
};

struct judging {
        struct survival *survival;
        struct view views[VIEWS]; /* by group number, modulo their number */
};

static uint64_t patience(const struct survival *survival, const struct port_key *port, uint32_t i,
                         uint64_t *ret_pool_usec)
{
        uint64_t usec = stuck_after(survival, port, ret_pool_usec);

        if (i != NO_SERIES)
                usec = MAX(usec, 2 * turnover_now(survival, &survival->series[i]));
        *ret_pool_usec = MAX(*ret_pool_usec, usec);
        return usec;
}

static struct view *view_for(struct judging *judging, uint32_t number, const struct port_key *port)
{
        struct view *view = &judging->views[number % VIEWS];

        if (view->valid && view->group == number && view->series != NO_SERIES)
                return view;
        /* another group of the port may have made its series */
        view->series = find_series(judging->survival, port);
        if (view->valid && view->group == number && view->series == NO_SERIES)
                return view;
        view->valid = true;
        view->group = number;
        view->stuck_after_usec = stuck_after(judging->survival, port, NULL);
        view->patience_usec =
                patience(judging->survival, port, view->series, &view->pool_patience_usec);
        return view;
}

/* The patience that is told is the least of those that held. */
static void outlives(struct series *series, struct ledger_entry *entry, uint64_t patience_usec,
                     uint64_t age_usec)
{
        entry->flags |= LEDGER_OUTLIVED;
        series->unaccepted += entry->stage == STAGE_UNACCEPTED;
        if (series->outlived++ == 0 || patience_usec < series->patience_usec)
                series->patience_usec = patience_usec;
        if (age_usec >= patience_usec && !(entry->flags & LEDGER_AT_LEAST))
                arrivals_add(&series->arrivals, age_usec - patience_usec);
}

static void stays(struct ledger_entry *entry, const struct ledger_group *group, void *userdata)
{
        struct judging *judging = userdata;
        struct survival *survival = judging->survival;
        struct view *view = view_for(judging, entry->group, &group->port);
        const uint64_t age_usec =
                survival->now_usec - MIN(entry->first_seen_usec, survival->now_usec);
        const uint64_t patience_usec = survival_may_be_idle(&group->port, entry)
                                               ? view->pool_patience_usec
                                               : view->patience_usec;

        if (view->series != NO_SERIES) {
                struct series *series = &survival->series[view->series];

                series->elders += entry->first_seen_usec <= series->left_seen_usec &&
                                  2 * age_usec > view->stuck_after_usec;
                series->older += entry->first_seen_usec < series->left_first_usec;
        }
        if (age_usec < patience_usec && !(entry->flags & LEDGER_OUTLIVED))
                return;
        if (view->series == NO_SERIES)
                view->series = add_series(survival, &group->port);
        if (view->series == NO_SERIES)
                survival->overflow++;
        else
                outlives(&survival->series[view->series], entry, patience_usec, age_usec);
}

static bool is_flood(const struct survival *survival, const struct series *series)
{
        return survival->now_usec - series->left_seen_usec < series->left_age_usec &&
               series->left >= SURVIVAL_FLOOD_MIN && series->left >= series->elders;
}

static void learn(struct survival *survival, struct series *series)
{
        uint64_t age_usec = series->left_age_usec;

        if (series->left == 0 || age_usec > SURVIVAL_TURNOVER_MAX_USEC ||
            is_flood(survival, series) || series->older > series->left)
                return;
        for (size_t i = 0; i < SURVIVAL_LESSONS; i++) {
                const uint64_t known_usec = decayed(survival, series, i);

                series->lessons_usec[i] = MAX(known_usec, age_usec);
                age_usec = MIN(known_usec, age_usec); /* pushed down by a greater one */
        }
        series->learnt_usec = survival->now_usec;
}

/* Nothing of it is left that would change a patience. */
static bool is_over(const struct survival *survival, const struct series *series)
{
        return series->outlived == 0 &&
               2 * decayed(survival, series, 0) <= stuck_after(survival, &series->port, NULL);
}

/* Keeps the ports that have something to tell, now or later. */
static void learn_all(struct survival *survival)
{
        const size_t before = survival->n;
        size_t kept = 0;

        for (size_t i = 0; i < before; i++) {
                learn(survival, &survival->series[i]);
                if (!is_over(survival, &survival->series[i]))
                        survival->series[kept++] = survival->series[i];
        }
        survival->n = kept;
        if (survival->size > SERIES_MIN && kept * 8 <= survival->size &&
            resize(survival, survival->size / 4) == 0)
                return;
        if (kept < before)
                index_series(survival);
}

void survival_judge(struct survival *survival, struct ledger *ledger, bool whole)
{
        struct judging judging = { .survival = survival };

        ledger_each_marked(ledger, stays, &judging);
        if (whole)
                learn_all(survival);
}

void survival_tell(const struct survival *survival, const struct port_key *port,
                   struct port_leak *ret_leak)
{
        const uint32_t i = find_series(survival, port);
        struct port_leak leak = { 0 };

        if (i != NO_SERIES && survival->series[i].outlived > 0) {
                const struct series *series = &survival->series[i];

                arrivals_tell(&series->arrivals, &leak);
                leak.known = true;
                leak.outlived = series->outlived;
                leak.unaccepted = series->unaccepted;
                leak.patience_usec = series->patience_usec;
        }
        *ret_leak = leak;
}

uint64_t survival_patience(const struct survival *survival, const struct port_key *port, bool pool)
{
        uint64_t pool_usec;
        const uint64_t usec = patience(survival, port, find_series(survival, port), &pool_usec);

        return pool ? pool_usec : usec;
}

uint64_t survival_overflow(const struct survival *survival)
{
        return survival->overflow;
}
