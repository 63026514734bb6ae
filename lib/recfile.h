/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A recording, as bytes: a header, then frames. Integers of fixed width are little-endian.
 *
 *   header   magic (8 bytes), version (4), creation (8, microseconds since 1970), boot id (16),
 *            CRC-32 of all that (4)
 *   frame    length of the payload (4), type (1), payload, CRC-32 of length, type and payload (4)
 *
 * The header keeps its form for ever; all else may change with the version. Within a version,
 * frames of an unknown type are skipped. What the payloads hold: recscan.h, recdelta.h, recports.h,
 * recowner.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "recbuf.h"

#define RECFILE_VERSION      1
#define RECFILE_HEADER_BYTES 40
#define RECFILE_FRAME_HEAD   5                  /* length and type */
#define RECFILE_FRAME_EXTRA  9                  /* ... and the checksum */
#define RECFILE_FRAME_MAX    (64 * 1024 * 1024) /* of a payload: every table full, and changed */
#define RECFILE_BOOT_ID      16

/* Types of frames; others are skipped. */
enum {
        RECFILE_SESSION = 1, /* a daemon starts: what follows refers to nothing before it */
        RECFILE_SCAN = 2,
        RECFILE_OWNER = 3,  /* as the next one without its witness: read, not written any more */
        RECFILE_ANSWER = 4, /* who was found to hold a witness of a port */
};

/* recfile_read_header() */
#define RECFILE_FOREIGN 1 /* no recording */
#define RECFILE_DAMAGED 2 /* one, but its checksum is wrong */
#define RECFILE_NEWER   3 /* of a later version than ours; *ret_header is filled in */

struct recfile_header {
        uint32_t version;
        uint64_t created_wall_usec;
        uint8_t boot_id[RECFILE_BOOT_ID];
};

void recfile_write_header(const struct recfile_header *header,
                          uint8_t buf[static RECFILE_HEADER_BYTES]);
/* 0, or an outcome above. */
int recfile_read_header(const uint8_t buf[static RECFILE_HEADER_BYTES],
                        struct recfile_header *ret_header);

/* A frame is put together in an empty buffer: begin, the payload, end. */
void recfile_begin_frame(struct recbuf *buf, uint8_t type);
/* 0, or the buffer's error. */
int recfile_end_frame(struct recbuf *buf);

/* Of the first RECFILE_FRAME_HEAD bytes of a frame. */
uint32_t recfile_frame_length(const uint8_t *frame);
uint8_t recfile_frame_type(const uint8_t *frame);
/* Of a whole frame: whether its checksum is right. */
bool recfile_frame_whole(const uint8_t *frame);
