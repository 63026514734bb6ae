/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last CONTROL_EVENTS_KEPT events, each as the finished bytes of its Watch reply: made once,
 * however many watch, and sent again to whoever asks for what they missed.
 */

#include <stddef.h>
#include <stdint.h>

#include "control.h"

struct replay_frame {
        uint64_t sequence;
        char *bytes;
        size_t len;
};

struct replay {
        struct replay_frame frames[CONTROL_EVENTS_KEPT];
        size_t first; /* the oldest one */
        size_t n;
};

void replay_done(struct replay *replay);

/* Takes over bytes; the oldest frame makes room. Sequence numbers only grow. */
void replay_add(struct replay *replay, uint64_t sequence, char *bytes, size_t len);

/* Of the newest event; 0: none yet. */
uint64_t replay_newest(const struct replay *replay);
/* The first frame after that sequence number; NULL: there is none. */
const struct replay_frame *replay_after(const struct replay *replay, uint64_t sequence);
/* How many events after that sequence number are no longer known. */
uint64_t replay_missed(const struct replay *replay, uint64_t sequence);
