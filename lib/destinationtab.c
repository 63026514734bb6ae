/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The counters of Misra and Gries, kept as upper bounds. Instead of taking one from every counter
 * when a socket finds no place, the floor rises by one; an entry whose count is not above the floor
 * may be given up, and a new one starts right above it, with the floor for its error. So nothing is
 * ever too low, nothing too high by more than the floor, and the floor is at most the number of
 * used sockets divided by the number of places + 1.
 *
 * Looking for an entry to give up goes round the table once for each height of the floor, and each
 * rise has used up as many sockets as there are places: O(1) for each on average.
 *
 * Sockets are counted, not their tuples: a kernel that lists one twice in a dump makes it count
 * twice. Only with private hash tables of few buckets and long chains a few of a dump were seen so.
 */

#include "destinationtab.h"

#include <string.h>

#include "hash.h"

static uint32_t bucket_of(const struct port_key *port, const struct destination *destination)
{
        uint64_t words[4], h = port_key_hash(port) ^ (uint64_t)destination->family << 32;

        memcpy(&words[0], &destination->source, 16);
        memcpy(&words[2], &destination->address, 16);
        for (size_t i = 0; i < 4; i++)
                h = hash_u64(h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        return (uint32_t)(h >> 32) % DESTINATIONS_TRACKED_MAX;
}

static bool is_same(const struct destination_entry *entry, const struct port_key *port,
                    const struct destination *destination)
{
        return port_key_compare(&entry->port, port) == 0 &&
               destination_compare(&entry->destination, destination) == 0;
}

void destination_table_clear(struct destination_table *table)
{
        memset(table->buckets, 0, sizeof(table->buckets));
        table->n = table->floor = table->hand = table->asked = 0;
}

static struct destination_entry *find(struct destination_table *table, uint32_t bucket,
                                      const struct port_key *port,
                                      const struct destination *destination)
{
        for (uint16_t at = table->buckets[bucket]; at != 0; at = table->entries[at - 1].next)
                if (is_same(&table->entries[at - 1], port, destination))
                        return &table->entries[at - 1];
        return NULL;
}

static void unlink_entry(struct destination_table *table, const struct destination_entry *entry)
{
        const uint16_t number = (uint16_t)(entry - table->entries + 1);
        uint16_t *at = &table->buckets[bucket_of(&entry->port, &entry->destination)];

        while (*at != number)
                at = &table->entries[*at - 1].next;
        *at = entry->next;
}

/* One that is not above the floor, out of its chain; NULL, and the floor is higher: there is none. */
static struct destination_entry *give_up(struct destination_table *table)
{
        while (table->asked < DESTINATIONS_TRACKED_MAX) {
                struct destination_entry *entry = &table->entries[table->hand];

                table->hand = (table->hand + 1) % DESTINATIONS_TRACKED_MAX;
                table->asked++;
                if (entry->used <= table->floor) {
                        unlink_entry(table, entry);
                        return entry;
                }
        }
        table->floor++;
        table->asked = 0;
        return NULL;
}

static void see_witness(struct destination_entry *entry, const struct port_witness *witness)
{
        if (witness->known &&
            (!entry->witness.known || (entry->witness.inode == 0 && witness->inode != 0)))
                entry->witness = *witness;
}

void destination_table_add(struct destination_table *table, const struct port_key *port,
                           const struct destination *destination, bool reusable,
                           const struct port_witness *witness)
{
        const uint32_t bucket = bucket_of(port, destination);
        struct destination_entry *entry = find(table, bucket, port, destination);

        if (!entry) {
                if (table->n < DESTINATIONS_TRACKED_MAX)
                        entry = &table->entries[table->n++];
                else if (!reusable)
                        entry = give_up(table);
                if (!entry)
                        return;
                *entry = (struct destination_entry){ .port = *port,
                                                     .destination = *destination,
                                                     .used = table->floor,
                                                     .error = table->floor,
                                                     .next = table->buckets[bucket] };
                table->buckets[bucket] = (uint16_t)(entry - table->entries + 1);
        }
        if (reusable)
                entry->reusable++;
        else
                entry->used++;
        see_witness(entry, witness);
}
