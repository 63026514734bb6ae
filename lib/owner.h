/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who holds a socket: cgroup id -> unit, inode -> process, as far as /sys/fs/cgroup and /proc tell
 * this process. Reads files, so it belongs to the scanner's thread, never to the loop.
 */

#include "detect.h"
#include "snapshot.h"

/* Of one search, which the scanner waits for: some tenths of a second at the worst. */
#define OWNER_CGROUPS_MAX   16384 /* directories visited in search of a cgroup id */
#define OWNER_DEPTH_MAX     32
#define OWNER_PROCESSES_MAX 16384
#define OWNER_FDS_MAX       100000 /* descriptors looked at */

/*
 * Fills *ret_owner with what can be told about the witness; what cannot stays unknown. proc and
 * cgroup name the mount points ("/proc", "/sys/fs/cgroup"; tests give others). Always succeeds.
 */
void owner_find(const char *proc, const char *cgroup, const struct port_witness *witness,
                struct owner *ret_owner);

/*
 * The unit of a cgroup path ("/system.slice/leaky.service" -> "leaky.service"), the innermost one
 * that is a unit of the service manager; of a user's own units where the path runs through
 * user@UID.service. 0, or -ENOENT: no unit in it.
 */
int owner_unit_of_path(const char *path, char ret_unit[static OWNER_UNIT_MAX], bool *ret_user);
