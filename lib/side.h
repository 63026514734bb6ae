/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * On which side a connection counts. It is asked of every socket, so the answer is here, where it
 * costs no call; what it is found by is service.c's to fill.
 *
 * Without branches: the side of the next socket is anybody's guess, and where the processor has to
 * guess, a wrong one costs as much as all the rest.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "portkey.h"
#include "portset.h"

struct side_rule {
        struct port_set serving; /* local ports of services: listening, lately or configured */
        uint16_t range_first;    /* ip_local_port_range */
        uint16_t range_width;    /* last - first */
};

static_assert(SIDE_REMOTE == SIDE_LOCAL + 1, "a side is found without a branch");

/*
 * Local where a service has the port. No listener known: then a local port outside the ephemeral
 * range looks like a service, unless the peer's port lies below that range and looks like one as
 * well (an NFS client speaking from 793 to 2049 is a client).
 */
static inline enum port_side side_of(const struct side_rule *rule, uint16_t local_port,
                                     uint16_t remote_port)
{
        const bool ephemeral = (uint16_t)(local_port - rule->range_first) <= rule->range_width;
        const bool looks_like_service = !ephemeral & (remote_port >= rule->range_first);

        return SIDE_REMOTE - (port_set_has(&rule->serving, local_port) | looks_like_service);
}
