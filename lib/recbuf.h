/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bytes inside a recording's frames and a state file's body: numbers as LEB128 (seven bits a
 * byte, the lowest first, the eighth says that more follow), signed ones folded so that small ones
 * stay short, texts with their length before them.
 *
 * Both ends keep their first error and go on doing nothing, so that a row of puts or gets needs one
 * check at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECBUF_MAX        (64 * 1024 * 1024 + 64) /* bytes: a whole frame or file */
#define RECBUF_NUMBER_MAX 10                      /* bytes of one number */

/* Bytes being put together; starts as zeros. */
struct recbuf {
        uint8_t *data;
        size_t len;
        size_t size;
        int error; /* 0; -ENOMEM; -E2BIG: longer than RECBUF_MAX */
};

void recbuf_done(struct recbuf *buf);
/* Nothing in it, no error; what a large one had needed is given back. */
void recbuf_empty(struct recbuf *buf);

void recbuf_put(struct recbuf *buf, uint64_t value);
void recbuf_put_signed(struct recbuf *buf, int64_t value);
void recbuf_put_bytes(struct recbuf *buf, const void *data, size_t len);
void recbuf_put_text(struct recbuf *buf, const char *text);
/* What other holds, its error included. */
void recbuf_put_buf(struct recbuf *buf, const struct recbuf *other);

/* Bytes being read, without trust. */
struct recview {
        const uint8_t *at;
        const uint8_t *end;
        const char *wrong; /* what was missing or out of bounds first; NULL: nothing was */
};

/* All of a buffer. */
struct recview recview_of(const struct recbuf *buf);

/* After an error, or where the bytes end, all of these give zeros. what: a constant text. */

/* 0 to max; a greater one is an error. */
uint64_t recview_get(struct recview *view, uint64_t max, const char *what);
int64_t recview_get_signed(struct recview *view, const char *what);
/* How many items follow: at most max, and no more than there are bytes. */
size_t recview_get_count(struct recview *view, size_t max, const char *what);
/* Borrowed from the view; NULL after an error. */
const void *recview_get_bytes(struct recview *view, size_t len, const char *what);
/* Terminated; size bytes at buf, terminator included. A NUL inside is an error. */
void recview_get_text(struct recview *view, char *buf, size_t size, const char *what);

size_t recview_left(const struct recview *view);
void recview_set_wrong(struct recview *view, const char *what);
