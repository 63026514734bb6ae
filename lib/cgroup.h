/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cgroup2 tree: the id that the kernel gives for a socket is the inode number of a directory in
 * it. Reading it needs no privilege.
 */

#include <limits.h>
#include <stdint.h>

#include "process.h"

/*
 * The root below that mount point: the mount point itself, or its "unified" on hybrid hosts. A
 * descriptor that the caller closes, or -errno.
 */
int cgroup_open(const char *mount);

/*
 * The path of the group with that id, from the root, "/system.slice/leaky.service". 0, or -ENOENT:
 * it is gone, it is the root group, in which everything is that is in no unit, or it was not among
 * OWNER_CGROUPS_MAX directories of a depth of at most OWNER_DEPTH_MAX.
 */
int cgroup_find(int root, uint64_t id, char ret_path[static PATH_MAX]);

/* Adds the processes of that group; those of its sub-groups where it has none itself. */
void cgroup_processes(int root, const char *path, struct pids *pids);
