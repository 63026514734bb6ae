/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The older part of the history, in at most HISTORY_FILE_MAX bytes of anything that can be read and
 * written at an offset: after the header a ring of rows of a minute for a day, and one of ten
 * minutes for 30 days. A row (historyrow.h) stands where its time belongs, so a minute costs two
 * small writes, and what is missing or half-written is a gap and nothing more.
 */

#include "historyheader.h"
#include "historyseries.h"

#define HISTORY_FILE_MAX                                                                           \
        (HISTORY_HEADER_BYTES + (HISTORY_MINUTES + HISTORY_TENS) * HISTORY_ROW_BYTES)

/* Where the bytes are. Both functions: 0 or -errno. */
struct history_io {
        /* What lies behind the end is zeros. */
        int (*read)(void *userdata, uint64_t offset, uint8_t *data, size_t len);
        int (*write)(void *userdata, uint64_t offset, const uint8_t *data, size_t len);
        void *userdata;
};

/* A minute, added to what is known of that minute; and to its ten minutes. 0 or -errno. */
int history_rings_put(const struct history_io *io, const struct history_row *minute);

/*
 * Adds all that is known from the series' beginning until until_sec (seconds since 1970), where
 * others know more; but no rows that are longer than the series' steps. 0 or -errno.
 */
int history_rings_read(const struct history_io *io, uint64_t until_sec,
                       struct history_series *series);
