/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checksum covers the length as well, so that no frame is believed whose end was guessed. */

#include "recfile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "bytes.h"

static_assert(RECFILE_FRAME_MAX + RECFILE_FRAME_EXTRA <= RECBUF_MAX, "a frame fits into a buffer");

static const char magic[8] = { 't', 'w', 'm', 'o', 'n', 'r', 'e', 'c' };

void recfile_write_header(const struct recfile_header *header,
                          uint8_t buf[static RECFILE_HEADER_BYTES])
{
        memcpy(buf, magic, sizeof(magic));
        bytes_put_le(buf + 8, header->version, 4);
        bytes_put_le(buf + 12, header->created_wall_usec, 8);
        memcpy(buf + 20, header->boot_id, RECFILE_BOOT_ID);
        bytes_put_le(buf + 36, bytes_checksum(buf, 36), 4);
}

int recfile_read_header(const uint8_t buf[static RECFILE_HEADER_BYTES],
                        struct recfile_header *ret_header)
{
        if (memcmp(buf, magic, sizeof(magic)) != 0)
                return RECFILE_FOREIGN;
        if (bytes_get_le(buf + 36, 4) != bytes_checksum(buf, 36))
                return RECFILE_DAMAGED;
        ret_header->version = (uint32_t)bytes_get_le(buf + 8, 4);
        ret_header->created_wall_usec = bytes_get_le(buf + 12, 8);
        memcpy(ret_header->boot_id, buf + 20, RECFILE_BOOT_ID);
        return ret_header->version > RECFILE_VERSION ? RECFILE_NEWER : 0;
}

void recfile_begin_frame(struct recbuf *buf, uint8_t type)
{
        const uint8_t head[RECFILE_FRAME_HEAD] = { 0, 0, 0, 0, type };

        recbuf_put_bytes(buf, head, sizeof(head));
}

int recfile_end_frame(struct recbuf *buf)
{
        uint8_t sum[4];

        if (buf->error < 0)
                return buf->error;
        if (buf->len - RECFILE_FRAME_HEAD > RECFILE_FRAME_MAX)
                return buf->error = -E2BIG;
        bytes_put_le(buf->data, buf->len - RECFILE_FRAME_HEAD, 4);
        bytes_put_le(sum, bytes_checksum(buf->data, buf->len), 4);
        recbuf_put_bytes(buf, sum, sizeof(sum));
        return buf->error;
}

uint32_t recfile_frame_length(const uint8_t *frame)
{
        return (uint32_t)bytes_get_le(frame, 4);
}

uint8_t recfile_frame_type(const uint8_t *frame)
{
        return frame[4];
}

bool recfile_frame_whole(const uint8_t *frame)
{
        const size_t len = RECFILE_FRAME_HEAD + (size_t)recfile_frame_length(frame);

        return bytes_get_le(frame + len, 4) == bytes_checksum(frame, len);
}
