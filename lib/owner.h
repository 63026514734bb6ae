/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who holds a socket: cgroup id -> unit, unit and inode -> processes, and how near these are to
 * their limit of descriptors; as far as /sys/fs/cgroup and /proc tell this process. Reads files, so
 * it belongs to the scanner's thread, never to the loop.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "holders.h"
#include "snapshot.h"

#define OWNER_UNIT_MAX         256
#define OWNER_COMM_MAX         16 /* TASK_COMM_LEN */
#define OWNER_PROCESSES_LISTED 8

/* Of one search, which the scanner waits for: some tenths of a second at the worst. */
#define OWNER_CGROUPS_MAX   16384 /* directories visited in search of a cgroup id */
#define OWNER_DEPTH_MAX     32
#define OWNER_PROCESSES_MAX 16384
#define OWNER_FDS_MAX       100000 /* descriptors looked at */

#define OWNER_UNKNOWN   (-1)
#define OWNER_UNLIMITED INT64_MAX /* fd_limit: no limit is set */

struct owner_process {
        int64_t pid;
        char comm[OWNER_COMM_MAX]; /* empty: unknown */
        int64_t fds;               /* descriptors in use; OWNER_UNKNOWN */
        int64_t fd_limit;          /* soft RLIMIT_NOFILE; OWNER_UNKNOWN, OWNER_UNLIMITED */
};

/* Each member has its own presence. */
struct owner {
        char unit[OWNER_UNIT_MAX]; /* empty: unknown */
        bool unit_is_user;         /* a unit of a user's own service manager */
        bool by_listener;          /* of the port's listener: the sockets themselves name nobody */
        bool holders; /* the processes below hold the socket; false: they are those of its group */
        int64_t uid;  /* OWNER_UNKNOWN */
        uint32_t total;       /* processes found; 0: none is known */
        uint32_t n_processes; /* of them, listed below: nearest to their limit first */
        struct owner_process processes[OWNER_PROCESSES_LISTED];
};

/*
 * Who was found, and whom for: one port may have several witnesses, as it may have several
 * destinations, and each its own owner.
 */
struct owner_answer {
        struct port_key port;
        struct port_witness witness; /* not known: an older recording did not say which it was */
        struct owner owner;
        uint64_t cpu_usec; /* what finding it has cost; 0: unknown */
};

/* Nothing known. */
void owner_clear(struct owner *owner);
bool owner_is_known(const struct owner *owner);

/*
 * Descriptors that the process nearest to its limit may still open, 0 or more; OWNER_UNKNOWN where
 * no listed process tells both numbers, OWNER_UNLIMITED where none has a limit.
 */
int64_t owner_headroom(const struct owner *owner);

struct holder_memory;

/* For several searches at about the same time, which share what was seen of other processes. */
struct owner_finder {
        const char *proc; /* mount points, borrowed: "/proc", "/sys/fs/cgroup"; tests give others */
        const char *cgroup;
        struct holder_memory *memory; /* of earlier searches, borrowed; NULL: each is a whole one */
        struct holders holders;       /* private; all zero: nothing was seen yet */
        struct holders foreign;       /* likewise; of processes in other network namespaces */
};

/*
 * Fills *ret_owner with what can be told about the witness; what cannot stays unknown. Always
 * succeeds. With a memory, processes that have come to hold the socket besides those found earlier
 * may be missing (holdermemory.h); all that is told of the others is read anew. now_usec: monotonic.
 */
void owner_finder_find(struct owner_finder *finder, const struct port_witness *witness,
                       uint64_t now_usec, struct owner *ret_owner);
/* The next search looks at the processes anew. Leaves nothing to be freed; its memory stays. */
void owner_finder_forget(struct owner_finder *finder);

/* A single search. */
void owner_find(const char *proc, const char *cgroup, const struct port_witness *witness,
                struct owner *ret_owner);

/*
 * The unit of a cgroup path ("/system.slice/leaky.service" -> "leaky.service"), the innermost one
 * that is a unit of the service manager; of a user's own units where the path runs through
 * user@UID.service. 0, or -ENOENT: no unit in it.
 */
int owner_unit_of_path(const char *path, char ret_unit[static OWNER_UNIT_MAX], bool *ret_user);
