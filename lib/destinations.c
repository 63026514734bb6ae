/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What uses a local port: a connection whose local port lies in ip_local_port_range and that this
 * host has opened (services_outgoing() says from which ports). A TIME_WAIT that connect() takes
 * over is no use of a port but reusable; tcp_tw_reuse and timestamps say which those are, as in the
 * kernel's tcp_twsk_unique(). Where a setting is not known, nothing is taken for reusable.
 *
 * That function asks for one thing more: the peer must have sent timestamps as well, and nothing
 * tells of a TIME_WAIT whether it did. Almost every peer does. Towards one that does not, ports are
 * taken for reusable that connect() leaves alone, and used is too small by them.
 *
 * What can be used: the range without the reserved ports and without those that have a listener,
 * because connect() leaves alone a port that somebody has bound, whatever the address. A listener on
 * a reserved port is taken off twice: the kernel's list is not at hand here, and a few ports too
 * few are the safe side.
 */

#include "destinations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "burn.h"
#include "destinationguard.h"

#define TIME_WAIT_MSEC 60000
#define REUSE_ON       1
#define REUSE_LOOPBACK 2

/* What is remembered of a listed destination from walk to walk. */
struct track {
        struct port_key port;
        struct destination destination;
        struct burn burn;
        struct port_witness witness;
};

struct destinations {
        struct destination_table table;
        const struct destination_entry *order[DESTINATIONS_TRACKED_MAX];
        const struct census_request *request;
        struct track tracks[CENSUS_DESTINATIONS_MAX]; /* in key order */
        struct track next[CENSUS_DESTINATIONS_MAX];
        size_t n_tracks;
        struct port_set ports; /* local ones, from which connections are outgoing */
        struct destination_guard guard;
};

int destinations_new(struct destinations **ret_destinations)
{
        struct destinations *destinations = calloc(1, sizeof(*destinations));

        if (!destinations)
                return -ENOMEM;
        *ret_destinations = destinations;
        return 0;
}

struct destinations *destinations_free(struct destinations *destinations)
{
        free(destinations);
        return NULL;
}

void destinations_begin(struct destinations *destinations, const struct census_request *request)
{
        const struct kernlimits *limits = &request->host->limits;

        destinations->request = request;
        destination_table_clear(&destinations->table);
        if (limits->port_range_known)
                services_outgoing(request->services, limits->port_first, limits->port_last,
                                  &destinations->ports);
        else
                memset(&destinations->ports, 0, sizeof(destinations->ports));
}

const struct port_set *destinations_ports(const struct destinations *destinations)
{
        return &destinations->ports;
}

static bool is_loopback(uint8_t family, const struct sock_addr *address)
{
        static const struct sock_addr loopback = { .bytes = { [15] = 1 } };

        if (family == ADDR_IPV4)
                return address->bytes[0] == 127;
        return memcmp(address, &loopback, sizeof(loopback)) == 0;
}

/* The kernel lets one end on the loopback be enough. */
static bool is_reusable(const struct kernlimits *limits, const struct sockrec *record)
{
        if (record->state != SOCK_TIME_WAIT || limits->timestamps < 1 ||
            limits->tw_reuse_delay_msec < 0)
                return false;
        if ((int64_t)record->expires_msec + limits->tw_reuse_delay_msec > TIME_WAIT_MSEC)
                return false;
        if (limits->tw_reuse == REUSE_LOOPBACK)
                return is_loopback(record->family, &record->local) ||
                       is_loopback(record->family, &record->remote);
        return limits->tw_reuse == REUSE_ON;
}

static struct port_witness witness_of(const struct sockrec *record)
{
        const uint64_t cgroup_id = record->have & SOCKREC_CGROUP ? record->cgroup_id : 0;

        if (!(record->have & SOCKREC_OWNER) || (record->inode == 0 && cgroup_id == 0))
                return (struct port_witness){ 0 };
        return (struct port_witness){
                .known = true, .cgroup_id = cgroup_id, .uid = record->uid, .inode = record->inode
        };
}

void destinations_add(struct destinations *destinations, const struct sockrec *record)
{
        const struct census_request *request = destinations->request;
        const struct destination destination = { .source = record->local,
                                                 .address = record->remote,
                                                 .family = record->family };
        const struct port_key key = { .netns = record->netns,
                                      .side = SIDE_REMOTE,
                                      .port = record->remote_port };
        struct port_witness witness;

        if (!port_set_has(&destinations->ports, record->local_port))
                return;
        witness = witness_of(record);
        destination_table_add(&destinations->table, &key, &destination,
                              is_reusable(&request->host->limits, record), &witness);
}

struct listeners_in_range {
        const struct kernlimits *limits;
        uint32_t n;
};

