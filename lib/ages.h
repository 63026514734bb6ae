/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ages of sockets that an earlier run of the daemon has followed, by cookie: asked when the
 * ledger sees a socket for the first time, and forgotten when complete scans have shown which of the
 * sockets are left. Most are taken once; those that were not have not been seen again yet.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ages_index() */
#define AGES_TWICE 1 /* a cookie is in it more than once: of no use */

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

/* No more than there is room for. */
void ages_add(struct ages *ages, uint64_t cookie, uint64_t first_seen_usec, uint8_t flags);

/*
 * When all are in, before any is asked for. 0, the outcome above, or -ENOMEM. Takes a time that is
 * proportional to their number, whatever the cookies are.
 */
int ages_index(struct ages *ages);

/* NULL: none; ages may be NULL. O(log n); O(1) for the one behind the last that was found. */
struct age *ages_find(struct ages *ages, uint64_t cookie);
void ages_take(struct ages *ages, struct age *age);

/* How many were not taken yet, and each of those as they were added; ages may be NULL. */
size_t ages_left(const struct ages *ages);
typedef void (*ages_fn)(const struct age *age, void *userdata);
void ages_each_left(const struct ages *ages, ages_fn fn, void *userdata);
