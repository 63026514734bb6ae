/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The census taker: says when a census is due, makes it from the sockets of one walk, and remembers
 * what the rates need. One per network namespace. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "census.h"
#include "hostfacts.h"
#include "rule.h"
#include "service.h"

#define CENSUS_EVERY_USEC (UINT64_C(60) * 1000000) /* at most so often while nothing is near */

/* What a census is taken by. All borrowed. */
struct census_request {
        uint64_t now_usec;
        uint64_t now_wall_usec;
        const struct rules *rules;
        uint64_t conf_serial;
        uint64_t interval_usec; /* to the next scan while it matters; 0: unknown, or none follows */
        const struct host_facts *host;
        const struct services *services;
};

/* Takes one census after the other, and remembers what rates and the next due time need. */
struct census_taker;

int census_taker_new(struct census_taker **ret_taker);
struct census_taker *census_taker_free(struct census_taker *taker);

/*
 * Asked at every scan: is one due? *ret_info: with tcp_info. Where it is not due the last census, if
 * any, stays the newest.
 */
bool census_taker_is_due(struct census_taker *taker, const struct census_request *request,
                         bool *ret_info);
/*
 * When the next one is due, as far as sockstat has no part in it: now_usec where a destination is so
 * near its limit that every scan takes one, UINT64_MAX where none is wanted.
 */
uint64_t census_taker_due_usec(const struct census_taker *taker, const struct rules *rules,
                               uint64_t now_usec);
/* Instead: the next census counts destinations, and nothing else, whatever sockstat says. */
void census_taker_want_destinations(struct census_taker *taker);

/* Begins a census, or begins it again from nothing; request is borrowed until the end. */
void census_taker_begin(struct census_taker *taker, const struct census_request *request);
/*
 * The local ports whose sockets in TIME_WAIT it asks for, as long as the census is under way; others
 * need not be added. NULL: of none.
 */
const struct port_set *census_taker_waits(const struct census_taker *taker);
/* A socket of CENSUS_STATES; others are left out. 0 or -ENOMEM. */
int census_taker_add(struct census_taker *taker, const struct sockrec *record);
/* whole: no socket was missed. -ENOMEM. */
int census_taker_end(struct census_taker *taker, bool whole, struct census **ret_census);
