/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of port numbers: 8 KiB, whatever is in it. */

#include <stdbool.h>
#include <stdint.h>

#define PORT_NUMBERS 65536

struct port_set {
        uint64_t words[PORT_NUMBERS / 64];
};

static inline bool port_set_has(const struct port_set *set, uint16_t port)
{
        return set->words[port / 64] >> (port % 64) & 1;
}

static inline void port_set_add(struct port_set *set, uint16_t port)
{
        set->words[port / 64] |= UINT64_C(1) << (port % 64);
}

static inline void port_set_remove(struct port_set *set, uint16_t port)
{
        set->words[port / 64] &= ~(UINT64_C(1) << (port % 64));
}
