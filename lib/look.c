/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A scan is two dumps: the listeners, then the watched states; where those are dated, and a census
 * that needs no dates is due, its other states are a third. A look at a port and a census are one
 * each. All are begun again from nothing when the kernel interrupts them, LOOK_RETRIES_MAX times;
 * what was seen by then is partial.
 *
 * A look, at a port or at the destinations, leaves the observer as it was: what scans conclude must
 * not depend on who asked what in between, and a recording has scans alone. So the census of a look
 * has a taker of its own, which is forgotten with it; rates it has from the scans.
 */

#include "look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "diag.h"
#include "hostfacts.h"
#include "netns.h"

struct look {
        struct diag *diag;
        struct observer *observer;
        struct recorder *recorder; /* NULL: nothing is recorded */
        struct proc_reader proc;
        struct kernlimits limits; /* of the scan under way */
};

/* What both dumps found out besides sockets. */
struct dumps {
        struct diag_stats stats;
        unsigned retries;
        int listeners; /* diag_dump() */
        int sockets;
};

int look_new(struct look **ret_look)
{
        struct look *look = calloc(1, sizeof(*look));
        int r;

        if (!look)
                return -ENOMEM;
        proc_reader_init(&look->proc, "/proc");
        r = diag_new(&look->diag);
        if (r == 0)
                r = observer_new(&look->observer);
        if (r < 0) {
                look_free(look);
                return r;
        }
        *ret_look = look;
        return 0;
}

struct look *look_free(struct look *look)
{
        if (look) {
                diag_free(look->diag);
                observer_free(look->observer);
                proc_reader_done(&look->proc);
        }
        free(look);
        return NULL;
}

const struct observer *look_observer(const struct look *look)
{
        return look->observer;
}

void look_set_observer(struct look *look, struct observer *observer)
{
        observer_free(look->observer);
        look->observer = observer;
}

void look_set_recorder(struct look *look, struct recorder *recorder)
{
        look->recorder = recorder;
}

static int on_listener(const struct sockrec *record, void *userdata)
{
        struct look *look = userdata;

        observer_listener(look->observer, record);
        recorder_listener(look->recorder, record);
        return 0;
}

static int on_socket(const struct sockrec *record, void *userdata)
{
        const struct look *look = userdata;

        return observer_socket(look->observer, record);
}

static int on_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        const struct look *look = userdata;

        return observer_waits(look->observer, waits, n);
}

static int on_recorded_socket(const struct sockrec *record, void *userdata)
{
        struct look *look = userdata;

        if (SOCK_MASK(record->state) & OBSERVER_STATES)
                recorder_socket(look->recorder, record);
        return observer_socket(look->observer, record);
}

/* The recorder is not asked for each of a million sockets whether it is there. */
static int dump_once(struct look *look, uint32_t states, bool info, struct diag_stats *stats)
{
        const struct diagmsg_sink sink = { .fn = look->recorder ? on_recorded_socket : on_socket,
                                           .waits_fn = on_waits,
                                           .whole = observer_whole_waits(look->observer),
                                           .userdata = look };

        return diag_dump(look->diag, states, info, &sink, stats);
}

/*
 * Sockets with tcp_info and those without are a walk each, and every socket is in one of them: what
 * tcp_info of some 100,000 established ones costs, which nobody asks for when only sockets in
 * CLOSE_WAIT are to be dated, is several times a walk over them.
 */
static int dump_states(struct look *look, uint32_t states, struct diag_stats *stats)
{
        const uint32_t with_info = states & observer_info_states(look->observer);
        int r = with_info ? dump_once(look, with_info, true, stats) : 0;

        if (r == 0 && (states & ~with_info))
                r = dump_once(look, states & ~with_info, false, stats);
        return r;
}

/* Interrupted, and another attempt may do better. */
static bool shall_retry(int r, unsigned attempt, struct dumps *dumps)
{
        if (r != DIAG_INTERRUPTED || attempt == LOOK_RETRIES_MAX || dumps->stats.malformed > 0)
                return false;
        dumps->retries++;
        return true;
}

