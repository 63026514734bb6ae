/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A record counts where its own port or, failing that, its peer's is the one that was asked about.
 * Which side it is on may be unknown until the port's listener comes by, which need not be first
 * (one dump per family has the IPv6 listeners after the IPv4 connections). So clients are counted
 * apart, and handed to the service at the end if there is a listener.
 *
 * Owners are looked for by whoever holds the finished look, at some cost for each, so witnesses are
 * told apart here and those that say most come first: who holds the connections of each side, the
 * first listener, what is in the way of bind(), then further listeners.
 */

#include "portlook.h"

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "halfopen.h"
#include "units.h"

/* How much a socket says about who holds a side; greater is better. */
enum {
        WITNESS_NONE,
        WITNESS_LISTENER, /* one that was remembered */
        WITNESS_CONNECTION,
        WITNESS_CLOSE_WAIT, /* and its age */
};

void portlook_set_silence(struct portlook_request *request, const struct rules *rules)
{
        const struct port_key keys[PORTLOOK_SIDES] = {
                [PORTLOOK_LOCAL] = { .side = SIDE_LOCAL, .port = request->port },
                [PORTLOOK_REMOTE] = { .side = SIDE_REMOTE, .port = request->port },
                [PORTLOOK_CLIENT] = { .side = SIDE_REMOTE }, /* 0: has no exception */
        };

        for (size_t i = 0; i < PORTLOOK_SIDES; i++) {
                const struct rule *rule = rules_governing(rules, ALERT_HALF_OPEN, &keys[i]);

                request->silent_after_usec[i] = rule ? rule->silent_after_usec : 0;
        }
}

struct portlook *portlook_free(struct portlook *look)
{
        free(look);
        return NULL;
}

int portlook_new(const struct portlook_request *request, struct portlook **ret_look)
{
        struct portlook *look = calloc(1, sizeof(*look));

        if (!look)
                return -ENOMEM;
        portlook_begin(look, request);
        *ret_look = look;
        return 0;
}

void portlook_begin(struct portlook *look, const struct portlook_request *request)
{
        *look = (struct portlook){ .port = request->port,
                                   .seen_usec = request->now_usec,
                                   .seen_wall_usec = request->now_wall_usec,
                                   .limits = *request->limits };
        memcpy(look->silent_after_usec, request->silent_after_usec,
               sizeof(look->silent_after_usec));
        services_listener(request->services, request->port, &look->witness[PORTLOOK_LOCAL]);
        if (look->witness[PORTLOOK_LOCAL].known)
                look->witness_worth[PORTLOOK_LOCAL] = WITNESS_LISTENER;
}

/* ---- sockets ---- */

static struct port_witness witness_of(const struct sockrec *record)
{
        const bool has_owner = (record->have & SOCKREC_OWNER) != 0;
        const bool has_cgroup = (record->have & SOCKREC_CGROUP) != 0;

        return (struct port_witness){ .cgroup_id = has_cgroup ? record->cgroup_id : 0,
                                      .uid = has_owner ? record->uid : 0,
                                      .inode = has_owner ? record->inode : 0,
                                      .known = has_owner };
}

static enum bind_family family_of(const struct sockrec *record)
{
        if (record->family == ADDR_IPV4)
                return BIND_IPV4;
        return (record->have & SOCKREC_V6ONLY) && !record->v6only ? BIND_DUAL : BIND_IPV6;
}

static bool is_listed(const struct portlook *look, const struct port_witness *witness)
{
        for (size_t i = 0; i < look->n_listeners; i++)
                if (witness->inode != 0 && look->listener_witness[i].inode == witness->inode)
                        return true;
        return false;
}

static void add_listener(struct portlook *look, const struct sockrec *record)
{
        const struct port_witness witness = witness_of(record);

        if (is_listed(look, &witness))
                return;
        look->listeners_total++;
        if (look->n_listeners == PORTLOOK_LISTENERS_MAX)
                return;
        look->listener_witness[look->n_listeners] = witness;
        look->listeners[look->n_listeners++] =
                (struct portlook_listener){ .family = family_of(record),
                                            .address = record->local,
                                            .backlog = record->receive_queue,
                                            .backlog_max = record->send_queue };
}

