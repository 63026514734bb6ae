/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Would bind() of a TCP port succeed, and listen() after it? The kernel's rules
 * (inet_csk_get_port() and what it calls, net/ipv4/inet_connection_sock.c) over what sock_diag
 * tells of the sockets on that port. It does not tell SO_REUSEADDR and SO_REUSEPORT of those, nor
 * IPV6_V6ONLY of connections; where the answer depends on them it is unknown. Pure.
 *
 * Judged is a new socket that is bound to no device. One in the way that is bound to a device is
 * taken to be outside of any VRF.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sockrec.h"

#define BIND_CLAIMS_MAX 64 /* that differ; sockets that claim alike are one */

/* TIME_WAIT lives up to so much longer than it says: kernel timers are coarse. Added to what is
 * announced, in the middle of 60 to 64 s. */
#define BIND_TIMER_SLACK_MSEC 2000

enum bind_answer { BIND_UNKNOWN, BIND_NO, BIND_YES };

/* What SO_REUSEADDR on the new socket does about a claim: nothing, or it passes where the claim's
 * sockets have it set as well, which the kernel does not tell. */
enum bind_help { BIND_HELP_NO, BIND_HELP_IF_SET };

/* AF_INET; AF_INET6 with and without V6ONLY. */
enum bind_family { BIND_IPV4, BIND_IPV6, BIND_DUAL };

enum claim_kind {
        CLAIM_LISTENER,
        CLAIM_BOUND,
        CLAIM_CONNECTIONS, /* of the port's service */
        CLAIM_TIME_WAIT,
        CLAIM_FIN_WAIT2, /* mini-sockets */
        CLAIM_CLIENT,    /* the port is the own end of an outgoing connection, TIME_WAIT included */
        CLAIM_KIND_COUNT,
};

/* Sockets that hold the port in the same way. */
struct bind_claim {
        enum claim_kind kind;
        uint8_t state; /* enum sock_state */
        enum bind_family family;
        bool maybe_dual;          /* BIND_IPV6, but the kernel does not tell V6ONLY: a connection */
        struct sock_addr address; /* all zero: every one of the family */
        uint32_t ifindex;
        uint32_t uid;
        bool uid_known;
        bool mini; /* a mini-socket: goes by itself */
        uint32_t count;
        /* mini: until the last of them goes, slack not included. FIN_WAIT2 turns into TIME_WAIT when
         * the peer closes before that, which begins a minute anew. */
        uint32_t free_in_msec;
        uint32_t inode;     /* of one of them, for its owner; 0: none is known */
        uint64_t cgroup_id; /* likewise */
};

/* All zero: none. */
struct bind_claims {
        struct bind_claim items[BIND_CLAIMS_MAX];
        size_t n;
        uint64_t overflow; /* sockets that found no room: what they block is unknown */
        bool bound_known;  /* the kernel lists sockets that are only bound */
        bool whole;        /* nothing was missed */
};

/*
 * A socket on the port. client: its end of an outgoing connection. Request sockets (SYN_RECV) hold
 * no port and are left out.
 */
void bind_claims_add(struct bind_claims *claims, const struct sockrec *record, bool client);

/* The port has a listener: what was added as a client's is the service's. */
void bind_claims_serve(struct bind_claims *claims);

struct bind_question {
        enum bind_family family;
        struct sock_addr address; /* all zero: the wildcard */
};

struct bind_blocker {
        size_t claim; /* position in the claims */
        enum bind_help help;
        bool certain; /* false: only if it has no V6ONLY, see maybe_dual */
};

struct bind_verdict {
        enum bind_answer plain;     /* without SO_REUSEADDR */
        enum bind_answer reuse;     /* with it */
        enum bind_answer reuseport; /* with SO_REUSEPORT, by the user of what is in the way */
        bool free_known;
        uint64_t free_in_msec; /* until plain is YES by itself, slack included; 0: it is */
        struct bind_blocker blockers[BIND_CLAIMS_MAX]; /* of plain */
        size_t n_blockers;
};

/*
 * UNKNOWN is plain where a connection over IPv6 may be in the way of the IPv4 wildcard; reuse where
 * anything but a listener is in the way; reuseport where anything is, but listeners that share an
 * address, which proves that they have it. Where claims were missed (not whole, or overflow) or may
 * be there unseen (an older kernel does not list sockets that are only bound: not bound_known) the
 * verdict is doubted.
 */
void bind_judge(const struct bind_claims *claims, const struct bind_question *question,
                struct bind_verdict *ret_verdict);
/* Something unseen may be in the way: each YES becomes UNKNOWN, and so does when it is free. */
void bind_doubt(struct bind_verdict *verdict);
