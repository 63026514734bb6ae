/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * IPv4 takes what its routing table calls local: the addresses of all interfaces, up or down, and
 * the whole prefix of an address of a loopback interface; broadcast and multicast addresses as
 * well; and what has been added by `ip route add local`. Of the last nobody asks for the longest
 * match, so what such a route takes is unknown: a narrower one may give it away again.
 *
 * IPv6 takes exactly the addresses that interfaces have, whatever the routes are; not those that
 * are still checked for duplicates, unless they are optimistic (ipv6_chk_addr_and_flags() in
 * net/ipv6/addrconf.c), which getifaddrs(3) does not tell and if_inet6 does. Multicast and
 * link-local ones are refused before that (__inet6_bind()): the latter only without an interface,
 * which an address alone does not name.
 */

#include "hostaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "procfile.h"

/* include/uapi/linux/if_addr.h */
enum {
        FLAG_OPTIMISTIC = 0x04,
        FLAG_DADFAILED = 0x08,
        FLAG_TENTATIVE = 0x40,
};

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

static void add(struct host_addrs *addrs, const struct host_addr *address)
{
        if (addrs->n == HOST_ADDRS_MAX)
                addrs->overflow = true;
        else
                addrs->items[addrs->n++] = *address;
}

static void read_all_ipv4(struct host_addrs *addrs)
{
        struct ifaddrs *list;

        if (getifaddrs(&list) < 0)
                return;
        for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
                struct host_addr address = { .loopback = entry->ifa_flags & IFF_LOOPBACK };

                if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET)
                        continue;
                read_ipv4(entry, &address);
                add(addrs, &address);
        }
        addrs->known = true;
        freeifaddrs(list);
}

/* "fe80...01 02 40 20 80     eth0": address, then index, prefix, scope and flags in hexadecimal. */
static bool parse_inet6_line(const char *line, struct host_addr *ret_address)
{
        struct host_addr address = { .family = ADDR_IPV6, .prefix_bits = 128 };
        unsigned flags, byte;
        int at = 0;

        for (size_t i = 0; i < 16; i++, line += 2) {
                if (sscanf(line, "%2x%n", &byte, &at) != 1 || at != 2)
                        return false;
                address.address.bytes[i] = (uint8_t)byte;
        }
        if (sscanf(line, " %*x %*x %*x %x ", &flags) != 1)
                return false;
        address.tentative = (flags & FLAG_TENTATIVE) && !(flags & FLAG_OPTIMISTIC);
        address.doubtful = (flags & FLAG_OPTIMISTIC) && (flags & FLAG_DADFAILED);
        *ret_address = address;
        return true;
}

void host_addrs_parse_inet6(const char *text, struct host_addrs *addrs)
{
        while (*text != '\0') {
                const char *end = strchr(text, '\n');
                struct host_addr address;

                if (!end || !parse_inet6_line(text, &address))
                        return;
                add(addrs, &address);
                text = end + 1;
        }
        addrs->known6 = true;
}

/* bind() asks for these types (inet_addr_valid_or_nonlocal()). */
static bool is_own_type(const char *line)
{
        return strstr(line, " LOCAL") || strstr(line, " BROADCAST") || strstr(line, " MULTICAST");
}

/*
 * One line of a table: "|-- 10.99.0.0" is an address, of which "/16 host LOCAL" is a route; several
 * may follow. False: there is no room.
 */
static bool take_route_line(const char *line, struct sock_addr *leaf, struct host_addrs *addrs)
{
        const char *word = line + strspn(line, " ");
        unsigned bits;

        if (strncmp(word, "|-- ", 4) == 0) {
                *leaf = any_address;
                (void)inet_pton(AF_INET, word + 4, leaf->bytes);
                return true;
        }
        if (sscanf(word, "/%u ", &bits) != 1 || bits > 32 || !is_own_type(word))
                return true;
        if (addrs->n_routes == HOST_ROUTES_MAX)
                return false;
        addrs->routes[addrs->n_routes++] =
                (struct host_route){ .address = *leaf, .prefix_bits = (uint8_t)bits };
        return true;
}

void host_addrs_parse_routes(const char *text, struct host_addrs *addrs)
{
        struct sock_addr leaf = any_address;
        bool in_local = false;

        while (*text != '\0') {
                const size_t len = strcspn(text, "\n");
                char line[128];

                if (text[len] != '\n' || len >= sizeof(line))
                        return;
                memcpy(line, text, len);
                line[len] = '\0';
                if (line[0] != ' ')
                        in_local = strcmp(line, "Local:") == 0;
                else if (in_local && !take_route_line(line, &leaf, addrs))
                        return;
                text += len + 1;
        }
        addrs->routes_known = true;
}

void host_addrs_read(const char *proc, struct host_addrs *ret_addrs)
{
        char *text = malloc(HOST_ADDRS_TEXT_MAX);

        *ret_addrs = (struct host_addrs){ .known = false };
        read_all_ipv4(ret_addrs);
        if (text && procfile_read_all(proc, "net/if_inet6", text, HOST_ADDRS_TEXT_MAX) == 0)
                host_addrs_parse_inet6(text, ret_addrs);
        if (text && procfile_read_all(proc, "net/fib_trie", text, HOST_ADDRS_TEXT_MAX) == 0)
                host_addrs_parse_routes(text, ret_addrs);
        free(text);
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
                const bool broadcast = (bytes[0] & bytes[1] & bytes[2] & bytes[3]) == 255;
                const bool multicast = (bytes[0] & 0xf0) == 0xe0;

                return broadcast || multicast || limits->nonlocal_bind == 1 ? HOST_ADDR_YES
                                                                            : HOST_ADDR_UNKNOWN;
        }
        if (bytes[0] == 0xff)
                return HOST_ADDR_MULTICAST;
        if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
                return HOST_ADDR_LINK_LOCAL;
        return limits->nonlocal_bind6 == 1 ? HOST_ADDR_YES : HOST_ADDR_UNKNOWN;
}

/* Of an address that is on no interface. */
static enum host_addr_answer answer_ipv4(const struct host_addrs *addrs,
                                         const struct sock_addr *address)
{
        if (!addrs->known || addrs->overflow || !addrs->routes_known)
                return HOST_ADDR_UNKNOWN;
        if (address->bytes[0] == 0)
                return HOST_ADDR_UNKNOWN; /* 0.0.0.0/8 was a broadcast address before Linux 5.3 */
        for (size_t i = 0; i < addrs->n_routes; i++)
                if (shares_prefix(&addrs->routes[i].address, address, addrs->routes[i].prefix_bits))
                        return HOST_ADDR_UNKNOWN;
        return HOST_ADDR_NO;
}

enum host_addr_answer host_addrs_can_bind(const struct host_addrs *addrs,
                                          const struct kernlimits *limits, uint8_t family,
                                          const struct sock_addr *address)
{
        const enum host_addr_answer answer = answer_at_once(limits, family, address);
        bool tentative = false, doubtful = false;

        if (answer != HOST_ADDR_UNKNOWN)
                return answer;
        for (size_t i = 0; i < addrs->n; i++) {
                const struct host_addr *own = &addrs->items[i];

                if (!is_of(own, family, address))
                        continue;
                if (!own->tentative && !own->doubtful)
                        return HOST_ADDR_YES;
                tentative |= own->tentative;
                doubtful |= own->doubtful;
        }
        if (family == ADDR_IPV4)
                return answer_ipv4(addrs, address);
        if (doubtful || !addrs->known6 || addrs->overflow)
                return HOST_ADDR_UNKNOWN;
        return tentative ? HOST_ADDR_TENTATIVE : HOST_ADDR_NO;
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
