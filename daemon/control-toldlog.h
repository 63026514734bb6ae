/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last CONTROL_EVENTS_KEPT events, each as the finished bytes of its Watch reply: made once,
 * however many watch, and sent again to whoever asks for what they missed.
 */

#include <stddef.h>
#include <stdint.h>

#include "control.h"

struct toldlog_frame {
        uint64_t sequence;
        char *bytes;
        size_t len;
};

struct toldlog {
        struct toldlog_frame frames[CONTROL_EVENTS_KEPT];
        size_t first; /* the oldest one */
        size_t n;
};

void toldlog_done(struct toldlog *toldlog);

/* Takes over bytes; the oldest frame makes room. Sequence numbers only grow. */
void toldlog_add(struct toldlog *toldlog, uint64_t sequence, char *bytes, size_t len);

/* Of the newest event; 0: none yet. */
uint64_t toldlog_newest(const struct toldlog *toldlog);
/* The first frame after that sequence number; NULL: there is none. */
const struct toldlog_frame *toldlog_after(const struct toldlog *toldlog, uint64_t sequence);
/* How many events after that sequence number are no longer known. */
uint64_t toldlog_missed(const struct toldlog *toldlog, uint64_t sequence);
