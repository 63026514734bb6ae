/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Recordings that are cut, spoiled or made up: everything before the damage is told, and the damage
 * is found where it is. And those that go on over restarts and boots.
 */

#include <errno.h>
#include <stdio.h>

#include "recording.h"

#include "recowner.h"
#include "recports.h"
#include "recsock.h"
#include "rectable.h"

#define FRAMES_MAX 64

/* What came out of a recording. */
struct outcome {
        size_t sessions, scans, owners;
        uint64_t last_usec;
        uint64_t close_wait, time_wait, overflow; /* of the last scan */
        uint32_t requested, complete, estimated;
        uint64_t pauses_usec[4]; /* before the first scans */
        int result;              /* REPLAY_END or an error */
        struct recerror error;
};

static struct outcome replay_tape(struct tape *tape)
{
        struct rules *rules = studio_rules(3);
        struct outcome outcome = { 0 };
        struct replay *replay = NULL;
        struct replay_item item;
        int r;

        tape->at = 0;
        r = replay_new(tape_read, tape, rules, &replay, &outcome.error);
        while (r >= 0 && (r = replay_next(replay, &item, &outcome.error)) > 0) {
                outcome.sessions += r == REPLAY_SESSION;
                if (r == REPLAY_SCAN && outcome.scans < ARRAY_SIZE(outcome.pauses_usec))
                        outcome.pauses_usec[outcome.scans] = item.snapshot->pause_usec;
                outcome.scans += r == REPLAY_SCAN;
                outcome.owners += r == REPLAY_OWNER;
                if (r != REPLAY_SCAN)
                        continue;
                assert_true(item.snapshot->start_usec >= outcome.last_usec);
                outcome.last_usec = item.snapshot->start_usec;
                outcome.close_wait = item.snapshot->total[SOCK_CLOSE_WAIT];
                outcome.time_wait = item.snapshot->total[SOCK_TIME_WAIT];
                outcome.overflow = item.snapshot->ports_overflow;
                outcome.requested = item.snapshot->requested;
                outcome.complete = item.snapshot->complete;
                outcome.estimated = item.snapshot->estimated;
                snapshot_unref(item.snapshot);
        }
        outcome.result = r;
        replay_free(replay);
        rules_free(rules);
        return outcome;
}

static struct owner some_owner(void)
{
        struct owner owner;

        owner_clear(&owner);
        snprintf(owner.unit, sizeof(owner.unit), "leaky.service");
        owner.uid = 33;
        owner.holders = true;
        owner.total = 9;
        owner.n_processes = 2;
        owner.processes[0] = (struct owner_process){ 491, "leaky", 25, 1024 };
        owner.processes[1] =
                (struct owner_process){ INT32_MAX, "", OWNER_UNKNOWN, OWNER_UNLIMITED };
        return owner;
}

static struct owner_answer some_answer(const struct port_key *port)
{
        return (struct owner_answer){ .port = *port,
                                      .witness = { .known = true,
                                                   .cgroup_id = UINT64_MAX,
                                                   .uid = UINT32_MAX - 1,
                                                   .inode = UINT32_MAX },
                                      .owner = some_owner() };
}

/* Sessions, scans and an owner, everything that a frame can have in it. */
static void record_some(struct studio *studio)
{
        const struct scan_outcome whole = { .sockets_whole = true };
        const struct owner_answer answer =
                some_answer(&(struct port_key){ .side = SIDE_LOCAL, .port = 80 });
        struct sockrec records[6], listener = close_wait_socket(3, 80);

        studio_open(studio);
        for (size_t i = 0; i < ARRAY_SIZE(records); i++)
                records[i] = close_wait_socket(100 + i * 3, i < 3 ? 80 : 90);
        listener.state = SOCK_LISTEN;
        records[5].family = ADDR_IPV6;
        records[5].have |= SOCKREC_INFO;
        snapshot_unref(studio_scan(studio, records, 4));
        studio_begin(studio, 10 * USEC_PER_SEC);
        observer_set_port_range(studio->observer, 40000, 50000);
        recorder_port_range(studio->recorder, 40000, 50000);
        studio_listen(studio, &listener);
        studio_listened(studio, true);
        studio_attempt(studio);
        records[1].inode = 0;
        for (size_t i = 1; i < 6; i++)
                studio_see(studio, &records[i]);
        for (uint32_t i = 0; i < 9; i++) {
                const struct sockrec time_wait = { .local_port = 80,
                                                   .remote_port = 50000,
                                                   .state = SOCK_TIME_WAIT,
                                                   .expires_msec = i * 7000 };

                studio_see(studio, &time_wait);
        }
        snapshot_unref(studio_end(studio, &whole));
        recorder_owner(studio->recorder, &answer);
        studio_session(studio, 1);
        studio->request.generation = 0;
        snapshot_unref(studio_scan(studio, records, 6));
        snapshot_unref(studio_scan(studio, records, 6));
}

