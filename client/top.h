/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The parts of twmonctl top and what they share: who asks (topasks.c), who draws (topdraw.c), who
 * takes keys and signals (view_top.c). Time is monotonic, in microseconds.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "toplink.h"
#include "topmodel.h"
#include "toppage.h"
#include "topscreen.h"
#include "view.h"

#define TOP_TROUBLE_MAX 160

enum top_mode {
        TOP_LIST,
        TOP_PAGE,
        TOP_HELP,
};

/* What is asked for; each has its method. */
enum top_ask {
        TOP_ASK_COUNTS, /* of the page's port, with its owner */
        TOP_ASK_LOOK,   /* likewise */
        TOP_ASK_STATUS,
        TOP_ASK_PORTS,
        TOP_ASK_ALERTS,
        TOP_ASK_HISTORY, /* of a port that is shown */
        TOP_ASKS,
};

struct top {
        const struct view *view;
        struct topscreen *screen;
        struct topmodel model;
        struct toppage page;
        enum top_mode mode;
        unsigned summary_rows; /* that it takes on the screen */

        struct toplink link;
        uint64_t due_usec
                [TOP_ASKS]; /* when to ask next; TOPLINK_NEVER: not before something happens */
        enum top_ask asked;
        uint16_t asked_port;           /* of TOP_ASK_HISTORY, COUNTS and LOOK */
        json_t *status;                /* the newest; NULL: none yet */
        uint64_t answered_usec;        /* when twmond answered last; 0: never */
        char trouble[TOP_TROUBLE_MAX]; /* what it refused; empty: nothing */
};

/* Everything is to be asked for, at once. */
void top_ask_all(struct top *top);
/* The page's parts are. */
void top_ask_page(struct top *top);
/* Takes what twmond has answered, and asks what is next. 0 or -ENOMEM. */
int top_step(struct top *top, uint64_t now_usec);
/* When top_step() has something to do, though nothing comes. */
uint64_t top_due(const struct top *top);

#define TOP_TITLE_ROWS 1
#define TOP_FOOT_ROWS  2 /* about the selection, keys */

/* Those of the summary, and one with the age of the numbers. */
unsigned top_head_rows(const struct top *top);
/* Rows of the list that fit the screen. */
size_t top_list_rows(const struct top *top);
/* Lines of a page that fit. */
size_t top_page_rows(const struct top *top);
/* Draws all of it. 0 or -ENOMEM. */
int top_draw(struct top *top, uint64_t now_usec);
/* Its part: the list, its titles, what is selected. */
void top_draw_list(struct top *top);
/* Writes a text, made printable; and one with a bar over the whole width. */
void top_put(struct top *top, struct topscreen_at at, const char *text);
void top_put_bar(struct top *top, struct topscreen_at at, const char *text);
