/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Members are brought up to date before each request and at the end of each piece of time: those
 * that were served are given back, those whose peer has closed are in CLOSE_WAIT since that moment,
 * those that have been there for too long are evicted. Then the request takes one.
 */

#include "pool.h"

#include <stdlib.h>

#include "base.h"

enum member_state { MEMBER_CLOSED, MEMBER_BUSY, MEMBER_IDLE };

struct member {
        enum member_state state;
        uint64_t since_usec; /* idle; busy: until then */
        uint64_t fin_usec;   /* idle: when the peer closes it */
        int64_t slot;        /* in CLOSE_WAIT; or HOST_NO_SLOT */
};

struct pool {
        struct actor actor;
        struct pool_plan plan;
        struct member members[POOL_MEMBERS_MAX];
        uint64_t next_usec;
        uint32_t generation; /* of the process */
};

static void close_member(struct member *member, struct host *host)
{
        if (member->slot != HOST_NO_SLOT)
                host_close(host, member->slot);
        *member = (struct member){ .slot = HOST_NO_SLOT };
}

/* The process was restarted: its sockets are gone already. */
static void notice_restart(struct pool *pool, const struct host *host)
{
        const uint32_t generation = host->processes[pool->plan.process].generation;

        if (pool->generation == generation)
                return;
        pool->generation = generation;
        for (size_t i = 0; i < pool->plan.places; i++)
                pool->members[i] = (struct member){ .slot = HOST_NO_SLOT };
}

static uint64_t evicted_usec(const struct pool_plan *plan, const struct member *member)
{
        return (member->fin_usec + plan->keep_usec) / plan->tick_usec * plan->tick_usec;
}

static void enter_close_wait(const struct pool *pool, struct member *member, struct host *host)
{
        const struct arrival arrival = { .process = pool->plan.process,
                                         .port = pool->plan.port,
                                         .stage = STAGE_EOF_UNREAD,
                                         .fin_usec = member->fin_usec,
                                         .idle_usec = member->fin_usec - member->since_usec,
                                         .leave_usec = HOST_NEVER };

        member->slot = host_open(host, &arrival);
}

static void settle_member(struct pool *pool, struct member *member, struct host *host,
                          uint64_t now_usec)
{
        if (member->state == MEMBER_BUSY && member->since_usec <= now_usec) {
                member->state = MEMBER_IDLE;
                member->fin_usec = member->since_usec + pool->plan.peer_timeout_usec;
        }
        if (member->state != MEMBER_IDLE || member->fin_usec > now_usec)
                return;
        if (evicted_usec(&pool->plan, member) <= now_usec)
                close_member(member, host);
        else if (member->slot == HOST_NO_SLOT)
                enter_close_wait(pool, member, host);
}

static void settle(struct pool *pool, struct host *host, uint64_t now_usec)
{
        for (size_t i = 0; i < pool->plan.places; i++)
                settle_member(pool, &pool->members[i], host, now_usec);
}

/* The idle member whose turn it is, NULL: none is idle. */
static struct member *next_idle(struct pool *pool)
{
        struct member *found = NULL;

        for (size_t i = 0; i < pool->plan.places; i++) {
                struct member *member = &pool->members[i];

                if (member->state == MEMBER_IDLE &&
                    (!found || (pool->plan.fifo ? member->since_usec < found->since_usec
                                                : member->since_usec > found->since_usec)))
                        found = member;
        }
        return found;
}

static struct member *closed_member(struct pool *pool)
{
        for (size_t i = 0; i < pool->plan.places; i++)
                if (pool->members[i].state == MEMBER_CLOSED)
                        return &pool->members[i];
        return NULL;
}

/* A member to serve a request with; NULL: all are busy, and the request waits for its turn. */
static struct member *take(struct pool *pool, struct host *host, uint64_t now_usec)
{
        struct member *member;

        while ((member = next_idle(pool)) && member->fin_usec <= now_usec) {
                close_member(member, host);
                if (pool->plan.take_fresh)
                        return member;
        }
        return member ? member : closed_member(pool);
}

static void request(struct pool *pool, struct host *host, uint64_t now_usec)
{
        struct member *member = take(pool, host, now_usec);

        if (!member)
                return;
        member->state = MEMBER_BUSY;
        member->since_usec = now_usec + prng_between(&host->prng, pool->plan.serve_min_usec,
                                                     pool->plan.serve_max_usec);
}

static size_t how_many(const struct pool *pool, struct host *host)
{
        if (pool->plan.rush_permille > 0 && prng_chance(&host->prng, pool->plan.rush_permille))
                return prng_between(&host->prng, 1, pool->plan.places);
        return 1;
}

static void run(struct actor *actor, struct host *host, uint64_t until_usec)
{
        struct pool *pool = (struct pool *)actor;

        notice_restart(pool, host);
        while (pool->next_usec <= until_usec) {
                const uint64_t now_usec = pool->next_usec;

                settle(pool, host, now_usec);
                if (profile_permille(&pool->plan.profile, now_usec) > 0)
                        for (size_t n = how_many(pool, host); n > 0; n--)
                                request(pool, host, now_usec);
                pool->next_usec = profile_next(&pool->plan.profile, &host->prng, now_usec,
                                               pool->plan.gap_usec);
        }
        settle(pool, host, until_usec);
}

static void peers_left(struct actor *actor, uint64_t at_usec, const struct port_key *port)
{
        struct pool *pool = (struct pool *)actor;

        if (port && port_key_compare(port, &pool->plan.port) != 0)
                return;
        for (size_t i = 0; i < pool->plan.places; i++)
                if (pool->members[i].state == MEMBER_IDLE && pool->members[i].fin_usec > at_usec)
                        pool->members[i].fin_usec = at_usec;
}

void pool_add(struct host *host, const struct pool_plan *plan)
{
        struct pool *pool = bench_alloc(sizeof(*pool));

        if (plan->places > POOL_MEMBERS_MAX || plan->tick_usec >= plan->keep_usec)
                abort();
        pool->plan = *plan;
        pool->actor = (struct actor){ .run = run, .peers_left = peers_left };
        for (size_t i = 0; i < plan->places; i++)
                pool->members[i].slot = HOST_NO_SLOT;
        pool->next_usec = host->now_usec + prng_below(&host->prng, plan->gap_usec) + 1;
        host_add_actor(host, &pool->actor);
}
