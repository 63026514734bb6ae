/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ADDRESS:PORT of --listen, and the socket that listens there. */

#include <stdbool.h>
#include <sys/socket.h>

#define ADDRESS_PRINT_MAX 64  /* "[ADDRESS]:PORT" */
#define ADDRESS_BACKLOG   512 /* who waits beyond those that are served at once */

/* "127.0.0.1:80", "[::1]:80"; port 0: the kernel chooses. 0, or -EINVAL. */
int address_parse(const char *text, struct sockaddr_storage *ret_address);
/* A TCP socket that listens there, closed by the caller. -errno */
int address_listen(const struct sockaddr_storage *address, int *ret_fd);
/* Is that a TCP socket that listens? What the service manager passes may be anything. */
bool address_is_listening(int fd);
/* As address_parse() takes it. Returns buf. */
const char *address_show(const struct sockaddr_storage *address,
                         char buf[static ADDRESS_PRINT_MAX]);
/* Where it listens, as address_parse() takes it. Returns buf. */
const char *address_print(int fd, char buf[static ADDRESS_PRINT_MAX]);
