/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Recordings in memory, and scans that are shown to an observer and to a recorder at once. */

#include "fixture.h"

#include "observe.h"
#include "recorder.h"
#include "replay.h"

struct tape {
        uint8_t *data;
        size_t len;
        size_t size;
        size_t at;    /* of the reader */
        size_t chunk; /* the most that one read gives; 0: all */
        size_t limit; /* a full disk, in bytes; 0: none */
};

static inline int tape_write(void *userdata, const void *frame, size_t len)
{
        struct tape *tape = userdata;

        if (tape->limit > 0 && tape->len + len > tape->limit)
                return -ENOSPC;
        if (tape->len + len > tape->size) {
                tape->size = (tape->len + len) * 2;
                tape->data = realloc(tape->data, tape->size);
                assert_non_null(tape->data);
        }
        memcpy(tape->data + tape->len, frame, len);
        tape->len += len;
        return 0;
}

static inline int64_t tape_read(void *userdata, void *buf, size_t size)
{
        struct tape *tape = userdata;
        size_t n = MIN(size, tape->len - tape->at);

        if (tape->chunk > 0)
                n = MIN(n, tape->chunk);
        if (n > 0)
                memcpy(buf, tape->data + tape->at, n);
        tape->at += n;
        return (int64_t)n;
}

static inline void tape_begin(struct tape *tape)
{
        const struct recfile_header header = { .version = RECFILE_VERSION };
        uint8_t bytes[RECFILE_HEADER_BYTES];

        recfile_write_header(&header, bytes);
        assert_int_equal(tape_write(tape, bytes, sizeof(bytes)), 0);
}

/* A frame made by hand. */
static inline void tape_frame(struct tape *tape, uint8_t type, const struct recbuf *payload)
{
        struct recbuf frame = { 0 };

        recfile_begin_frame(&frame, type);
        recbuf_put_buf(&frame, payload);
        assert_int_equal(recfile_end_frame(&frame), 0);
        assert_int_equal(tape_write(tape, frame.data, frame.len), 0);
        recbuf_done(&frame);
}

static inline size_t tape_frame_bytes(const struct tape *tape, size_t offset)
{
        return recfile_frame_length(tape->data + offset) + RECFILE_FRAME_EXTRA;
}

/* An observer and a recorder side by side, as look.c has them. */
struct studio {
        struct tape tape;
        struct rules *rules;
        struct observer *observer;
        struct recorder *recorder;
        struct scan_request request;
};

static inline struct rules *studio_rules(int64_t warning)
{
        const struct rule stuck = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                    .warning = warning,
                                    .critical = 4 * warning,
                                    .stuck_after_usec = 60 * USEC_PER_SEC,
                                    .raise_after_usec = 20 * USEC_PER_SEC,
                                    .clear_after_usec = 30 * USEC_PER_SEC,
                                    .remind_every_usec = 600 * USEC_PER_SEC,
                                    .clear_below_pct = 80,
                                    .origin = "test.conf:1" };
        struct rule time_wait = stuck, blind = stuck;
        struct rules *rules;

        time_wait.kind = ALERT_TIME_WAIT_COUNT;
        blind.kind = ALERT_BLIND;
        blind.scope.side = SIDE_HOST;
        assert_int_equal(rules_new(&rules), 0);
        assert_int_equal(rules_add(rules, &stuck), 0);
        assert_int_equal(rules_add(rules, &time_wait), 0);
        assert_int_equal(rules_add(rules, &blind), 0);
        return rules;
}

static inline void studio_session(struct studio *studio, uint8_t boot)
{
        const struct recsession session = { .boot_id = { boot },
                                            .now_wall_usec = studio->request.now_wall_usec,
                                            .interval_usec = 10 * USEC_PER_SEC,
                                            .version = "0.1" };

        recorder_session(studio->recorder, &session);
}

static inline void studio_open(struct studio *studio)
{
        *studio = (struct studio){ .rules = studio_rules(3) };
        studio->request = (struct scan_request){ .now_usec = 5000 * USEC_PER_SEC,
                                                 .now_wall_usec = 1700000000 * USEC_PER_SEC,
                                                 .rules = studio->rules };
        tape_begin(&studio->tape);
        assert_int_equal(observer_new(&studio->observer), 0);
        assert_int_equal(recorder_new(tape_write, &studio->tape, &studio->recorder), 0);
        studio_session(studio, 1);
}

static inline void studio_close(struct studio *studio)
{
        recorder_free(studio->recorder);
        observer_free(studio->observer);
        rules_free(studio->rules);
        free(studio->tape.data);
}

static inline void studio_begin(struct studio *studio, uint64_t step_usec)
{
        studio->request.generation++;
        studio->request.now_usec += step_usec;
        studio->request.now_wall_usec += step_usec;
        observer_begin(studio->observer, &studio->request);
        recorder_begin(studio->recorder);
        observer_begin_listeners(studio->observer);
        recorder_begin_listeners(studio->recorder);
}

static inline void studio_listen(struct studio *studio, const struct sockrec *record)
{
        observer_listener(studio->observer, record);
        recorder_listener(studio->recorder, record);
}

static inline void studio_listened(struct studio *studio, bool whole)
{
        observer_end_listeners(studio->observer, whole);
        recorder_end_listeners(studio->recorder, whole);
}

static inline void studio_attempt(struct studio *studio)
{
        observer_begin_sockets(studio->observer);
        recorder_begin_sockets(studio->recorder);
}

static inline void studio_see(struct studio *studio, const struct sockrec *record)
{
        recorder_socket(studio->recorder, record);
        assert_int_equal(observer_socket(studio->observer, record), 0);
}

/* The caller's. */
static inline struct snapshot *studio_end(struct studio *studio, const struct scan_outcome *outcome)
{
        struct snapshot *snapshot;

        recorder_end_sockets(studio->recorder, outcome->sockets_whole);
        assert_int_equal(observer_finish(studio->observer, outcome, &snapshot), 0);
        snapshot->end_usec = snapshot->start_usec + 1234;
        snapshot->cost.cpu_usec = 17;
        snapshot->cost.wall_usec = 18;
        recorder_finish(studio->recorder, &studio->request, snapshot);
        return snapshot;
}

/* A scan of these CLOSE_WAIT sockets, complete, 10 s after the one before; the snapshot. */
static inline struct snapshot *studio_scan(struct studio *studio, const struct sockrec *records,
                                           size_t n)
{
        const struct scan_outcome outcome = { .sockets_whole = true };

        studio_begin(studio, 10 * USEC_PER_SEC);
        studio_listened(studio, true);
        studio_attempt(studio);
        for (size_t i = 0; i < n; i++)
                studio_see(studio, &records[i]);
        return studio_end(studio, &outcome);
}

static inline struct sockrec close_wait_socket(uint64_t cookie, uint16_t port)
{
        return (struct sockrec){ .cookie = cookie,
                                 .cgroup_id = 70 + port,
                                 .local = { { 127, 0, 0, 1 } },
                                 .remote = { { 10, 0, 0, 9 } },
                                 .uid = 33,
                                 .inode = (uint32_t)cookie * 7 + 1,
                                 .receive_queue = 1,
                                 .local_port = port,
                                 .remote_port = (uint16_t)(40000 + cookie % 20000),
                                 .state = SOCK_CLOSE_WAIT,
                                 .family = ADDR_IPV4,
                                 .have = SOCKREC_CGROUP | SOCKREC_OWNER };
}
