/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Some files come in one read() and some page by page, so we read until the kernel has no more. A
 * sysctl that does not fit is cut and gives no second part: then it is too long, never half right.
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
        size_t len = 0;

        if (snprintf(path, sizeof(path), "%s/%s", proc, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        while (len < size - 1) {
                ssize_t n = read(fd, buf + len, size - 1 - len);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        buf[len] = '\0';
        return len < size - 1 ? 0 : -E2BIG;
}
