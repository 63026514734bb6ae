/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One bit per port and question, 8 KiB each, whatever the number of sockets: is it listening in this
 * dump, was it in the last one, did it lately, does the configuration name it. What each socket asks
 * is whether any of these holds, and that has a set of its own, made anew when one of the others
 * changes: one bit test in 8 KiB, which stay in the processor's cache however the ports of a million
 * sockets are spread.
 *
 * When a listener went away is kept for the few ports that lost theirs, in a small array that is
 * walked once per dump. Who listens on a port is a table apart, by port (listeners.h).
 *
 * A port that lost its listener stays a service for as long as it has sockets, and for a while
 * after that: what leaks on it must not move to another name.
 */

#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "listeners.h"
#include "portset.h"

struct gone_port {
        uint64_t since_usec;
        uint16_t port;
};

struct services {
        struct port_set listening; /* as of the last dump */
        struct port_set dumping;   /* seen by the dump under way */
        struct port_set lately;    /* lost its listener less than SERVICE_KEEP_USEC ago */
        struct port_set configured;
        struct side_rule side; /* what serves: listening, lately or configured */
        struct port_set used; /* without a listener, but the current scan shows sockets of theirs */
        struct gone_port *gone; /* exactly the ports in lately; at most PORT_NUMBERS */
        size_t n_gone;
        size_t gone_size;
        struct listeners listeners; /* of the ports in listening and in lately */
};

int services_new(struct services **ret_services)
{
        struct services *services = calloc(1, sizeof(*services));

        if (!services)
                return -ENOMEM;
        services_set_range(services, 32768, 60999); /* the kernel's default */
        *ret_services = services;
        return 0;
}

struct services *services_free(struct services *services)
{
        if (services) {
                free(services->gone);
                listeners_done(&services->listeners);
        }
        free(services);
        return NULL;
}

void services_set_range(struct services *services, uint16_t first, uint16_t last)
{
        services->side.range_first = first;
        services->side.range_width = (uint16_t)(last - first);
}

static void settle_serving(struct services *services)
{
        for (size_t w = 0; w < ARRAY_SIZE(services->side.serving.words); w++)
                services->side.serving.words[w] = services->listening.words[w] |
                                                  services->lately.words[w] |
                                                  services->configured.words[w];
}

static void configure_port(const struct port_key *key, void *userdata)
{
        struct services *services = userdata;

        if (key->side == SIDE_LOCAL)
                port_set_add(&services->configured, key->port);
}

void services_set_configured(struct services *services, const struct rules *rules)
{
        memset(&services->configured, 0, sizeof(services->configured));
        rules_each_configured(rules, configure_port, services);
        settle_serving(services);
}

void services_begin(struct services *services)
{
        memset(&services->dumping, 0, sizeof(services->dumping));
}

void services_listening(struct services *services, const struct sockrec *record)
{
        listeners_see(&services->listeners, record,
                      port_set_has(&services->dumping, record->local_port));
        port_set_add(&services->dumping, record->local_port);
}

static int remember_gone(struct services *services, uint16_t port, uint64_t now_usec)
{
        if (services->n_gone == services->gone_size) {
                size_t size = MAX(services->gone_size * 2, 16U);
                struct gone_port *gone = realloc(services->gone, size * sizeof(*gone));

                if (!gone)
                        return -ENOMEM;
                services->gone = gone;
                services->gone_size = size;
        }
        services->gone[services->n_gone++] = (struct gone_port){ now_usec, port };
        port_set_add(&services->lately, port);
        return 0;
}

static void collect_gone(struct services *services, uint64_t now_usec)
{
        for (size_t w = 0; w < ARRAY_SIZE(services->listening.words); w++) {
                uint64_t lost = services->listening.words[w] & ~services->dumping.words[w];

                for (; lost; lost &= lost - 1) {
                        uint16_t port = (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(lost));

                        /* without memory it is forgotten at once instead of after an hour */
                        if (!port_set_has(&services->lately, port))
                                (void)remember_gone(services, port, now_usec);
                }
        }
}

/* Drops the ports that listen again and those that have been without a listener for long. */
static void expire_gone(struct services *services, uint64_t now_usec)
{
        size_t kept = 0;

        for (size_t i = 0; i < services->n_gone; i++) {
                struct gone_port gone = services->gone[i];

                if (port_set_has(&services->used, gone.port))
                        gone.since_usec = now_usec;
                if (port_set_has(&services->listening, gone.port) ||
                    now_usec - gone.since_usec >= SERVICE_KEEP_USEC)
                        port_set_remove(&services->lately, gone.port);
                else
                        services->gone[kept++] = gone;
        }
        services->n_gone = kept;
        memset(&services->used, 0, sizeof(services->used));
}

