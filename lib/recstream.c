/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A length that a frame claims is believed only as far as bytes follow: the buffer grows with what
 * was read. A wrong checksum on the very last frame is what a write leaves that was cut off by a
 * crash, so that it counts as torn; anywhere else the file is damaged.
 */

#include "recstream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define CHUNK_BYTES (64 * 1024)

struct recstream {
        recstream_read_fn read;
        void *userdata;
        struct recfile_header header;
        uint64_t offset; /* of the frame in frame[], or of the next one */
        uint8_t *frame;
        size_t len;
        size_t size;
};

int recerror_set(struct recerror *ret_error, enum recerror_kind kind, uint64_t offset,
                 const char *format, ...)
{
        va_list args;

        ret_error->kind = kind;
        ret_error->offset = offset;
        va_start(args, format);
        vsnprintf(ret_error->text, sizeof(ret_error->text), format, args);
        va_end(args);
        return -EBADMSG;
}

static int reserve(struct recstream *stream, size_t size)
{
        uint8_t *frame;

        if (size <= stream->size)
                return 0;
        size = MAX(size, (size_t)CHUNK_BYTES);
        frame = realloc(stream->frame, size);
        if (!frame)
                return -ENOMEM;
        stream->frame = frame;
        stream->size = size;
        return 0;
}

/* Until the frame holds want bytes, or as many as there are. 0, or an error. */
static int fill(struct recstream *stream, size_t want)
{
        while (stream->len < want) {
                const size_t chunk = MIN(want - stream->len, MAX(stream->len, (size_t)CHUNK_BYTES));
                int64_t n;
                int r = reserve(stream, stream->len + chunk);

                if (r < 0)
                        return r;
                n = stream->read(stream->userdata, stream->frame + stream->len, chunk);
                if (n <= 0)
                        return (int)n;
                stream->len += (size_t)n;
        }
        return 0;
}

static int read_header(struct recstream *stream, struct recerror *ret_error)
{
        int r = fill(stream, RECFILE_HEADER_BYTES);

        if (r < 0)
                return r;
        if (stream->len < RECFILE_HEADER_BYTES)
                return recerror_set(ret_error, RECERROR_FOREIGN, 0,
                                    "it is too short to be a recording of twmond");
        r = recfile_read_header(stream->frame, &stream->header);
        if (r == RECFILE_FOREIGN)
                return recerror_set(ret_error, RECERROR_FOREIGN, 0, "it is no recording of twmond");
        if (r == RECFILE_DAMAGED)
                return recerror_set(ret_error, RECERROR_DAMAGED, 0, "its header is damaged");
        if (r == RECFILE_NEWER)
                return recerror_set(ret_error, RECERROR_NEWER, 0,
                                    "it has the format %" PRIu32
                                    " of a newer twmond; this one knows formats up to %d",
                                    stream->header.version, RECFILE_VERSION);
        stream->offset = RECFILE_HEADER_BYTES;
        stream->len = 0;
        return 0;
}

int recstream_new(recstream_read_fn read, void *userdata, struct recstream **ret_stream,
                  struct recerror *ret_error)
{
        struct recstream *stream = calloc(1, sizeof(*stream));
        int r;

        ret_error->text[0] = '\0';
        if (!stream)
                return -ENOMEM;
        stream->read = read;
        stream->userdata = userdata;
        r = read_header(stream, ret_error);
        if (r < 0) {
                recstream_free(stream);
                return r;
        }
        *ret_stream = stream;
        return 0;
}

struct recstream *recstream_free(struct recstream *stream)
{
        if (stream)
                free(stream->frame);
        free(stream);
        return NULL;
}

const struct recfile_header *recstream_header(const struct recstream *stream)
{
        return &stream->header;
}

uint64_t recstream_offset(const struct recstream *stream)
{
        return stream->offset + stream->len;
}

static int torn(const struct recstream *stream, struct recerror *ret_error)
{
        return recerror_set(ret_error, RECERROR_TORN, stream->offset,
                            "the frame that begins there is not whole: the file ends within it");
}

/* The checksum is wrong: at the end of the file, or with more behind it. */
static int wrong_checksum(struct recstream *stream, struct recerror *ret_error)
{
        const size_t len = stream->len;
        int r = fill(stream, len + 1);

        if (r < 0)
                return r;
        return recerror_set(ret_error, stream->len > len ? RECERROR_DAMAGED : RECERROR_TORN,
                            stream->offset,
                            "the frame that begins there is damaged: its checksum is wrong");
}

int recstream_next(struct recstream *stream, struct recframe *ret_frame, struct recerror *ret_error)
{
        uint32_t len;
        int r;

        ret_error->text[0] = '\0';
        stream->offset += stream->len;
        stream->len = 0;
        r = fill(stream, RECFILE_FRAME_HEAD);
        if (r < 0)
                return r;
        if (stream->len == 0)
                return RECSTREAM_END;
        if (stream->len < RECFILE_FRAME_HEAD)
                return torn(stream, ret_error);
        len = recfile_frame_length(stream->frame);
        if (len > RECFILE_FRAME_MAX)
                return recerror_set(ret_error, RECERROR_DAMAGED, stream->offset,
                                    "the frame that begins there is damaged: no frame is so long");
        r = fill(stream, (size_t)len + RECFILE_FRAME_EXTRA);
        if (r < 0)
                return r;
        if (stream->len < (size_t)len + RECFILE_FRAME_EXTRA)
                return torn(stream, ret_error);
        if (!recfile_frame_whole(stream->frame))
                return wrong_checksum(stream, ret_error);
        *ret_frame = (struct recframe){ .type = recfile_frame_type(stream->frame),
                                        .offset = stream->offset,
                                        .payload = stream->frame + RECFILE_FRAME_HEAD,
                                        .len = len };
        return RECSTREAM_FRAME;
}
