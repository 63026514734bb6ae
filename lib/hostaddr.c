/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * IPv4 takes what its routing table calls local: the addresses of all interfaces, up or down, and
 * the whole prefix of an address of a loopback interface; broadcast and multicast addresses as
 * well. IPv6 takes exactly the addresses that interfaces have; not multicast, and a link-local one
 * only together with its interface, which an address alone does not name. What has been added by
 * `ip route add local` is not seen here.
 */

#include "hostaddr.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static const struct sock_addr any_address;

static unsigned prefix_of(const uint8_t *mask, size_t bytes)
{
        unsigned bits = 0;

        while (bits < bytes * 8 && (mask[bits / 8] >> (7 - bits % 8) & 1))
                bits++;
        return bits;
}

static void read_ipv4(const struct ifaddrs *entry, struct host_addr *address)
{
        const struct sockaddr_in *own = (const void *)entry->ifa_addr;
        const struct sockaddr_in *mask = (const void *)entry->ifa_netmask;
        const struct sockaddr_in *broadcast = (const void *)entry->ifa_broadaddr;

        address->family = ADDR_IPV4;
        memcpy(address->address.bytes, &own->sin_addr, 4);
        address->prefix_bits =
                (uint8_t)(mask ? prefix_of((const uint8_t *)&mask->sin_addr, 4) : 32);
        if ((entry->ifa_flags & IFF_BROADCAST) && broadcast)
                memcpy(address->broadcast.bytes, &broadcast->sin_addr, 4);
}

static void read_ipv6(const struct ifaddrs *entry, struct host_addr *address)
{
        const struct sockaddr_in6 *own = (const void *)entry->ifa_addr;

        address->family = ADDR_IPV6;
        memcpy(address->address.bytes, &own->sin6_addr, 16);
        address->prefix_bits = 128;
}

static void read_one(const struct ifaddrs *entry, struct host_addrs *addrs)
{
        struct host_addr address = { .loopback = entry->ifa_flags & IFF_LOOPBACK };

        if (!entry->ifa_addr)
                return;
        if (entry->ifa_addr->sa_family == AF_INET)
                read_ipv4(entry, &address);
        else if (entry->ifa_addr->sa_family == AF_INET6)
                read_ipv6(entry, &address);
        else
                return;
        if (addrs->n == HOST_ADDRS_MAX)
                addrs->overflow = true;
        else
                addrs->items[addrs->n++] = address;
}

void host_addrs_read(struct host_addrs *ret_addrs)
{
        struct ifaddrs *list;

        ret_addrs->known = ret_addrs->overflow = false;
        ret_addrs->n = 0;
        if (getifaddrs(&list) < 0)
                return;
        for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
                read_one(entry, ret_addrs);
        ret_addrs->known = true;
        freeifaddrs(list);
}

static bool is_same(const struct sock_addr *a, const struct sock_addr *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

static bool shares_prefix(const struct sock_addr *a, const struct sock_addr *b, unsigned bits)
{
        for (unsigned i = 0; i < bits; i++)
                if ((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8) & 1)
                        return false;
        return true;
}

static bool is_of(const struct host_addr *own, uint8_t family, const struct sock_addr *address)
{
        if (own->family != family)
                return false;
        if (is_same(&own->address, address))
                return true;
        if (family != ADDR_IPV4)
                return false;
        if (own->loopback && shares_prefix(&own->address, address, own->prefix_bits))
                return true;
        return !is_same(&own->broadcast, &any_address) && is_same(&own->broadcast, address);
}

/* Without a look at the interfaces. */
static enum host_addr_answer answer_at_once(const struct kernlimits *limits, uint8_t family,
                                            const struct sock_addr *address)
{
        const uint8_t *bytes = address->bytes;

        if (is_same(address, &any_address))
                return HOST_ADDR_YES;
        if (family == ADDR_IPV4) {
                const bool broadcast =
                        bytes[0] == 0 || (bytes[0] & bytes[1] & bytes[2] & bytes[3]) == 255;
                const bool multicast = (bytes[0] & 0xf0) == 0xe0;

                return broadcast || multicast || limits->nonlocal_bind == 1 ? HOST_ADDR_YES
                                                                            : HOST_ADDR_UNKNOWN;
        }
        if (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80))
                return HOST_ADDR_NO; /* multicast; link-local without its interface */
        return limits->nonlocal_bind6 == 1 ? HOST_ADDR_YES : HOST_ADDR_UNKNOWN;
}

enum host_addr_answer host_addrs_can_bind(const struct host_addrs *addrs,
                                          const struct kernlimits *limits, uint8_t family,
                                          const struct sock_addr *address)
{
        const enum host_addr_answer answer = answer_at_once(limits, family, address);

        if (answer != HOST_ADDR_UNKNOWN)
                return answer;
        for (size_t i = 0; i < addrs->n; i++)
                if (is_of(&addrs->items[i], family, address))
                        return HOST_ADDR_YES;
        return addrs->known && !addrs->overflow ? HOST_ADDR_NO : HOST_ADDR_UNKNOWN;
}

bool host_addr_parse(const char *text, uint8_t *ret_family, struct sock_addr *ret_address)
{
        struct sock_addr address = { 0 };
        struct in6_addr v6;

        if (inet_pton(AF_INET, text, address.bytes) == 1) {
                *ret_family = ADDR_IPV4;
        } else if (inet_pton(AF_INET6, text, &v6) == 1) {
                const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6);

                *ret_family = mapped ? ADDR_IPV4 : ADDR_IPV6;
                memcpy(address.bytes, v6.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
        } else {
                return false;
        }
        *ret_address = address;
        return true;
}
