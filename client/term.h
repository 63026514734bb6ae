/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the output can show, and how text gets there: colour, width, and nothing that could drive a
 * terminal unless we meant it to.
 *
 * Whatever came over the socket passes text_printable() before it is written; term_say() and
 * text_complain() do so themselves, tables do it for every cell.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base.h"

#define TERM_PROSE_WIDTH 100 /* of prose where there is no terminal */

enum paint {
        PAINT_NONE,
        PAINT_HEAD,
        PAINT_GOOD,
        PAINT_WARNING,
        PAINT_CRITICAL,
        PAINT_FAINT,
        PAINT_COUNT,
};

struct term {
        FILE *out;
        bool terminal; /* out is one */
        bool colour;
        bool utf8;      /* the locale's character set; else ASCII alone is written */
        unsigned width; /* columns; 0: no limit */
};

/* Looks at out, the locale (setlocale() was called), NO_COLOR and TERM. */
void term_detect(struct term *ret_term, FILE *out, bool no_color);

/* Escape sequences around painted text; empty strings without colour. */
const char *term_paint(const struct term *term, enum paint paint);
const char *term_unpaint(const struct term *term, enum paint paint);

/* "warning", "critical", ...: how a verdict or severity looks; NULL is allowed. */
enum paint paint_of(const char *severity);

/*
 * A copy of text in which every control character, every byte that is not UTF-8 and every character
 * that reorders or hides its neighbours is written \xNN; without utf8 so is every byte above ASCII.
 * NULL for no memory.
 */
char *text_printable(const char *text, bool utf8);

/*
 * The character at p is printable, but changes the order or the look of what stands around it; or it
 * is no character of UTF-8 at all. p ends with a NUL.
 */
bool text_is_deceiving(const char *p);

/* Columns that a text made by text_printable() takes. */
size_t text_width(const char *text);

/*
 * Shortens a text in place to at most width columns, "…" or "..." at its end. The text must come
 * from text_printable(), which leaves room for the mark.
 */
void text_shorten(char *text, size_t width, bool utf8);

/*
 * Makes newlines of blanks, in place, so that no line is wider than width columns; a longer word
 * stays whole. The text must come from text_printable(). width 0: no limit.
 */
void text_wrap(char *text, size_t width);

/* Made printable, in one paint: one line, but on a terminal that is too narrow for it. */
void term_say(const struct term *term, enum paint paint, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Prose, made printable, in one paint, broken between words at the terminal's width, each line
 * indented. Elsewhere lines are short enough for mails and tickets.
 */
void term_prose(const struct term *term, enum paint paint, unsigned indent, const char *text);

/*
 * One entry of a list, made printable: the label, cut to what is left of the text, then the text,
 * which is broken between words at the terminal's width and begins indent columns from the left in
 * every line. Elsewhere it is one line. indent > 0.
 */
void term_entry(const struct term *term, const char *label, unsigned indent, const char *text);

/* "twmonctl: ..." on stderr, made printable. */
void text_complain(const char *format, ...) PRINTF_LIKE(1, 2);
/* Each line of text on stderr, made printable. */
void text_complain_lines(const char *text);