/* Where each frame begins, and where the last one ends. */
static size_t find_frames(const struct tape *tape, size_t offsets[static FRAMES_MAX])
{
        size_t n = 0, at = RECFILE_HEADER_BYTES;

        while (at < tape->len) {
                assert_in_range(n, 0, FRAMES_MAX - 2);
                offsets[n++] = at;
                at += tape_frame_bytes(tape, at);
        }
        offsets[n] = at;
        return n;
}

/* Scans in the frames that begin before that offset and end at it or before. */
static size_t scans_before(const struct tape *tape, const size_t *offsets, size_t frames,
                           size_t offset)
{
        size_t scans = 0;

        for (size_t i = 0; i < frames && offsets[i + 1] <= offset; i++)
                scans += recfile_frame_type(tape->data + offsets[i]) == RECFILE_SCAN;
        return scans;
}

static void test_whole(void **state)
{
        struct outcome outcome;
        struct studio studio;

        (void)state;
        record_some(&studio);
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.result, REPLAY_END);
        assert_int_equal(outcome.sessions, 2);
        assert_int_equal(outcome.scans, 4);
        assert_int_equal(outcome.owners, 1);
        assert_int_equal(outcome.close_wait, 6);
        assert_int_equal(outcome.last_usec, studio.request.now_usec);
        studio_close(&studio);
}

static void test_cut_anywhere(void **state)
{
        size_t offsets[FRAMES_MAX], frames, frame = 0;
        struct studio studio;
        size_t whole;

        (void)state;
        record_some(&studio);
        whole = studio.tape.len;
        frames = find_frames(&studio.tape, offsets);
        for (size_t len = 0; len < whole; len++) {
                uint8_t *exact = malloc(len + 1); /* so that a read past its end is found */
                struct tape tape = { .data = exact, .len = len };
                struct outcome outcome;

                assert_non_null(exact);
                memcpy(exact, studio.tape.data, len);
                while (offsets[frame + 1] <= len)
                        frame++;
                outcome = replay_tape(&tape);
                if (len < RECFILE_HEADER_BYTES) {
                        assert_int_equal(outcome.result, -EBADMSG);
                        assert_int_equal(outcome.error.kind, RECERROR_FOREIGN);
                        assert_int_equal(outcome.error.offset, 0);
                } else if (len == offsets[frame]) {
                        assert_int_equal(outcome.result, REPLAY_END);
                } else {
                        assert_int_equal(outcome.result, -EBADMSG);
                        assert_int_equal(outcome.error.kind, RECERROR_TORN);
                        assert_int_equal(outcome.error.offset, offsets[frame]);
                }
                assert_int_equal(outcome.scans, scans_before(&studio.tape, offsets, frames, len));
                free(exact);
        }
        studio_close(&studio);
}

static void test_any_bit(void **state)
{
        size_t offsets[FRAMES_MAX], frames, frame = 0;
        struct studio studio;

        (void)state;
        record_some(&studio);
        frames = find_frames(&studio.tape, offsets);
        for (size_t bit = 0; bit < studio.tape.len * 8; bit++) {
                const size_t header = bit / 8 < RECFILE_HEADER_BYTES;
                struct outcome outcome;

                while (!header && offsets[frame + 1] <= bit / 8)
                        frame++;
                studio.tape.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                outcome = replay_tape(&studio.tape);
                studio.tape.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_equal(outcome.result, -EBADMSG);
                assert_int_equal(outcome.error.offset, header ? 0 : offsets[frame]);
                assert_int_equal(
                        outcome.scans,
                        header ? 0 : scans_before(&studio.tape, offsets, frames, offsets[frame]));
        }
        studio_close(&studio);
}

