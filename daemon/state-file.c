/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A file is written beside its place, brought to the disk and then renamed, so that whoever opens
 * it finds the old one or the new one, also after a power cut. What was left half-written by a crash
 * is removed by the next attempt.
 *
 * The lock is on the directory itself: it needs no file, works where nothing can be written, and
 * ends with the process. A file system without locks goes without.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base.h"
#include "fdio.h"
#include "state-private.h"

int state_directory_open(const char *path, int *ret_fd, const char **ret_doing)
{
        const int made = mkdir(path, 0750) < 0 ? -errno : 0; /* matters if it is not there */
        CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        *ret_doing = "opening";
        if (fd < 0 && errno == ENOENT && made < 0) {
                *ret_doing = "making";
                return made;
        }
        if (fd < 0)
                return -errno;
        *ret_doing = "locking";
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return -EBUSY;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

bool state_directory_moved(int fd, const char *path)
{
        struct stat there, ours;

        return stat(path, &there) < 0 || fstat(fd, &ours) < 0 || there.st_dev != ours.st_dev ||
               there.st_ino != ours.st_ino;
}

/* Some file systems have no fsync() for directories, and no need of it. */
static int sync_directory(int dirfd)
{
        return fsync(dirfd) < 0 && errno != EINVAL ? -errno : 0;
}

static int write_beside(int dirfd, const char *beside, const void *data, size_t len)
{
        CLEANUP(close_fdp) int fd = -1;
        int r;

        (void)unlinkat(dirfd, beside, 0); /* and with O_EXCL: no link, FIFO or such is written to */
        fd = openat(dirfd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_at(fd, data, len, 0);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

int state_file_write(int dirfd, const char *name, const void *data, size_t len)
{
        char beside[NAME_MAX + 1];
        int r;

        snprintf(beside, sizeof(beside), "%s.new", name);
        r = write_beside(dirfd, beside, data, len);
        if (r == 0 && renameat(dirfd, beside, dirfd, name) < 0)
                r = -errno;
        if (r == 0)
                return sync_directory(dirfd);
        (void)unlinkat(dirfd, beside, 0);
        return r;
}

static int wrong(char ret_wrong[static STATE_WRONG_MAX], const char *what)
{
        snprintf(ret_wrong, STATE_WRONG_MAX, "%s", what);
        return STATE_FILE_WRONG;
}

static int unreadable(char ret_wrong[static STATE_WRONG_MAX])
{
        snprintf(ret_wrong, STATE_WRONG_MAX, "cannot be read (%s)", strerror(errno));
        return STATE_FILE_WRONG;
}

int state_fd_read(int fd, uint8_t **ret_data, size_t *ret_len,
                  char ret_wrong[static STATE_WRONG_MAX])
{
        struct stat st;
        uint8_t *data;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return unreadable(ret_wrong);
        if (!S_ISREG(st.st_mode))
                return wrong(ret_wrong, "damaged (not a regular file)");
        if (st.st_size == 0)
                return wrong(ret_wrong, "damaged (empty)");
        if (st.st_size > STATEFILE_MAX) {
                snprintf(ret_wrong, STATE_WRONG_MAX, "damaged (%lld bytes, expected at most %d)",
                         (long long)st.st_size, STATEFILE_MAX);
                return STATE_FILE_WRONG;
        }
        data = malloc((size_t)st.st_size);
        if (!data)
                return -ENOMEM;
        n = fd_read_at(fd, data, (size_t)st.st_size, 0);
        if (n < 0) {
                free(data);
                errno = (int)-n;
                return unreadable(ret_wrong);
        }
        *ret_data = data;
        *ret_len = (size_t)n;
        return 0;
}

int state_file_read(int dirfd, const char *name, uint8_t **ret_data, size_t *ret_len,
                    char ret_wrong[static STATE_WRONG_MAX])
{
        /* O_NONBLOCK: a FIFO is not waited for. */
        CLEANUP(close_fdp)
        int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd >= 0)
                return state_fd_read(fd, ret_data, ret_len, ret_wrong);
        if (errno == ENOENT)
                return STATE_FILE_MISSING;
        if (errno == ELOOP)
                return wrong(ret_wrong, "damaged (a symbolic link)");
        if (errno == ENXIO)
                return wrong(ret_wrong, "damaged (not a regular file)");
        return unreadable(ret_wrong);
}
