/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Integers of fixed width, little-endian, and the checksum: what our files have in common. */

#include <stddef.h>
#include <stdint.h>

/* The lowest n bytes (1 to 8) of value, from at on. */
static inline void bytes_put_le(uint8_t *at, uint64_t value, size_t n)
{
        for (size_t i = 0; i < n; i++)
                at[i] = (uint8_t)(value >> (8 * i));
}

/* The other way round. */
static inline uint64_t bytes_get_le(const uint8_t *at, size_t n)
{
        uint64_t value = 0;

        for (size_t i = 0; i < n; i++)
                value |= (uint64_t)at[i] << (8 * i);
        return value;
}

/* CRC-32; len below 4 GiB. */
uint32_t bytes_checksum(const uint8_t *data, size_t len);
