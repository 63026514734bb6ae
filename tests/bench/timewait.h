/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Very many sockets in TIME_WAIT, over loopback, in the network namespace of the caller, who has set
 * there (of net.ipv4): tcp_max_tw_buckets to as many or more; tcp_rfc1337 to 1, for time_wait_renew().
 * Ports are those of any host: servers that listen, and clients from the range that connect() takes
 * from.
 */

#include <stddef.h>
#include <stdint.h>

#define TIME_WAIT_PER_SERVER 20000 /* a part begins at a multiple of it */
#define TIME_WAIT_SERVERS    200
#define TIME_WAIT_PER_NET    (TIME_WAIT_SERVERS * TIME_WAIT_PER_SERVER)
#define TIME_WAIT_NET_MIN    128 /* below are addresses of crowd.h */
#define TIME_WAIT_NET_MAX    254

/* Some of the sockets of one net, 127.net.0.0/16: each number of a net is made once. */
struct time_wait {
        uint8_t net;
        size_t first;
        size_t count;
        int servers[TIME_WAIT_SERVERS]; /* of the net: what listens */
};

/* The servers of the part, which is a net from its beginning. 0 or -errno: some may be open still. */
int time_wait_listen(struct time_wait *part);

/* Makes them, all at the end that listens. 0 or -errno: what was made by then ends by itself. */
int time_wait_make(const struct time_wait *part);

/*
 * Their minute begins again, at about a tenth of what it took to make them. Each is sent a segment
 * that it does not expect, as by a peer that has not heard: the kernel answers, and waits anew
 * (tcp_timewait_state_process()). 0 or -errno. Needs CAP_NET_RAW in the namespace.
 */
int time_wait_renew(const struct time_wait *part);
