/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A look at a port, or at the destinations, is one dump, begun again from nothing when the kernel
 * interrupts it.
 *
 * A look, at a port or at the destinations, leaves the observer as it was: what scans conclude must
 * not depend on who asked what in between, and a recording has scans alone. So the census of a look
 * has a taker of its own, which is forgotten with it; rates it has from the scans.
 */

#include "look-private.h"

#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "hostfacts.h"
#include "netns.h"

/* What a look at a port is made with, for its callbacks. */
struct port_work {
        const struct observer *observer;
        struct portlook *portlook;
        struct portlook_request request;
};

static bool age_of(void *userdata, uint64_t cookie, uint64_t *ret_usec, bool *ret_at_least)
{
        const struct port_work *work = userdata;

        return observer_age(work->observer, cookie, work->request.now_usec, ret_usec, ret_at_least);
}

static int on_port_socket(const struct sockrec *record, void *userdata)
{
        struct port_work *work = userdata;

        portlook_add(work->portlook, &work->request, record);
        return 0;
}

static int dump_port(struct look *look, struct port_work *work)
{
        const struct diagmsg_sink sink = { .fn = on_port_socket, .userdata = work };
        struct dumps dumps = { 0 };
        unsigned attempt = 0;
        int r;

        do {
                portlook_begin(work->portlook, &work->request);
                r = diag_dump_port(look->diag, work->request.port, &sink, &dumps.stats);
        } while (look_shall_retry(r, attempt++, &dumps));
        return r;
}

int look_port(struct look *look, uint16_t port, const struct scan_request *request,
              struct portlook **ret_portlook)
{
        struct kernlimits limits;
        struct port_set reserved;
        struct port_work work = { .observer = look->observer };
        int r;

        kernlimits_read(&look->proc, &limits);
        work.request = (struct portlook_request){
                .port = port,
                .now_usec = request->now_usec,
                .now_wall_usec = request->now_wall_usec,
                .services = observer_services(look->observer),
                .limits = &limits,
                .age = age_of,
                .userdata = &work,
        };
        portlook_set_silence(&work.request, request->rules);
        r = portlook_new(&work.request, &work.portlook);
        if (r < 0)
                return r;
        r = dump_port(look, &work);
        if (r < 0) {
                portlook_free(work.portlook);
                return r;
        }
        work.portlook->reserved_known = kernlimits_read_reserved(&look->proc, &reserved);
        work.portlook->reserved = work.portlook->reserved_known && port_set_has(&reserved, port);
        work.portlook->netns = netns_id("/proc");
        portlook_end(work.portlook, r == 0, diag_lists_bound());
        *ret_portlook = work.portlook;
        return 0;
}

static int on_census_socket(const struct sockrec *record, void *userdata)
{
        struct census_taker *taker = userdata;

        return census_taker_add(taker, record);
}

static int leave_out(const struct sock_wait *waits, size_t n, void *userdata)
{
        (void)waits;
        (void)n;
        (void)userdata;
        return 0;
}

/* Interrupted every time: a census that is not whole. */
static int take_census(struct look *look, struct census_taker *taker,
                       const struct census_request *request, struct census **ret_census)
{
        struct diagmsg_sink sink = { .fn = on_census_socket,
                                     .waits_fn = leave_out,
                                     .userdata = taker };
        struct dumps dumps = { 0 };
        unsigned attempt = 0;
        int r;

        census_taker_want_destinations(taker);
        do {
                census_taker_begin(taker, request);
                sink.whole = census_taker_waits(taker);
                r = diag_dump(look->diag, CENSUS_STATES, false, &sink, &dumps.stats);
        } while (look_shall_retry(r, attempt++, &dumps));
        return r < 0 ? r : census_taker_end(taker, r == 0, ret_census);
}

int look_census(struct look *look, const struct scan_request *request, struct census **ret_census,
                struct kernlimits *ret_limits)
{
        const struct observer *observer = look->observer;
        struct census_request census_request;
        struct census_taker *taker;
        struct host_facts facts;
        struct census *census;
        int r = census_taker_new(&taker);

        if (r < 0)
                return r;
        host_facts_read(&look->proc, &facts);
        kernlimits_read_rest(&look->proc, &facts.limits);
        observer_ask_census(observer, request, &facts, &census_request);
        r = take_census(look, taker, &census_request, &census);
        census_taker_free(taker);
        if (r < 0)
                return r;
        census_recall(census, observer_census(observer));
        *ret_census = census;
        *ret_limits = facts.limits;
        return 0;
}
