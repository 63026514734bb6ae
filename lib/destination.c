/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses lie in network byte order, so that bytes compare as addresses do. */

#include "destination.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

int destination_compare(const struct destination *a, const struct destination *b)
{
        int r;

        if (a->family != b->family)
                return (int)a->family - (int)b->family;
        if (a->family == ADDR_NONE)
                return 0;
        r = memcmp(&a->address, &b->address, sizeof(a->address));
        return r != 0 ? r : memcmp(&a->source, &b->source, sizeof(a->source));
}

const char *address_text(uint8_t family, const struct sock_addr *address, char *buf)
{
        if (family == ADDR_NONE || !inet_ntop(family == ADDR_IPV4 ? AF_INET : AF_INET6,
                                              address->bytes, buf, ADDRESS_TEXT_MAX))
                snprintf(buf, ADDRESS_TEXT_MAX, "-");
        return buf;
}