static uint64_t close_wait_age(const struct portlook_request *request, const struct sockrec *record,
                               bool *ret_at_least)
{
        uint64_t usec;

        if (request->age && request->age(request->userdata, record->cookie, &usec, ret_at_least))
                return usec;
        *ret_at_least = true;
        return record->have & SOCKREC_INFO ? record->last_ack_recv_msec * USEC_PER_MSEC : 0;
}

static void count_close_wait(struct portlook_connections *connections, const struct sockrec *record,
                             uint64_t age_usec, bool at_least)
{
        connections->stage[close_wait_stage(record)]++;
        if (age_usec > connections->oldest_usec) {
                connections->oldest_usec = age_usec;
                connections->oldest_at_least = at_least;
        }
}

/* No file, and closing: a program that has it, or is yet to accept it, is not what is waited for. */
static bool is_orphan(const struct sockrec *record)
{
        if (!(record->have & SOCKREC_OWNER) || record->inode != 0)
                return false;
        return record->state == SOCK_FIN_WAIT1 || record->state == SOCK_FIN_WAIT2 ||
               record->state == SOCK_LAST_ACK || record->state == SOCK_CLOSING;
}

static void see_witness(struct portlook *look, enum portlook_side side,
                        const struct sockrec *record, uint64_t worth)
{
        const struct port_witness witness = witness_of(record);

        if (!witness.known || witness.inode == 0 || worth <= look->witness_worth[side])
                return;
        look->witness[side] = witness;
        look->witness_worth[side] = worth;
}

static void count(struct portlook *look, enum portlook_side side,
                  const struct portlook_request *request, const struct sockrec *record)
{
        struct portlook_connections *connections = &look->sides[side];
        uint64_t worth = WITNESS_CONNECTION;

        connections->total++;
        connections->count[record->state]++;
        connections->orphans += is_orphan(record);
        if (record->state == SOCK_TIME_WAIT)
                connections->time_wait_last_msec =
                        MAX(connections->time_wait_last_msec, record->expires_msec);
        half_open_count(&connections->half_open, record, request->silent_after_usec[side]);
        if (side == PORTLOOK_CLIENT)
                half_open_count(&look->client_as_local, record,
                                request->silent_after_usec[PORTLOOK_LOCAL]);
        if (record->state == SOCK_CLOSE_WAIT) {
                bool at_least = false;
                const uint64_t age_usec = close_wait_age(request, record, &at_least);

                count_close_wait(connections, record, age_usec, at_least);
                worth = WITNESS_CLOSE_WAIT + age_usec;
        }
        see_witness(look, side, record, worth);
}

void portlook_add(struct portlook *look, const struct portlook_request *request,
                  const struct sockrec *record)
{
        const bool is_own = record->local_port == look->port;
        enum port_side side;

        if (record->state == SOCK_LISTEN || record->state == SOCK_CLOSE ||
            record->state == SOCK_BOUND) {
                if (!is_own)
                        return;
                if (record->state == SOCK_LISTEN)
                        add_listener(look, record);
                bind_claims_add(&look->claims, record, false);
                return;
        }
        side = services_side(request->services, record->local_port, record->remote_port);
        if (is_own) {
                bind_claims_add(&look->claims, record, side == SIDE_REMOTE);
                count(look, side == SIDE_LOCAL ? PORTLOOK_LOCAL : PORTLOOK_CLIENT, request, record);
        } else if (record->remote_port == look->port && side == SIDE_REMOTE) {
                count(look, PORTLOOK_REMOTE, request, record);
        }
}

/* ---- the end ---- */

static void add_half_open(struct half_open *sum, const struct half_open *part)
{
        sum->established += part->established;
        sum->keepalive += part->keepalive;
        sum->busy += part->busy;
        sum->silent += part->silent;
        sum->unanswered += part->unanswered;
        sum->oldest_usec = MAX(sum->oldest_usec, part->oldest_usec);
}

