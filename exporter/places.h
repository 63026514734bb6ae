/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connections that there are, and how long they may be there. For two threads: who serves them, and who
 * looks at the time.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "units.h"

/*
 * libmicrohttpd 0.9.75 takes up to 128 events at a time, and where it gets just as many waits for more of
 * them before it looks at any: so there are never that many, with its own two.
 */
#define PLACES_MAX            96
#define PLACES_AGE_USEC       (15 * USEC_PER_SEC) /* of a connection; not of one that waits for us */
#define PLACES_CROWD          (PLACES_MAX * 3 / 4)
#define PLACES_CROWD_AGE_USEC (1 * USEC_PER_SEC) /* ... where so many are taken */

struct place {
        bool taken;
        bool waits; /* for us, which is not its fault */
        int fd;     /* borrowed */
        uint64_t since_usec;
};

struct places {
        pthread_mutex_t lock;
        struct place items[PLACES_MAX];
        size_t n;
};

void places_init(struct places *places);
void places_done(struct places *places);

/* A connection has come. NULL: there is no place, and nobody looks at its age. */
struct place *places_take(struct places *places, int fd, uint64_t now_usec);
/* It is about to be closed. place may be NULL, here and below. */
void places_leave(struct places *places, struct place *place);
/* It waits for us; or does no longer, and its time begins anew. */
void places_set_waiting(struct places *places, struct place *place, bool waits, uint64_t now_usec);

/* Shuts down those that have had their time. Whether there are any connections. */
bool places_look(struct places *places, uint64_t now_usec);
