/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two independent trails, each followed as far as permissions allow:
 *
 *   unit     INET_DIAG_CGROUP_ID is the inode number of a directory of the cgroup2 file system, so a
 *            walk over that tree finds its path, and the path names the unit. Needs no privilege.
 *   process  /proc/PID/fd/N of the process that holds the socket is a link "socket:[INODE]". Readable
 *            for one's own processes, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. Where it is
 *            not, a cgroup with one single process still tells who it is.
 *
 * The processes of the socket's cgroup are looked at first; all others only if that found nothing:
 * accepted sockets carry the cgroup of whoever made the listener, and a process may have moved.
 */

#include "owner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base.h"
#include "units.h"

/* One search, with what is left of its limits. */
struct search {
        const char *proc;
        char wanted[32]; /* "socket:[INODE]" */
        unsigned processes_left;
        unsigned fds_left;
        unsigned cgroups_left;
        unsigned depth_left;
};

static void close_dir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static bool is_number(const char *text)
{
        return isdigit((unsigned char)text[0]);
}

/* Depth first below the open directory; appends to path on the way down. 0 or -ENOENT. */
static int find_cgroup(struct search *search, int parent, uint64_t id, char path[static PATH_MAX])
{
        const size_t len = strlen(path);
        CLEANUP(close_dir) DIR *dir = NULL;
        const struct dirent *entry;
        int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -ENOENT;
        dir = fdopendir(fd);
        if (!dir) {
                (void)close(fd);
                return -ENOENT;
        }
        while ((entry = readdir(dir)) != NULL && search->cgroups_left > 0) {
                CLEANUP(close_fdp) int child = -1;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
                    len + strlen(entry->d_name) + 2 > PATH_MAX)
                        continue;
                search->cgroups_left--;
                sprintf(path + len, "/%s", entry->d_name);
                if (entry->d_ino == id)
                        return 0;
                child = openat(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (child >= 0 && search->depth_left > 0) {
                        search->depth_left--;
                        if (find_cgroup(search, child, id, path) == 0)
                                return 0;
                        search->depth_left++;
                }
                path[len] = '\0';
        }
        return -ENOENT;
}

/* The mount point of cgroup2 below root: root itself, or its "unified" on hybrid hosts. */
static int open_cgroup_root(const char *root)
{
        char path[PATH_MAX];
        int fd;

        if (snprintf(path, sizeof(path), "%s/unified", root) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* "a.service" and the like. Scopes and slices hold processes, too, but sockets are triggers only.
 */
static bool is_unit_name(const char *name, size_t len)
{
        static const char *const suffixes[] = { ".service", ".scope", ".socket" };

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                const size_t n = strlen(suffixes[i]);

                if (len > n && len < OWNER_UNIT_MAX && memcmp(name + len - n, suffixes[i], n) == 0)
                        return true;
        }
        return false;
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

static void read_comm(const char *proc, int64_t pid, char comm[static OWNER_COMM_MAX])
{
        char path[PATH_MAX], text[OWNER_COMM_MAX + 1] = "";
        CLEANUP(close_fdp) int fd = -1;
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%lld/comm", proc, (long long)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        n = read(fd, text, OWNER_COMM_MAX);
        if (n <= 0)
                return;
        text[strcspn(text, "\n")] = '\0';
        memcpy(comm, text, OWNER_COMM_MAX - 1);
        comm[OWNER_COMM_MAX - 1] = '\0';
}

/* Does a descriptor of that process name the socket? */
static bool process_holds(struct search *search, const char *pid)
{
        char path[PATH_MAX];
        CLEANUP(close_dir) DIR *dir = NULL;
        const struct dirent *entry;

        if (snprintf(path, sizeof(path), "%s/%s/fd", search->proc, pid) >= (int)sizeof(path))
                return false;
        dir = opendir(path);
        if (!dir)
                return false; /* not ours to read, or gone */
        while ((entry = readdir(dir)) != NULL && search->fds_left > 0) {
                char link[sizeof(search->wanted)];
                ssize_t n;

                if (!is_number(entry->d_name))
                        continue;
                search->fds_left--;
                n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));
                if (n == (ssize_t)strlen(search->wanted) &&
                    memcmp(link, search->wanted, (size_t)n) == 0)
                        return true;
        }
        return false;
}

/*
 * The cgroup's processes: the one that holds the socket, else the only one there is. Sets *ret_pid
 * to -1 when neither tells.
 */
