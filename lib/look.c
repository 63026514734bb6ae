/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The order matters: listeners first, because they decide on which side the connections count. Both
 * dumps are begun again from nothing when the kernel interrupts them, LOOK_RETRIES_MAX times; after
 * that what was seen is published as partial: lower bounds, from which nothing is concluded that
 * only a whole scan can prove (no age ends, no alert clears).
 */

#include "look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "diag.h"
#include "kernlimits.h"
#include "ledger.h"
#include "service.h"
#include "tally.h"

#define WATCHED_STATES (SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT))

struct look {
        struct diag *diag;
        struct services *services;
        struct ledger *ledger;
        struct tally *tally;
        uint64_t asof_usec[SOCK_STATE_COUNT];
        struct snapshot *last; /* the last one with counts of its own; NULL: none yet */
};

/* What one scan found out besides the counts. */
struct outcome {
        struct diag_stats stats;
        unsigned retries;
        int result; /* 0, DIAG_INTERRUPTED or -errno */
};

int look_new(struct look **ret_look)
{
        struct look *look = calloc(1, sizeof(*look));
        int r;

        if (!look)
                return -ENOMEM;
        r = diag_new(&look->diag);
        if (r == 0)
                r = services_new(&look->services);
        if (r == 0)
                r = ledger_new(&look->ledger);
        if (r == 0)
                r = tally_new(&look->tally);
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
                services_free(look->services);
                ledger_free(look->ledger);
                tally_free(look->tally);
                snapshot_unref(look->last);
        }
        free(look);
        return NULL;
}

static int on_listener(const struct sockrec *record, void *userdata)
{
        struct look *look = userdata;

        if (record->state == SOCK_LISTEN)
                services_listening(look->services, record->local_port);
        return 0;
}

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct look *look = userdata;

        if (!(SOCK_MASK(record->state) & WATCHED_STATES))
                return 0; /* a kernel that does not honour the mask */
        return tally_add(look->tally, record);
}

static int dump_listeners(struct look *look, struct outcome *outcome)
{
        int r;

        for (unsigned attempt = 0;; attempt++) {
                services_begin(look->services);
                r = diag_dump(look->diag, SOCK_MASK(SOCK_LISTEN), false, on_listener, look,
                              &outcome->stats);
                if (r != DIAG_INTERRUPTED || attempt == LOOK_RETRIES_MAX ||
                    outcome->stats.malformed > 0)
                        return r;
                outcome->retries++;
        }
}

static int dump_watched(struct look *look, const struct look_request *request,
                        struct outcome *outcome)
{
        int r;

        for (unsigned attempt = 0;; attempt++) {
                tally_begin(look->tally, look->services, look->ledger);
                ledger_begin(look->ledger, request->now_usec);
                r = diag_dump(look->diag, WATCHED_STATES, request->date_new, on_socket, look,
                              &outcome->stats);
                if (r != DIAG_INTERRUPTED || attempt == LOOK_RETRIES_MAX ||
                    outcome->stats.malformed > 0)
                        return r;
                outcome->retries++;
        }
}

static void refresh_services(struct look *look, const struct look_request *request)
{
        struct kernlimits limits;

        kernlimits_read("/proc", &limits);
        if (limits.port_range_known)
                services_set_range(look->services, limits.port_first, limits.port_last);
        services_set_configured(look->services, request->rules);
}

/* Listeners, then the watched states; the worse of both results. */
static void dump_all(struct look *look, const struct look_request *request, struct outcome *outcome)
{
        int listeners = dump_listeners(look, outcome);
        int watched;

        services_end(look->services, request->now_usec, listeners == 0);
        watched = dump_watched(look, request, outcome);
        ledger_end(look->ledger, watched == 0);
        outcome->result =
                MIN(watched, listeners) < 0 ? MIN(watched, listeners) : MAX(watched, listeners);
}

static void describe_error(int error, char *text)
{
        if (error == -ENOENT)
                snprintf(text, SNAPSHOT_ERROR_MAX,
                         "the kernel cannot list TCP sockets: no tcp_diag module "
                         "(CONFIG_INET_TCP_DIAG; modprobe tcp_diag)");
        else
                snprintf(text, SNAPSHOT_ERROR_MAX, "listing TCP sockets failed: %s",
                         strerror(-error));
}

static void describe_interruption(const struct outcome *outcome, char *text)
{
        if (outcome->stats.malformed > 0)
                snprintf(text, SNAPSHOT_ERROR_MAX,
                         "%" PRIu64 " of the kernel's messages were not understood",
                         outcome->stats.malformed);
        else
                snprintf(text, SNAPSHOT_ERROR_MAX,
                         "the listing of TCP sockets was interrupted %d times in a row",
                         LOOK_RETRIES_MAX + 1);
}

