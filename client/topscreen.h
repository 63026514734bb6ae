/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The whole screen of a terminal, by curses: cells are written, then shown all at once. There can be
 * one at a time. What is written must have passed text_printable().
 */

#include <stdbool.h>

#include "term.h"

enum topscreen_key {
        TOPSCREEN_NONE = 0,
        /* 1 to 255: a character */
        TOPSCREEN_UP = 256,
        TOPSCREEN_DOWN,
        TOPSCREEN_PAGE_UP,
        TOPSCREEN_PAGE_DOWN,
        TOPSCREEN_HOME,
        TOPSCREEN_END,
        TOPSCREEN_ENTER,
        TOPSCREEN_BACK, /* Esc, Backspace or left */
        TOPSCREEN_OTHER,
};

struct topscreen;

/* Can that be done on standard input and output? NULL; or why not. type: TERM, or NULL. */
const char *topscreen_objection(const char *type);

/*
 * Takes the terminal; term says whether there may be colour, and is borrowed. 0, or -ENOTTY, -ENOMEM.
 * Signals that must not end the program before topscreen_close() are the caller's to hold back.
 */
int topscreen_open(const struct term *term, struct topscreen **ret_screen);
/* Leaves it as it was. Takes NULL. */
struct topscreen *topscreen_close(struct topscreen *screen);

/* After the terminal's size may have changed. */
void topscreen_resize(struct topscreen *screen);
unsigned topscreen_rows(const struct topscreen *screen);
unsigned topscreen_columns(const struct topscreen *screen);

void topscreen_clear(struct topscreen *screen);
/* What lies outside is left out, a text cut at the right edge. reverse: like what is selected. */
struct topscreen_at {
        unsigned row, column;
        enum paint paint;
        bool reverse;
};
void topscreen_put(struct topscreen *screen, struct topscreen_at at, const char *text);
void topscreen_show(struct topscreen *screen);

/* The next key that was pressed, TOPSCREEN_NONE where there is none. Does not wait. */
int topscreen_key(struct topscreen *screen);
