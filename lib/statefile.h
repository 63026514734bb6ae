/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What outlives the daemon, as bytes: a header that keeps its form for ever, a body (alertstate.h,
 * scanstate.h), a CRC-32 over all of it. Integers of fixed width are little-endian.
 *
 *   magic (8 bytes), version (4), kind (4), serial (8), saved, wall clock (8), saved, monotonic (8),
 *   boot id (16), network namespace (8), length of the body (8), body, CRC-32 (4)
 *
 * Within a version a body only grows at its ends: what a reader does not know is skipped, what a
 * writer did not know is zero. What changes otherwise is a new version.
 */

#include <stddef.h>
#include <stdint.h>

#include "recbuf.h"

#define STATEFILE_VERSION      1
#define STATEFILE_HEADER_BYTES 72
#define STATEFILE_EXTRA_BYTES  (STATEFILE_HEADER_BYTES + 4) /* beyond the body */
#define STATEFILE_MAX          (64 * 1024 * 1024)           /* of a whole file */
#define STATEFILE_BOOT_ID      16

/* statefile_open() */
#define STATEFILE_FOREIGN 1 /* none of ours, or of the other kind */
#define STATEFILE_DAMAGED 2 /* cut short, too long, or the checksum is wrong */
#define STATEFILE_NEWER   3 /* of a later version than ours; *ret_header is filled in */

enum statefile_kind {
        STATEFILE_ALERTS = 1,
        STATEFILE_SCAN = 2,
};

struct statefile_header {
        uint32_t version;
        uint32_t kind;   /* enum statefile_kind */
        uint64_t serial; /* the greatest one is the newest */
        uint64_t saved_wall_usec;
        uint64_t saved_usec; /* monotonic, of that boot */
        uint8_t boot_id[STATEFILE_BOOT_ID];
        uint64_t netns; /* inode number of the network namespace that was watched; 0: unknown */
};

/* Header, body and checksum into an empty buffer. 0, or the buffer's error. */
int statefile_wrap(const struct statefile_header *header, const struct recbuf *body,
                   struct recbuf *ret_buf);

/* 0 and the body, borrowed from data; or an outcome above. */
int statefile_open(const void *data, size_t len, enum statefile_kind kind,
                   struct statefile_header *ret_header, struct recview *ret_body);