static void stamp(const struct look_request *request, struct snapshot *snapshot)
{
        snapshot->generation = request->generation;
        snapshot->conf_serial = request->conf_serial;
        snapshot->start_usec = request->now_usec;
        snapshot->start_wall_usec = request->now_wall_usec;
        snapshot->requested = WATCHED_STATES;
}

static void set_failed(int error, struct snapshot *snapshot)
{
        snapshot->result = SCAN_FAILED;
        snapshot->error = error;
        describe_error(error, snapshot->error_text);
}

static void set_result(struct look *look, const struct outcome *outcome, struct snapshot *snapshot)
{
        if (outcome->result == 0) {
                snapshot->result = SCAN_COMPLETE;
                snapshot->complete = WATCHED_STATES;
                look->asof_usec[SOCK_TIME_WAIT] = snapshot->start_usec;
                look->asof_usec[SOCK_CLOSE_WAIT] = snapshot->start_usec;
        } else if (outcome->result == DIAG_INTERRUPTED) {
                snapshot->result = SCAN_PARTIAL;
                describe_interruption(outcome, snapshot->error_text);
        } else {
                set_failed(outcome->result, snapshot);
        }
        memcpy(snapshot->asof_usec, look->asof_usec, sizeof(snapshot->asof_usec));
}

static void *copy_array(const void *array, size_t n, size_t item)
{
        void *copy = n > 0 ? malloc(n * item) : NULL;

        if (copy)
                memcpy(copy, array, n * item);
        return copy;
}

/* What a broken scan counted, or listed at zero for want of sockets, is nothing that was seen. */
static void drop_counts(struct snapshot *snapshot)
{
        free(snapshot->rows);
        free(snapshot->index);
        snapshot->rows = NULL;
        snapshot->index = NULL;
        snapshot->n_rows = snapshot->index_mask = 0;
        snapshot->ports_overflow = 0;
        memset(snapshot->total, 0, sizeof(snapshot->total));
}

/* A scan that saw nothing shows what the last one saw, as old as it is, instead of zeros. */
static int repeat_counts(const struct look *look, struct snapshot *snapshot)
{
        const struct snapshot *last = look->last;
        struct port_row *rows;
        uint32_t *index;

        drop_counts(snapshot);
        if (!last || last->n_rows == 0)
                return 0;
        rows = copy_array(last->rows, last->n_rows, sizeof(*rows));
        index = copy_array(last->index, (size_t)last->index_mask + 1, sizeof(*index));
        if (!rows || !index) {
                free(rows);
                free(index);
                return -ENOMEM;
        }
        snapshot->rows = rows;
        snapshot->n_rows = last->n_rows;
        snapshot->index = index;
        snapshot->index_mask = last->index_mask;
        memcpy(snapshot->total, last->total, sizeof(snapshot->total));
        snapshot->counts_wall_usec = last->counts_wall_usec;
        return 0;
}

static int settle_counts(struct look *look, struct snapshot *snapshot)
{
        if (snapshot->result == SCAN_FAILED)
                return repeat_counts(look, snapshot);
        snapshot->counts_wall_usec = snapshot->start_wall_usec;
        snapshot_unref(look->last);
        look->last = snapshot_ref(snapshot);
        return 0;
}

int look_scan(struct look *look, const struct look_request *request, struct snapshot **ret_snapshot)
{
        struct outcome outcome = { 0 };
        struct snapshot *snapshot;
        int r;

        refresh_services(look, request);
        dump_all(look, request, &outcome);
        r = tally_finish(look->tally, request->rules, request->now_usec, &snapshot);
        if (r < 0)
                return r;
        stamp(request, snapshot);
        snapshot->malformed = outcome.stats.malformed;
        snapshot->cost.messages = outcome.stats.messages;
        snapshot->cost.bytes = outcome.stats.bytes;
        snapshot->retries = outcome.retries;
        set_result(look, &outcome, snapshot);
        r = settle_counts(look, snapshot);
        if (r < 0) {
                snapshot_unref(snapshot);
                return r;
        }
        *ret_snapshot = snapshot;
        return 0;
}

int look_failed(const struct look_request *request, int error, struct snapshot **ret_snapshot)
{
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

        if (!snapshot)
                return -ENOMEM;
        snapshot->refs = 1;
        stamp(request, snapshot);
        set_failed(error, snapshot);
        *ret_snapshot = snapshot;
        return 0;
}

int look_once(const struct look_request *request, struct snapshot **ret_snapshot)
{
        struct look *look;
        int r = look_new(&look);

        if (r < 0)
                return r;
        r = look_scan(look, request, ret_snapshot);
        look_free(look);
        return r;
}
