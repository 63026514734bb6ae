/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The older part of the history (historyrings.h), in a file of its own beside the alerts' state.
 * Nothing is synced: a SIGKILL loses nothing that was written, and what a power cut leaves
 * half-written is a gap.
 *
 * For the thread that may wait for the disk.
 */

#include "historyheader.h"
#include "historyseries.h"

#define HISTORYFILE_NAME       "history"
#define HISTORYFILE_LEFT_BYTES (1024 * 1024) /* of the disk: below that nothing is written */
#define HISTORYFILE_NOTE       400           /* bytes of a line */

struct history_file {
        const char *dir; /* borrowed */
        struct history_origin origin;
        int fd; /* -1: not open; locked while it is */
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
 * others know more; but no rows that are longer than the series' steps. Open. 0 or -errno.
 */
int history_file_read(struct history_file *file, uint64_t until_sec, struct history_series *series);