static void mend(uint8_t *frame)
{
        const size_t len = recfile_frame_length(frame);
        struct recbuf buf = { 0 };

        recfile_begin_frame(&buf, recfile_frame_type(frame));
        recbuf_put_bytes(&buf, frame + RECFILE_FRAME_HEAD, len);
        assert_int_equal(recfile_end_frame(&buf), 0);
        memcpy(frame, buf.data, buf.len);
        recbuf_done(&buf);
}

/* Every byte of every payload, with a right checksum: whatever comes out, it is bounded. */
static void test_any_byte_with_a_right_checksum(void **state)
{
        static const uint8_t values[] = { 0, 1, 2, 0x3f, 0x7f, 0x80, 0xff };
        size_t offsets[FRAMES_MAX], frames, wrong = 0, right = 0;
        struct studio studio;

        (void)state;
        record_some(&studio);
        frames = find_frames(&studio.tape, offsets);
        for (size_t f = 0; f < frames; f++) {
                uint8_t *frame = studio.tape.data + offsets[f];

                for (size_t i = 0; i < recfile_frame_length(frame); i++) {
                        const uint8_t before = frame[RECFILE_FRAME_HEAD + i];

                        for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
                                struct outcome outcome;

                                frame[RECFILE_FRAME_HEAD + i] = values[v];
                                mend(frame);
                                outcome = replay_tape(&studio.tape);
                                wrong += outcome.result == -EBADMSG;
                                right += outcome.result == REPLAY_END;
                                assert_true(outcome.result == REPLAY_END ||
                                            (outcome.result == -EBADMSG &&
                                             outcome.error.offset >= offsets[f]));
                        }
                        frame[RECFILE_FRAME_HEAD + i] = before;
                        mend(frame);
                }
        }
        assert_true(wrong > 100);
        assert_true(right > 100);
        studio_close(&studio);
}

/* ---- made up: each contradicts itself in one place ---- */

static const struct recscan plain = { .flags = RECSCAN_RESET | RECSCAN_SOCKETS_WHOLE |
                                               RECSCAN_LISTENERS_WHOLE,
                                      .generation = 1,
                                      .now_usec = 1000,
                                      .now_wall_usec = 1000 };

static void put_session(struct tape *tape)
{
        const struct recsession session = { .version = "0" };
        struct recbuf payload = { 0 };

        recscan_put_session(&payload, &session);
        tape_frame(tape, RECFILE_SESSION, &payload);
        recbuf_done(&payload);
}

/* A scan with that head and, behind it, those numbers. */
static struct outcome replay_numbers(const struct recscan *head, const uint64_t *numbers, size_t n)
{
        struct tape tape = { 0 };
        struct recbuf payload = { 0 };
        struct outcome outcome;

        tape_begin(&tape);
        put_session(&tape);
        recscan_put(&payload, head);
        for (size_t i = 0; i < n; i++)
                recbuf_put(&payload, numbers[i]);
        tape_frame(&tape, RECFILE_SCAN, &payload);
        outcome = replay_tape(&tape);
        recbuf_done(&payload);
        free(tape.data);
        return outcome;
}

#define NUMBERS(...)                                                                               \
        (const uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)

static void assert_wrong(const char *what, const struct recscan *head, const uint64_t *numbers,
                         size_t n)
{
        struct outcome outcome = replay_numbers(head, numbers, n);

        assert_int_equal(outcome.result, -EBADMSG);
        assert_int_equal(outcome.error.kind, RECERROR_DAMAGED);
        assert_int_equal(outcome.scans, 0);
        assert_non_null(strstr(outcome.error.text, what));
}

/* As in every recording until scans began to go without them. */
static void test_time_wait_was_asked_for(void **state)
{
        struct recscan head = plain;
        struct outcome outcome;

        (void)state;
        head.flags |= RECSCAN_TIME_WAIT;
        head.time_wait = 7;
        outcome = replay_numbers(&head, NUMBERS(1, 0, 0, 0, 1, 1 << 16, 1, 5));
        assert_int_equal(outcome.result, REPLAY_END);
        assert_int_equal(outcome.requested, OBSERVER_STATES);
        assert_int_equal(outcome.complete, OBSERVER_STATES);
        assert_int_equal(outcome.estimated, 0);
        assert_int_equal(outcome.time_wait, 7);
        assert_int_equal(outcome.overflow, 2);
}

