/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A made-up /proc and /sys/fs/cgroup in a temporary directory. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "procreader.h"
#include "tempdir.h"

struct tree {
        char base[TEMPDIR_SIZE];
        char proc[128];
        char cgroup[128];
        struct proc_reader reader; /* of proc */
};

static inline void make_dir(const char *base, const char *name)
{
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", base, name);
        for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void)mkdir(path, 0755);
                *slash = '/';
        }
        (void)mkdir(path, 0755);
}

static inline void make_file(const char *base, const char *name, const char *text)
{
        char path[4096];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", base, name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static inline uint64_t inode_of(const char *base, const char *name)
{
        char path[4096];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", base, name);
        assert_int_equal(stat(path, &st), 0);
        return st.st_ino;
}

/* A process without descriptors, and without a right to read them, until one of those below. */
static inline void make_process(const struct tree *tree, int pid, const char *comm)
{
        char name[64];

        snprintf(name, sizeof(name), "%d", pid);
        make_dir(tree->proc, name);
        snprintf(name, sizeof(name), "%d/comm", pid);
        make_file(tree->proc, name, comm);
}

/* Its descriptor is the socket with that inode; it is readable. */
static inline void make_socket(const struct tree *tree, int pid, int fd, uint32_t inode)
{
        char name[64], path[256], link[64];

        snprintf(name, sizeof(name), "%d/fd", pid);
        make_dir(tree->proc, name);
        snprintf(path, sizeof(path), "%s/%s/%d", tree->proc, name, fd);
        snprintf(link, sizeof(link), "socket:[%u]", inode);
        assert_int_equal(symlink(link, path), 0);
}

/* What stat() says of its descriptors, where the kernel counts them; nobody may list them. */
static inline void make_fd_size(const struct tree *tree, const char *pid, unsigned size)
{
        char name[64], path[256];

        make_dir(tree->proc, pid);
        snprintf(name, sizeof(name), "%s/fd", pid);
        make_file(tree->proc, name, "");
        snprintf(path, sizeof(path), "%s/%s", tree->proc, name);
        assert_int_equal(truncate(path, size), 0);
}

/* Its network namespace, by any name. */
static inline void make_netns(const struct tree *tree, const char *pid, const char *name)
{
        char path[256], target[256];

        snprintf(path, sizeof(path), "%s/ns", pid);
        make_dir(tree->proc, path);
        make_file(tree->base, name, "");
        snprintf(target, sizeof(target), "%s/%s", tree->base, name);
        snprintf(path, sizeof(path), "%s/%s/ns/net", tree->proc, pid);
        assert_int_equal(symlink(target, path), 0);
}

static inline void make_limit(const struct tree *tree, int pid, const char *soft)
{
        char name[64], text[512];

        snprintf(name, sizeof(name), "%d/limits", pid);
        snprintf(text, sizeof(text),
                 "Limit                     Soft Limit           Hard Limit           Units     \n"
                 "Max cpu time              unlimited            unlimited            seconds   \n"
                 "Max open files            %-20s 524288               files     \n"
                 "Max locked memory         8388608              8388608              bytes     \n",
                 soft);
        make_file(tree->proc, name, text);
}

static inline int tree_setup(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        tempdir_make(tree->base);
        snprintf(tree->proc, sizeof(tree->proc), "%s/proc", tree->base);
        snprintf(tree->cgroup, sizeof(tree->cgroup), "%s/cgroup", tree->base);
        make_dir(tree->proc, "sys");
        make_dir(tree->cgroup, "system.slice");
        proc_reader_init(&tree->reader, tree->proc);
        *state = tree;
        return 0;
}

static inline int tree_teardown(void **state)
{
        struct tree *tree = *state;

        proc_reader_done(&tree->reader);
        (void)tempdir_remove(tree->base);
        free(tree);
        return 0;
}
