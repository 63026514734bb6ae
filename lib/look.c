/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A scan is two dumps: the listeners, then the watched states. Where those are to be dated, the few
 * that are new are asked for one by one. Where they may be many (at first, where the ledger is full,
 * where a scan has found a crowd) the dump asks of all, and the other states of a census that needs no
 * dates are a third. All are begun again from nothing when the kernel interrupts them,
 * LOOK_RETRIES_MAX times; what was seen by then is partial.
 */

#include "look-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "hostfacts.h"

#define ASK_ALL (-EOVERFLOW) /* the walk is given up for one that asks for tcp_info of all */

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
                undated_clear(&look->undated);
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

static int show_socket(struct look *look, const struct sockrec *record)
{
        if (look->recorder && (SOCK_MASK(record->state) & OBSERVER_STATES))
                recorder_socket(look->recorder, record);
        return observer_socket(look->observer, record);
}

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct look *look = userdata;

        if (observer_is_undated(look->observer, record)) {
                look->n_new++;
                if (look->asks)
                        return undated_add(&look->undated, record) ? 0 : ASK_ALL;
        }
        return show_socket(look, record);
}

static int on_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        const struct look *look = userdata;

        return observer_waits(look->observer, waits, n);
}

static int dump_once(struct look *look, uint32_t states, bool info, struct diag_stats *stats)
{
        const struct diagmsg_sink sink = { .fn = on_socket,
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
static int dump_states(struct look *look, uint32_t states, uint32_t with_info,
                       struct diag_stats *stats)
{
        int r = with_info ? dump_once(look, with_info, true, stats) : 0;

        if (r == 0 && (states & ~with_info))
                r = dump_once(look, states & ~with_info, false, stats);
        return r;
}

/*
 * One that is gone, or has moved on, is shown as the walk has shown it. Their ages are as of now, at
 * the end of the walk, and counted from its beginning: too great by what it took.
 */
static int show_undated(struct look *look)
{
        for (size_t i = 0; i < look->undated.n; i++) {
                const struct sockrec *record = &look->undated.items[i];
                struct sockrec dated;
                int r = diag_ask(look->diag, record, &dated);

                if (r < 0 && r != -ENOENT)
                        return ASK_ALL;
                if (r == -ENOENT || dated.cookie != record->cookie ||
                    dated.state != SOCK_CLOSE_WAIT)
                        dated = *record;
                r = show_socket(look, &dated);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* From nothing. */
static int dump_anew(struct look *look, uint32_t states, uint32_t with_info,
                     struct diag_stats *stats)
{
        int r, shown;

        observer_begin_sockets(look->observer);
        recorder_begin_sockets(look->recorder);
        look->n_new = 0;
        look->asks = !(with_info & SOCK_MASK(SOCK_CLOSE_WAIT));
        r = dump_states(look, states, with_info, stats);
        shown = r >= 0 ? show_undated(look) : 0;
        undated_clear(&look->undated);
        return shown < 0 ? shown : r;
}

/*
 * Which sockets are new, and to be dated, is not known before the walk: they are put aside and asked
 * for one by one, which costs less than tcp_info of all. Where they are too many for that, all are
 * asked, at once where the scan before has found a crowd.
 */
static int dump_dated(struct look *look, uint32_t states, bool dated, struct dumps *dumps)
{
        const uint32_t watched = states & OBSERVER_STATES;
        const uint32_t planned = states & observer_info_states(look->observer);
        const uint32_t with_info = planned | (dated && look->crowd ? watched : 0);
        int r = dump_anew(look, states, with_info, &dumps->stats);

        if (r == ASK_ALL) {
                dumps->retries++;
                r = dump_anew(look, states, with_info | watched, &dumps->stats);
        }
        if (dated && !(planned & watched)) /* that all were new at first is no crowd */
                look->crowd = look->n_new > UNDATED_MAX / 2;
        return r;
}

bool look_shall_retry(int r, unsigned attempt, struct dumps *dumps)
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
        } while (look_shall_retry(dumps->listeners, attempt++, dumps));
        observer_end_listeners(look->observer, dumps->listeners == 0);
        recorder_end_listeners(look->recorder, dumps->listeners == 0);
}

static void dump_sockets(struct look *look, struct dumps *dumps)
{
        bool dated;
        const uint32_t states = observer_plan(look->observer, &dated);
        unsigned attempt = 0;

        if (states & ~OBSERVER_STATES) { /* a census */
                kernlimits_read_rest(&look->proc, &look->limits);
                observer_set_limits(look->observer, &look->limits);
        }
        do {
                dumps->sockets = dump_dated(look, states, dated, dumps);
        } while (look_shall_retry(dumps->sockets, attempt++, dumps));
        recorder_end_sockets(look->recorder, dumps->sockets == 0);
}

static void set_host(struct look *look)
{
        struct host_facts facts;
        const struct kernlimits *limits = &facts.limits;

        host_facts_read(&look->proc, &facts);
        if (observer_wants_counters(look->observer, &facts))
                host_facts_read_counters(&look->proc, &facts);
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
