/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The file that twmond --record writes: opened, checked and appended to. The recorder (recorder.h)
 * makes what is written; what may go wrong with it later stands in its stats.
 */

#include <stdint.h>

#include "recorder.h"

/* record_open() */
#define RECORD_REFUSED 1 /* said on stderr: nothing can, or may, be written there */

struct record;

/*
 * Makes the file, mode 0600, or goes on behind the last whole frame of a recording; what is torn
 * behind that is cut off, which is said on stderr. Begins a session. path: borrowed for the
 * record's life. 0, RECORD_REFUSED, -ENOMEM. A full disk is no reason to refuse: the recorder has
 * stopped.
 */
int record_open(const char *path, uint64_t interval_usec, struct record **ret_record);
struct record *record_free(struct record *record);

/* Borrowed. NULL: record is NULL. */
struct recorder *record_get_recorder(struct record *record);
