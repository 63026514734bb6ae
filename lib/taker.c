/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two parts ask for the same walk, each for its own reason and at its own pace: destinations where
 * sockstat allows one to be near its limit, half-open connections where a rule wants them. Either
 * part sees every walk that is made, so that both get what one of them pays for.
 */

#include "taker.h"

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "destinations.h"
#include "halfopen.h"

struct census_taker {
        struct destinations *destinations;
        struct half_opens *half_opens;
        const struct census_request *request;
        uint64_t taken_usec; /* the last whole one; 0: none yet */
        bool count_destinations;
        bool count_half_open;
};

int census_taker_new(struct census_taker **ret_taker)
{
        struct census_taker *taker = calloc(1, sizeof(*taker));
        int r;

        if (!taker)
                return -ENOMEM;
        r = destinations_new(&taker->destinations);
        if (r == 0)
                r = half_opens_new(&taker->half_opens);
        if (r < 0) {
                census_taker_free(taker);
                return r;
        }
        *ret_taker = taker;
        return 0;
}

struct census_taker *census_taker_free(struct census_taker *taker)
{
        if (taker) {
                destinations_free(taker->destinations);
                half_opens_free(taker->half_opens);
        }
        free(taker);
        return NULL;
}

static bool has_passed(const struct census_taker *taker, uint64_t now_usec, uint64_t every_usec)
{
        return taker->taken_usec == 0 || now_usec - taker->taken_usec >= every_usec;
}

bool census_taker_is_due(struct census_taker *taker, const struct census_request *request,
                         bool *ret_info)
{
        const bool half_open = half_opens_are_wanted(request->rules);
        const bool destinations = destinations_may_be_near(taker->destinations, request);

        taker->count_half_open = half_open;
        taker->count_destinations = destinations;
        *ret_info = half_open;
        return destinations ||
               (half_open && has_passed(taker, request->now_usec,
                                        half_opens_every_usec(taker->half_opens, request->rules)));
}

uint64_t census_taker_due_usec(const struct census_taker *taker, const struct rules *rules,
                               uint64_t now_usec)
{
        if (destinations_are_near(taker->destinations, now_usec))
                return now_usec;
        if (!half_opens_are_wanted(rules))
                return UINT64_MAX;
        return taker->taken_usec + half_opens_every_usec(taker->half_opens, rules);
}

void census_taker_want_destinations(struct census_taker *taker)
{
        taker->count_half_open = false;
        taker->count_destinations = true;
}

void census_taker_begin(struct census_taker *taker, const struct census_request *request)
{
        taker->request = request;
        destinations_begin(taker->destinations, request);
        half_opens_begin(taker->half_opens, request);
}

const struct port_set *census_taker_waits(const struct census_taker *taker)
{
        return taker->count_destinations ? destinations_ports(taker->destinations) : NULL;
}

int census_taker_add(struct census_taker *taker, const struct sockrec *record)
{
        if (!(SOCK_MASK(record->state) & CENSUS_STATES))
                return 0;
        if (taker->count_destinations)
                destinations_add(taker->destinations, record);
        return taker->count_half_open ? half_opens_add(taker->half_opens, record) : 0;
}

int census_taker_end(struct census_taker *taker, bool whole, struct census **ret_census)
{
        struct census *census = calloc(1, sizeof(*census));
        int r = 0;

        if (!census)
                return -ENOMEM;
        census->refs = 1;
        census->whole = whole;
        census->asof_usec = taker->request->now_usec;
        census->asof_wall_usec = taker->request->now_wall_usec;
        census->conf_serial = taker->request->conf_serial;
        census->destinations_counted = taker->count_destinations;
        census->half_open_counted = taker->count_half_open;
        if (taker->count_destinations)
                r = destinations_end(taker->destinations, census);
        if (r == 0 && taker->count_half_open)
                r = half_opens_end(taker->half_opens, census);
        if (r < 0) {
                census_unref(census);
                return r;
        }
        if (whole)
                taker->taken_usec = census->asof_usec;
        *ret_census = census;
        return 0;
}
