/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random numbers that are the same in every run and on every machine: integers alone, no libm,
 * whose last digits differ between processors.
 */

#include <stdbool.h>
#include <stdint.h>

struct prng {
        uint64_t state; /* any number is a seed */
};

uint64_t prng_next(struct prng *prng);
/* 0 to n - 1; n > 0. */
uint64_t prng_below(struct prng *prng, uint64_t n);
/* first to last, both included; first <= last. */
uint64_t prng_between(struct prng *prng, uint64_t first, uint64_t last);
bool prng_chance(struct prng *prng, unsigned permille);
/* Exponentially distributed: the gaps of a Poisson process. mean: below 2^40. */
uint64_t prng_exponential(struct prng *prng, uint64_t mean);
