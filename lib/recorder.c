/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A scan that is like the one before costs about fifty bytes, whatever the number of sockets: what
 * is told is the difference. CLOSE_WAIT sockets are told one by one, because the judgement follows
 * each; TIME_WAIT sockets as the counts that the snapshot has of them, because nothing more is
 * asked about them. So their side is decided when they are recorded, and of a failed scan, which
 * counts none, they are not told. Where the scan did not ask for them its estimate is told: a replay
 * knows nothing of sockstat, which that was made by.
 *
 * Attempts at a dump that were given up are told as well: the ledger has seen their sockets, and
 * dates them from then.
 *
 * The reader's base of the next difference is what the last frame made of it. When a frame was lost
 * here, the next one begins from nothing and says so.
 */

#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "recdelta.h"
#include "recowner.h"
#include "recports.h"
#include "recsock.h"
#include "rectable.h"

struct recorder {
        recorder_write_fn write;
        void *userdata;
        struct recorder_stats stats;

        /* what the last frame left the reader with */
        struct rectable table;
        struct recports ports;
        struct recbuf listeners;
        uint16_t range_first, range_last; /* both 0: not told yet */

        /* the scan under way */
        bool begun;
        bool reset; /* it refers to nothing before */
        int error;  /* -ENOMEM, -E2BIG: its frame is lost */
        unsigned attempts;
        struct recscan scan; /* as far as it is known */
        size_t n_listeners;
        struct recbuf listeners_now;
        struct recbuf sockets; /* of the attempts that are over */
        struct recbuf frame;
};

int recorder_new(recorder_write_fn write, void *userdata, struct recorder **ret_recorder)
{
        struct recorder *recorder = calloc(1, sizeof(*recorder));

        if (!recorder)
                return -ENOMEM;
        recorder->write = write;
        recorder->userdata = userdata;
        recorder->reset = true;
        *ret_recorder = recorder;
        return 0;
}

/* The next frame refers to nothing before it. */
static void reset(struct recorder *recorder)
{
        rectable_clear(&recorder->table);
        recports_done(&recorder->ports);
        recbuf_done(&recorder->listeners);
        recorder->range_first = recorder->range_last = 0;
        recorder->reset = true;
}

struct recorder *recorder_free(struct recorder *recorder)
{
        if (recorder) {
                reset(recorder);
                recbuf_done(&recorder->listeners_now);
                recbuf_done(&recorder->sockets);
                recbuf_done(&recorder->frame);
        }
        free(recorder);
        return NULL;
}

static bool has_stopped(const struct recorder *recorder)
{
        return !recorder || recorder->stats.error < 0;
}

/* 0, or why the frame is not in the recording. */
static int write_frame(struct recorder *recorder)
{
        int r = recfile_end_frame(&recorder->frame);

        if (r == 0) {
                r = recorder->write(recorder->userdata, recorder->frame.data, recorder->frame.len);
                recorder->stats.error = r;
        }
        if (r == 0) {
                recorder->stats.frames++;
                recorder->stats.bytes += recorder->frame.len;
        }
        recbuf_empty(&recorder->frame);
        return r;
}

void recorder_session(struct recorder *recorder, const struct recsession *session)
{
        if (has_stopped(recorder))
                return;
        reset(recorder);
        recfile_begin_frame(&recorder->frame, RECFILE_SESSION);
        recscan_put_session(&recorder->frame, session);
        (void)write_frame(recorder); /* without it there is no recording: it has stopped */
}

void recorder_begin(struct recorder *recorder)
{
        if (has_stopped(recorder))
                return;
        if (recorder->begun) { /* the scan before had no memory for a snapshot */
                recorder->stats.lost++;
                reset(recorder);
        }
        recorder->begun = true;
        recorder->error = 0;
        recorder->attempts = 0;
        recorder->scan = (struct recscan){ 0 };
        recbuf_empty(&recorder->sockets);
}

