/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every leaked connection takes a descriptor of the process that holds it, so descriptors last for
 * headroom / rate. Which of several processes leaks is not known: the one nearest to its limit is
 * taken to, which gives the earliest time. One that has none left can accept() nothing, so that
 * connections wait unaccepted, or do not arrive: its time has come whatever those tell.
 */

#include "leak.h"

#include "owner.h"
#include "units.h"

#define ETA_MAX_USEC (UINT64_C(3650) * USEC_PER_DAY) /* later is never */

static int eta(const struct port_leak *leak, const struct owner *owner, double rate_per_min,
               uint64_t *ret_usec)
{
        const int64_t headroom = owner_headroom(owner);
        double usec;

        if (headroom == 0 && leak->outlived > 0) {
                *ret_usec = 0;
                return 0;
        }
        if (leak->unaccepted * UINT64_C(2) > leak->outlived)
                return LEAK_ETA_NONE;
        if (headroom == OWNER_UNKNOWN || leak->arrived == 0)
                return LEAK_ETA_UNKNOWN;
        if (headroom == OWNER_UNLIMITED || !(rate_per_min > 0))
                return LEAK_ETA_NEVER;
        usec = (double)headroom / rate_per_min * (double)USEC_PER_MIN;
        if (usec > (double)ETA_MAX_USEC)
                return LEAK_ETA_NEVER;
        *ret_usec = (uint64_t)usec;
        return 0;
}

int leak_eta(const struct port_leak *leak, const struct owner *owner, uint64_t *ret_usec)
{
        return eta(leak, owner, leak->rate_per_min, ret_usec);
}

int leak_eta_cautious(const struct port_leak *leak, const struct owner *owner, uint64_t *ret_usec)
{
        return eta(leak, owner, leak->rate_per_min - leak->error_per_min, ret_usec);
}
