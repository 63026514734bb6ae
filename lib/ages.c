/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ages lie in one array, in the order in which they were added, which is that of the ledger
 * before and so about that in which the kernel shows the sockets again: the age behind the one that
 * was found last is tried first. A table of positions, made at its full size, finds the others.
 */

#include "ages.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "hash.h"

#define SLOTS_MIN 16

struct ages {
        struct age *items;
        uint32_t *slots; /* open addressing by cookie: position in items + 1; 0: free */
        size_t n_slots;  /* a power of two, at least twice size */
        size_t size;
        size_t n;
        size_t left;
        size_t next; /* where the age of the next socket is if the order is the same */
};

int ages_new(size_t size, struct ages **ret_ages)
{
        struct ages *ages = calloc(1, sizeof(*ages));

        if (!ages)
                return -ENOMEM;
        ages->size = size;
        for (ages->n_slots = SLOTS_MIN; ages->n_slots / 2 < size;)
                ages->n_slots *= 2;
        ages->items = malloc((size + 1) * sizeof(*ages->items));
        ages->slots = calloc(ages->n_slots, sizeof(*ages->slots));
        if (!ages->items || !ages->slots) {
                ages_free(ages);
                return -ENOMEM;
        }
        *ret_ages = ages;
        return 0;
}

struct ages *ages_free(struct ages *ages)
{
        if (ages) {
                free(ages->items);
                free(ages->slots);
        }
        free(ages);
        return NULL;
}

/* The slot that holds the cookie, or the free one where it belongs. */
static uint32_t *find_slot(const struct ages *ages, uint64_t cookie)
{
        size_t i = hash_u64(cookie) & (ages->n_slots - 1);

        while (ages->slots[i] > 0 && ages->items[ages->slots[i] - 1].cookie != cookie)
                i = (i + 1) & (ages->n_slots - 1);
        return &ages->slots[i];
}

int ages_add(struct ages *ages, uint64_t cookie, uint64_t first_seen_usec, uint8_t flags)
{
        uint32_t *slot = find_slot(ages, cookie);

        assert(ages->n < ages->size);
        if (*slot > 0)
                return AGES_TWICE;
        ages->items[ages->n] = (struct age){ .cookie = cookie,
                                             .first_seen_usec = first_seen_usec,
                                             .flags = flags };
        *slot = (uint32_t)++ages->n;
        ages->left++;
        return 0;
}

struct age *ages_find(struct ages *ages, uint64_t cookie)
{
        size_t i;

        if (!ages)
                return NULL;
        i = ages->next;
        if (i >= ages->n || ages->items[i].cookie != cookie) {
                const uint32_t position = *find_slot(ages, cookie);

                if (position == 0)
                        return NULL;
                i = position - 1;
        }
        ages->next = i + 1;
        return &ages->items[i];
}

void ages_take(struct ages *ages, struct age *age)
{
        ages->left -= !age->taken;
        age->taken = true;
}

size_t ages_left(const struct ages *ages)
{
        return ages ? ages->left : 0;
}

void ages_each_left(const struct ages *ages, ages_fn fn, void *userdata)
{
        if (ages_left(ages) == 0)
                return;
        for (size_t i = 0; i < ages->n; i++)
                if (!ages->items[i].taken)
                        fn(&ages->items[i], userdata);
}