static void count_listener(uint16_t port, bool listening, void *userdata)
{
        struct listeners_in_range *count = userdata;

        count->n += listening && kernlimits_is_ephemeral(count->limits, port);
}

/* 0: unknown. A range without a usable port has no place for connect() at all, and no percentage. */
static uint32_t count_usable(const struct census_request *request)
{
        const struct kernlimits *limits = &request->host->limits;
        struct listeners_in_range listeners = { .limits = limits };
        int64_t usable;

        if (!limits->port_range_known || limits->reserved_in_range < 0)
                return 0;
        services_each(request->services, count_listener, &listeners);
        usable = (int64_t)limits->port_last - limits->port_first + 1 - limits->reserved_in_range -
                 listeners.n;
        return usable > 0 ? (uint32_t)usable : 0;
}

/* Most used first; for qsort() of pointers. */
static int compare_use(const void *a, const void *b)
{
        const struct destination_entry *x = *(const struct destination_entry *const *)a;
        const struct destination_entry *y = *(const struct destination_entry *const *)b;
        int r;

        if (x->used != y->used)
                return x->used < y->used ? 1 : -1;
        if (x->reusable != y->reusable)
                return x->reusable < y->reusable ? 1 : -1;
        r = port_key_compare(&x->port, &y->port);
        return r != 0 ? r : destination_compare(&x->destination, &y->destination);
}

static int compare_tracks(const void *a, const void *b)
{
        const struct track *x = a, *y = b;
        const int r = port_key_compare(&x->port, &y->port);

        return r != 0 ? r : destination_compare(&x->destination, &y->destination);
}

/* What is known of a destination from before. */
static struct track recall(const struct destinations *destinations,
                           const struct destination_entry *entry)
{
        const struct track key = { .port = entry->port, .destination = entry->destination };
        const struct track *found = bsearch(&key, destinations->tracks, destinations->n_tracks,
                                            sizeof(key), compare_tracks);

        return found ? *found : key;
}

static void tell_burn(const struct burn *burn, struct exhaustion *exhaustion)
{
        double per_usec;

        if (burn_rate(burn, &per_usec))
                exhaustion_set_burn(exhaustion, per_usec * 60e6);
}

static void fill_row(struct destinations *destinations, const struct census *census,
                     const struct destination_entry *entry, struct destination_row *row)
{
        struct track track = recall(destinations, entry);

        *row = (struct destination_row){
                .port = entry->port,
                .destination = entry->destination,
                .exhaustion = { .known = true,
                                .used = entry->used,
                                .reusable = entry->reusable,
                                .usable = census->usable,
                                .error_max = entry->error,
                                .pause_usec = destinations->request->interval_usec },
                .witness = entry->witness
        };
        if (census->whole) {
                burn_add(&track.burn, census->asof_usec, entry->used);
                tell_burn(&track.burn, &row->exhaustion);
        }
        if (entry->witness.known)
                track.witness = entry->witness;
        else
                row->witness = track.witness; /* who had sockets of it open at an earlier walk */
        destinations->next[census->n_destinations - 1] = track;
}

static void keep_tracks(struct destinations *destinations, size_t n)
{
        qsort(destinations->next, n, sizeof(destinations->next[0]), compare_tracks);
        memcpy(destinations->tracks, destinations->next, n * sizeof(destinations->next[0]));
        destinations->n_tracks = n;
}

int destinations_end(struct destinations *destinations, struct census *census)
{
        const struct destination_table *table = &destinations->table;
        const struct census_request *request = destinations->request;
        const size_t n = MIN((size_t)table->n, (size_t)CENSUS_DESTINATIONS_MAX);

        census->destinations = n > 0 ? calloc(n, sizeof(*census->destinations)) : NULL;
        if (n > 0 && !census->destinations)
                return -ENOMEM;
        census->destinations_total = table->n;
        census->error_max = table->floor;
        census->usable = count_usable(request);
        if (census->whole)
                destination_guard_begin(&destinations->guard, request, census->usable,
                                        table->floor);
        for (size_t i = 0; i < table->n; i++) {
                destinations->order[i] = &table->entries[i];
                if (census->whole)
                        destination_guard_see(&destinations->guard, request, census->usable,
                                              &table->entries[i]);
        }
        qsort(destinations->order, table->n, sizeof(destinations->order[0]), compare_use);
        while (census->n_destinations < n) {
                const size_t i = census->n_destinations++;

                fill_row(destinations, census, destinations->order[i], &census->destinations[i]);
        }
        if (census->whole)
                keep_tracks(destinations, n);
        return 0;
}

bool destinations_may_be_near(struct destinations *destinations,
                              const struct census_request *request)
{
        return destination_guard_is_due(&destinations->guard, request, count_usable(request));
}

bool destinations_are_near(const struct destinations *destinations, uint64_t now_usec)
{
        return destination_guard_is_near(&destinations->guard, now_usec);
}
