/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One process, as its directory below /proc tells: its name, whose it is, where it runs, how many
 * descriptors it has and may have, and whether one of them is a given socket.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "owner.h"

/* process_holds() */
#define PROCESS_HOLDS 1

/* Where the processes of one search are read, and what is left of its limit. */
struct process_source {
        const char *proc; /* mount point; borrowed */
        uint64_t netns;   /* inode of our network namespace; 0: unknown */
        bool fd_sizes;    /* the size of PID/fd is the number of descriptors: Linux 6.2 and later */
        unsigned fds_left; /* descriptors that may still be looked at, of OWNER_FDS_MAX */
};

void process_source_init(struct process_source *source, const char *proc);

/* Name, descriptors and limit; what cannot be read stays unknown. */
void process_describe(struct process_source *source, int64_t pid,
                      struct owner_process *ret_process);

/* The effective uid; OWNER_UNKNOWN. Needs no privilege. */
int64_t process_uid(const struct process_source *source, int64_t pid);

/* It is known to be in another network namespace than we; needs the rights that its sockets need. */
bool process_is_foreign(const struct process_source *source, int64_t pid);

/*
 * Its path in the cgroup2 hierarchy, or in systemd's own where it is in none but the root. 0, or
 * -ENOENT: in neither. Needs no privilege.
 */
int process_cgroup(const struct process_source *source, int64_t pid,
                   char ret_path[static PATH_MAX]);

/*
 * Calls fn for each descriptor of it that is a socket, until fn returns another value than 0, which
 * is then returned. 0: it has no more; -ENOBUFS: the limit was reached before that was known; or
 * -errno: its descriptors are not ours to read, or it is gone.
 */
int process_each_socket(struct process_source *source, int64_t pid,
                        int (*fn)(const struct holder *holder, void *userdata), void *userdata);

/*
 * PROCESS_HOLDS: a descriptor of it is the socket with that inode, and *ret_holder says which; 0:
 * none is; or an error of the above.
 */
int process_holds(struct process_source *source, int64_t pid, uint32_t inode,
                  struct holder *ret_holder);

/* That descriptor is that socket; false also where it is not ours to read. */
bool process_holds_still(const struct process_source *source, const struct holder *holder);

/* Process ids, at most OWNER_PROCESSES_MAX. All zero: an empty list. */
struct pids {
        int64_t *items;
        size_t n;
        size_t size;
};

/* False: the list is full, or there is no memory. */
bool pids_add(struct pids *pids, int64_t pid);
void pids_done(struct pids *pids);

/* The number of a process as /proc and cgroup.procs write it; 0: it is none. */
int64_t pid_parse(const char *text);
