/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A ring in order of sequence numbers; see control-replay.h. */

#include "control-replay.h"

#include <stdlib.h>

void replay_done(struct replay *replay)
{
        for (size_t i = 0; i < CONTROL_EVENTS_KEPT; i++)
                free(replay->frames[i].bytes);
        *replay = (struct replay){ .n = 0 };
}

static const struct replay_frame *frame_at(const struct replay *replay, size_t i)
{
        return &replay->frames[(replay->first + i) % CONTROL_EVENTS_KEPT];
}

void replay_add(struct replay *replay, uint64_t sequence, char *bytes, size_t len)
{
        struct replay_frame *frame;

        frame = &replay->frames[(replay->first + replay->n) % CONTROL_EVENTS_KEPT];
        if (replay->n == CONTROL_EVENTS_KEPT)
                replay->first = (replay->first + 1) % CONTROL_EVENTS_KEPT;
        else
                replay->n++;

        free(frame->bytes);
        *frame = (struct replay_frame){ .sequence = sequence, .bytes = bytes, .len = len };
}

uint64_t replay_newest(const struct replay *replay)
{
        return replay->n > 0 ? frame_at(replay, replay->n - 1)->sequence : 0;
}

const struct replay_frame *replay_after(const struct replay *replay, uint64_t sequence)
{
        for (size_t i = 0; i < replay->n; i++)
                if (frame_at(replay, i)->sequence > sequence)
                        return frame_at(replay, i);
        return NULL;
}

uint64_t replay_missed(const struct replay *replay, uint64_t sequence)
{
        const struct replay_frame *next = replay_after(replay, sequence);

        return next ? next->sequence - sequence - 1 : 0;
}