void recorder_port_range(struct recorder *recorder, uint16_t first, uint16_t last)
{
        if (has_stopped(recorder) ||
            (first == recorder->range_first && last == recorder->range_last))
                return;
        recorder->scan.flags |= RECSCAN_RANGE;
        recorder->scan.range_first = recorder->range_first = first;
        recorder->scan.range_last = recorder->range_last = last;
}

void recorder_begin_listeners(struct recorder *recorder)
{
        if (has_stopped(recorder))
                return;
        recbuf_empty(&recorder->listeners_now);
        recorder->n_listeners = 0;
        recorder->scan.listeners_left_out = 0;
}

void recorder_listener(struct recorder *recorder, const struct sockrec *record)
{
        struct sockrec reduced;

        if (has_stopped(recorder) || record->state != SOCK_LISTEN)
                return;
        if (recorder->n_listeners == RECSCAN_LISTENERS_MAX) {
                recorder->scan.listeners_left_out++;
                return;
        }
        recsock_reduce(record, &reduced);
        recsock_put(&recorder->listeners_now, &reduced, 0);
        recorder->n_listeners++;
}

void recorder_end_listeners(struct recorder *recorder, bool whole)
{
        if (!has_stopped(recorder) && whole)
                recorder->scan.flags |= RECSCAN_LISTENERS_WHOLE;
}

static void keep_error(struct recorder *recorder, int r)
{
        if (r < 0 && recorder->error == 0)
                recorder->error = r;
}

static void end_attempt(struct recorder *recorder)
{
        keep_error(recorder, recdelta_write(&recorder->table, &recorder->sockets));
}

void recorder_begin_sockets(struct recorder *recorder)
{
        if (has_stopped(recorder))
                return;
        if (recorder->attempts++ > 0)
                end_attempt(recorder);
        rectable_begin(&recorder->table);
}

void recorder_socket(struct recorder *recorder, const struct sockrec *record)
{
        if (!has_stopped(recorder) && record->state == SOCK_CLOSE_WAIT)
                keep_error(recorder, recdelta_see(&recorder->table, record));
}

void recorder_end_sockets(struct recorder *recorder, bool whole)
{
        if (has_stopped(recorder))
                return;
        end_attempt(recorder);
        recorder->stats.left_out = recorder->table.left_out;
        rectable_end(&recorder->table, whole);
        if (whole)
                recorder->scan.flags |= RECSCAN_SOCKETS_WHOLE;
}

static void put_listeners(struct recorder *recorder)
{
        const struct recbuf *old = &recorder->listeners, *new = &recorder->listeners_now;
        const size_t shorter = MIN(old->len, new->len);
        size_t head = 0, tail = 0;

        while (head < shorter && old->data[head] == new->data[head])
                head++;
        while (tail < shorter - head &&
               old->data[old->len - tail - 1] == new->data[new->len - tail - 1])
                tail++;
        recbuf_put(&recorder->frame, head);
        recbuf_put(&recorder->frame, tail);
        recbuf_put(&recorder->frame, new->len - head - tail);
        recbuf_put_bytes(&recorder->frame, new->data ? new->data + head : NULL,
                         new->len - head - tail);
}

static bool listeners_changed(const struct recorder *recorder)
{
        const struct recbuf *old = &recorder->listeners, *new = &recorder->listeners_now;

        return old->len != new->len ||
               (old->len > 0 && memcmp(old->data, new->data, old->len) != 0);
}

/* This scan's list becomes the base; the buffers change places. */
static void adopt_listeners(struct recorder *recorder)
{
        const struct recbuf old = recorder->listeners;

        recorder->listeners = recorder->listeners_now;
        recorder->listeners_now = old;
}

