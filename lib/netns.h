/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which network namespace a process is in: two that see other sockets must not be compared. */

#include <stdint.h>

/* The inode number of self/ns/net below proc ("/proc"), by which namespaces are told apart on one
 * host. 0: unknown. */
uint64_t netns_id(const char *proc);
