/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two independent trails, each followed as far as permissions allow:
 *
 *   unit       INET_DIAG_CGROUP_ID leads to the socket's control group (cgroup.h), and the group's
 *              path names the unit. Needs no privilege.
 *   processes  /proc/PID/fd/N of every process that holds the socket is a link "socket:[INODE]":
 *              of several, where the descriptor was inherited. Readable for one's own processes, or
 *              with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. Where none can be found so, the
 *              processes of the group are listed instead, and not called holders.
 *
 * The group's processes are looked at first; all others only if none of them holds the socket:
 * accepted sockets carry the group of whoever made the listener, and a process may have moved.
 * Those that run under the socket's own uid come first, since both lists have their limits. Looking
 * at all others is the one dear part, and shared by searches that follow each other (holders.h);
 * those of other network namespaces, into which a socket may be passed, are looked at last. Without
 * holders, that uid parts the processes of a group that serve from those that manage, if there are
 * any: a listener's does not, because it is made by the one and served by the other.
 *
 * A socket that is asked about again is nearly always where it was: with a memory, those who held
 * it are looked at first, and if they hold it still, nobody else is (holdermemory.c).
 *
 * A listener that the service manager made is in the group of its socket unit, and so is all that
 * was accepted from it. That group has no processes. The unit that matters is that of the holder;
 * where no holder can be seen, the service of the same name, as systemd.socket(5) has it, if it has
 * processes.
 *
 * How many descriptors a process has and may have is readable without privilege on Linux 6.2 and
 * later (process.c), so that the process that is nearest to its limit comes first.
 */

#include "owner.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "cgroup.h"
#include "holdermemory.h"
#include "process.h"

#define SOCKET_SUFFIX  ".socket"
#define SERVICE_SUFFIX ".service"

struct search {
        struct owner_finder *finder;
        struct process_source source;
        const struct port_witness *witness;
        uint64_t now_usec;
        struct pids group;        /* of the socket's control group */
        struct pids holders;      /* of the socket */
        struct sighting sighting; /* of them, as found by a search */
        bool triggered;           /* that group is a socket unit's: the unit is another */
};

void owner_clear(struct owner *owner)
{
        *owner = (struct owner){ .uid = OWNER_UNKNOWN };
}

bool owner_is_known(const struct owner *owner)
{
        return owner->unit[0] || owner->uid >= 0 || owner->total > 0;
}

static int64_t headroom(const struct owner_process *process)
{
        if (process->fd_limit == OWNER_UNLIMITED || process->fd_limit < 0)
                return process->fd_limit;
        if (process->fds < 0)
                return OWNER_UNKNOWN;
        return MAX(process->fd_limit - process->fds, INT64_C(0));
}

int64_t owner_headroom(const struct owner *owner)
{
        int64_t least = OWNER_UNLIMITED;
        bool unknown = owner->n_processes == 0;

        for (uint32_t i = 0; i < owner->n_processes; i++) {
                const int64_t room = headroom(&owner->processes[i]);

                unknown |= room < 0;
                if (room >= 0)
                        least = MIN(least, room);
        }
        return unknown && least == OWNER_UNLIMITED ? OWNER_UNKNOWN : least;
}

static bool ends_with(const char *text, size_t len, const char *suffix)
{
        const size_t n = strlen(suffix);

        return len > n && memcmp(text + len - n, suffix, n) == 0;
}

/* "a.service" and the like. Scopes and slices hold processes, too, but sockets are triggers only. */
static bool is_unit_name(const char *name, size_t len)
{
        return len < OWNER_UNIT_MAX &&
               (ends_with(name, len, SERVICE_SUFFIX) || ends_with(name, len, ".scope") ||
                ends_with(name, len, SOCKET_SUFFIX));
}

