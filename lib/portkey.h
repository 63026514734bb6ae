/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct port_key: what counts are kept under. The port is the service's: the local one where this
 * host serves it, the peer's where this host is the client (DESIGN: "side").
 */

#include <stdbool.h>
#include <stdint.h>

enum port_side {
        SIDE_HOST, /* the host as a whole; port 0 */
        SIDE_LOCAL,
        SIDE_REMOTE,
        SIDE_COUNT,
};

struct port_key {
        uint32_t netns; /* 0: the daemon's own network namespace */
        uint16_t port;
        uint8_t side; /* enum port_side */
};

/* "host", "local", "remote": the words of every interface. */
const char *port_side_name(enum port_side side);

static inline bool port_key_same(const struct port_key *a, const struct port_key *b)
{
        return a->port == b->port && a->side == b->side && a->netns == b->netns;
}

/* The number of a port's key in the daemon's own namespace, where there is no key yet. */
static inline uint64_t port_side_number(enum port_side side, uint16_t port)
{
        return (uint32_t)side << 16 | port;
}

/* The key as a number: never 0, unless it is the host's own. */
static inline uint64_t port_key_number(const struct port_key *key)
{
        return (uint64_t)key->netns << 32 | port_side_number(key->side, key->port);
}

/* Orders by namespace, side, port: <0, 0, >0. */
int port_key_compare(const struct port_key *a, const struct port_key *b);

/* Spreads keys over 32 bits, for open-addressing tables. */
uint32_t port_key_hash(const struct port_key *key);
