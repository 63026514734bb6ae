/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the history's file begins: whether it is one, whether we can read it, and whose it is.
 *
 *   magic (8 bytes), version (4), row bytes (4), boot id (16), network namespace (8),
 *   CRC-32 (4), 0; little-endian
 */

#include <stddef.h>
#include <stdint.h>

#define HISTORY_VERSION      1
#define HISTORY_HEADER_BYTES 64
#define HISTORY_BOOT_ID      16

enum history_verdict {
        HISTORY_OURS,
        HISTORY_EMPTY,     /* there is nothing in it */
        HISTORY_FOREIGN,   /* not a history */
        HISTORY_DAMAGED,   /* cut short, or the checksum is wrong */
        HISTORY_NEWER,     /* of a later version than ours */
        HISTORY_MISFIT,    /* of rows that are not ours, or larger than any of ours */
        HISTORY_ELSEWHERE, /* of another network namespace */
};

/* Where it is written. Namespaces are told apart by number within one boot alone. */
struct history_origin {
        uint8_t boot_id[HISTORY_BOOT_ID];
        uint64_t netns; /* inode number; 0: unknown */
};

/* Fills all HISTORY_HEADER_BYTES. */
void history_header_write(const struct history_origin *origin,
                          uint8_t ret_header[static HISTORY_HEADER_BYTES]);

/*
 * What a file of file_bytes is to one who writes at origin. header: its first len bytes, as many of
 * HISTORY_HEADER_BYTES as there are.
 */
enum history_verdict history_header_judge(const uint8_t *header, size_t len, uint64_t file_bytes,
                                          const struct history_origin *origin);
