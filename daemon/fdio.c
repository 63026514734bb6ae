/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A write that takes nothing and says nothing is a disk without room: to go on would be for ever. */

#include "fdio.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

ssize_t fd_read_at(int fd, void *data, size_t len, off_t offset)
{
        size_t done = 0;

        while (done < len) {
                const ssize_t n =
                        pread(fd, (uint8_t *)data + done, len - done, offset + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int fd_write_at(int fd, const void *data, size_t len, off_t offset)
{
        size_t done = 0;

        while (done < len) {
                const ssize_t n =
                        pwrite(fd, (const uint8_t *)data + done, len - done, offset + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENOSPC;
                done += (size_t)n;
        }
        return 0;
}
