/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A sysctl, and what single_open() in the kernel makes (sockstat, netstat), comes whole in one
 * read() where there is room for it. A sysctl that does not fit is cut and gives no second part.
 * So what fills the buffer is too long, never half right.
 */

#include "procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base.h"

int procfile_read(const char *proc, const char *name, char *buf, size_t size)
{
        char path[PATH_MAX];
        CLEANUP(close_fdp) int fd = -1;
        ssize_t n;

        if (snprintf(path, sizeof(path), "%s/%s", proc, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, buf, size - 1);
        if (n < 0)
                return -errno;
        buf[n] = '\0';
        return (size_t)n < size - 1 ? 0 : -E2BIG;
}
