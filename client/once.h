/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * --once: one scan by twmonctl itself, told in the same JSON that twmond would send. What only
 * watching can tell (alerts, exact ages) is left out.
 */

#include <jansson.h>
#include <stddef.h>

#include "base.h"
#include "snapshot.h"
#include "wire.h"

#define ONCE_PORTS_PER_REPLY 256

/* An exit status, 0 for success; what was wrong was said. A partial scan is a success. */
int once_scan(struct snapshot **ret_snapshot);
DEFINE_CLEANUP(struct snapshot *, snapshot_unref)

/* A wire_owner_fn; userdata: struct once_owner. The answer lasts until the next one. */
struct once_owner {
        const struct snapshot *snapshot;
        struct owner owner;
};
const struct owner *once_find_owner(void *userdata, const struct port_key *port);

/* Takes out what one scan cannot tell of ports: rates, and what follows. Takes and returns NULL. */
json_t *once_without_rates(json_t *parameters);

/* What of GetStatus one scan can tell. NULL: no memory. */
json_t *once_status(const struct snapshot *snapshot);