static void test_time_wait_was_estimated(void **state)
{
        struct recscan head = plain;
        struct outcome outcome;

        (void)state;
        head.flags |= RECSCAN_TIME_WAIT | RECSCAN_ESTIMATED;
        head.time_wait = 7;
        outcome = replay_numbers(&head, NUMBERS(1, 0, 0, 0, 1, 1 << 16, 1, 5));
        assert_int_equal(outcome.result, REPLAY_END);
        assert_int_equal(outcome.requested, SOCK_MASK(SOCK_CLOSE_WAIT));
        assert_int_equal(outcome.complete, SOCK_MASK(SOCK_CLOSE_WAIT));
        assert_int_equal(outcome.estimated, SOCK_MASK(SOCK_TIME_WAIT));
        assert_int_equal(outcome.time_wait, 7);
        assert_int_equal(outcome.overflow, 0); /* those belong to no port */
}

static void test_huge_counts(void **state)
{
        struct recscan listeners = plain, time_wait = plain;

        (void)state;
        listeners.flags |= RECSCAN_LISTENERS;
        time_wait.flags |= RECSCAN_TIME_WAIT;
        assert_int_equal(replay_numbers(&plain, NUMBERS(1, 0, 0, 0)).result, REPLAY_END);
        assert_wrong("attempts", &plain, NUMBERS(0));
        assert_wrong("attempts", &plain, NUMBERS(RECSCAN_ATTEMPTS_MAX + 1, 0, 0, 0));
        assert_wrong("not seen", &plain, NUMBERS(1, 1, 0, 0, 0, 0));
        assert_wrong("have changed", &plain, NUMBERS(1, 0, UINT64_MAX, 0, 0));
        assert_wrong("are new", &plain, NUMBERS(1, 0, 0, UINT64_C(1) << 40, 0));
        assert_wrong("are new", &plain, NUMBERS(1, 0, 0, RECTABLE_SOCKETS_MAX, 0));
        assert_wrong("listeners", &listeners, NUMBERS(1, 0, 0, 1, 0, 0, 0));
        assert_wrong("listeners", &listeners, NUMBERS(0, 0, 1000, 1, 0, 0, 0));
        assert_wrong("a listener", &listeners, NUMBERS(0, 0, 2, 127, 127, 1, 0, 0, 0));
        assert_wrong("TIME_WAIT", &time_wait, NUMBERS(1, 0, 0, 0, 2 * RECPORTS_MAX + 1));
        assert_wrong("TIME_WAIT", &time_wait, NUMBERS(1, 0, 0, 0, 1, 80, 1, 1));   /* side: host */
        assert_wrong("TIME_WAIT", &time_wait, NUMBERS(1, 0, 0, 0, 1, 1 << 16, 0)); /* gone? */
        assert_wrong("TIME_WAIT", &time_wait,
                     NUMBERS(1, 0, 0, 0, 1, 1 << 16, 3, UINT32_MAX, 1)); /* the sum */
        assert_wrong("counts of the scan", &time_wait, NUMBERS(1, 0, 0, 0, 1, 1 << 16, 1, 5));
        assert_wrong("length", &plain, NUMBERS(1, 0, 0, 0, 0));
}

static void test_wrong_heads(void **state)
{
        struct recscan head = plain;

        (void)state;
        head.generation = 0;
        assert_wrong("number of the scan", &head, NUMBERS(1, 0, 0, 0));
        head = plain;
        head.now_usec = RECSCAN_TIME_MAX + 1;
        assert_wrong("times", &head, NUMBERS(1, 0, 0, 0));
        head = plain;
        head.outcome.result = SCAN_FAILED + 1;
        assert_wrong("how the scan went", &head, NUMBERS(1, 0, 0, 0));
        head = plain;
        head.flags = RECSCAN_FLAGS + 1;
        assert_wrong("flags", &head, NUMBERS(1, 0, 0, 0));
        head = plain;
        head.close_wait = UINT64_C(1) << 33;
        assert_wrong("counts", &head, NUMBERS(1, 0, 0, 0));
        head = plain;
        head.flags |= RECSCAN_RANGE;
        head.range_first = 40000;
        head.range_last = 39999;
        assert_wrong("port range", &head, NUMBERS(1, 0, 0, 0));
}

