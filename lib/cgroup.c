/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * There is no index from ids to paths, so the tree is walked, depth first, until the inode number
 * is met. d_ino spares a stat per directory. The walk is bounded in width and in depth.
 */

#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base.h"

/* What is left of a walk's limits. */
struct walk {
        unsigned groups_left;
        unsigned depth_left;
};

static const struct walk whole_walk = { OWNER_CGROUPS_MAX, OWNER_DEPTH_MAX };

static void close_dir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

int cgroup_open(const char *mount)
{
        char path[PATH_MAX];
        int fd;

        if (snprintf(path, sizeof(path), "%s/unified", mount) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static DIR *open_dir(int parent, const char *name)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (!dir)
                close_fdp(&fd);
        return dir;
}

/* The next sub-group, counted; NULL: there is no more, or too many were visited. */
static const struct dirent *next_group(struct walk *walk, DIR *dir)
{
        const struct dirent *entry;

        while (walk->groups_left > 0 && (entry = readdir(dir)) != NULL) {
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                walk->groups_left--;
                return entry;
        }
        return NULL;
}

/* Below the open directory; appends to path on the way down. 0 or -ENOENT. */
static int find_below(struct walk *walk, DIR *dir, uint64_t id, char path[static PATH_MAX])
{
        const size_t len = strlen(path);
        const struct dirent *entry;

        while ((entry = next_group(walk, dir)) != NULL) {
                CLEANUP(close_dir) DIR *child = NULL;

                if (len + strlen(entry->d_name) + 2 > PATH_MAX)
                        continue;
                sprintf(path + len, "/%s", entry->d_name);
                if (entry->d_ino == id)
                        return 0;
                if (walk->depth_left > 0 && (child = open_dir(dirfd(dir), entry->d_name))) {
                        walk->depth_left--;
                        if (find_below(walk, child, id, path) == 0)
                                return 0;
                        walk->depth_left++;
                }
                path[len] = '\0';
        }
        return -ENOENT;
}

int cgroup_find(int root, uint64_t id, char ret_path[static PATH_MAX])
{
        CLEANUP(close_dir) DIR *dir = NULL;
        struct walk walk = whole_walk;
        struct stat st;

        if (fstat(root, &st) < 0 || st.st_ino == id)
                return -ENOENT;
        dir = open_dir(root, ".");
        ret_path[0] = '\0';
        return dir ? find_below(&walk, dir, id, ret_path) : -ENOENT;
}

/* A process outside of our pid namespace is listed as 0, and left out. */
static void read_procs(int group, struct pids *pids)
{
        int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
        bool room = true;
        char line[32];

        if (!file) {
                close_fdp(&fd);
                return;
        }
        while (room && fgets(line, sizeof(line), file)) {
                const int64_t pid = pid_parse(line);

                if (pid > 0)
                        room = pids_add(pids, pid);
        }
        (void)fclose(file);
}

static void read_tree(struct walk *walk, DIR *dir, struct pids *pids)
{
        const size_t before = pids->n;
        const struct dirent *entry;

        read_procs(dirfd(dir), pids);
        if (pids->n > before || walk->depth_left == 0)
                return;
        walk->depth_left--;
        while ((entry = next_group(walk, dir)) != NULL) {
                CLEANUP(close_dir) DIR *child = open_dir(dirfd(dir), entry->d_name);

                if (child)
                        read_tree(walk, child, pids);
        }
        walk->depth_left++;
}

void cgroup_processes(int root, const char *path, struct pids *pids)
{
        char name[PATH_MAX + 1];
        CLEANUP(close_dir) DIR *dir = NULL;
        struct walk walk = whole_walk;

        snprintf(name, sizeof(name), ".%s", path);
        dir = open_dir(root, name);
        if (dir)
                read_tree(&walk, dir, pids);
}
