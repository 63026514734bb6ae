/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The items of a state file's body: bytes with their length before them, so that a later version
 * may append fields. Every field of an item is read as if it might be missing: one that is not there
 * is zero, and what follows the last that is known is skipped. So fields are only ever appended,
 * none changes its meaning, and zero must mean "unknown" or "none".
 */

#include <stdbool.h>
#include <stdint.h>

#include "recbuf.h"

#define STATEITEM_NUMBER_MAX ((uint64_t)INT64_MAX) /* of what has no bound of its own */

/*
 * An item put together where it is going to stay: what is put between begin and end, which is given
 * what begin returned. Items may stand in items.
 */
size_t stateitem_begin(struct recbuf *buf);
void stateitem_end(struct recbuf *buf, size_t begin);
/* One with a buffer of its own. Appends item, which is empty and holds no memory afterwards. */
void stateitem_put(struct recbuf *buf, struct recbuf *item);
/* The next one, borrowed; an empty one where the bytes end. */
struct recview stateitem_get(struct recview *view, const char *what);
/* It has been read: what was wrong with it is wrong with all of it. */
void stateitem_done(struct recview *view, const struct recview *item);

/* A greater number than STATEITEM_NUMBER_MAX becomes that: one absurd number must not cost the file. */
void stateitem_put_number(struct recbuf *item, uint64_t value);
/* One that is not finite becomes 0, for the same reason. */
void stateitem_put_double(struct recbuf *item, double value);

/* As those of recbuf.h, but for what is missing. */
uint64_t stateitem_get_number(struct recview *item, uint64_t max, const char *what);
int64_t stateitem_get_signed(struct recview *item, const char *what);
/* How many items follow, in an item or in a body. */
size_t stateitem_get_count(struct recview *view, const char *what);
bool stateitem_get_bool(struct recview *item, const char *what);
double stateitem_get_double(struct recview *item, const char *what);
void stateitem_get_text(struct recview *item, char *buf, size_t size, const char *what);
