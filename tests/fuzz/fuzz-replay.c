/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A recording -> snapshots -> events. Each input is replayed as it is, and once more with every
 * checksum made right, so that the fuzzer gets past them.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "conf.h"
#include "detect.h"
#include "phrase.h"
#include "replay.h"

#define INPUT_MAX (1024 * 1024)
#define SCANS_MAX 2000 /* of one input: more are no other */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
        const uint8_t *data;
        size_t size;
        size_t at;
};

static int64_t read_input(void *userdata, void *buf, size_t size)
{
        struct input *input = userdata;
        const size_t n = MIN(size, input->size - input->at);

        if (n > 0)
                memcpy(buf, input->data + input->at, n);
        input->at += n;
        return (int64_t)n;
}

static void mend_frame(uint8_t *frame, size_t len)
{
        struct recbuf mended = { 0 };

        recfile_begin_frame(&mended, recfile_frame_type(frame));
        recbuf_put_bytes(&mended, frame + RECFILE_FRAME_HEAD, len);
        if (recfile_end_frame(&mended) < 0)
                abort();
        memcpy(frame, mended.data, mended.len);
        recbuf_done(&mended);
}

static void mend(uint8_t *data, size_t size)
{
        const struct recfile_header header = { .version = RECFILE_VERSION };
        size_t at = RECFILE_HEADER_BYTES;

        if (size < at)
                return;
        recfile_write_header(&header, data);
        while (size - at >= RECFILE_FRAME_EXTRA) {
                const size_t len = recfile_frame_length(data + at);

                if (len > size - at - RECFILE_FRAME_EXTRA)
                        return;
                mend_frame(data + at, len);
                at += len + RECFILE_FRAME_EXTRA;
        }
}

/* What holds for every snapshot, whatever was recorded. */
static void check(const struct snapshot *snapshot)
{
        uint64_t close_wait = 0, time_wait = 0;

        for (size_t i = 0; i < snapshot->n_rows; i++) {
                const struct port_row *row = &snapshot->rows[i];
                uint64_t stages = 0;

                for (size_t s = 0; s < STAGE_COUNT; s++)
                        stages += row->stage[s];
                if (stages != row->count[SOCK_CLOSE_WAIT] || row->stuck > stages)
                        abort();
                if (snapshot_find(snapshot, &row->key) != row)
                        abort();
                close_wait += row->count[SOCK_CLOSE_WAIT];
                time_wait += row->count[SOCK_TIME_WAIT];
        }
        if (close_wait > snapshot->total[SOCK_CLOSE_WAIT] ||
            time_wait > snapshot->total[SOCK_TIME_WAIT])
                abort();
}

static void judge(struct alert_table *alerts, const struct rules *rules,
                  const struct snapshot *snapshot, struct events *events)
{
        char text[PHRASE_MAX];

        check(snapshot);
        if (detect_step(alerts, rules, snapshot, snapshot->start_usec, snapshot->start_wall_usec,
                        events) < 0)
                abort();
        for (size_t i = 0; i < events->n; i++)
                if (strlen(phrase_event(&events->items[i], text)) >= PHRASE_MAX)
                        abort();
}

static void replay_all(struct replay *replay, const struct rules *rules)
{
        struct alert_table *alerts;
        struct events events = { 0 };
        struct recerror error;
        struct replay_item item;
        uint64_t last_usec = 0;
        unsigned scans = 0;
        int r;

        if (alert_table_new(&alerts) < 0)
                abort();
        while (scans < SCANS_MAX && (r = replay_next(replay, &item, &error)) > 0) {
                if (r == REPLAY_OWNER)
                        alert_table_set_owner(alerts, &item.answer);
                if (r != REPLAY_SCAN)
                        continue;
                if (item.snapshot->start_usec < last_usec)
                        abort();
                last_usec = item.snapshot->start_usec;
                judge(alerts, rules, item.snapshot, &events);
                snapshot_unref(item.snapshot);
                scans++;
        }
        events_done(&events);
        alert_table_free(alerts);
}

static void replay(const uint8_t *data, size_t size)
{
        struct input input = { .data = data, .size = size };
        struct replay *replayed;
        struct recerror error;
        struct conf *conf;

        if (conf_new_default(&conf) < 0)
                abort();
        if (replay_new(read_input, &input, conf->rules, &replayed, &error) == 0) {
                replay_all(replayed, conf->rules);
                replay_free(replayed);
        }
        conf_unref(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *copy;

        if (size > INPUT_MAX)
                return 0;
        replay(data, size);
        copy = malloc(size + 1);
        if (!copy)
                abort();
        if (size > 0)
                memcpy(copy, data, size);
        mend(copy, size);
        replay(copy, size);
        free(copy);
        return 0;
}