/* One new socket whose bytes are given, behind "one attempt, none unseen, none changed". */
static void test_wrong_sockets(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct recscan head = plain;
        struct outcome outcome;
        struct tape tape = { 0 };
        struct recbuf payload = { 0 };

        (void)state;
        head.close_wait = 2;
        tape_begin(&tape);
        put_session(&tape);
        recscan_put(&payload, &head);
        for (size_t i = 0; i < 4; i++)
                recbuf_put(&payload, i == 0 ? 1 : i == 3 ? 2 : 0);
        recsock_put(&payload, &record, 0);
        recsock_put(&payload, &record, record.cookie);
        tape_frame(&tape, RECFILE_SCAN, &payload);
        outcome = replay_tape(&tape);
        assert_int_equal(outcome.result, -EBADMSG);
        assert_non_null(strstr(outcome.error.text, "there twice"));
        assert_wrong("a new socket", &plain, NUMBERS(1, 0, 0, 1, 2, RECSOCK_UID, 5));
        assert_wrong("family", &plain, NUMBERS(1, 0, 0, 1, 2, RECSOCK_ALL, 3, 0, 0, 0, 0));
        assert_wrong("port", &plain, NUMBERS(1, 0, 0, 1, 2, RECSOCK_ALL, 0, 65536, 0, 0, 0));
        assert_wrong("queue", &plain,
                     NUMBERS(1, 0, 0, 1, 2, RECSOCK_ALL | RECSOCK_QUEUE, 0, 1, 1, 0, 0, 3));
        assert_wrong("flags", &plain,
                     NUMBERS(1, 0, 0, 1, 2, RECSOCK_ALL | RECSOCK_FLAGS, 0, 1, 1, 0, 0,
                             SOCKREC_INFO, 0));
        recbuf_done(&payload);
        free(tape.data);
}

static void test_scan_without_session(void **state)
{
        struct tape tape = { 0 };
        struct recbuf payload = { 0 };
        struct outcome outcome;

        (void)state;
        tape_begin(&tape);
        recscan_put(&payload, &plain);
        for (size_t i = 0; i < 4; i++)
                recbuf_put(&payload, i == 0);
        tape_frame(&tape, RECFILE_SCAN, &payload);
        outcome = replay_tape(&tape);
        assert_int_equal(outcome.result, -EBADMSG);
        assert_non_null(strstr(outcome.error.text, "before any session"));
        recbuf_done(&payload);
        free(tape.data);
}

/* A later twmond of this version may write more types. */
static void test_unknown_frames(void **state)
{
        struct recbuf payload = { 0 };
        struct outcome outcome;
        struct studio studio;

        (void)state;
        record_some(&studio);
        recbuf_put_text(&payload, "nobody knows");
        tape_frame(&studio.tape, 99, &payload);
        tape_frame(&studio.tape, 0, &payload);
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.result, REPLAY_END);
        assert_int_equal(outcome.scans, 4);
        recbuf_done(&payload);
        studio_close(&studio);
}

/* ---- restarts ---- */

/* Ages of the oldest on port 80, scan by scan. */
static void assert_ages(struct tape *tape, const uint64_t *ages_sec, size_t n)
{
        struct rules *rules = studio_rules(3);
        struct replay *replay;
        struct replay_item item;
        struct recerror error;
        size_t scans = 0;
        int r;

        tape->at = 0;
        assert_int_equal(replay_new(tape_read, tape, rules, &replay, &error), 0);
        while ((r = replay_next(replay, &item, &error)) > 0) {
                const struct port_key port = local_port(80);
                const struct port_row *row;

                if (r != REPLAY_SCAN)
                        continue;
                assert_true(scans < n);
                row = snapshot_find(item.snapshot, &port);
                assert_non_null(row);
                assert_int_equal(row->oldest_usec / USEC_PER_SEC, ages_sec[scans]);
                assert_int_equal(item.snapshot->generation, ++scans);
                snapshot_unref(item.snapshot);
        }
        assert_int_equal(r, REPLAY_END);
        assert_int_equal(scans, n);
        replay_free(replay);
        rules_free(rules);
}

static void test_restart(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct studio studio;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, &record, 1));
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio_session(&studio, 1); /* the same boot: the socket is the same */
        studio.request.generation = 0;
        snapshot_unref(studio_scan(&studio, &record, 1));
        assert_ages(&studio.tape, (uint64_t[]){ 0, 10, 20 }, 3);
        studio_close(&studio);
}

