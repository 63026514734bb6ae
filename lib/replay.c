/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The recorded sockets are shown to an observer in the order in which the scan showed them to its
 * own, so that the same rules make the same snapshots.
 *
 * Time: within one boot the monotonic clock goes on, and what the observer knows (ages, ports that
 * had a listener) holds across a restart of the daemon. Another boot begins with a new observer,
 * because cookies begin anew; its clock is moved so that time never goes back for whoever judges:
 * by the wall clock, or by nothing where that was set back.
 */

#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "recdelta.h"
#include "recowner.h"
#include "recports.h"
#include "recsock.h"
#include "rectable.h"

struct replay {
        struct recstream *stream;
        const struct rules *rules;
        size_t max_tracked;
        struct observer *observer;

        /* what the scan before has left */
        struct rectable table;
        struct recports ports;
        struct recbuf listeners;

        bool in_session;
        uint8_t boot_id[RECFILE_BOOT_ID];
        bool first_of_boot;  /* the next scan sets the shift */
        uint64_t shift_usec; /* from the recorded monotonic clock to ours */
        uint64_t last_usec;  /* ours; 0: no scan yet */
        uint64_t last_wall_usec;
        uint64_t base_generation; /* of the sessions before */
        uint64_t generation;      /* the last one, of this session */
};

int replay_new(recstream_read_fn read, void *userdata, const struct rules *rules,
               struct replay **ret_replay, struct recerror *ret_error)
{
        struct replay *replay = calloc(1, sizeof(*replay));
        int r;

        ret_error->text[0] = '\0';
        if (!replay)
                return -ENOMEM;
        replay->rules = rules;
        r = recstream_new(read, userdata, &replay->stream, ret_error);
        if (r < 0) {
                replay_free(replay);
                return r;
        }
        *ret_replay = replay;
        return 0;
}

static void forget(struct replay *replay)
{
        rectable_clear(&replay->table);
        recports_done(&replay->ports);
        recbuf_done(&replay->listeners);
}

void replay_set_max_tracked(struct replay *replay, size_t max)
{
        replay->max_tracked = max;
}

struct replay *replay_free(struct replay *replay)
{
        if (replay) {
                forget(replay);
                observer_free(replay->observer);
                recstream_free(replay->stream);
        }
        free(replay);
        return NULL;
}

static int read_session(struct replay *replay, struct recview *view, struct replay_item *item)
{
        struct recsession session;

        recscan_get_session(view, &session);
        if (view->wrong)
                return 0;
        forget(replay);
        if (!replay->in_session ||
            memcmp(session.boot_id, replay->boot_id, sizeof(session.boot_id)) != 0) {
                replay->observer = observer_free(replay->observer);
                replay->first_of_boot = true;
                memcpy(replay->boot_id, session.boot_id, sizeof(replay->boot_id));
        }
        replay->in_session = true;
        replay->base_generation += replay->generation;
        replay->generation = 0;
        item->session = session;
        return REPLAY_SESSION;
}

static int read_owner(struct recview *view, bool has_witness, struct replay_item *item)
{
        recowner_get(view, has_witness, &item->answer);
        return REPLAY_OWNER;
}

/* The scan's moment on our clock; what contradicts the scan before is wrong. */
static uint64_t place_in_time(struct replay *replay, const struct recscan *scan,
                              struct recview *view)
{
        const uint64_t later =
                scan->now_wall_usec - MIN(scan->now_wall_usec, replay->last_wall_usec);
        uint64_t now_usec;

        if (scan->generation <= replay->generation ||
            scan->generation > INT64_MAX - replay->base_generation)
                recview_set_wrong(view, "the number of the scan");
        if (replay->first_of_boot)
                replay->shift_usec =
                        replay->last_usec == 0 ? 0 : replay->last_usec + later - scan->now_usec;
        now_usec = scan->now_usec + replay->shift_usec; /* the shift may be negative: modulo 2^64 */
        if (now_usec < replay->last_usec || now_usec > RECSCAN_TIME_MAX)
                recview_set_wrong(view, "the times of the scan");
        return now_usec;
}

static void read_listeners(struct replay *replay, struct recview *view)
{
        static const char what[] = "the list of listeners";
        const struct recbuf old = replay->listeners;
        const size_t head = recview_get(view, old.len, what);
        const size_t tail = recview_get(view, old.len - head, what);
        const size_t len = recview_get_count(view, RECFILE_FRAME_MAX, what);
        const void *middle = recview_get_bytes(view, len, what);
        struct recbuf new = { 0 };

        if (!middle)
                return;
        recbuf_put_bytes(&new, old.data, head);
        recbuf_put_bytes(&new, middle, len);
        recbuf_put_bytes(&new, old.data ? old.data + old.len - tail : NULL, tail);
        recbuf_done(&replay->listeners);
        replay->listeners = new;
}