static void merge_partial(struct services *services)
{
        for (size_t w = 0; w < ARRAY_SIZE(services->listening.words); w++)
                services->listening.words[w] |= services->dumping.words[w];
}

static bool is_remembered(uint16_t port, const void *userdata)
{
        const struct services *services = userdata;

        return port_set_has(&services->listening, port) || port_set_has(&services->lately, port);
}

static void settle_listening(struct services *services, uint64_t now_usec, bool complete)
{
        if (complete) {
                collect_gone(services, now_usec);
                services->listening = services->dumping;
        } else {
                merge_partial(services);
        }
        expire_gone(services, now_usec);
        settle_serving(services);
}

void services_end(struct services *services, uint64_t now_usec, bool complete)
{
        const bool same =
                memcmp(&services->listening, &services->dumping, sizeof(services->listening)) == 0;

        if (!same || services->n_gone > 0)
                settle_listening(services, now_usec, complete);
        listeners_keep(&services->listeners, is_remembered, services);
}

void services_listener(const struct services *services, uint16_t port,
                       struct port_witness *ret_witness)
{
        listeners_find(&services->listeners, port, ret_witness);
}

void services_each_known(const struct services *services,
                         void (*fn)(const struct service_port *port, void *userdata),
                         void *userdata)
{
        struct service_port known = { .listening = true };

        for (size_t w = 0; w < ARRAY_SIZE(services->listening.words); w++) {
                for (uint64_t bits = services->listening.words[w]; bits; bits &= bits - 1) {
                        known.port = (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(bits));
                        services_listener(services, known.port, &known.listener);
                        fn(&known, userdata);
                }
        }
        known.listening = false;
        for (size_t i = 0; i < services->n_gone; i++) {
                known.port = services->gone[i].port;
                known.used = port_set_has(&services->used, known.port);
                known.since_usec = known.used ? 0 : services->gone[i].since_usec;
                services_listener(services, known.port, &known.listener);
                fn(&known, userdata);
        }
}

int services_restore(struct services *services, const struct service_port *port)
{
        const struct sockrec record = { .local_port = port->port,
                                        .cgroup_id = port->listener.cgroup_id,
                                        .uid = port->listener.uid,
                                        .inode = port->listener.inode,
                                        .have = port->listener.known ? SOCKREC_OWNER : 0 };
        int r = 0;

        if (is_remembered(port->port, services))
                return -EEXIST;
        if (port->listening)
                port_set_add(&services->listening, port->port);
        else
                r = remember_gone(services, port->port, port->since_usec);
        if (r < 0)
                return r;
        port_set_add(&services->side.serving, port->port);
        if (!port->listening && port->used)
                port_set_add(&services->used, port->port);
        listeners_see(&services->listeners, &record, false);
        return 0;
}

enum port_side services_side(const struct services *services, uint16_t local_port,
                             uint16_t remote_port)
{
        return side_of(&services->side, local_port, remote_port);
}

const struct side_rule *services_side_rule(const struct services *services)
{
        return &services->side;
}

struct port_key services_classify(struct services *services, uint16_t local_port,
                                  uint16_t remote_port)
{
        enum port_side side;

        if (services->n_gone > 0)
                services_keep(services, local_port);
        side = services_side(services, local_port, remote_port);
        return (struct port_key){ .port = side == SIDE_LOCAL ? local_port : remote_port,
                                  .side = (uint8_t)side };
}

void services_outgoing(const struct services *services, uint16_t first, uint16_t last,
                       struct port_set *ret_ports)
{
        const size_t first_word = first / 64, last_word = last / 64;

        memset(ret_ports, 0, sizeof(*ret_ports));
        if (first > last)
                return;
        for (size_t w = first_word; w <= last_word; w++)
                ret_ports->words[w] = ~services->side.serving.words[w];
        ret_ports->words[first_word] &= UINT64_MAX << (first % 64);
        ret_ports->words[last_word] &= UINT64_MAX >> (63 - last % 64);
}

void services_keep(struct services *services, uint16_t local_port)
{
        if (port_set_has(&services->lately, local_port))
                port_set_add(&services->used, local_port);
}

void services_keep_waits(struct services *services, const struct sock_wait *waits, size_t n)
{
        if (services->n_gone == 0)
                return;
        for (size_t i = 0; i < n; i++)
                services_keep(services, waits[i].local_port);
}

void services_each(const struct services *services,
                   void (*fn)(uint16_t port, bool listening, void *userdata), void *userdata)
{
        for (size_t w = 0; w < ARRAY_SIZE(services->listening.words); w++) {
                uint64_t bits = services->listening.words[w] | services->lately.words[w];

                for (; bits; bits &= bits - 1) {
                        uint16_t port = (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(bits));

                        fn(port, port_set_has(&services->listening, port), userdata);
                }
        }
}
