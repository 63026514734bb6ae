/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The checksum is judged before the version: a header of a later version begins as ours does and has
 * its checksum in the same place, so one that is wrong there is damaged, whatever it says it is.
 */

#include "historyheader.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "historyrings.h"

#define AT_VERSION    8
#define AT_ROW_BYTES  12
#define AT_BOOT_ID    16
#define AT_NETNS      32
#define CHECKED_BYTES 40 /* the checksum follows */

static const uint8_t magic[AT_VERSION] = "twmonHIS";

void history_header_write(const struct history_origin *origin,
                          uint8_t ret_header[static HISTORY_HEADER_BYTES])
{
        memset(ret_header, 0, HISTORY_HEADER_BYTES);
        memcpy(ret_header, magic, sizeof(magic));
        bytes_put_le(ret_header + AT_VERSION, HISTORY_VERSION, 4);
        bytes_put_le(ret_header + AT_ROW_BYTES, HISTORY_ROW_BYTES, 4);
        memcpy(ret_header + AT_BOOT_ID, origin->boot_id, HISTORY_BOOT_ID);
        bytes_put_le(ret_header + AT_NETNS, origin->netns, 8);
        bytes_put_le(ret_header + CHECKED_BYTES, bytes_checksum(ret_header, CHECKED_BYTES), 4);
}

static bool is_elsewhere(const uint8_t *header, const struct history_origin *origin)
{
        const uint64_t netns = bytes_get_le(header + AT_NETNS, 8);

        return netns != 0 && origin->netns != 0 && netns != origin->netns &&
               memcmp(header + AT_BOOT_ID, origin->boot_id, HISTORY_BOOT_ID) == 0;
}

enum history_verdict history_header_judge(const uint8_t *header, size_t len, uint64_t file_bytes,
                                          const struct history_origin *origin)
{
        if (len == 0)
                return HISTORY_EMPTY;
        if (len < sizeof(magic) || memcmp(header, magic, sizeof(magic)) != 0)
                return HISTORY_FOREIGN;
        if (len < HISTORY_HEADER_BYTES ||
            bytes_get_le(header + CHECKED_BYTES, 4) != bytes_checksum(header, CHECKED_BYTES))
                return HISTORY_DAMAGED;
        if (bytes_get_le(header + AT_VERSION, 4) > HISTORY_VERSION)
                return HISTORY_NEWER;
        if (bytes_get_le(header + AT_ROW_BYTES, 4) != HISTORY_ROW_BYTES ||
            file_bytes > HISTORY_FILE_MAX)
                return HISTORY_MISFIT;
        return is_elsewhere(header, origin) ? HISTORY_ELSEWHERE : HISTORY_OURS;
}
