/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port keys. The hash mixes all 56 bits of a key: ports of one service often lie side by side, and
 * an open-addressing table would otherwise turn them into one long run.
 */

#include "portkey.h"

static const char *const side_names[SIDE_COUNT] = {
        [SIDE_HOST] = "host",
        [SIDE_LOCAL] = "local",
        [SIDE_REMOTE] = "remote",
};

const char *port_side_name(enum port_side side)
{
        return side_names[side];
}

int port_key_compare(const struct port_key *a, const struct port_key *b)
{
        if (a->netns != b->netns)
                return a->netns < b->netns ? -1 : 1;
        if (a->side != b->side)
                return a->side < b->side ? -1 : 1;
        if (a->port != b->port)
                return a->port < b->port ? -1 : 1;
        return 0;
}

/* The finalizer of MurmurHash3 (public domain) over the key as one number. */
uint32_t port_key_hash(const struct port_key *key)
{
        uint64_t h = (uint64_t)key->netns << 32 | (uint64_t)key->side << 16 | key->port;

        h ^= h >> 33;
        h *= UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 33;
        h *= UINT64_C(0xc4ceb9fe1a85ec53);
        h ^= h >> 33;
        return (uint32_t)h;
}
