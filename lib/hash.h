/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Spreads 64-bit keys for open-addressing and chained tables. */

#include <stdint.h>

/* The first half of MurmurHash3's finalizer: every input bit reaches the low output bits. */
static inline uint64_t hash_u64(uint64_t x)
{
        x ^= x >> 33;
        x *= UINT64_C(0xff51afd7ed558ccd);
        x ^= x >> 33;
        return x;
}

/* The digest of a row of words: that of those before, and the next one. */
static inline uint64_t hash_add(uint64_t digest, uint64_t word)
{
        return hash_u64(digest ^ word) + 1;
}
