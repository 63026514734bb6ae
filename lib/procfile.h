/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of procfs, whole or not at all. */

#include <stddef.h>

/*
 * Reads proc/name ("/proc", "sys/net/ipv4/tcp_fin_timeout") as a string into buf, which has room
 * for size bytes, terminator included. 0, or -errno; -E2BIG: it is longer, and buf has its beginning.
 */
int procfile_read(const char *proc, const char *name, char *buf, size_t size);

/*
 * The same in two steps, for whoever reads a file again and again: a descriptor, the caller's to
 * close, or -errno; and what stands in the file now, from its beginning whatever was read before.
 */
int procfile_open(const char *proc, const char *name);
int procfile_read_open(int fd, char *buf, size_t size);

/* The same of a list that the kernel hands out in parts, which is read to its end. */
int procfile_read_all(const char *proc, const char *name, char *buf, size_t size);
