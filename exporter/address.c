/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers alone: a name would have to be looked up, and may mean several addresses. */

#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "units.h"

int address_parse(const char *text, struct sockaddr_storage *ret_address)
{
        const char *colon = strrchr(text, ':');
        const size_t len = colon ? (size_t)(colon - text) : 0;
        const bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
        struct sockaddr_storage storage = { 0 };
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        char host[INET6_ADDRSTRLEN];
        uint64_t port;

        if (len == 0 || len >= sizeof(host) || units_parse_count(colon + 1, UINT16_MAX, &port) < 0)
                return -EINVAL;
        snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len), text + bracketed);
        if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t)port);
        } else if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons((uint16_t)port);
        } else {
                return -EINVAL;
        }
        *ret_address = storage;
        return 0;
}

int address_listen(const struct sockaddr_storage *address, int *ret_fd)
{
        const socklen_t len = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in);
        CLEANUP(close_fdp) int fd = -1;
        const int yes = 1;

        fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* Its own old connections in TIME_WAIT are no reason not to start. */
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
            bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, ADDRESS_BACKLOG) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static bool has_option(int fd, int option, int wanted)
{
        socklen_t len = sizeof(int);
        int value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

bool address_is_listening(int fd)
{
        return has_option(fd, SO_ACCEPTCONN, 1) && has_option(fd, SO_PROTOCOL, IPPROTO_TCP);
}

const char *address_show(const struct sockaddr_storage *address, char buf[static ADDRESS_PRINT_MAX])
{
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        char host[INET6_ADDRSTRLEN] = "?";

        if (address->ss_family == AF_INET6) {
                (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
                snprintf(buf, ADDRESS_PRINT_MAX, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
        } else {
                (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
                snprintf(buf, ADDRESS_PRINT_MAX, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
        }
        return buf;
}

const char *address_print(int fd, char buf[static ADDRESS_PRINT_MAX])
{
        struct sockaddr_storage storage = { 0 };
        socklen_t len = sizeof(storage);

        (void)getsockname(fd, (struct sockaddr *)&storage, &len);
        return address_show(&storage, buf);
}
