/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A flow: connections of one port whose peers close, one after another, and which the program on
 * this host closes some time later, or never.
 */

#include "host.h"

/*
 * How strong traffic is over time: a trapezoid, once or again and again.
 *
 *            _______
 *           /       \        1000 permille
 *   _______/         \____   low_permille
 *         from rise hold fall
 *
 * All zero: the same strength always.
 */
struct profile {
        unsigned low_permille;
        uint64_t from_usec;
        uint64_t rise_usec;
        uint64_t hold_usec;
        uint64_t fall_usec;
        uint64_t period_usec; /* from one from to the next; 0: there is one */
};

/* A worker that does nothing for a while. Peers that are not served give up after patience_usec. */
struct stall {
        uint64_t from_usec, until_usec; /* both 0: none */
        uint64_t patience_usec;
        enum close_wait_stage stage;
        size_t sockets_max; /* 0: no limit but the process' own */
};

/* What is to be closed waits for somebody who comes round: a reaper, a garbage collector. */
struct rounds {
        uint64_t every_usec; /* 0: nobody does, what is to be closed is closed */
        uint64_t late_usec;  /* at most; below every_usec */
        uint64_t seed;       /* of how late */
};

struct flow {
        struct actor actor; /* flow_add() fills it in */
        struct port_key port;
        size_t process;    /* the first of */
        size_t workers;    /* so many, which share the port; 0: one */
        uint64_t gap_usec; /* between two at full strength, on average */
        bool regular;      /* evenly spaced, not Poisson */
        unsigned at_once;  /* so many come together; 0: one */
        struct profile profile;
        uint64_t from_usec, until_usec; /* 0: from the beginning; to the end */

        enum close_wait_stage stage;
        bool leaks; /* none is ever closed; the host's fault begins with the first */
        uint64_t dwell_min_usec, dwell_max_usec; /* in CLOSE_WAIT */
        unsigned tail_permille;                  /* so many stay for longer: */
        uint64_t tail_min_usec, tail_max_usec;
        struct rounds rounds;
        uint64_t idle_max_usec; /* from the peer's last data to its FIN, at most */
        struct stall stall;

        uint64_t next_usec;
        size_t n_stalled;
};

/* Takes a copy. A local port listens from then on. */
void flow_add(struct host *host, const struct flow *flow);

/* When they come round next, after at_usec; without rounds that moment itself. */
uint64_t rounds_next(const struct rounds *rounds, uint64_t at_usec);

unsigned profile_permille(const struct profile *profile, uint64_t at_usec);
/* The next arrival after one at at_usec, mean gap_usec apart at full strength. */
uint64_t profile_next(const struct profile *profile, struct prng *prng, uint64_t at_usec,
                      uint64_t gap_usec);
