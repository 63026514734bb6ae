/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What twmonctl top shows: the ports as twmond told them last, in the order that was asked for, one
 * of them selected, each with how its CLOSE_WAIT went and the alert about it. Made from replies,
 * which are read without trust; draws nothing, asks nobody, reads no clock.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "toptrail.h"

#define TOPMODEL_ROWS_MAX 1000 /* what one reply of ListPorts has at most; more are dropped */

/* What the greatest comes first of; what is unknown comes last. */
enum topmodel_order {
        TOPMODEL_BY_COUNT, /* in CLOSE_WAIT */
        TOPMODEL_BY_STUCK,
        TOPMODEL_BY_AGE,  /* of the oldest in CLOSE_WAIT */
        TOPMODEL_BY_RATE, /* how fast they become more */
        TOPMODEL_ORDERS,
};

struct topmodel_row {
        bool remote;
        uint16_t port;
        double values[TOPMODEL_ORDERS]; /* below 0: unknown, or none */
        double time_wait;
        const json_t *json;  /* the Port; borrowed from the model */
        const json_t *alert; /* the worst that is raised about it; NULL: none. Borrowed likewise */
        bool seeded; /* what twmond has kept of it is in the trail, or was asked for in vain */
        struct toptrail trail;
};

struct topmodel {
        struct topmodel_row *rows;
        size_t n;
        size_t selected; /* < n, or 0 */
        size_t first;    /* the row at the top of the screen */
        enum topmodel_order order;
        uint64_t total;         /* ports that twmond has something to say about */
        uint64_t seen_sec;      /* when these counts were, since 1970; 0: unknown */
        json_t *ports, *alerts; /* the replies; NULL: none yet */
};

void topmodel_done(struct topmodel *model);

/*
 * A whole reply of ListPorts: the rows are those from now on. What is selected stays so while it is
 * there, and so do trails. 0 or -ENOMEM, which leaves the model as it was.
 */
int topmodel_take_ports(struct topmodel *model, json_t *parameters);
/* A reply of ListAlerts. */
void topmodel_take_alerts(struct topmodel *model, json_t *parameters);
/* A reply of GetHistory, which is put into the trails of that port. NULL: there is none to have. */
void topmodel_take_history(struct topmodel *model, uint16_t port, const json_t *parameters);

/* Every port's past is to be asked for again: twmond was away, and there is a gap. Trails stay. */
void topmodel_forget_history(struct topmodel *model);

/* "stuck" to its order. -EINVAL. */
int topmodel_order_find(const char *name, enum topmodel_order *ret_order);
const char *topmodel_order_name(enum topmodel_order order);
/* What it is, in a few words. */
const char *topmodel_order_what(enum topmodel_order order);

/* Sorts; the same row stays selected. */
void topmodel_sort(struct topmodel *model, enum topmodel_order order);
/* Moves the selection down by so many rows, up where negative, to the first or last at most. */
void topmodel_move(struct topmodel *model, long rows);
/* Sees to it that the selection is among the rows that are shown, so many of them. */
void topmodel_scroll(struct topmodel *model, size_t shown);
/* NULL: there are no rows. */
const struct topmodel_row *topmodel_selected(const struct topmodel *model);
/* NULL: it is not there any more. */
const struct topmodel_row *topmodel_find(const struct topmodel *model, bool remote, uint16_t port);
