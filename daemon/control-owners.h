/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The owners that a ListPorts reply waits for: asked for when it begins, added when they come. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control.h"
#include "wire.h"

/* Numbers in one call that owners are looked for; with more, nobody is. Each may be a local and a
 * remote port. */
#define OWNERS_PORTS_MAX 8
#define OWNERS_MAX       (2 * OWNERS_PORTS_MAX)
#define OWNERS_WAIT_USEC (UINT64_C(2) * 1000000) /* then the reply goes without those that lack */

struct owners;

/*
 * Asks for the owners of the snapshot's rows with one of these port numbers. NULL: there is nobody
 * to ask for, too many, or no memory.
 */
struct owners *owners_ask(const struct control_ops *ops, void *userdata,
                          const struct snapshot *snapshot, const struct wire_filter *filter);
struct owners *owners_free(struct owners *owners);

/* An answer, whether it was asked for here or not. */
void owners_answer(struct owners *owners, const struct owner_answer *answer);
/* When to wait no longer; 0: all answers are here, or that time has come. */
uint64_t owners_wait_until(const struct owners *owners, uint64_t now_usec);

/* A wire_owner_fn: the answer about a port, or NULL. */
const struct owner *owners_find(void *userdata, const struct port_key *port);
