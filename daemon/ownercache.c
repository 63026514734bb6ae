/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A ring: an owner that is found again takes its old place, a new one that of the oldest. */

#include "ownercache.h"

#include "base.h"
#include "units.h"

static bool is_of(const struct ownercache_item *item, const struct port_key *port,
                  const struct port_witness *witness)
{
        return item->found_usec != 0 && port_witness_equal(&item->answer.witness, witness) &&
               port_key_compare(&item->answer.port, port) == 0;
}

void ownercache_put(struct ownercache *cache, const struct owner_answer *answer, uint64_t now_usec)
{
        size_t at = 0;

        while (at < OWNERCACHE_SIZE && !is_of(&cache->items[at], &answer->port, &answer->witness))
                at++;
        if (at == OWNERCACHE_SIZE)
                at = cache->next++ % OWNERCACHE_SIZE;
        cache->items[at] = (struct ownercache_item){ MAX(now_usec, UINT64_C(1)), *answer };
}

const struct owner *ownercache_get(const struct ownercache *cache, const struct port_key *port,
                                   const struct port_witness *witness, uint64_t now_usec)
{
        for (size_t i = 0; i < OWNERCACHE_SIZE; i++)
                if (is_of(&cache->items[i], port, witness) &&
                    now_usec - cache->items[i].found_usec < OWNERCACHE_KEEP_USEC)
                        return &cache->items[i].answer.owner;
        return NULL;
}

bool ownercache_may_search(struct ownercache *cache, uint64_t now_usec)
{
        if (cache->second != now_usec / USEC_PER_SEC) {
                cache->second = now_usec / USEC_PER_SEC;
                cache->searches = 0;
        }
        return cache->searches < OWNERCACHE_PER_SECOND && ++cache->searches;
}
