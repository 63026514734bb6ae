/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The thread that keeps the history file, because a disk may be slow or hang. Rows are handed to it
 * and forgotten; questions are, and come back answered. What finds no room is counted.
 *
 *   historian_new -> historian_start -> historian_put, historian_ask, historian_take ...
 *   -> historian_free
 */

#include "historyanswer.h"

#define HISTORIAN_ROWS_MAX    4 /* minutes that wait for the disk; the oldest makes room */
#define HISTORIAN_ANSWERS_MAX 8 /* asked for and not taken yet */
#define HISTORIAN_FLUSH_SEC   2 /* at the end */
#define HISTORIAN_LINE_MAX    400

struct historian;

/* dir is borrowed. Nothing is touched yet. -ENOMEM. */
int historian_new(const char *dir, struct historian **ret_historian);
/* 0 or -errno: nothing is kept. */
int historian_start(struct historian *historian);

/* A copy of the row is written. */
void historian_put(struct historian *historian, const struct history_row *row);
/* Fills the answer in as far as the file knows; takes a reference. -EBUSY: too many wait. */
int historian_ask(struct historian *historian, struct history_answer *answer);
/* The next one that is filled in, with its reference; NULL: none. */
struct history_answer *historian_take(struct historian *historian);

/* An eventfd: readable when there is something to take, or to tell. -1: not started. */
int historian_get_fd(const struct historian *historian);
void historian_acknowledge(struct historian *historian);

struct historian_stats {
        uint64_t written; /* minutes */
        uint64_t lost;    /* minutes that could not be written, or found no room */
        int error;        /* of the last attempt; 0: it worked */
};
void historian_get_stats(struct historian *historian, struct historian_stats *ret_stats);
/* A line that an administrator should read, once; false: there is none. */
bool historian_take_note(struct historian *historian, char ret_line[static HISTORIAN_LINE_MAX]);

/* Writes what waits, for HISTORIAN_FLUSH_SEC at most. Takes NULL, returns NULL. */
struct historian *historian_free(struct historian *historian);
