/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * why --try: whether bind() of a TCP port works, by doing it, without an option and with
 * SO_REUSEADDR. Each socket is closed at once and never listens; meanwhile, for some microseconds,
 * the port is taken. Nothing else may be left of it.
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
        const char *family;          /* as in Bind of the interface */
        struct trybind_result plain; /* without SO_REUSEADDR */
        struct trybind_result reuse; /* with it */
};

/* items[0] is what was asked for. */
struct trybinds {
        struct trybind items[TRYBIND_MAX];
        size_t n;
};

/*
 * Why it must not be tried, or need not, in a line; NULL: it may. known: the reply of GetPort; NULL:
 * there is none. netns: netns_id() of this process.
 */
const char *trybind_objection(const json_t *known, uint64_t netns);

/*
 * Tries the address, as inet_ntop(3) writes it, or where it is empty, 0.0.0.0; then those wildcards
 * of which known leaves something open, or all if it has turned out wrong; where it does not name them, "::" for both families. "::"
 * alone is asked for as a program does that sets no IPV6_V6ONLY, for both families. Those that this
 * kernel has no family for are left out, unless asked for.
 */
struct trybind_question {
        uint16_t port;
        const char *address;
        const json_t *known; /* the reply of GetPort; NULL: there is none */
};
void trybind_port(const struct trybind_question *question, struct trybinds *ret_tries);

/*
 * Puts what was found into a reply of GetPort: canBind and canBindReuse of the reply, and of those
 * of its binds that were tried, with the members tried, tryError and tryErrorReuse; binds that were
 * not there are added. What follows is kept true: freeInSec and blockedBy, and canBindReusePort
 * where bind() works without it, and so with it, or fails for want of something else than the
 * port. 0 or -ENOMEM.
 */
int trybind_merge(const struct trybinds *tries, json_t *parameters);

/* A listener is among what is in the way. object: a Bind, or the reply itself. */
bool trybind_has_listener(const json_t *object);

/* "EADDRINUSE (Address already in use)", "works". Returns buf. */
#define TRYBIND_TEXT_MAX 128
const char *trybind_text(const struct trybind_result *result, char buf[static TRYBIND_TEXT_MAX]);
