/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where something is short, whoever uses most of it pays. "Whoever" is a user, not a connection:
 * one user who opens many modest connections must not push out another user's single large reply,
 * so the uid with the most is found first, and then that uid's greatest.
 *
 * Everything is counted afresh from the list of clients, which is short; no running totals can
 * drift.
 */

#include <string.h>

#include "control-private.h"

/* What a client is measured by. */
typedef size_t measure_fn(const struct client *client);

static size_t measure_one(const struct client *client)
{
        (void)client;
        return 1;
}

static size_t sum_of(const struct control *control, measure_fn *measure)
{
        size_t sum = 0;

        for (const struct client *c = control->clients; c; c = c->next)
                if (!c->dead)
                        sum += measure(c);
        return sum;
}

static size_t sum_of_uid(const struct control *control, measure_fn *measure, uid_t uid)
{
        size_t sum = 0;

        for (const struct client *c = control->clients; c; c = c->next)
                if (!c->dead && c->uid == uid)
                        sum += measure(c);
        return sum;
}

size_t quota_output_bytes(const struct control *control)
{
        return sum_of(control, client_pending);
}

/* The greatest client of the uid whose clients have the most together. */
static struct client *greatest_user(struct control *control, measure_fn *measure)
{
        struct client *greatest = NULL;
        size_t greatest_sum = 0;

        for (struct client *c = control->clients; c; c = c->next) {
                size_t sum;

                if (c->dead)
                        continue;
                sum = sum_of_uid(control, measure, c->uid);
                if (sum < greatest_sum)
                        continue;
                if (sum == greatest_sum && greatest && measure(c) <= measure(greatest))
                        continue;
                greatest = c;
                greatest_sum = sum;
        }
        return greatest;
}

void quota_output(struct control *control)
{
        while (quota_output_bytes(control) > CONTROL_OUTPUT_TOTAL_MAX)
                control_drop(greatest_user(control, client_pending));
}

/* Whether a client nearer to the head of the list holds the same snapshot. */
static bool held_before(const struct control *control, const struct client *client)
{
        for (const struct client *c = control->clients; c != client; c = c->next)
                if (!c->dead && c->stream.snapshot == client->stream.snapshot)
                        return true;
        return false;
}

/*
 * A stream keeps its snapshot alive while its client reads; many slow clients, each with a snapshot
 * of its own, could hold any number of them.
 */
void quota_snapshots(struct control *control)
{
        for (;;) {
                struct client *oldest = NULL;
                size_t rows = 0;

                for (struct client *c = control->clients; c; c = c->next) {
                        const struct snapshot *snapshot = c->stream.snapshot;

                        if (c->dead || !snapshot || held_before(control, c))
                                continue;
                        rows += snapshot->n_rows;
                        if (!oldest || snapshot->generation < oldest->stream.snapshot->generation)
                                oldest = c;
                }
                if (rows <= CONTROL_HELD_ROWS_MAX)
                        return;
                control_drop(oldest);
        }
}

/* Watching is waiting; everybody else is expected to ask or to read. */
static bool can_be_idle(const struct client *client)
{
        return !client->dead && client->stream.kind != STREAM_WATCH;
}

static uint64_t idle_usec(const struct client *client, uint64_t now_usec)
{
        return now_usec > client->active_usec ? now_usec - client->active_usec : 0;
}

static struct client *idlest(struct control *control, uid_t uid, uint64_t now_usec)
{
        struct client *found = NULL;

        for (struct client *c = control->clients; c; c = c->next) {
                if (c->uid != uid || !can_be_idle(c) ||
                    idle_usec(c, now_usec) <= CONTROL_EVICT_IDLE_USEC)
                        continue;
                if (!found || c->active_usec < found->active_usec)
                        found = c;
        }
        return found;
}

/* The last few places are kept for whoever administers this host, so that others cannot shut it
 * out. */
static bool has_place(const struct control *control, uid_t uid)
{
        size_t clients = sum_of(control, measure_one);

        if (control_is_privileged(uid) && clients < CONTROL_CLIENTS_MAX &&
            (uid == 0 || sum_of_uid(control, measure_one, uid) < CONTROL_CLIENTS_PER_UID_MAX))
                return true;
        return clients < CONTROL_CLIENTS_MAX - CONTROL_CLIENTS_RESERVED &&
               sum_of_uid(control, measure_one, uid) < CONTROL_CLIENTS_PER_UID_MAX;
}

/*
 * Who has no connection at all takes a place from whoever has most of them, idle or not: a few
 * users with many connections must not shut out the rest.
 */
static bool take_from_greatest(struct control *control, uid_t uid)
{
        struct client *greatest = greatest_user(control, measure_one);

        if (sum_of_uid(control, measure_one, uid) > 0 || !greatest ||
            control_is_privileged(greatest->uid) ||
            sum_of_uid(control, measure_one, greatest->uid) < 2)
                return false;
        control_drop(greatest);
        return true;
}

bool quota_admit(struct control *control, uid_t uid, uint64_t now_usec)
{
        struct client *idle;

        if (has_place(control, uid))
                return true;
        if (take_from_greatest(control, uid))
                return has_place(control, uid);
        control->refused++;
        idle = idlest(control, uid, now_usec);
        if (!idle)
                return false;
        control_close(idle);
        return has_place(control, uid);
}

void quota_idle(struct control *control, uint64_t now_usec)
{
        for (struct client *c = control->clients; c; c = c->next) {
                if (!can_be_idle(c) || idle_usec(c, now_usec) < CONTROL_IDLE_USEC)
                        continue;
                if (client_pending(c) > 0)
                        control_drop(c);
                else
                        control_close(c);
        }
}

uint64_t quota_idle_next(const struct control *control)
{
        uint64_t next = CONTROL_NEVER;

        for (const struct client *c = control->clients; c; c = c->next)
                if (can_be_idle(c) && c->active_usec + CONTROL_IDLE_USEC < next)
                        next = c->active_usec + CONTROL_IDLE_USEC;
        return next;
}
