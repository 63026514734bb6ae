/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's limits and settings that the judgement needs, from /proc/sys. */

#include <stdbool.h>
#include <stdint.h>

#include "portset.h"
#include "procreader.h"

#define KERNLIMITS_UNKNOWN (-1)

/* tcp_tw_reuse_delay of kernels that do not have it as a setting. */
#define KERNLIMITS_TW_REUSE_DELAY_MSEC 1000

struct kernlimits {
        bool port_range_known;
        uint16_t port_first; /* net.ipv4.ip_local_port_range, both ends included */
        uint16_t port_last;

        /* each KERNLIMITS_UNKNOWN where the kernel does not say */
        int64_t reserved_in_range;   /* ports of ip_local_reserved_ports within that range */
        int64_t tw_reuse;            /* tcp_tw_reuse: 0 off, 1 on, 2 loopback alone */
        int64_t tw_reuse_delay_msec; /* tcp_tw_reuse_delay; where absent it is 1000 */
        int64_t timestamps;          /* tcp_timestamps; without them nothing is reused */
        int64_t max_tw_buckets;      /* tcp_max_tw_buckets; a negative one is no limit: unknown */
        int64_t keepalive_time_sec;  /* tcp_keepalive_time, _intvl, _probes */
        int64_t keepalive_intvl_sec;
        int64_t keepalive_probes;
        int64_t unprivileged_port_start; /* ip_unprivileged_port_start */
        int64_t nonlocal_bind;           /* ip_nonlocal_bind */
        int64_t nonlocal_bind6;          /* net.ipv6.ip_nonlocal_bind */
};

/* Everything unknown. */
void kernlimits_clear(struct kernlimits *limits);

/*
 * What cannot be read is left unknown. kernlimits_read() reads everything. A scan reads those alone
 * which it always goes by, from files that the reader keeps open: port range and reserved ports,
 * max_tw_buckets, and what tcp_tw_reuse depends on; all else is unknown. The rest, at some 5 us
 * each, it reads only when it takes a census along.
 */
void kernlimits_read(struct proc_reader *reader, struct kernlimits *ret_limits);
void kernlimits_read_scan(struct proc_reader *reader, struct kernlimits *ret_limits);
/* Adds what kernlimits_read_scan() leaves unknown, and keeps no file open. */
void kernlimits_read_rest(const struct proc_reader *reader, struct kernlimits *limits);

/* ip_local_reserved_ports, which takes 8 KiB. False: unknown. */
bool kernlimits_read_reserved(struct proc_reader *reader, struct port_set *ret_reserved);

/* "32768\t60999\n" -> true and both ends; anything else: false. */
bool kernlimits_parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last);
/* "8080,9148-9150\n", or nothing -> true; anything else: false. */
bool kernlimits_parse_ports(const char *text, struct port_set *ret_ports);

/* Does connect() give that local port to a client? False: it does not, or the range is unknown. */
bool kernlimits_is_ephemeral(const struct kernlimits *limits, uint16_t port);

/* After how long keepalive by the sysctls notices a dead peer, in microseconds; 0: unknown. */
uint64_t kernlimits_keepalive_usec(const struct kernlimits *limits);