/* Was it the pause that was planned? Of one that a restart has ended nobody asks. */
static void test_pauses(void **state)
{
        static const uint64_t wanted[] = { 0, 7, 0, 10 };
        const struct sockrec record = close_wait_socket(9, 80);
        struct outcome outcome;
        struct studio studio;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio.request.pause_usec = 7 * USEC_PER_SEC;
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio.request.pause_usec = 0; /* of a recording from before pauses were told */
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio_session(&studio, 1);
        studio.request.generation = 0;
        snapshot_unref(studio_scan(&studio, &record, 1));
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.scans, ARRAY_SIZE(wanted));
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
                assert_int_equal(outcome.pauses_usec[i], wanted[i] * USEC_PER_SEC);
        studio_close(&studio);
}

static void test_reboot(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct outcome outcome;
        struct studio studio;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, &record, 1));
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio.request.generation = 0;
        studio.request.now_usec = 5 * USEC_PER_SEC; /* the clock begins anew, a minute later */
        studio.request.now_wall_usec += 50 * USEC_PER_SEC;
        studio_session(&studio, 2);
        snapshot_unref(studio_scan(&studio, &record, 1));
        snapshot_unref(studio_scan(&studio, &record, 1));
        assert_ages(&studio.tape, (uint64_t[]){ 0, 10, 0, 10 }, 4);
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.last_usec, (5020 + 60 + 10) * USEC_PER_SEC);
        studio_close(&studio);
}

/* The wall clock was set back meanwhile: time stands still, and does not go back. */
static void test_reboot_before(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct outcome outcome;
        struct studio studio;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, &record, 1));
        studio.request.generation = 0;
        studio.request.now_wall_usec -= 1000000 * USEC_PER_SEC;
        studio_session(&studio, 2);
        snapshot_unref(studio_scan(&studio, &record, 1));
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.result, REPLAY_END);
        assert_int_equal(outcome.last_usec, 5010 * USEC_PER_SEC);
        studio_close(&studio);
}

static void test_time_goes_back(void **state)
{
        const struct sockrec record = close_wait_socket(9, 80);
        struct outcome outcome;
        struct studio studio;
        size_t second;

        (void)state;
        studio_open(&studio);
        snapshot_unref(studio_scan(&studio, &record, 1));
        second = studio.tape.len;
        studio.request.now_usec -= 20 * USEC_PER_SEC;
        snapshot_unref(studio_scan(&studio, &record, 1));
        outcome = replay_tape(&studio.tape);
        assert_int_equal(outcome.result, -EBADMSG);
        assert_int_equal(outcome.error.offset, second);
        assert_non_null(strstr(outcome.error.text, "times"));
        studio_close(&studio);
}

static void assert_some_owner(const struct owner *got)
{
        assert_string_equal(got->unit, "leaky.service");
        assert_true(got->unit_is_user);
        assert_int_equal(got->uid, 33);
        assert_true(got->holders);
        assert_false(got->by_listener);
        assert_int_equal(got->total, 9);
        assert_int_equal(got->n_processes, 2);
        assert_int_equal(got->processes[0].pid, 491);
        assert_string_equal(got->processes[0].comm, "leaky");
        assert_int_equal(got->processes[0].fds, 25);
        assert_int_equal(got->processes[0].fd_limit, 1024);
        assert_int_equal(got->processes[1].pid, INT32_MAX);
        assert_int_equal(got->processes[1].fds, OWNER_UNKNOWN);
        assert_true(got->processes[1].fd_limit == OWNER_UNLIMITED);
}

