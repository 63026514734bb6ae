/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The older part of the history, in a file of at most HISTORYFILE_MAX bytes: a ring of rows of a
 * minute for a day, and one of ten minutes for 30 days. A row is written where its time belongs, so
 * a minute costs two small writes. Nothing is synced: a SIGKILL loses nothing that was written, and
 * what a power cut leaves half-written is a gap.
 *
 *   header: magic (8 bytes), version (4), row bytes (4), boot id (16), network namespace (8),
 *   CRC-32 (4), 0; then the rows (historyrow.h), all little-endian
 *
 * For the thread that may wait for the disk.
 */

#include "historyseries.h"

#define HISTORYFILE_NAME       "history"
#define HISTORYFILE_VERSION    1
#define HISTORYFILE_HEADER     64
#define HISTORYFILE_MAX        (HISTORYFILE_HEADER + (HISTORY_MINUTES + HISTORY_TENS) * HISTORY_ROW_BYTES)
#define HISTORYFILE_LEFT_BYTES (1024 * 1024) /* of the disk: below that nothing is written */
#define HISTORYFILE_NOTE       400           /* bytes of a line */
#define HISTORYFILE_BOOT_ID    16

struct history_file {
        const char *dir; /* borrowed */
        uint8_t boot_id[HISTORYFILE_BOOT_ID];
        uint64_t netns; /* inode number; 0: unknown */
        int fd;         /* -1: not open; locked while it is */
};

/*
 * Opens it if it is not open, or no longer where it was. What is damaged, newer than ours or of
 * others is renamed, and ret_note says so in a line; else that is empty. -EBUSY: another process
 * has it; other -errno. A failure leaves it closed.
 */
int history_file_open(struct history_file *file, char ret_note[static HISTORYFILE_NOTE]);
void history_file_close(struct history_file *file);

/* A minute, added to what the file has of that minute; and to its ten minutes. Open. 0 or -errno. */
int history_file_put(struct history_file *file, const struct history_row *minute);
/*
 * Adds all that is known from the series' beginning until until_sec (seconds since 1970), where
 * others know more. Open. 0 or -errno.
 */
int history_file_read(struct history_file *file, uint64_t until_sec, struct history_series *series);
