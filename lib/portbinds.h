/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which bind() of a port are judged, and what becomes of each: by what holds the port (bindrule.h)
 * and by whether the host has the address (hostaddr.h). Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "bindrule.h"
#include "hostaddr.h"

#define PORT_BINDS_MAX 4 /* the wildcards and the address that was asked about */

/* The address whose bind() is asked about. */
struct bind_address {
        uint8_t family; /* enum addr_family */
        struct sock_addr address;
        enum host_addr_answer local; /* may bind() take it, as far as addresses go? */
};

/* One bind() and what becomes of it. */
struct port_bind {
        struct bind_question question;
        enum host_addr_answer local; /* a no: so is the verdict, without a blocker */
        struct bind_verdict verdict;
};

struct port_binds {
        struct port_bind items[PORT_BINDS_MAX]; /* 0.0.0.0, :: for both, :: for IPv6, the address */
        size_t n;
        size_t asked; /* position of the one that was asked about; 0.0.0.0 if none was */
};

/* asked: NULL: nothing but the wildcards. IPv6's wildcard is asked about without V6ONLY. */
void port_binds_judge(const struct bind_claims *claims, const struct bind_address *asked,
                      struct port_binds *ret_binds);
