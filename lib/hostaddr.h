/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The addresses of this host, and whether bind() takes one: the rules of inet_bind() and
 * inet6_bind(), of which the ports are another matter (bindrule.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernlimits.h"
#include "sockrec.h"

#define HOST_ADDRS_MAX      4096         /* on a host with more, some are unknown */
#define HOST_ROUTES_MAX     4096         /* likewise, of its local routes */
#define HOST_ADDRS_TEXT_MAX (256 * 1024) /* of each file; one that is longer is not read */

struct host_addr {
        struct sock_addr address;
        struct sock_addr broadcast; /* IPv4; all zero: none */
        uint8_t family;             /* enum addr_family */
        uint8_t prefix_bits;
        bool loopback;  /* of a loopback interface */
        bool tentative; /* IPv6: not checked for duplicates yet, or it is one: bind() refuses it */
        bool doubtful;  /* IPv6: whether bind() takes it cannot be told by its flags */
};

/* An IPv4 prefix that is routed to this host itself. */
struct host_route {
        struct sock_addr address;
        uint8_t prefix_bits;
};

/* All zero: nothing is known. */
struct host_addrs {
        bool known;    /* the IPv4 addresses */
        bool known6;   /* the IPv6 addresses */
        bool overflow; /* there are more of either */
        size_t n;
        struct host_addr items[HOST_ADDRS_MAX];

        bool routes_known; /* all of them are below */
        size_t n_routes;
        struct host_route routes[HOST_ROUTES_MAX];
};

/* All behind HOST_ADDR_YES are a no (host_addr_is_no()). */
enum host_addr_answer {
        HOST_ADDR_UNKNOWN,
        HOST_ADDR_YES,
        HOST_ADDR_NO,         /* it is none of this host: EADDRNOTAVAIL */
        HOST_ADDR_TENTATIVE,  /* it is checked for duplicates first, or is one: EADDRNOTAVAIL */
        HOST_ADDR_LINK_LOCAL, /* it needs its interface, which an address does not name: EINVAL */
        HOST_ADDR_MULTICAST,  /* of IPv6, and TCP has none: EINVAL */
};

/*
 * getifaddrs(3) in the network namespace of the thread, and net/if_inet6 and net/fib_trie below
 * proc ("/proc"), which must be those of the same namespace.
 */
void host_addrs_read(const char *proc, struct host_addrs *ret_addrs);

/*
 * The text of net/if_inet6: adds its addresses. What is not understood leaves known6 false, as it
 * is before.
 */
void host_addrs_parse_inet6(const char *text, struct host_addrs *addrs);

/* The text of net/fib_trie: adds what its table "local" takes. As above, of routes_known. */
void host_addrs_parse_routes(const char *text, struct host_addrs *addrs);

/* Does bind() take that address, as far as addresses go? limits: ip_nonlocal_bind. */
enum host_addr_answer host_addrs_can_bind(const struct host_addrs *addrs,
                                          const struct kernlimits *limits, uint8_t family,
                                          const struct sock_addr *address);

static inline bool host_addr_is_no(enum host_addr_answer answer)
{
        return answer > HOST_ADDR_YES;
}

/*
 * A numeric address, without a scope; one that is IPv4-mapped is an IPv4 one. False: that is none.
 */
bool host_addr_parse(const char *text, uint8_t *ret_family, struct sock_addr *ret_address);
