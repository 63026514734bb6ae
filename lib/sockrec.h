/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct sockrec: one TCP socket as the kernel described it, in host byte order. Nothing past this
 * struct knows netlink. No kernel headers here: state numbers are our own.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The TCP states of RFC 9293 and the two that only Linux shows. */
enum sock_state {
        SOCK_ESTABLISHED,
        SOCK_SYN_SENT,
        SOCK_SYN_RECV, /* request sockets included */
        SOCK_FIN_WAIT1,
        SOCK_FIN_WAIT2, /* mini-sockets included: SOCKREC_MINI */
        SOCK_TIME_WAIT,
        SOCK_CLOSE,
        SOCK_CLOSE_WAIT,
        SOCK_LAST_ACK,
        SOCK_LISTEN,
        SOCK_CLOSING,
        SOCK_BOUND, /* bound, neither listening nor connected; only as a request mask */
        SOCK_STATE_COUNT,
};

#define SOCK_MASK(state) (UINT32_C(1) << (state))

/* What a socket's timer is for (idiag_timer of sock_diag(7)). */
enum sock_timer {
        SOCK_TIMER_NONE,
        SOCK_TIMER_RETRANSMIT,
        SOCK_TIMER_KEEPALIVE,
        SOCK_TIMER_TIME_WAIT,
        SOCK_TIMER_PROBE,
        SOCK_TIMER_UNKNOWN,
};

enum addr_family { ADDR_NONE, ADDR_IPV4, ADDR_IPV6 };

/* An address in network byte order; IPv4 uses the first four bytes, the rest are zero. */
struct sock_addr {
        uint8_t bytes[16];
};

/* The wildcard of either family. */
static inline bool sock_addr_is_any(const struct sock_addr *address)
{
        static const struct sock_addr any;

        return memcmp(address, &any, sizeof(any)) == 0;
}

/* Presence bits: what the kernel did not say is absent, never zero. */
enum {
        SOCKREC_CGROUP = 1 << 0,
        SOCKREC_SHUTDOWN = 1 << 1,
        SOCKREC_V6ONLY = 1 << 2,
        SOCKREC_INFO = 1 << 3,   /* last_ack_recv_msec and last_data_recv_msec */
        SOCKREC_OWNER = 1 << 4,  /* uid and inode; mini-sockets have none */
        SOCKREC_MAPPED = 1 << 5, /* was an IPv4-mapped IPv6 socket; family says IPV4 */
        SOCKREC_MINI = 1 << 6,   /* a timewait mini-socket: TIME_WAIT, or FIN_WAIT2 after close() */
};

struct sockrec {
        uint64_t cookie;    /* unique until the next boot, kept across states */
        uint64_t cgroup_id; /* SOCKREC_CGROUP */
        struct sock_addr local;
        struct sock_addr remote;
        uint32_t netns;              /* index of the namespace; 0: the daemon's own */
        uint32_t ifindex;            /* 0: not bound to an interface */
        uint32_t uid;                /* SOCKREC_OWNER */
        uint32_t inode;              /* SOCKREC_OWNER; 0: no file, never accepted or orphaned */
        uint32_t receive_queue;      /* bytes; LISTEN: connections waiting for accept() */
        uint32_t send_queue;         /* bytes; LISTEN: the backlog's limit */
        uint32_t expires_msec;       /* until the timer fires */
        uint32_t last_ack_recv_msec; /* SOCKREC_INFO */
        uint32_t last_data_recv_msec;
        uint16_t local_port;
        uint16_t remote_port;
        uint8_t state;  /* enum sock_state */
        uint8_t family; /* enum addr_family, after folding */
        uint8_t timer;  /* enum sock_timer */
        uint8_t retransmits;
        uint8_t shutdown; /* SOCKREC_SHUTDOWN: 1 receiving, 2 sending */
        bool v6only;      /* SOCKREC_V6ONLY */
        uint32_t have;    /* presence bits */
};

/* A socket in TIME_WAIT, by what is counted of it: there may be a million of them. */
struct sock_wait {
        uint16_t local_port;
        uint16_t remote_port;
        uint32_t expires_msec; /* until it is over */
};