static void search_cgroup(struct search *search, int root, const char *path, int64_t *ret_pid)
{
        char name[PATH_MAX + 16], line[32];
        int64_t only = -1;
        unsigned n = 0;
        FILE *file;
        int fd;

        *ret_pid = -1;
        snprintf(name, sizeof(name), ".%s/cgroup.procs", path);
        fd = openat(root, name, O_RDONLY | O_CLOEXEC);
        file = fd >= 0 ? fdopen(fd, "r") : NULL;
        if (!file) {
                close_fdp(&fd);
                return;
        }
        while (*ret_pid < 0 && fgets(line, sizeof(line), file) && search->processes_left > 0) {
                search->processes_left--;
                line[strcspn(line, "\n")] = '\0';
                if (!is_number(line))
                        continue;
                only = strtoll(line, NULL, 10);
                n++;
                if (search->wanted[0] && process_holds(search, line))
                        *ret_pid = only;
        }
        if (*ret_pid < 0 && n == 1)
                *ret_pid = only;
        (void)fclose(file);
}

static void search_all(struct search *search, int64_t *ret_pid)
{
        CLEANUP(close_dir) DIR *dir = opendir(search->proc);
        const struct dirent *entry;

        *ret_pid = -1;
        if (!dir)
                return;
        while ((entry = readdir(dir)) != NULL && search->processes_left > 0) {
                if (!is_number(entry->d_name))
                        continue;
                search->processes_left--;
                if (!process_holds(search, entry->d_name))
                        continue;
                *ret_pid = strtoll(entry->d_name, NULL, 10);
                return;
        }
}

static bool is_socket_unit(const char *unit)
{
        const size_t len = strlen(unit), suffix = strlen(".socket");

        return len > suffix && strcmp(unit + len - suffix, ".socket") == 0;
}

/*
 * A listener that the service manager made is in the group of its socket unit, and so is all that
 * was accepted from it; the unit that matters is that of the process which serves it.
 */
static void prefer_service(const char *proc, struct owner *owner)
{
        char path[PATH_MAX], line[PATH_MAX], unit[OWNER_UNIT_MAX];
        bool user, found = false;
        FILE *file;

        if (owner->pid < 0 || !is_socket_unit(owner->unit))
                return;
        snprintf(path, sizeof(path), "%s/%lld/cgroup", proc, (long long)owner->pid);
        file = fopen(path, "re");
        while (file && !found && fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                found = strncmp(line, "0::", 3) == 0 &&
                        owner_unit_of_path(line + 3, unit, &user) == 0;
        }
        if (file)
                (void)fclose(file);
        if (!found)
                return;
        memcpy(owner->unit, unit, sizeof(unit));
        owner->unit_is_user = user;
}

static void follow_cgroup(struct search *search, const char *cgroup, uint64_t id,
                          struct owner *owner)
{
        char path[PATH_MAX] = "";
        CLEANUP(close_fdp) int root = open_cgroup_root(cgroup);
        struct stat st;

        if (root < 0 || id == 0 || fstat(root, &st) < 0)
                return;
        if (st.st_ino == id)
                return; /* the root group: every process outside of units */
        if (find_cgroup(search, root, id, path) < 0)
                return;
        (void)owner_unit_of_path(path, owner->unit, &owner->unit_is_user);
        search_cgroup(search, root, path, &owner->pid);
}

void owner_find(const char *proc, const char *cgroup, const struct port_witness *witness,
                struct owner *ret_owner)
{
        struct search search = { .proc = proc,
                                 .processes_left = OWNER_PROCESSES_MAX,
                                 .fds_left = OWNER_FDS_MAX,
                                 .cgroups_left = OWNER_CGROUPS_MAX,
                                 .depth_left = OWNER_DEPTH_MAX };
        struct owner owner;

        owner_clear(&owner);
        if (witness->known) {
                owner.uid = witness->uid;
                if (witness->inode != 0)
                        snprintf(search.wanted, sizeof(search.wanted), "socket:[%u]",
                                 witness->inode);
                follow_cgroup(&search, cgroup, witness->cgroup_id, &owner);
                if (owner.pid < 0 && search.wanted[0])
                        search_all(&search, &owner.pid);
                if (owner.pid >= 0)
                        read_comm(proc, owner.pid, owner.comm);
                prefer_service(proc, &owner);
        }
        *ret_owner = owner;
}
