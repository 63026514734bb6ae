/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Survival: per port, which CLOSE_WAIT sockets outlive what is usual there, and whether such keep
 * arriving. The statistics stand in survival.c and arrivals.c.
 *
 * A scan is survival_begin(); survival_left() for each socket that the ledger forgets;
 * survival_judge(); and survival_tell() for each port. One per ledger.
 */

#include <stdbool.h>
#include <stdint.h>

#include "leak.h"
#include "ledger.h"
#include "portkey.h"
#include "rule.h"

#define SURVIVAL_PORTS_MAX         4096
#define SURVIVAL_TURNOVER_MAX_USEC (UINT64_C(15) * 60 * 1000000)
#define SURVIVAL_FLOOD_MIN         3 /* so many that leave together, half at least, are a flood */
#define SURVIVAL_LESSONS           3 /* scans that must have seen an age to make it usual */

struct survival;

/* -ENOMEM. */
int survival_new(struct survival **ret_survival);
struct survival *survival_free(struct survival *survival);

/* rules: borrowed until the next survival_begin(). now_usec: that of the ledger. */
void survival_begin(struct survival *survival, const struct rules *rules, uint64_t now_usec);

/* What is usual on a port. */
struct survival_lessons {
        struct port_key port;
        uint64_t ages_usec[SURVIVAL_LESSONS]; /* descending; SURVIVAL_TURNOVER_MAX_USEC at most */
        uint64_t learnt_usec;                 /* monotonic: when they were as great as that */
};

/* Every port that has taught something, in an order that only learning and forgetting changes. */
void survival_each_lessons(const struct survival *survival,
                           void (*fn)(const struct survival_lessons *lessons, void *userdata),
                           void *userdata);
/*
 * What an earlier run has learnt, before the first survival_begin(); learnt_usec not after that.
 * 0; -EEXIST: the port has lessons; -ENOSPC: SURVIVAL_PORTS_MAX have; -ENOMEM.
 */
int survival_restore(struct survival *survival, const struct survival_lessons *lessons);

/* A ledger_left_fn; userdata: the struct survival. */
void survival_left(const struct ledger_entry *entry, const struct ledger_group *group,
                   uint64_t seen_usec, void *userdata);

/*
 * Goes through the sockets that the scan has seen, and marks those that have outlived
 * (LEDGER_OUTLIVED). whole: those who left have left, and something may be learnt from it.
 */
void survival_judge(struct survival *survival, struct ledger *ledger, bool whole);

/* What this scan tells about the port. */
void survival_tell(const struct survival *survival, const struct port_key *port,
                   struct port_leak *ret_leak);

/*
 * The age from which a socket of the port counts: one that survival_may_be_idle() (pool), or
 * another. Right after survival_judge() what that scan has taught is in it already.
 */
uint64_t survival_patience(const struct survival *survival, const struct port_key *port, bool pool);

/* Sockets of this scan whose port found no room: they are judged by their number alone. */
uint64_t survival_overflow(const struct survival *survival);

/*
 * May the socket be an idle member of a pool? A client need not poll a connection that it keeps for
 * later, so the end-of-file of a pool's member stays unread until the connection is used again, and
 * what the server sent before it (TLS says goodbye); a server must poll to see the next request.
 */
bool survival_may_be_idle(const struct port_key *port, const struct ledger_entry *entry);
