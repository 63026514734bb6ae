/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library that serves connections ends those that are idle, but a byte now and then keeps one alive for
 * ever. So each has an age as well, and is shut down at the end of it: whoever serves it then finds that its
 * peer has gone, and closes it. A place is left before its descriptor is closed, so that no other file can
 * be shut down in its place.
 *
 * Where places become rare that end comes soon: who wants an answer has it within milliseconds, and who
 * holds a place without asking shall not keep the others out.
 */

#include "places.h"

#include <sys/socket.h>

void places_init(struct places *places)
{
        *places = (struct places){ .n = 0 };
        pthread_mutex_init(&places->lock, NULL);
}

void places_done(struct places *places)
{
        pthread_mutex_destroy(&places->lock);
}

struct place *places_take(struct places *places, int fd, uint64_t now_usec)
{
        struct place *place = NULL;

        pthread_mutex_lock(&places->lock);
        for (size_t i = 0; i < PLACES_MAX && !place; i++)
                if (!places->items[i].taken)
                        place = &places->items[i];
        if (place) {
                *place = (struct place){ .taken = true, .fd = fd, .since_usec = now_usec };
                places->n++;
        }
        pthread_mutex_unlock(&places->lock);
        return place;
}

void places_leave(struct places *places, struct place *place)
{
        if (!place)
                return;
        pthread_mutex_lock(&places->lock);
        place->taken = false;
        places->n--;
        pthread_mutex_unlock(&places->lock);
}

void places_set_waiting(struct places *places, struct place *place, bool waits, uint64_t now_usec)
{
        if (!place)
                return;
        pthread_mutex_lock(&places->lock);
        place->waits = waits;
        place->since_usec = now_usec;
        pthread_mutex_unlock(&places->lock);
}

bool places_look(struct places *places, uint64_t now_usec)
{
        uint64_t age_usec;
        bool any;

        pthread_mutex_lock(&places->lock);
        any = places->n > 0;
        age_usec = places->n >= PLACES_CROWD ? PLACES_CROWD_AGE_USEC : PLACES_AGE_USEC;
        for (size_t i = 0; any && i < PLACES_MAX; i++) {
                const struct place *place = &places->items[i];

                if (place->taken && !place->waits && now_usec > place->since_usec + age_usec)
                        (void)shutdown(place->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&places->lock);
        return any;
}
