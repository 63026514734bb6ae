/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * why --try: whether bind() of a TCP port works, by doing it. Each socket is closed at once and
 * never listens; meanwhile, for some microseconds, the port is taken.
 *
 * bind() finds whoever listens already. What it cannot find is that somebody who has bound the port
 * as well, both with SO_REUSEADDR, will listen first: then our listen() would fail.
 */

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRYBIND_MAX 4 /* 0.0.0.0, [::] dual and IPv6 alone, and the address that was asked for */

struct trybind_result {
        bool tried; /* false: there was no socket to try it with */
        int error;  /* 0: it worked; else -errno of bind(), or of socket() */
};

struct trybind {
        char address[INET6_ADDRSTRLEN];
        const char *family;               /* as in Bind of the interface */
        struct trybind_result plain;      /* without SO_REUSEADDR */
        struct trybind_result reuse;      /* with it */
        struct trybind_result reuse_port; /* with SO_REUSEPORT, by this user */
};

/* items[0] is what was asked for. */
struct trybinds {
        struct trybind items[TRYBIND_MAX];
        size_t n;
};

/*
 * Tries the address, as inet_ntop(3) writes it, or where it is empty, 0.0.0.0; then the wildcards.
 * "::" is tried as a program does that sets no IPV6_V6ONLY, for both families. Those that this
 * kernel has no family for are left out, unless asked for.
 */
void trybind_port(uint16_t port, const char *address, struct trybinds *ret_tries);

/*
 * Puts what was found into a reply of GetPort: canBind and canBindReuse of the reply, and of those
 * of its binds that were tried, with the members tried, tryError and tryErrorReuse; binds that were
 * not there are added. What follows is kept true: freeInSec and blockedBy. canBindReusePort is
 * settled where it works, and where all that is in the way is of this user. 0 or -ENOMEM.
 */
int trybind_merge(const struct trybinds *tries, json_t *parameters);

/* "EADDRINUSE (Address already in use)", "works". Returns buf. */
#define TRYBIND_TEXT_MAX 128
const char *trybind_text(const struct trybind_result *result, char buf[static TRYBIND_TEXT_MAX]);
