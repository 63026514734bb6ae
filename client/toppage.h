/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What twmonctl top knows of the one port that was opened, and the page that is made of it: the
 * alerts, the counts with their owner and stages, the curve, the connections by state.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term.h"
#include "topmodel.h"
#include "toppeers.h"

#define TOPPAGE_TROUBLE_MAX 256

struct toppage {
        bool remote;
        uint16_t port;
        json_t *counts;         /* a reply of ListPorts for that number; NULL: none yet */
        json_t *look;           /* one of GetPort; NULL likewise */
        struct toppeers *peers; /* as of then; NULL: nobody knows */
        char trouble[TOPPAGE_TROUBLE_MAX]; /* why there is no newer look; empty: nothing is wrong */
        size_t first;                      /* the line at the top of the screen */
};

/* Of that row. What was known of another port is dropped. */
void toppage_open(struct toppage *page, const struct topmodel_row *row);
void toppage_done(struct toppage *page);
/* Replies, which the page keeps. */
void toppage_take_counts(struct toppage *page, json_t *parameters);
void toppage_take_look(struct toppage *page, json_t *parameters);

/* The same of the peers, but takes them over. NULL: nobody knows. */
void toppage_take_peers(struct toppage *page, struct toppeers *peers);

/* The text, in lines of term's width, to term->out. 0 or -ENOMEM. */
int toppage_write(const struct toppage *page, const struct topmodel *model,
                  const struct term *term);
