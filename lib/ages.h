/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ages of sockets that an earlier run of the daemon has followed, by cookie: asked when the
 * ledger sees a socket for the first time, and forgotten soon after. Most sockets are taken once;
 * those that were not have not been seen again yet.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ages_add() */
#define AGES_TWICE 1 /* the cookie is in it already: nothing was added */

struct age {
        uint64_t cookie;
        uint64_t first_seen_usec; /* monotonic */
        uint8_t flags;            /* of a struct ledger_entry */
        bool taken;
};

struct ages;

/* Room for so many, UINT32_MAX at most. -ENOMEM. */
int ages_new(size_t size, struct ages **ret_ages);
struct ages *ages_free(struct ages *ages);

/* No more than there is room for. 0, or the outcome above. */
int ages_add(struct ages *ages, uint64_t cookie, uint64_t first_seen_usec, uint8_t flags);

/* NULL: none; ages may be NULL. O(1). */
struct age *ages_find(struct ages *ages, uint64_t cookie);
void ages_take(struct ages *ages, struct age *age);

/* How many were not taken yet, and each of those as they were added; ages may be NULL. */
size_t ages_left(const struct ages *ages);
typedef void (*ages_fn)(const struct age *age, void *userdata);
void ages_each_left(const struct ages *ages, ages_fn fn, void *userdata);
