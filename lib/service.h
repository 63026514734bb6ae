/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which local ports are services of this host, and so on which side a connection counts: `local`
 * with the local port, or `remote` with the peer's (DESIGN, "side"). One per network namespace.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portkey.h"
#include "portset.h"
#include "rule.h"
#include "side.h"
#include "snapshot.h"
#include "sockrec.h"

/* A port without a listener and without sockets stays a service, and reported, for this long. */
#define SERVICE_KEEP_USEC (UINT64_C(3600) * 1000000)

struct services;

int services_new(struct services **ret_services);
struct services *services_free(struct services *services);

/* ip_local_port_range: the ports that the kernel gives to outgoing connections. first <= last. */
void services_set_range(struct services *services, uint16_t first, uint16_t last);
/* The local ports that the configuration names; replaces those named before. */
void services_set_configured(struct services *services, const struct rules *rules);

/* One dump of the listeners: begin, each listening socket, end. */
void services_begin(struct services *services);
void services_listening(struct services *services, const struct sockrec *record);
/* complete: ports that were not seen have lost their listener. A partial dump proves nothing. */
void services_end(struct services *services, uint64_t now_usec, bool complete);

/* Side and port; the namespace is the caller's to set. O(1). */
struct port_key services_classify(struct services *services, uint16_t local_port,
                                  uint16_t remote_port);

/*
 * The local ports of that range from which connections are outgoing: those of no service. The range
 * is ip_local_port_range; on ports beside it the peer's port has a say as well.
 */
void services_outgoing(const struct services *services, uint16_t first, uint16_t last,
                       struct port_set *ret_ports);

/*
 * What the side of a connection is found by, for whoever has very many; borrowed until the listeners,
 * the range or the configuration change.
 */
const struct side_rule *services_side_rule(const struct services *services);

/* The side that services_classify() would say, and nothing is remembered: for whoever only looks. */
enum port_side services_side(const struct services *services, uint16_t local_port,
                             uint16_t remote_port);

/*
 * A socket on that local port was seen: where it has lost its listener it stays a service for as
 * long as such are seen, and SERVICE_KEEP_USEC longer. O(1).
 */
void services_keep(struct services *services, uint16_t local_port);

/* The same for each of n sockets in TIME_WAIT. */
void services_keep_waits(struct services *services, const struct sock_wait *waits, size_t n);

/*
 * Who listens on that local port, or was the last to do so while it was a service; of several the
 * one for which most connections wait. *ret_witness is unknown where nobody is remembered. O(1).
 */
void services_listener(const struct services *services, uint16_t port,
                       struct port_witness *ret_witness);

/* A port with a listener now or lately. */
struct service_port {
        uint16_t port;
        bool listening;
        bool used;           /* not listening, but the last scan has seen sockets of it */
        uint64_t since_usec; /* without a listener and without sockets, monotonic; otherwise 0 */
        struct port_witness listener; /* services_listener() */
};

/* Each of them, in an order that only a listener that goes changes. */
void services_each_known(const struct services *services,
                         void (*fn)(const struct service_port *port, void *userdata),
                         void *userdata);
/*
 * What an earlier run knew, before the first dump. One that was used counts as such until the first
 * dump, whatever the time. 0; -EEXIST: the port is known; -ENOMEM.
 */
int services_restore(struct services *services, const struct service_port *port);

/* Every port with a listener now or lately. Ascending. */
void services_each(const struct services *services,
                   void (*fn)(uint16_t port, bool listening, void *userdata), void *userdata);
