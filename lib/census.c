/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists are short: destinations are searched from the worst on, ports by bisection. */

#include "census.h"

#include <stdlib.h>

#include "base.h"
#include "burn.h"

#define ETA_MAX_USEC (UINT64_C(10) * 365 * 86400 * 1000000)

void exhaustion_set_burn(struct exhaustion *exhaustion, double per_min)
{
        double eta_usec;

        if (exhaustion->used >= exhaustion->usable)
                return;
        eta_usec = (exhaustion->usable - exhaustion->used) / per_min * 60e6;
        exhaustion->burning = true;
        exhaustion->burn_per_min = per_min;
        exhaustion->eta_usec = eta_usec < ETA_MAX_USEC ? (uint64_t)eta_usec : ETA_MAX_USEC;
}

struct census *census_ref(struct census *census)
{
        if (census)
                (void)__atomic_add_fetch(&census->refs, 1, __ATOMIC_RELAXED);
        return census;
}

struct census *census_unref(struct census *census)
{
        if (census && __atomic_sub_fetch(&census->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                free(census->destinations);
                free(census->half_open);
                free(census);
        }
        return NULL;
}

const struct destination_row *census_find_destination(const struct census *census,
                                                      const struct port_key *port,
                                                      const struct destination *destination)
{
        for (size_t i = 0; census && i < census->n_destinations; i++) {
                const struct destination_row *row = &census->destinations[i];

                if (port_key_compare(&row->port, port) == 0 &&
                    destination_compare(&row->destination, destination) == 0)
                        return row;
        }
        return NULL;
}

void census_recall(struct census *census, const struct census *earlier)
{
        if (!earlier ||
            census->asof_usec - MIN(earlier->asof_usec, census->asof_usec) > BURN_WINDOW_USEC)
                return;
        for (size_t i = 0; i < census->n_destinations; i++) {
                struct destination_row *row = &census->destinations[i];
                const struct destination_row *before =
                        census_find_destination(earlier, &row->port, &row->destination);

                if (!before)
                        continue;
                if (before->exhaustion.burning)
                        exhaustion_set_burn(&row->exhaustion, before->exhaustion.burn_per_min);
                if (!row->witness.known)
                        row->witness = before->witness;
        }
}

const struct half_open_row *census_find_half_open(const struct census *census,
                                                  const struct port_key *port)
{
        size_t low = 0, high = census ? census->n_half_open : 0;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int r = port_key_compare(&census->half_open[middle].port, port);

                if (r == 0)
                        return &census->half_open[middle];
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}
