/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct destination: what ephemeral ports run out towards, together with the destination's port,
 * which stands in the port key beside it. The kernel needs (source, source port, address, port) to
 * be unique, so each triple of source, address and port has the whole range of source ports.
 */

#include <stddef.h>
#include <stdint.h>

#include "sockrec.h"

#define DESTINATION_TEXT_MAX 96

struct destination {
        struct sock_addr source;
        struct sock_addr address;
        uint8_t family; /* enum addr_family; ADDR_NONE: none */
};

/* Orders: <0, 0, >0. Two of ADDR_NONE are equal. */
int destination_compare(const struct destination *a, const struct destination *b);

/* "10.0.0.1", "fe80::1", "-" where there is none. Returns buf (INET6_ADDRSTRLEN at least). */
#define ADDRESS_TEXT_MAX 48
const char *address_text(uint8_t family, const struct sock_addr *address, char *buf);
