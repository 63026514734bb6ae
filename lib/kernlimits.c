/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each setting is one short read of one small file, so that a scan may ask for it afresh: sysctls
 * change while we run. An unreadable file is an unknown, never a zero.
 */

#include "kernlimits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "units.h"

#define FILE_MAX_BYTES 256

/* The first line or so of a file, as a string. 0 or -errno. */
static int read_small_file(const char *proc, const char *name, char buf[static FILE_MAX_BYTES])
{
        char path[PATH_MAX];
        CLEANUP(close_fdp) int fd = -1;
        ssize_t n;

        if (snprintf(path, sizeof(path), "%s/%s", proc, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, buf, FILE_MAX_BYTES - 1);
        if (n < 0)
                return -errno;
        buf[n] = '\0';
        return 0;
}

bool kernlimits_parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
        unsigned first, last;
        char rest;

        if (sscanf(text, "%5u %5u %c", &first, &last, &rest) != 2)
                return false;
        if (first > last || last > UINT16_MAX)
                return false;
        *ret_first = (uint16_t)first;
        *ret_last = (uint16_t)last;
        return true;
}

void kernlimits_clear(struct kernlimits *limits)
{
        *limits = (struct kernlimits){ .reserved_in_range = KERNLIMITS_UNKNOWN,
                                       .tw_reuse = KERNLIMITS_UNKNOWN,
                                       .tw_reuse_delay_msec = KERNLIMITS_UNKNOWN,
                                       .timestamps = KERNLIMITS_UNKNOWN,
                                       .max_tw_buckets = KERNLIMITS_UNKNOWN,
                                       .keepalive_time_sec = KERNLIMITS_UNKNOWN,
                                       .keepalive_intvl_sec = KERNLIMITS_UNKNOWN,
                                       .keepalive_probes = KERNLIMITS_UNKNOWN,
                                       .fin_timeout_sec = KERNLIMITS_UNKNOWN,
                                       .retries2 = KERNLIMITS_UNKNOWN,
                                       .unprivileged_port_start = KERNLIMITS_UNKNOWN,
                                       .nonlocal_bind = KERNLIMITS_UNKNOWN,
                                       .nonlocal_bind6 = KERNLIMITS_UNKNOWN };
}

void kernlimits_read(const char *proc, struct kernlimits *ret_limits)
{
        struct kernlimits limits;
        char text[FILE_MAX_BYTES];

        kernlimits_clear(&limits);
        if (read_small_file(proc, "sys/net/ipv4/ip_local_port_range", text) == 0)
                limits.port_range_known =
                        kernlimits_parse_range(text, &limits.port_first, &limits.port_last);
        *ret_limits = limits;
}

uint64_t kernlimits_keepalive_usec(const struct kernlimits *limits)
{
        if (limits->keepalive_time_sec < 0 || limits->keepalive_intvl_sec < 0 ||
            limits->keepalive_probes < 0)
                return 0;
        return ((uint64_t)limits->keepalive_time_sec +
                (uint64_t)limits->keepalive_intvl_sec * (uint64_t)limits->keepalive_probes) *
               USEC_PER_SEC;
}