static bool starts_with(const char *text, size_t len, const char *prefix)
{
        return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

int owner_unit_of_path(const char *path, char ret_unit[static OWNER_UNIT_MAX], bool *ret_user)
{
        const char *unit = NULL;
        size_t unit_len = 0;
        bool in_user = false, user = false;

        for (const char *at = path; *at;) {
                const size_t len = strcspn(at, "/");

                if (is_unit_name(at, len)) {
                        /* below a unit of the system's manager there are only its sub-groups */
                        if (!unit || (in_user && !user)) {
                                user = in_user;
                                unit = at;
                                unit_len = len;
                        }
                        in_user |= starts_with(at, len, "user@");
                }
                at += len + (at[len] == '/');
        }
        if (!unit)
                return -ENOENT;
        memcpy(ret_unit, unit, unit_len);
        ret_unit[unit_len] = '\0';
        *ret_user = user;
        return 0;
}

/* "/system.slice/web.socket": the unit and the processes of "/system.slice/web.service". */
static void follow_trigger(struct search *search, int root, char path[static PATH_MAX],
                           struct owner *owner)
{
        const size_t len = strlen(path) - strlen(SOCKET_SUFFIX);

        if (len + sizeof(SERVICE_SUFFIX) > PATH_MAX)
                return;
        strcpy(path + len, SERVICE_SUFFIX);
        cgroup_processes(root, path, &search->group);
        if (search->group.n > 0)
                (void)owner_unit_of_path(path, owner->unit, &owner->unit_is_user);
}

static void follow_cgroup(struct search *search, struct owner *owner)
{
        char path[PATH_MAX];
        CLEANUP(close_fdp) int root = -1;

        if (search->witness->cgroup_id == 0)
                return;
        root = cgroup_open(search->finder->cgroup);
        if (root < 0 || cgroup_find(root, search->witness->cgroup_id, path) < 0)
                return;
        (void)owner_unit_of_path(path, owner->unit, &owner->unit_is_user);
        cgroup_processes(root, path, &search->group);
        search->triggered = ends_with(path, strlen(path), SOCKET_SUFFIX);
        if (search->triggered && search->group.n == 0)
                follow_trigger(search, root, path, owner);
}

/* Those of the socket's uid to the front; returns how many they are. */
static size_t sort_by_uid(const struct search *search, struct pids *pids)
{
        size_t n = 0;

        for (size_t i = 0; i < pids->n; i++) {
                const int64_t pid = pids->items[i];

                if (process_uid(&search->source, pid) != (int64_t)search->witness->uid)
                        continue;
                pids->items[i] = pids->items[n];
                pids->items[n++] = pid;
        }
        return n;
}

static void add_holder(struct search *search, const struct holder *holder)
{
        if (pids_add(&search->holders, holder->pid))
                sighting_add(&search->sighting, holder);
}

/* All of them: a fork inherits its parent's descriptors. */
static void find_in_group(struct search *search)
{
        struct holder holder;

        search->sighting.seen_usec = search->now_usec;
        for (size_t i = 0; i < search->group.n; i++)
                if (process_holds(&search->source, search->group.items[i], search->witness->inode,
                                  &holder) == PROCESS_HOLDS)
                        add_holder(search, &holder);
}

/* At all processes of our network namespace, or at all of others. */
static void look_at_all(struct search *search, bool foreign, struct holders *holders)
{
        CLEANUP(pids_done) struct pids all = { 0 };
        DIR *dir = holders->looked ? NULL : opendir(search->source.proc);
        const struct dirent *entry;
        bool room = true;

        if (!dir)
                return;
        while (room && (entry = readdir(dir)) != NULL) {
                const int64_t pid = pid_parse(entry->d_name);

                if (pid > 0 && process_is_foreign(&search->source, pid) == foreign)
                        room = pids_add(&all, pid);
        }
        (void)closedir(dir);
        (void)sort_by_uid(search, &all);
        holders_look(holders, &search->source, &all, search->now_usec);
}

static void find_among_all(struct search *search, bool foreign, struct holders *holders)
{
        const struct holder *holder = NULL;

        if (search->holders.n > 0)
                return;
        look_at_all(search, foreign, holders);
        search->sighting.seen_usec = holders->seen_usec;
        while ((holder = holders_next(holders, search->witness->inode, holder)) != NULL)
                add_holder(search, holder);
}

/* Those who held it when it was searched for, if all of them do still. */
static void recall_holders(struct search *search)
{
        struct holder_memory *memory = search->finder->memory;
        const struct sighting *sighting =
                memory ? holder_memory_recall(memory, &search->source, search->witness->inode,
                                              search->now_usec)
                       : NULL;

        for (size_t i = 0; sighting && i < sighting->n; i++)
                (void)pids_add(&search->holders, sighting->holders[i].pid);
}

static void search_holders(struct search *search)
{
        (void)sort_by_uid(search, &search->group);
        find_in_group(search);
        find_among_all(search, false, &search->finder->holders);
        find_among_all(search, true, &search->finder->foreign);
        if (search->finder->memory)
                holder_memory_keep(search->finder->memory, &search->sighting);
}

static void find_holders(struct search *search)
{
        if (search->witness->inode == 0)
                return;
        recall_holders(search);
        if (search->holders.n == 0)
                search_holders(search);
}

/* Known before unknown. */
static bool comes_before(const struct owner_process *a, const struct owner_process *b)
{
        const int64_t room_a = headroom(a), room_b = headroom(b);

        if (room_a != room_b)
                return room_b < 0 || (room_a >= 0 && room_a < room_b);
        return a->fds != b->fds ? a->fds > b->fds : a->pid < b->pid;
}

/* Into its place in the list, whose last one falls off where it is full. */
static void list_process(struct owner *owner, const struct owner_process *process)
{
        uint32_t at = owner->n_processes;

        owner->total++;
        while (at > 0 && comes_before(process, &owner->processes[at - 1]))
                at--;
        if (at == OWNER_PROCESSES_LISTED)
                return;
        if (owner->n_processes < OWNER_PROCESSES_LISTED)
                owner->n_processes++;
        memmove(&owner->processes[at + 1], &owner->processes[at],
                (owner->n_processes - at - 1) * sizeof(*process));
        owner->processes[at] = *process;
}

static void list_processes(struct search *search, const struct pids *pids, size_t n,
                           struct owner *owner)
{
        for (size_t i = 0; i < n; i++) {
                struct owner_process process;

                process_describe(&search->source, pids->items[i], &process);
                list_process(owner, &process);
        }
}

/* A holder tells its unit where the socket's group does not, or is that of a trigger. */
static void take_unit_of_holder(const struct search *search, struct owner *owner)
{
        char path[PATH_MAX], unit[OWNER_UNIT_MAX];
        bool user;

        if (owner->unit[0] && !search->triggered)
                return;
        if (process_cgroup(&search->source, owner->processes[0].pid, path) < 0 ||
            owner_unit_of_path(path, unit, &user) < 0)
                return;
        strcpy(owner->unit, unit);
        owner->unit_is_user = user;
}

static void list_owners(struct search *search, struct owner *owner)
{
        size_t n;

        if (search->holders.n > 0) {
                owner->holders = true;
                list_processes(search, &search->holders, search->holders.n, owner);
                take_unit_of_holder(search, owner);
                return;
        }
        n = search->witness->by_listener ? 0 : sort_by_uid(search, &search->group);
        list_processes(search, &search->group, n > 0 ? n : search->group.n, owner);
}

void owner_finder_find(struct owner_finder *finder, const struct port_witness *witness,
                       uint64_t now_usec, struct owner *ret_owner)
{
        struct search search = { .finder = finder, .witness = witness, .now_usec = now_usec };
        struct owner owner;

        owner_clear(&owner);
        if (witness->known) {
                owner.uid = witness->uid;
                owner.by_listener = witness->by_listener;
                process_source_init(&search.source, finder->proc);
                follow_cgroup(&search, &owner);
                find_holders(&search);
                list_owners(&search, &owner);
                pids_done(&search.group);
                pids_done(&search.holders);
        }
        *ret_owner = owner;
}

void owner_finder_forget(struct owner_finder *finder)
{
        holders_done(&finder->holders);
        holders_done(&finder->foreign);
}

void owner_find(const char *proc, const char *cgroup, const struct port_witness *witness,
                struct owner *ret_owner)
{
        struct owner_finder finder = { .proc = proc, .cgroup = cgroup };

        owner_finder_find(&finder, witness, 0, ret_owner);
        owner_finder_forget(&finder);
}
