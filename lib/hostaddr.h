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

#define HOST_ADDRS_MAX 4096 /* on a host with more, some are unknown */

struct host_addr {
        struct sock_addr address;
        struct sock_addr broadcast; /* IPv4; all zero: none */
        uint8_t family;             /* enum addr_family */
        uint8_t prefix_bits;
        bool loopback; /* of a loopback interface */
};

/* All zero: nothing is known. */
struct host_addrs {
        bool known;
        bool overflow; /* there are more */
        size_t n;
        struct host_addr items[HOST_ADDRS_MAX];
};

enum host_addr_answer { HOST_ADDR_UNKNOWN, HOST_ADDR_NO, HOST_ADDR_YES };

/* getifaddrs(3), in the network namespace of the thread. */
void host_addrs_read(struct host_addrs *ret_addrs);

/* Does bind() take that address, as far as addresses go? limits: ip_nonlocal_bind. */
enum host_addr_answer host_addrs_can_bind(const struct host_addrs *addrs,
                                          const struct kernlimits *limits, uint8_t family,
                                          const struct sock_addr *address);

/*
 * A numeric address, without a scope; one that is IPv4-mapped is an IPv4 one. False: that is none.
 */
bool host_addr_parse(const char *text, uint8_t *ret_family, struct sock_addr *ret_address);