static void dump_listeners(struct look *look, struct dumps *dumps)
{
        const struct diagmsg_sink sink = { .fn = on_listener, .userdata = look };
        unsigned attempt = 0;

        do {
                observer_begin_listeners(look->observer);
                recorder_begin_listeners(look->recorder);
                dumps->listeners =
                        diag_dump(look->diag, SOCK_MASK(SOCK_LISTEN), false, &sink, &dumps->stats);
        } while (shall_retry(dumps->listeners, attempt++, dumps));
        observer_end_listeners(look->observer, dumps->listeners == 0);
        recorder_end_listeners(look->recorder, dumps->listeners == 0);
}

static void dump_sockets(struct look *look, struct dumps *dumps)
{
        bool info; /* of which states: observer_info_states() */
        const uint32_t states = observer_plan(look->observer, &info);
        unsigned attempt = 0;

        if (states & ~OBSERVER_STATES) { /* a census */
                kernlimits_read_rest(&look->proc, &look->limits);
                observer_set_limits(look->observer, &look->limits);
        }
        do {
                observer_begin_sockets(look->observer);
                recorder_begin_sockets(look->recorder);
                dumps->sockets = dump_states(look, states, &dumps->stats);
        } while (shall_retry(dumps->sockets, attempt++, dumps));
        recorder_end_sockets(look->recorder, dumps->sockets == 0);
}

static void set_host(struct look *look)
{
        struct host_facts facts;
        const struct kernlimits *limits = &facts.limits;

        host_facts_read(&look->proc, &facts);
        look->limits = facts.limits;
        observer_set_host(look->observer, &facts);
        if (!limits->port_range_known)
                return;
        observer_set_port_range(look->observer, limits->port_first, limits->port_last);
        recorder_port_range(look->recorder, limits->port_first, limits->port_last);
}

static void set_failed(int error, struct scan_outcome *outcome)
{
        outcome->result = SCAN_FAILED;
        outcome->error = error;
        if (error == -ENOENT)
                snprintf(outcome->error_text, sizeof(outcome->error_text),
                         "the kernel cannot list TCP sockets: no tcp_diag module "
                         "(CONFIG_INET_TCP_DIAG; modprobe tcp_diag)");
        else
                snprintf(outcome->error_text, sizeof(outcome->error_text),
                         "listing TCP sockets failed: %s", strerror(-error));
}

static void set_partial(struct scan_outcome *outcome)
{
        outcome->result = SCAN_PARTIAL;
        if (outcome->malformed > 0)
                snprintf(outcome->error_text, sizeof(outcome->error_text),
                         "%" PRIu64 " of the kernel's messages were not understood",
                         outcome->malformed);
        else
                snprintf(outcome->error_text, sizeof(outcome->error_text),
                         "the listing of TCP sockets was interrupted %d times in a row",
                         LOOK_RETRIES_MAX + 1);
}

/* The worse of both dumps. */
static struct scan_outcome outcome_of(const struct dumps *dumps)
{
        struct scan_outcome outcome = { .sockets_whole = dumps->sockets == 0,
                                        .retries = dumps->retries,
                                        .messages = dumps->stats.messages,
                                        .bytes = dumps->stats.bytes,
                                        .malformed = dumps->stats.malformed };
        const int error = MIN(dumps->listeners, dumps->sockets);

        if (error < 0)
                set_failed(error, &outcome);
        else if (dumps->listeners == DIAG_INTERRUPTED || dumps->sockets == DIAG_INTERRUPTED)
                set_partial(&outcome);
        return outcome;
}

int look_scan(struct look *look, const struct scan_request *request, struct snapshot **ret_snapshot)
{
        struct dumps dumps = { 0 };
        struct scan_outcome outcome;

        observer_begin(look->observer, request);
        recorder_begin(look->recorder);
        set_host(look);
        dump_listeners(look, &dumps);
        dump_sockets(look, &dumps);
        outcome = outcome_of(&dumps);
        return observer_finish(look->observer, &outcome, ret_snapshot);
}

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
        } while (shall_retry(r, attempt++, &dumps));
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
        } while (shall_retry(r, attempt++, &dumps));
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

int look_failed(const struct scan_request *request, int error, struct snapshot **ret_snapshot)
{
        struct scan_outcome outcome = { 0 };

        set_failed(error, &outcome);
        return observer_failed(request, &outcome, ret_snapshot);
}

int look_once(const struct scan_request *request, struct snapshot **ret_snapshot)
{
        struct look *look;
        int r = look_new(&look);

        if (r < 0)
                return r;
        r = look_scan(look, request, ret_snapshot);
        look_free(look);
        return r;
}
