/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything about one port, from the records of one look at it: every socket whose local or remote
 * port it is, in every state (diag_dump_port()). A connection counts on one side: on that of the
 * port as its own end where it is both ends. While the port has a listener, whatever has the port
 * for its own end is the service's. A connection of another service of this host to a client that
 * happens to have the port is left out.
 *
 * Pure; bounded, whatever the number of sockets. A finished look is immutable, but for the owners
 * that are found for it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bindrule.h"
#include "census.h"
#include "hostfacts.h"
#include "owner.h"
#include "rule.h"
#include "service.h"
#include "sockrec.h"
#include "stage.h"

#define PORTLOOK_LISTENERS_MAX 16
#define PORTLOOK_OWNERS_MAX    16 /* different ones that are looked for */
#define PORTLOOK_ADVICE_MAX    8

enum portlook_side {
        PORTLOOK_LOCAL,  /* of the port as a service of this host */
        PORTLOOK_REMOTE, /* of this host to that port of others */
        PORTLOOK_CLIENT, /* of clients of this host that have the port for their own end */
        PORTLOOK_SIDES,
};

struct portlook_listener {
        enum bind_family family;
        struct sock_addr address;
        uint32_t backlog;
        uint32_t backlog_max;
        size_t owner; /* position in owners + 1; 0: nobody to ask for */
};

struct portlook_connections {
        uint64_t total;
        uint64_t count[SOCK_STATE_COUNT];
        uint64_t orphans; /* no descriptor refers to them any more; mini-sockets not included */
        uint32_t stage[STAGE_COUNT];
        uint64_t oldest_usec; /* in CLOSE_WAIT; 0: none, or unknown */
        bool oldest_at_least;
        uint64_t time_wait_last_msec; /* slack not included; of count[SOCK_TIME_WAIT] > 0 */
        struct half_open half_open;
        size_t owner; /* as above: of its oldest CLOSE_WAIT socket, or of any, or its listener's */
};

/* Who is to be looked for, and was found. */
struct portlook_owner {
        struct port_witness witness;
        struct owner owner;
};

struct portlook {
        uint16_t port;
        uint64_t seen_usec; /* monotonic */
        uint64_t seen_wall_usec;
        bool whole;
        struct portlook_listener listeners[PORTLOOK_LISTENERS_MAX];
        size_t n_listeners; /* listed */
        size_t listeners_total;
        struct portlook_connections sides[PORTLOOK_SIDES];
        struct bind_claims claims;
        size_t claim_owner[BIND_CLAIMS_MAX]; /* of claims.items[i]: position in owners + 1; 0 */
        struct portlook_owner owners[PORTLOOK_OWNERS_MAX];
        size_t n_owners;
        struct kernlimits limits;
        bool reserved_known;
        bool reserved;                              /* ip_local_reserved_ports */
        uint64_t netns;                             /* netns_id() of whoever looked; 0: unknown */
        uint64_t silent_after_usec[PORTLOOK_SIDES]; /* what half_open.silent goes by */

        /* private, of a look under way: the clients' connections judged as the service's, which they
         * are if there is a listener; and who to ask for */
        struct half_open client_as_local;
        struct port_witness listener_witness[PORTLOOK_LISTENERS_MAX];
        struct port_witness witness[PORTLOOK_SIDES];
        uint64_t witness_worth[PORTLOOK_SIDES];
};

/* What a look is taken by; all borrowed. */
struct portlook_request {
        uint16_t port;
        uint64_t now_usec;
        uint64_t now_wall_usec;
        const struct services *services; /* which side a connection counts on */
        const struct kernlimits *limits;
        /* SilentAfter of the half-open rule by which each side is judged: portlook_set_silence() */
        uint64_t silent_after_usec[PORTLOOK_SIDES];
        /* Age of a CLOSE_WAIT socket that is followed: false where it is not. May be NULL. */
        bool (*age)(void *userdata, uint64_t cookie, uint64_t *ret_usec, bool *ret_at_least);
        void *userdata;
};

/*
 * By the rules of that port on either side; clients have connections to any port of others, so
 * theirs is the general rule of the remote side. 0 where there is no rule.
 */
void portlook_set_silence(struct portlook_request *request, const struct rules *rules);

/* -ENOMEM. */
int portlook_new(const struct portlook_request *request, struct portlook **ret_look);
/* Takes NULL, returns NULL. */
struct portlook *portlook_free(struct portlook *look);
/* Forgets what it has seen: the dump begins again. */
void portlook_begin(struct portlook *look, const struct portlook_request *request);
/* A socket with that local or remote port, with tcp_info where it can; others are left out. */
void portlook_add(struct portlook *look, const struct portlook_request *request,
                  const struct sockrec *record);
/*
 * whole: nothing was missed; bound_known: the kernel lists sockets that are only bound, as far as is
 * known (one that was seen proves it). Says whose owners are to be looked for: owners[].witness, in
 * which no two are the same.
 */
void portlook_end(struct portlook *look, bool whole, bool bound_known);

/* One of the texts of portlook_advice(), for whoever knows more after a bind() of its own. */
extern const char portlook_set_reuseaddr[];
extern const char portlook_maybe_dual[]; /* likewise: whether connections are in the way of IPv4 */

/*
 * What to tell whoever asks, most urgent first: constant texts, at most PORTLOOK_ADVICE_MAX, by the
 * look and the verdict of the question that was asked. Returns how many.
 */
size_t portlook_advice(const struct portlook *look, const struct bind_verdict *verdict,
                       const char *ret_advice[static PORTLOOK_ADVICE_MAX]);
