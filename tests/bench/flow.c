/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each arrival is made, except those of which no scan can see anything: where all of a flow's
 * sockets are closed within seconds, a piece of time is begun no earlier before its end than the
 * longest of them stays. A Poisson process has no memory, so nothing is lost by that; an even one
 * goes on in its own rhythm.
 *
 * A profile thins what would come at full strength.
 */

#include "flow.h"

#include <string.h>

#include "base.h"

#define RECOVERY_USEC (5 * USEC_PER_SEC) /* in which a worker that wakes up handles what waits */

static unsigned between(unsigned from, unsigned to, uint64_t part, uint64_t whole)
{
        return (unsigned)((int64_t)from +
                          ((int64_t)to - (int64_t)from) * (int64_t)part / (int64_t)whole);
}

unsigned profile_permille(const struct profile *profile, uint64_t at_usec)
{
        const uint64_t rise = profile->rise_usec, hold = profile->hold_usec,
                       fall = profile->fall_usec;
        uint64_t phase;

        if (rise + hold + fall == 0)
                return 1000;
        if (at_usec < profile->from_usec)
                return profile->low_permille;
        phase = at_usec - profile->from_usec;
        if (profile->period_usec > 0)
                phase %= profile->period_usec;
        if (phase < rise)
                return between(profile->low_permille, 1000, phase, rise);
        if (phase < rise + hold)
                return 1000;
        if (phase < rise + hold + fall)
                return between(1000, profile->low_permille, phase - rise - hold, fall);
        return profile->low_permille;
}

uint64_t profile_next(const struct profile *profile, struct prng *prng, uint64_t at_usec,
                      uint64_t gap_usec)
{
        unsigned permille;

        do {
                at_usec += MAX(prng_exponential(prng, gap_usec), UINT64_C(1));
                permille = profile_permille(profile, at_usec);
        } while (permille < 1000 && permille > 0 && !prng_chance(prng, permille));
        return at_usec;
}

static uint64_t round_usec(const struct rounds *rounds, uint64_t number)
{
        struct prng prng = { rounds->seed + number };

        return number * rounds->every_usec + prng_below(&prng, rounds->late_usec + 1);
}

uint64_t rounds_next(const struct rounds *rounds, uint64_t at_usec)
{
        uint64_t number;

        if (rounds->every_usec == 0)
                return at_usec;
        number = at_usec / rounds->every_usec;
        if (round_usec(rounds, number) <= at_usec)
                number++;
        return round_usec(rounds, number);
}

/* Arrivals at no strength at all are made and then thrown away, so that time passes. */
static bool comes(const struct flow *flow, struct host *host, uint64_t at_usec)
{
        const unsigned permille = profile_permille(&flow->profile, at_usec);

        if (flow->regular && permille > 0 && permille < 1000)
                return prng_chance(&host->prng, permille);
        return permille > 0;
}

static uint64_t next_arrival(const struct flow *flow, struct host *host, uint64_t at_usec)
{
        if (flow->regular)
                return at_usec + flow->gap_usec;
        return profile_next(&flow->profile, &host->prng, at_usec, flow->gap_usec);
}

static uint64_t dwell(const struct flow *flow, struct host *host)
{
        if (flow->tail_permille > 0 && prng_chance(&host->prng, flow->tail_permille))
                return prng_between(&host->prng, flow->tail_min_usec, flow->tail_max_usec);
        return prng_between(&host->prng, flow->dwell_min_usec, flow->dwell_max_usec);
}

static struct arrival new_arrival(const struct flow *flow, struct host *host, uint64_t at_usec)
{
        return (struct arrival){
                .process = flow->process + prng_below(&host->prng, MAX(flow->workers, (size_t)1)),
                .port = flow->port,
                .stage = flow->stage,
                .fin_usec = at_usec,
                .idle_usec = prng_below(&host->prng, flow->idle_max_usec + 1),
        };
}