/* 0 or -ENOMEM. */
static int show_listeners(struct replay *replay, const struct recscan *scan, struct recview *view)
{
        struct recview list;
        size_t n = 0;

        if (scan->flags & RECSCAN_LISTENERS)
                read_listeners(replay, view);
        if (replay->listeners.error < 0)
                return replay->listeners.error;
        list = recview_of(&replay->listeners);
        observer_begin_listeners(replay->observer);
        while (recview_left(&list) > 0) {
                struct sockrec record;

                recsock_get(&list, SOCK_LISTEN, 0, &record);
                if (list.wrong || ++n > RECSCAN_LISTENERS_MAX)
                        break;
                observer_listener(replay->observer, &record);
        }
        if (list.wrong || n > RECSCAN_LISTENERS_MAX)
                recview_set_wrong(view, "a listener");
        observer_end_listeners(replay->observer, scan->flags & RECSCAN_LISTENERS_WHOLE);
        return 0;
}

static int show_socket(const struct sockrec *record, void *userdata)
{
        struct replay *replay = userdata;

        return observer_socket(replay->observer, record);
}

/* How many sockets the last attempt has seen, before they are adopted. */
static uint64_t count_seen(const struct rectable *table)
{
        uint64_t seen = table->n_fresh;

        for (size_t i = 0; i < table->n; i++)
                seen += table->entries[i].seen == table->attempt;
        return seen;
}

/* 0 or -ENOMEM; *ret_seen: of the last attempt. */
static int show_close_wait(struct replay *replay, const struct recscan *scan, struct recview *view,
                           uint64_t *ret_seen)
{
        size_t attempts = recview_get(view, RECSCAN_ATTEMPTS_MAX, "the number of attempts");
        int r = 0;

        if (attempts == 0)
                recview_set_wrong(view, "the number of attempts");
        for (; r == 0 && attempts > 0 && !view->wrong; attempts--) {
                rectable_begin(&replay->table);
                observer_begin_sockets(replay->observer);
                r = recdelta_read(&replay->table, view);
                if (r < 0 || view->wrong)
                        return r;
                *ret_seen = count_seen(&replay->table);
                r = recdelta_each(&replay->table, show_socket, replay);
                if (r == 0)
                        r = rectable_adopt(&replay->table);
        }
        if (r == 0)
                rectable_end(&replay->table, scan->outcome.sockets_whole);
        return r;
}

static int show_time_wait(struct replay *replay, const struct recscan *scan, struct recview *view)
{
        int r = 0;

        if (!(scan->flags & RECSCAN_TIME_WAIT))
                return 0;
        r = recports_read(&replay->ports, view);
        for (size_t i = 0; r == 0 && !view->wrong && i < replay->ports.n; i++)
                r = observer_time_wait(replay->observer, &replay->ports.items[i]);
        return r;
}

/*
 * What the scan has counted, and the recording does not hold: sockets beyond its limits and the
 * ledger's, ports beyond the tally's, estimated sockets of no port. They count in the totals, as
 * they did then.
 */
static void count_the_rest(const struct recscan *scan, uint64_t seen, uint64_t listed,
                           struct recview *view, struct snapshot *snapshot)
{
        if (scan->outcome.result == SCAN_FAILED)
                return;
        if (scan->close_wait < seen || scan->time_wait < listed) {
                recview_set_wrong(view, "the counts of the scan");
                return;
        }
        snapshot->total[SOCK_CLOSE_WAIT] += scan->close_wait - seen;
        snapshot->untracked += scan->close_wait - seen;
        snapshot->total[SOCK_TIME_WAIT] += scan->time_wait - listed;
        if (!(scan->flags & RECSCAN_ESTIMATED))
                snapshot->ports_overflow += scan->time_wait - listed;
}

static int show_scan(struct replay *replay, const struct scan_request *request,
                     const struct recscan *scan, struct recview *view,
                     struct snapshot **ret_snapshot)
{
        uint64_t seen = 0;
        int r = 0;

        if (scan->flags & RECSCAN_BLANK)
                return observer_failed(request, &scan->outcome, ret_snapshot);
        if (!replay->observer)
                r = observer_new(&replay->observer);
        if (r < 0)
                return r;
        observer_begin(replay->observer, request);
        if (scan->flags & RECSCAN_RANGE)
                observer_set_port_range(replay->observer, scan->range_first, scan->range_last);
        if (scan->flags & RECSCAN_ESTIMATED)
                observer_set_states(replay->observer, SOCK_MASK(SOCK_CLOSE_WAIT));
        r = show_listeners(replay, scan, view);
        if (r == 0)
                r = show_close_wait(replay, scan, view, &seen);
        if (r == 0)
                r = show_time_wait(replay, scan, view);
        if (r < 0 || view->wrong)
                return r;
        r = observer_finish(replay->observer, &scan->outcome, ret_snapshot);
        if (r == 0)
                count_the_rest(scan, seen, recports_total(&replay->ports), view, *ret_snapshot);
        return r;
}

