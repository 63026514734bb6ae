/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A ring in order of sequence numbers; see control-toldlog.h. */

#include "control-toldlog.h"

#include <stdlib.h>

void toldlog_done(struct toldlog *toldlog)
{
        for (size_t i = 0; i < CONTROL_EVENTS_KEPT; i++)
                free(toldlog->frames[i].bytes);
        *toldlog = (struct toldlog){ .n = 0 };
}

static const struct toldlog_frame *frame_at(const struct toldlog *toldlog, size_t i)
{
        return &toldlog->frames[(toldlog->first + i) % CONTROL_EVENTS_KEPT];
}

void toldlog_add(struct toldlog *toldlog, uint64_t sequence, char *bytes, size_t len)
{
        struct toldlog_frame *frame;

        frame = &toldlog->frames[(toldlog->first + toldlog->n) % CONTROL_EVENTS_KEPT];
        if (toldlog->n == CONTROL_EVENTS_KEPT)
                toldlog->first = (toldlog->first + 1) % CONTROL_EVENTS_KEPT;
        else
                toldlog->n++;

        free(frame->bytes);
        *frame = (struct toldlog_frame){ .sequence = sequence, .bytes = bytes, .len = len };
}

uint64_t toldlog_newest(const struct toldlog *toldlog)
{
        return toldlog->n > 0 ? frame_at(toldlog, toldlog->n - 1)->sequence : 0;
}

const struct toldlog_frame *toldlog_after(const struct toldlog *toldlog, uint64_t sequence)
{
        for (size_t i = 0; i < toldlog->n; i++)
                if (frame_at(toldlog, i)->sequence > sequence)
                        return frame_at(toldlog, i);
        return NULL;
}

uint64_t toldlog_missed(const struct toldlog *toldlog, uint64_t sequence)
{
        const struct toldlog_frame *next = toldlog_after(toldlog, sequence);

        return next ? next->sequence - sequence - 1 : 0;
}