/* Nobody is served; those whose patience has an end before the worker wakes up leave meanwhile. */
static void arrive_stalled(struct flow *flow, struct host *host, uint64_t at_usec)
{
        const struct stall *stall = &flow->stall;
        struct arrival arrival = new_arrival(flow, host, at_usec);

        if (at_usec < stall->from_usec + stall->patience_usec)
                return;
        if (stall->sockets_max > 0 && flow->n_stalled == stall->sockets_max)
                return;
        arrival.stage = stall->stage;
        arrival.idle_usec = stall->patience_usec;
        arrival.leave_usec = stall->until_usec + prng_below(&host->prng, RECOVERY_USEC);
        if (host_open(host, &arrival) == HOST_NO_SLOT)
                return;
        flow->n_stalled++;
        host_fault_begins(host, at_usec);
}

static void arrive(struct flow *flow, struct host *host, uint64_t at_usec)
{
        struct arrival arrival;

        if (flow->stall.from_usec <= at_usec && at_usec < flow->stall.until_usec) {
                arrive_stalled(flow, host, at_usec);
                return;
        }
        arrival = new_arrival(flow, host, at_usec);
        arrival.leave_usec =
                flow->leaks ? HOST_NEVER : rounds_next(&flow->rounds, at_usec + dwell(flow, host));
        if (host_open(host, &arrival) != HOST_NO_SLOT && flow->leaks)
                host_fault_begins(host, at_usec);
}

/* The earliest moment from which a socket may still be there at until_usec. */
static uint64_t first_to_matter(const struct flow *flow, uint64_t until_usec)
{
        const uint64_t longest = MAX(flow->dwell_max_usec, flow->tail_max_usec);

        if (flow->leaks ||
            (flow->stall.from_usec <= until_usec && flow->next_usec < flow->stall.until_usec))
                return 0;
        return until_usec - longest - flow->rounds.every_usec - flow->rounds.late_usec;
}

static void skip(struct flow *flow, struct host *host, uint64_t until_usec)
{
        const uint64_t first_usec = first_to_matter(flow, until_usec);

        if (flow->next_usec >= first_usec)
                return;
        if (flow->regular)
                flow->next_usec += (first_usec - flow->next_usec) / flow->gap_usec * flow->gap_usec;
        else
                flow->next_usec = next_arrival(flow, host, first_usec);
}

static void end_stall(const struct flow *flow, struct host *host, uint64_t until_usec)
{
        if (flow->stall.until_usec > 0 && flow->stall.until_usec <= until_usec)
                host_fault_ends(host, flow->stall.until_usec);
}

static void run(struct actor *actor, struct host *host, uint64_t until_usec)
{
        struct flow *flow = (struct flow *)actor;

        skip(flow, host, until_usec);
        for (; flow->next_usec <= MIN(until_usec, flow->until_usec);
             flow->next_usec = next_arrival(flow, host, flow->next_usec))
                for (unsigned i = 0;
                     i < MAX(flow->at_once, 1U) && comes(flow, host, flow->next_usec); i++)
                        arrive(flow, host, flow->next_usec);
        end_stall(flow, host, until_usec);
}

static bool listens(const struct host *host, uint16_t port)
{
        for (size_t i = 0; i < host->n_listeners; i++)
                if (host->listeners[i] == port)
                        return true;
        return false;
}

void flow_add(struct host *host, const struct flow *flow)
{
        struct flow *added = bench_alloc(sizeof(*added));

        *added = *flow;
        added->actor.run = run;
        if (added->until_usec == 0)
                added->until_usec = HOST_NEVER;
        added->next_usec = MAX(flow->from_usec, host->now_usec);
        added->next_usec += prng_below(&host->prng, flow->gap_usec) + 1;
        host_add_actor(host, &added->actor);
        if (flow->port.side == SIDE_LOCAL && !listens(host, flow->port.port))
                host_listen(host, flow->port.port);
}
