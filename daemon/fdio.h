/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All of a stretch of a file, however many calls that takes and whichever signals come between. */

#include <stddef.h>
#include <sys/types.h>

/* How many bytes there were up to the file's end, at most len; or -errno. */
ssize_t fd_read_at(int fd, void *data, size_t len, off_t offset);
/* All of it: 0 or -errno; what was written before an error stays written. */
int fd_write_at(int fd, const void *data, size_t len, off_t offset);
