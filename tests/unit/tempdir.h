/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A directory of a test's own, below $TMPDIR or, without one, /tmp. It goes with what is in it: by
 * tempdir_remove() in the test's teardown, or else, whatever failed before that, when the process
 * exits. A child that the test forked removes nothing of its parent's.
 */

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A socket in the directory still has an address. */
#define TEMPDIR_SIZE 64
/* At a time. */
#define TEMPDIR_MAX 4

static struct {
        char dirs[TEMPDIR_MAX][TEMPDIR_SIZE]; /* "": free */
        pid_t owner;
} tempdirs;

/* What the walk over a tree has removed. */
static unsigned tempdir_removed;

static inline int tempdir_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        tempdir_removed++;
        return remove(path);
}

/* Removes a directory with what is in it. Returns how many files and directories were in it. */
static inline unsigned remove_tree(const char *path)
{
        tempdir_removed = 0;
        assert_int_equal(nftw(path, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        return tempdir_removed - 1;
}

static inline void tempdir_at_exit(void)
{
        if (tempdirs.owner != getpid())
                return;
        for (size_t i = 0; i < TEMPDIR_MAX; i++)
                if (tempdirs.dirs[i][0] != '\0')
                        (void)nftw(tempdirs.dirs[i], tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void tempdir_register(const char *dir)
{
        if (tempdirs.owner != getpid()) {
                memset(&tempdirs, 0, sizeof(tempdirs));
                tempdirs.owner = getpid();
                assert_int_equal(atexit(tempdir_at_exit), 0);
        }
        for (size_t i = 0; i < TEMPDIR_MAX; i++) {
                if (tempdirs.dirs[i][0] == '\0') {
                        memcpy(tempdirs.dirs[i], dir, strlen(dir) + 1);
                        return;
                }
        }
        fail_msg("more than %d directories at a time", TEMPDIR_MAX);
}

/* Makes one, its owner's alone, and writes its path. */
static inline void tempdir_make(char dir[TEMPDIR_SIZE])
{
        const char *base = getenv("TMPDIR");
        int n;

        if (!base || base[0] == '\0')
                base = "/tmp";
        n = snprintf(dir, TEMPDIR_SIZE, "%s/twmon-XXXXXX", base);
        if (n < 0 || n >= TEMPDIR_SIZE)
                fail_msg("TMPDIR is longer than these tests can use: %s", base);
        if (!mkdtemp(dir))
                fail_msg("no directory can be made in %s", base);
        tempdir_register(dir);
}

/* Removes it. Returns how many files and directories the test left in it. */
static inline unsigned tempdir_remove(const char *dir)
{
        for (size_t i = 0; i < TEMPDIR_MAX; i++)
                if (strcmp(tempdirs.dirs[i], dir) == 0)
                        tempdirs.dirs[i][0] = '\0';
        return remove_tree(dir);
}
