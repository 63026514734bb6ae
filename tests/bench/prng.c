/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Numbers are splitmix64's. Exponential ones are von Neumann's, from comparisons alone: of uniform
 * numbers u1 >= u2 >= ... < un, n is even with probability e^-u1; then k + u1 is the result, where
 * k attempts have failed before.
 */

#include "prng.h"

uint64_t prng_next(struct prng *prng)
{
        uint64_t x = prng->state += UINT64_C(0x9e3779b97f4a7c15);

        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

uint64_t prng_below(struct prng *prng, uint64_t n)
{
        return prng_next(prng) % n;
}

uint64_t prng_between(struct prng *prng, uint64_t first, uint64_t last)
{
        return first + prng_below(prng, last - first + 1);
}

bool prng_chance(struct prng *prng, unsigned permille)
{
        return prng_below(prng, 1000) < permille;
}

/* How many numbers follow first, none above the one before it: is that even? */
static bool accepts(struct prng *prng, uint32_t first)
{
        bool even = true;

        for (uint32_t last = first, u; (u = (uint32_t)(prng_next(prng) >> 32)) <= last; last = u)
                even = !even;
        return even;
}

uint64_t prng_exponential(struct prng *prng, uint64_t mean)
{
        for (uint64_t whole = 0;; whole++) {
                uint32_t first = (uint32_t)(prng_next(prng) >> 32);

                if (accepts(prng, first))
                        return whole * mean + ((first >> 8) * mean >> 24);
        }
}