static int read_scan(struct replay *replay, struct recview *view, struct replay_item *item)
{
        struct scan_request request = { .rules = replay->rules,
                                        .max_tracked = replay->max_tracked };
        struct recscan scan;
        int r;

        recscan_get(view, &scan);
        if (!replay->in_session)
                recview_set_wrong(view, "a scan before any session");
        request.now_usec = place_in_time(replay, &scan, view);
        if (view->wrong)
                return 0;
        if (scan.flags & RECSCAN_RESET)
                forget(replay);
        request.generation = replay->base_generation + scan.generation;
        request.now_wall_usec = scan.now_wall_usec;
        request.date_new = scan.flags & RECSCAN_DATE_NEW;
        request.pause_usec = replay->generation > 0 || replay->first_of_boot
                                     ? scan.pause_usec
                                     : request.now_usec - replay->last_usec; /* a restart */
        r = show_scan(replay, &request, &scan, view, &item->snapshot);
        if (r < 0 || view->wrong)
                return r;
        item->snapshot->end_usec = request.now_usec + scan.took_usec;
        item->snapshot->cost.cpu_usec = scan.cost.cpu_usec;
        item->snapshot->cost.wall_usec = scan.cost.wall_usec;
        replay->first_of_boot = false;
        replay->last_usec = request.now_usec;
        replay->last_wall_usec = scan.now_wall_usec;
        replay->generation = scan.generation;
        return REPLAY_SCAN;
}

/* An outcome, 0 where there is none (a type that is not known, or something wrong), or -ENOMEM. */
static int read_frame(struct replay *replay, const struct recframe *frame, struct recview *view,
                      struct replay_item *item)
{
        switch (frame->type) {
        case RECFILE_SESSION:
                return read_session(replay, view, item);
        case RECFILE_SCAN:
                return read_scan(replay, view, item);
        case RECFILE_OWNER:
        case RECFILE_ANSWER:
                return read_owner(view, frame->type == RECFILE_ANSWER, item);
        default:
                view->at = view->end;
                return 0;
        }
}

int replay_next(struct replay *replay, struct replay_item *ret_item, struct recerror *ret_error)
{
        struct recframe frame;
        int r;

        while ((r = recstream_next(replay->stream, &frame, ret_error)) == RECSTREAM_FRAME) {
                struct recview view = { .at = frame.payload, .end = frame.payload + frame.len };
                struct replay_item item = { 0 };

                r = read_frame(replay, &frame, &view, &item);
                if (r >= 0 && recview_left(&view) > 0)
                        recview_set_wrong(&view, "its length");
                if (r < 0 || view.wrong)
                        snapshot_unref(item.snapshot);
                if (r < 0)
                        return r;
                if (view.wrong)
                        return recerror_set(ret_error, RECERROR_DAMAGED, frame.offset,
                                            "the frame that begins there contradicts itself: %s",
                                            view.wrong);
                if (r > 0) {
                        *ret_item = item;
                        return r;
                }
        }
        return r;
}

static void survey_frame(const struct recframe *frame, struct replay_survey *survey)
{
        struct recview view = { .at = frame->payload, .end = frame->payload + frame->len };
        struct recscan scan;

        survey->sessions += frame->type == RECFILE_SESSION;
        if (frame->type != RECFILE_SCAN)
                return;
        recscan_get(&view, &scan);
        if (survey->scans++ == 0)
                survey->first_wall_usec = scan.now_wall_usec;
        survey->last_wall_usec = scan.now_wall_usec;
        survey->close_wait_max = MAX(survey->close_wait_max, scan.close_wait);
        survey->time_wait_max = MAX(survey->time_wait_max, scan.time_wait);
}

int replay_survey(recstream_read_fn read, void *userdata, struct replay_survey *ret_survey)
{
        struct replay_survey survey = { 0 };
        struct recstream *stream;
        struct recerror error;
        struct recframe frame;
        int r = recstream_new(read, userdata, &stream, &error);

        if (r == 0) {
                while ((r = recstream_next(stream, &frame, &error)) == RECSTREAM_FRAME)
                        survey_frame(&frame, &survey);
                recstream_free(stream);
        }
        if (r < 0 && r != -EBADMSG)
                return r;
        survey.whole = r == RECSTREAM_END;
        *ret_survey = survey;
        return 0;
}