/* The port has a listener, so there are no clients on it. */
static void serve(struct portlook *look)
{
        struct portlook_connections *service = &look->sides[PORTLOOK_LOCAL];
        struct portlook_connections *client = &look->sides[PORTLOOK_CLIENT];

        service->total += client->total;
        service->orphans += client->orphans;
        for (size_t i = 0; i < SOCK_STATE_COUNT; i++)
                service->count[i] += client->count[i];
        for (size_t i = 0; i < STAGE_COUNT; i++)
                service->stage[i] += client->stage[i];
        if (client->oldest_usec > service->oldest_usec) {
                service->oldest_usec = client->oldest_usec;
                service->oldest_at_least = client->oldest_at_least;
        }
        service->time_wait_last_msec =
                MAX(service->time_wait_last_msec, client->time_wait_last_msec);
        add_half_open(&service->half_open, &look->client_as_local);
        if (look->witness_worth[PORTLOOK_CLIENT] > look->witness_worth[PORTLOOK_LOCAL]) {
                look->witness[PORTLOOK_LOCAL] = look->witness[PORTLOOK_CLIENT];
                look->witness_worth[PORTLOOK_LOCAL] = look->witness_worth[PORTLOOK_CLIENT];
        }
        *client = (struct portlook_connections){ .total = 0 };
        bind_claims_serve(&look->claims);
}

/* Position + 1; 0: there is nobody to ask for, or no room. */
static size_t owner_for(struct portlook *look, const struct port_witness *witness)
{
        if (!witness->known || (witness->inode == 0 && witness->cgroup_id == 0))
                return 0;
        for (size_t i = 0; i < look->n_owners; i++)
                if (port_witness_equal(&look->owners[i].witness, witness))
                        return i + 1;
        if (look->n_owners == PORTLOOK_OWNERS_MAX)
                return 0;
        look->owners[look->n_owners].witness = *witness;
        owner_clear(&look->owners[look->n_owners].owner);
        return ++look->n_owners;
}

/* Connections that name nobody (never accepted, TIME_WAIT) are the listener's, now or lately. */
static void ask_for_sides(struct portlook *look)
{
        if (look->witness_worth[PORTLOOK_LOCAL] <= WITNESS_LISTENER && look->n_listeners > 0) {
                look->witness[PORTLOOK_LOCAL] = look->listener_witness[0];
                look->witness[PORTLOOK_LOCAL].by_listener = true;
        }
        for (size_t i = 0; i < PORTLOOK_SIDES; i++)
                if (look->sides[i].total > 0)
                        look->sides[i].owner = owner_for(look, &look->witness[i]);
}

static void ask_for_claims(struct portlook *look)
{
        for (size_t i = 0; i < look->claims.n; i++) {
                const struct bind_claim *claim = &look->claims.items[i];
                const struct port_witness witness = { .cgroup_id = claim->cgroup_id,
                                                      .uid = claim->uid,
                                                      .inode = claim->inode,
                                                      .known = claim->uid_known };

                look->claim_owner[i] = owner_for(look, &witness);
        }
}

static void ask_for_listeners(struct portlook *look, size_t from, size_t to)
{
        for (size_t i = from; i < MIN(to, look->n_listeners); i++)
                look->listeners[i].owner = owner_for(look, &look->listener_witness[i]);
}

static void end_half_open(struct half_open *half_open, const struct kernlimits *limits)
{
        half_open->known = half_open->established > 0;
        half_open->default_usec = kernlimits_keepalive_usec(limits);
}

void portlook_end(struct portlook *look, bool whole, bool bound_known)
{
        look->whole = whole;
        look->claims.whole = whole;
        look->claims.bound_known = bound_known;
        for (size_t i = 0; i < look->claims.n; i++)
                if (look->claims.items[i].kind == CLAIM_BOUND)
                        look->claims.bound_known = true;
        if (look->listeners_total > 0)
                serve(look);
        for (size_t i = 0; i < PORTLOOK_SIDES; i++)
                end_half_open(&look->sides[i].half_open, &look->limits);
        ask_for_sides(look);
        ask_for_listeners(look, 0, 1);
        ask_for_claims(look);
        ask_for_listeners(look, 1, PORTLOOK_LISTENERS_MAX);
}