static void fill_head(struct recorder *recorder, const struct scan_request *request,
                      const struct snapshot *snapshot)
{
        struct recscan *scan = &recorder->scan;

        scan->flags |= (request->date_new ? RECSCAN_DATE_NEW : 0) |
                       (recorder->reset ? RECSCAN_RESET : 0) |
                       (recorder->begun ? 0 : RECSCAN_BLANK) |
                       (request->pause_usec > 0 ? RECSCAN_PAUSE : 0) |
                       (snapshot->requested & SOCK_MASK(SOCK_TIME_WAIT) ? 0 : RECSCAN_ESTIMATED);
        scan->pause_usec = request->pause_usec;
        scan->generation = snapshot->generation;
        scan->now_usec = snapshot->start_usec;
        scan->now_wall_usec = snapshot->start_wall_usec;
        scan->took_usec = snapshot->end_usec - MIN(snapshot->start_usec, snapshot->end_usec);
        scan->cost = snapshot->cost;
        scan->outcome = (struct scan_outcome){ .result = snapshot->result,
                                               .error = snapshot->error,
                                               .retries = snapshot->retries,
                                               .messages = snapshot->cost.messages,
                                               .bytes = snapshot->cost.bytes,
                                               .malformed = snapshot->malformed };
        memcpy(scan->outcome.error_text, snapshot->error_text, sizeof(scan->outcome.error_text));
        if (snapshot->result == SCAN_FAILED)
                return; /* its counts are another scan's */
        scan->flags |= RECSCAN_TIME_WAIT;
        scan->close_wait = snapshot->total[SOCK_CLOSE_WAIT];
        scan->time_wait = snapshot->total[SOCK_TIME_WAIT];
}

static void put_body(struct recorder *recorder, const struct snapshot *snapshot)
{
        keep_error(recorder, recorder->listeners_now.error);
        if (recorder->scan.flags & RECSCAN_LISTENERS)
                put_listeners(recorder);
        recbuf_put(&recorder->frame, recorder->attempts);
        recbuf_put_buf(&recorder->frame, &recorder->sockets);
        if (recorder->scan.flags & RECSCAN_TIME_WAIT)
                keep_error(recorder, recports_write(&recorder->ports, snapshot, &recorder->frame));
}

void recorder_finish(struct recorder *recorder, const struct scan_request *request,
                     const struct snapshot *snapshot)
{
        if (has_stopped(recorder)) {
                if (recorder)
                        recorder->stats.lost++;
                return;
        }
        if (!recorder->begun) {
                recorder->scan = (struct recscan){ 0 };
                recorder->error = 0;
        } else if (listeners_changed(recorder)) {
                recorder->scan.flags |= RECSCAN_LISTENERS;
        }
        fill_head(recorder, request, snapshot);
        recfile_begin_frame(&recorder->frame, RECFILE_SCAN);
        recscan_put(&recorder->frame, &recorder->scan);
        if (recorder->begun)
                put_body(recorder, snapshot);
        keep_error(recorder, recorder->frame.error);
        if (recorder->error == 0)
                keep_error(recorder, write_frame(recorder));
        recbuf_empty(&recorder->frame);
        recbuf_empty(&recorder->sockets);
        recorder->reset = false;
        if (recorder->error < 0) {
                recorder->stats.lost++;
                reset(recorder);
        } else if (recorder->begun) {
                adopt_listeners(recorder);
        }
        recorder->begun = false;
}

void recorder_owner(struct recorder *recorder, const struct owner_answer *answer)
{
        if (!recorder)
                return;
        if (has_stopped(recorder)) {
                recorder->stats.lost++;
                return;
        }
        recfile_begin_frame(&recorder->frame, RECFILE_ANSWER);
        recowner_put(&recorder->frame, answer);
        if (write_frame(recorder) < 0)
                recorder->stats.lost++;
}

void recorder_get_stats(const struct recorder *recorder, struct recorder_stats *ret_stats)
{
        *ret_stats = recorder ? recorder->stats : (struct recorder_stats){ 0 };
}
