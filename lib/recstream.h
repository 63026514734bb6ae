/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A recording as a stream of bytes -> its header, then one whole frame after the other. Holds one
 * frame in memory, and no more of it than bytes have arrived.
 */

#include <stddef.h>
#include <stdint.h>

#include "recfile.h"

#define RECERROR_TEXT_MAX 160

/* Why a recording cannot be read on. */
enum recerror_kind {
        RECERROR_FOREIGN, /* no recording */
        RECERROR_NEWER,   /* of a later version */
        RECERROR_TORN,    /* it ends within its last frame, or that one was not written whole */
        RECERROR_DAMAGED,
};

struct recerror {
        enum recerror_kind kind;
        uint64_t offset; /* of the frame, or 0; everything before it is good */
        char text[RECERROR_TEXT_MAX];
};

/* Up to size bytes into buf: their number, 0 at the end, -errno. */
typedef int64_t (*recstream_read_fn)(void *userdata, void *buf, size_t size);

struct recframe {
        uint8_t type;
        uint64_t offset;
        const uint8_t *payload; /* borrowed until the next call */
        size_t len;
};

struct recstream;

/* recstream_next() */
#define RECSTREAM_END   0
#define RECSTREAM_FRAME 1

/*
 * Reads the header. 0; -EBADMSG with *ret_error; -ENOMEM or what read() returned, and then
 * ret_error->text is empty.
 */
int recstream_new(recstream_read_fn read, void *userdata, struct recstream **ret_stream,
                  struct recerror *ret_error);
struct recstream *recstream_free(struct recstream *stream);

const struct recfile_header *recstream_header(const struct recstream *stream);

/* An outcome above, or an error as from recstream_new(). After an error there is no more. */
int recstream_next(struct recstream *stream, struct recframe *ret_frame,
                   struct recerror *ret_error);
/* Where the next frame begins: the end of the last whole one. */
uint64_t recstream_offset(const struct recstream *stream);

/* For readers of payloads: fills *ret_error; returns -EBADMSG. */
int recerror_set(struct recerror *ret_error, enum recerror_kind kind, uint64_t offset,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
