/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connection of a screen that must not stand still: one question at a time, its answer taken
 * when it is there, and where twmond goes away, another connection a little later. Time is given,
 * monotonic, in microseconds.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "conn.h"

#define TOPLINK_RETRY_USEC USEC_PER_SEC /* between attempts to connect */
#define TOPLINK_NEVER      UINT64_MAX

struct toplink {
        const char *path;  /* borrowed */
        struct conn *conn; /* NULL: away */
        bool waiting;      /* for an answer */
        bool lost;         /* it went away, and nothing was answered since */
        uint64_t due_usec; /* waiting: when it is given up; away: when to try again */
        int error;         /* why it went away, -errno of conn.h; 0: it said so itself */
};

/* toplink_take(): it is away now, and error says why */
#define TOPLINK_LOST 1

/* Connects, if it is away and time for it. */
void toplink_tick(struct toplink *link, uint64_t now_usec);
/* May be asked. */
bool toplink_is_idle(const struct toplink *link);
/* Asks; idle. Takes over parameters. */
void toplink_ask(struct toplink *link, const char *method, json_t *parameters, uint64_t now_usec);
/* 0 and an answer; -EAGAIN: none yet; TOPLINK_LOST. */
int toplink_take(struct toplink *link, uint64_t now_usec, struct reply *ret_reply);
/* Ends the connection, for a while. error: as above. */
void toplink_drop(struct toplink *link, int error, uint64_t now_usec);
/* To poll for input; -1: none. Borrowed. */
int toplink_fd(const struct toplink *link);
/* When something is to be done at the latest, or TOPLINK_NEVER. */
uint64_t toplink_due(const struct toplink *link);
/* Ends the connection for good. */
void toplink_done(struct toplink *link);