static void test_owner(void **state)
{
        const struct port_key port = { .side = SIDE_REMOTE, .port = 5432 };
        struct owner_answer answer = some_answer(&port), got;
        struct recbuf buf = { 0 };
        struct recview view;

        (void)state;
        answer.owner.unit_is_user = true;
        recowner_put(&buf, &answer);
        view = recview_of(&buf);
        recowner_get(&view, true, &got);
        assert_null(view.wrong);
        assert_int_equal(recview_left(&view), 0);
        assert_int_equal(port_key_compare(&port, &got.port), 0);
        assert_true(port_witness_equal(&got.witness, &answer.witness));
        assert_some_owner(&got.owner);
        for (size_t len = 0; len < buf.len; len++) {
                view = (struct recview){ .at = buf.data, .end = buf.data + len };
                recowner_get(&view, true, &got);
                assert_non_null(view.wrong);
        }
        recbuf_empty(&buf); /* nothing known stays unknown */
        owner_clear(&answer.owner);
        answer.witness = (struct port_witness){ .by_listener = true };
        recowner_put(&buf, &answer);
        view = recview_of(&buf);
        recowner_get(&view, true, &got);
        assert_null(view.wrong);
        assert_false(got.witness.known);
        assert_true(got.witness.by_listener);
        assert_string_equal(got.owner.unit, "");
        assert_int_equal(got.owner.uid, -1);
        recbuf_done(&buf);
}

/* A frame of type 3, byte by byte: port 80, and then as above. */
static void test_owner_of_an_older_recording(void **state)
{
        static const uint8_t bytes[] = "\x00\x01\x50\x0dleaky.service\x05\x22\x09\x01"
                                       "\xec\x03\x05leaky\x1a\x81\x08";
        struct recbuf payload = { 0 };
        struct replay_item item;
        struct replay *replay;
        struct recerror error;
        struct studio studio;
        int r;

        (void)state;
        record_some(&studio);
        recfile_begin_frame(&payload, RECFILE_OWNER);
        recbuf_put_bytes(&payload, bytes, sizeof(bytes) - 1);
        assert_int_equal(recfile_end_frame(&payload), 0);
        assert_int_equal(tape_write(&studio.tape, payload.data, payload.len), 0);
        studio.tape.at = 0;
        assert_int_equal(replay_new(tape_read, &studio.tape, studio.rules, &replay, &error), 0);
        while ((r = replay_next(replay, &item, &error)) > 0) {
                if (r == REPLAY_SCAN)
                        snapshot_unref(item.snapshot);
                if (r == REPLAY_OWNER && !item.answer.witness.known)
                        break;
        }
        assert_int_equal(r, REPLAY_OWNER);
        assert_int_equal(item.answer.port.port, 80);
        assert_string_equal(item.answer.owner.unit, "leaky.service");
        assert_int_equal(item.answer.owner.uid, 33);
        assert_int_equal(item.answer.owner.processes[0].fd_limit, 1024);
        assert_int_equal(replay_next(replay, &item, &error), REPLAY_END);
        replay_free(replay);
        recbuf_done(&payload);
        studio_close(&studio);
}

static void test_survey(void **state)
{
        struct replay_survey survey;
        struct studio studio;

        (void)state;
        record_some(&studio);
        assert_int_equal(replay_survey(tape_read, &studio.tape, &survey), 0);
        assert_true(survey.whole);
        assert_int_equal(survey.sessions, 2);
        assert_int_equal(survey.scans, 4);
        assert_int_equal(survey.close_wait_max, 6);
        assert_int_equal(survey.time_wait_max, 9);
        assert_int_equal(survey.last_wall_usec, studio.request.now_wall_usec);
        assert_int_equal(survey.first_wall_usec, survey.last_wall_usec - 30 * USEC_PER_SEC);
        studio.tape.at = 0;
        studio.tape.len--;
        assert_int_equal(replay_survey(tape_read, &studio.tape, &survey), 0);
        assert_false(survey.whole);
        assert_int_equal(survey.scans, 3);
        studio_close(&studio);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_cut_anywhere),
                cmocka_unit_test(test_any_bit),
                cmocka_unit_test(test_any_byte_with_a_right_checksum),
                cmocka_unit_test(test_time_wait_was_asked_for),
                cmocka_unit_test(test_time_wait_was_estimated),
                cmocka_unit_test(test_huge_counts),
                cmocka_unit_test(test_wrong_heads),
                cmocka_unit_test(test_wrong_sockets),
                cmocka_unit_test(test_scan_without_session),
                cmocka_unit_test(test_unknown_frames),
                cmocka_unit_test(test_restart),
                cmocka_unit_test(test_pauses),
                cmocka_unit_test(test_reboot),
                cmocka_unit_test(test_reboot_before),
                cmocka_unit_test(test_time_goes_back),
                cmocka_unit_test(test_owner),
                cmocka_unit_test(test_owner_of_an_older_recording),
                cmocka_unit_test(test_survey),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
