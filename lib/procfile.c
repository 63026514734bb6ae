/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A sysctl, and what single_open() in the kernel makes (sockstat, netstat), comes whole in one
 * read() where there is room for it. A sysctl that does not fit is cut and gives no second part.
 * So what fills the buffer is too long, never half right. Lists of addresses and routes come a page
 * at a time.
 */

#include "procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base.h"

int procfile_open(const char *proc, const char *name)
{
        char path[PATH_MAX];
        int fd;

        if (snprintf(path, sizeof(path), "%s/%s", proc, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int procfile_read_open(int fd, char *buf, size_t size)
{
        const ssize_t n = pread(fd, buf, size - 1, 0);

        if (n < 0)
                return -errno;
        buf[n] = '\0';
        return (size_t)n < size - 1 ? 0 : -E2BIG;
}

int procfile_read(const char *proc, const char *name, char *buf, size_t size)
{
        CLEANUP(close_fdp) int fd = procfile_open(proc, name);

        return fd < 0 ? fd : procfile_read_open(fd, buf, size);
}

int procfile_read_all(const char *proc, const char *name, char *buf, size_t size)
{
        CLEANUP(close_fdp) int fd = procfile_open(proc, name);
        size_t len = 0;
        ssize_t n;

        if (fd < 0)
                return fd;
        do {
                n = read(fd, buf + len, size - 1 - len);
                if (n < 0)
                        return -errno;
                len += (size_t)n;
        } while (n > 0 && len < size - 1);
        buf[len] = '\0';
        return len < size - 1 ? 0 : -E2BIG;
}
