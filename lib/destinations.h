/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The sockets of one walk -> the destinations that use the most local ports, in bounded memory
 * whatever their number, and from walk to walk how fast they use them up. Pure. Owned by a census
 * taker (taker.h).
 */

#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "destinationtab.h"
#include "taker.h"

struct destinations;

int destinations_new(struct destinations **ret_destinations);
struct destinations *destinations_free(struct destinations *destinations);

/* request: borrowed until destinations_end(). */
void destinations_begin(struct destinations *destinations, const struct census_request *request);
/*
 * The local ports whose sockets count: with any other there is no need for destinations_add().
 * Until the next destinations_begin().
 */
const struct port_set *destinations_ports(const struct destinations *destinations);
/* A socket of CENSUS_STATES; one on a port of a service of this host counts nowhere. */
void destinations_add(struct destinations *destinations, const struct sockrec *record);
/* Fills in the census's part: the worst, with rates. -ENOMEM. */
int destinations_end(struct destinations *destinations, struct census *census);

/*
 * Asked at every scan: can any destination be near its limit, by what sockstat says of all sockets
 * together and what was counted last? Near is half of its warning level. False: a walk could find
 * nothing, or the last one is so new that another one would find nothing else.
 */
bool destinations_may_be_near(struct destinations *destinations,
                              const struct census_request *request);
/* Has the last walk found one near its limit, or one before it, not long ago? */
bool destinations_are_near(const struct destinations *destinations, uint64_t now_usec);
