/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scans -> the frames of a recording. Is shown what an observer is shown, and at the end the
 * snapshot that came of it; each scan becomes one frame, each frame one write. How frames are built
 * stands in recfile.h and the headers that it names.
 *
 * Nothing that goes wrong here reaches the scan: a frame that cannot be made or written is counted.
 * Every function takes NULL for the recorder, and then does nothing.
 */

#include <stddef.h>

#include "detect.h"
#include "observe.h"
#include "recscan.h"

/* Writes all of the frame, or leaves nothing of it behind: 0 or -errno. */
typedef int (*recorder_write_fn)(void *userdata, const void *frame, size_t len);

struct recorder_stats {
        uint64_t frames; /* written */
        uint64_t bytes;
        uint64_t lost;     /* scans and owners that are not in the recording */
        uint64_t left_out; /* CLOSE_WAIT sockets of the last scan beyond RECTABLE_SOCKETS_MAX */
        int error;         /* of the write that failed; nothing was written after it. 0: none did */
};

struct recorder;

/* -ENOMEM. */
int recorder_new(recorder_write_fn write, void *userdata, struct recorder **ret_recorder);
struct recorder *recorder_free(struct recorder *recorder);

/* A daemon starts; once, before the first scan. */
void recorder_session(struct recorder *recorder, const struct recsession *session);

/* As an observer's; look.c calls them. */
void recorder_begin(struct recorder *recorder);
void recorder_port_range(struct recorder *recorder, uint16_t first, uint16_t last);
void recorder_begin_listeners(struct recorder *recorder);
void recorder_listener(struct recorder *recorder, const struct sockrec *record);
void recorder_end_listeners(struct recorder *recorder, bool whole);
void recorder_begin_sockets(struct recorder *recorder);
void recorder_socket(struct recorder *recorder, const struct sockrec *record);
void recorder_end_sockets(struct recorder *recorder, bool whole);

/*
 * The scan is over, and the snapshot complete, end and cost included. Where recorder_begin() was
 * not called since the last one, the scan is recorded as one that could not begin.
 */
void recorder_finish(struct recorder *recorder, const struct scan_request *request,
                     const struct snapshot *snapshot);

/* Who holds a witness of a port, as found after the last scan. */
void recorder_owner(struct recorder *recorder, const struct owner_answer *answer);

void recorder_get_stats(const struct recorder *recorder, struct recorder_stats *ret_stats);
