/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The file says itself how long it is, and the checksum covers that: what a full disk or a crash
 * has left of one is never taken for the whole. Whose it is and of which version is believed only
 * after that.
 */

#include "statefile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base.h"
#include "bytes.h"

#define SUM_BYTES (STATEFILE_EXTRA_BYTES - STATEFILE_HEADER_BYTES)

static_assert(STATEFILE_MAX <= RECBUF_MAX, "a file fits into a buffer");

/* Where in the header. */
enum {
        AT_VERSION = 8,
        AT_KIND = 12,
        AT_SERIAL = 16,
        AT_SAVED_WALL = 24,
        AT_SAVED = 32,
        AT_BOOT_ID = 40,
        AT_NETNS = AT_BOOT_ID + STATEFILE_BOOT_ID,
        AT_LENGTH = 64,
};

static const char magic[8] = { 't', 'w', 'm', 'o', 'n', 's', 't', 'a' };

int statefile_wrap(const struct statefile_header *header, const struct recbuf *body,
                   struct recbuf *ret_buf)
{
        uint8_t bytes[STATEFILE_HEADER_BYTES], sum[SUM_BYTES];

        if (ret_buf->error == 0 && body->len > STATEFILE_MAX - STATEFILE_EXTRA_BYTES)
                ret_buf->error = -E2BIG;
        memcpy(bytes, magic, sizeof(magic));
        bytes_put_le(bytes + AT_VERSION, header->version, 4);
        bytes_put_le(bytes + AT_KIND, header->kind, 4);
        bytes_put_le(bytes + AT_SERIAL, header->serial, 8);
        bytes_put_le(bytes + AT_SAVED_WALL, header->saved_wall_usec, 8);
        bytes_put_le(bytes + AT_SAVED, header->saved_usec, 8);
        memcpy(bytes + AT_BOOT_ID, header->boot_id, STATEFILE_BOOT_ID);
        bytes_put_le(bytes + AT_NETNS, header->netns, 8);
        bytes_put_le(bytes + AT_LENGTH, body->len, 8);
        recbuf_put_bytes(ret_buf, bytes, sizeof(bytes));
        recbuf_put_buf(ret_buf, body);
        if (ret_buf->error < 0)
                return ret_buf->error;
        bytes_put_le(sum, bytes_checksum(ret_buf->data, ret_buf->len), sizeof(sum));
        recbuf_put_bytes(ret_buf, sum, sizeof(sum));
        return ret_buf->error;
}

static bool is_whole(const uint8_t *bytes, size_t len)
{
        if (len < STATEFILE_EXTRA_BYTES || len > STATEFILE_MAX)
                return false;
        return bytes_get_le(bytes + AT_LENGTH, 8) == len - STATEFILE_EXTRA_BYTES &&
               bytes_get_le(bytes + len - SUM_BYTES, SUM_BYTES) ==
                       bytes_checksum(bytes, len - SUM_BYTES);
}

static struct statefile_header read_header(const uint8_t *bytes)
{
        struct statefile_header header = {
                .version = (uint32_t)bytes_get_le(bytes + AT_VERSION, 4),
                .kind = (uint32_t)bytes_get_le(bytes + AT_KIND, 4),
                .serial = bytes_get_le(bytes + AT_SERIAL, 8),
                .saved_wall_usec = bytes_get_le(bytes + AT_SAVED_WALL, 8),
                .saved_usec = bytes_get_le(bytes + AT_SAVED, 8),
                .netns = bytes_get_le(bytes + AT_NETNS, 8),
        };

        memcpy(header.boot_id, bytes + AT_BOOT_ID, STATEFILE_BOOT_ID);
        return header;
}

int statefile_open(const void *data, size_t len, enum statefile_kind kind,
                   struct statefile_header *ret_header, struct recview *ret_body)
{
        const uint8_t *bytes = data;
        struct statefile_header header;

        /* nothing at all is what a crash may leave, too */
        if (len > 0 && memcmp(bytes, magic, MIN(len, sizeof(magic))) != 0)
                return STATEFILE_FOREIGN;
        if (!is_whole(bytes, len))
                return STATEFILE_DAMAGED;
        header = read_header(bytes);
        if (header.kind != (uint32_t)kind || header.version == 0)
                return STATEFILE_FOREIGN;
        *ret_header = header;
        if (header.version > STATEFILE_VERSION)
                return STATEFILE_NEWER;
        *ret_body = (struct recview){ .at = bytes + STATEFILE_HEADER_BYTES,
                                      .end = bytes + len - SUM_BYTES };
        return 0;
}
