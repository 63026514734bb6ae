/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ages lie in one array, in the order in which they were added, which is that of the ledger
 * before and so about that in which the kernel shows the sockets again: the age behind the one that
 * was found last is tried first. The others are found by bisection: what is in a file has chosen its
 * cookies itself, and no choice of them makes that slow, nor the sorting (by radix) before it.
 */

#include "ages.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define DIGITS     sizeof(uint64_t) /* of a cookie, one byte each */
#define DIGIT_SIZE 256

struct key {
        uint64_t cookie;
        uint32_t position; /* in items */
};

struct ages {
        struct age *items;
        struct key *keys; /* ascending; as many as items */
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
        ages->items = malloc((size + 1) * sizeof(*ages->items));
        if (!ages->items) {
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
                free(ages->keys);
        }
        free(ages);
        return NULL;
}

void ages_add(struct ages *ages, uint64_t cookie, uint64_t first_seen_usec, uint8_t flags)
{
        assert(ages->n < ages->size);
        ages->items[ages->n++] = (struct age){ .cookie = cookie,
                                               .first_seen_usec = first_seen_usec,
                                               .flags = flags };
        ages->left++;
}

static uint8_t digit_of(const struct key *key, unsigned digit)
{
        return (uint8_t)(key->cookie >> (8 * digit));
}

/* From one array to the other, in the order of that digit. False: all have the same one. */
static bool sort_by_digit(const struct key *from, struct key *to, size_t n, unsigned digit)
{
        size_t at[DIGIT_SIZE] = { 0 }, sum = 0;

        for (size_t i = 0; i < n; i++)
                at[digit_of(&from[i], digit)]++;
        if (at[digit_of(&from[0], digit)] == n)
                return false;
        for (size_t d = 0; d < DIGIT_SIZE; d++) {
                const size_t count = at[d];

                at[d] = sum;
                sum += count;
        }
        for (size_t i = 0; i < n; i++)
                to[at[digit_of(&from[i], digit)]++] = from[i];
        return true;
}

static bool has_twins(const struct ages *ages)
{
        for (size_t i = 1; i < ages->n; i++)
                if (ages->keys[i].cookie == ages->keys[i - 1].cookie)
                        return true;
        return false;
}

int ages_index(struct ages *ages)
{
        struct key *keys = calloc(ages->n + 1, sizeof(*keys));
        struct key *spare = calloc(ages->n + 1, sizeof(*spare));

        if (!keys || !spare) {
                free(keys);
                free(spare);
                return -ENOMEM;
        }
        for (size_t i = 0; i < ages->n; i++)
                keys[i] = (struct key){ ages->items[i].cookie, (uint32_t)i };
        for (unsigned digit = 0; digit < DIGITS; digit++) {
                struct key *sorted = spare;

                if (sort_by_digit(keys, spare, ages->n, digit)) {
                        spare = keys;
                        keys = sorted;
                }
        }
        free(spare);
        free(ages->keys);
        ages->keys = keys;
        return has_twins(ages) ? AGES_TWICE : 0;
}

static struct age *bisect(const struct ages *ages, uint64_t cookie)
{
        size_t first = 0, end = ages->n;

        while (first < end) {
                const size_t middle = first + (end - first) / 2;

                if (ages->keys[middle].cookie == cookie)
                        return &ages->items[ages->keys[middle].position];
                if (ages->keys[middle].cookie < cookie)
                        first = middle + 1;
                else
                        end = middle;
        }
        return NULL;
}

struct age *ages_find(struct ages *ages, uint64_t cookie)
{
        struct age *age;

        if (!ages)
                return NULL;
        if (ages->next < ages->n && ages->items[ages->next].cookie == cookie)
                return &ages->items[ages->next++];
        age = bisect(ages, cookie);
        if (age)
                ages->next = (size_t)(age - ages->items) + 1;
        return age;
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
