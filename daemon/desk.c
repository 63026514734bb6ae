/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether to ask is decided by the caches, which are pure; here is the clock that they are told. */

#include "desk.h"

#include <assert.h>
#include <errno.h>

#include "base.h"
#include "clock.h"
#include "control.h"

static_assert(LOOKCACHE_KNOWN == CONTROL_LOOK_KNOWN && LOOKCACHE_WAITING == CONTROL_LOOK_WAITING,
              "handed through");

void desk_init(struct desk *desk, struct scan *scan, uint32_t budget_ppm)
{
        *desk = (struct desk){ .scan = scan };
        lookcache_init(&desk->looks, budget_ppm, clock_now_usec());
}

void desk_set_budget(struct desk *desk, uint32_t budget_ppm)
{
        lookcache_set_budget(&desk->looks, budget_ppm, clock_now_usec());
}

void desk_done(struct desk *desk)
{
        lookcache_done(&desk->looks);
}

int desk_ask_owner(struct desk *desk, const struct port_key *port,
                   const struct port_witness *witness, struct owner *ret_owner)
{
        const uint64_t now_usec = clock_now_usec();
        const struct owner *known = ownercache_get(&desk->owners, port, witness, now_usec);

        if (known) {
                *ret_owner = *known;
                return CONTROL_OWNER_KNOWN;
        }
        if (lookcache_wait_usec(&desk->looks, false, now_usec) > 0)
                return -EDQUOT;
        if (!ownercache_may_search(&desk->owners, now_usec))
                return -EBUSY;
        return scan_ask_owner(desk->scan, port, witness, SCAN_ASKER_STRANGER);
}

int desk_ask_look(struct desk *desk, const struct look_question *question, bool privileged,
                  struct look_answer **ret_answer)
{
        int r = lookcache_ask(&desk->looks, question, privileged, clock_now_usec(), ret_answer);

        if (r != 0)
                return r;
        r = scan_ask_look(desk->scan, question);
        if (r < 0)
                lookcache_give_up(&desk->looks, question);
        return r;
}

uint64_t desk_look_wait_usec(const struct desk *desk, bool privileged)
{
        return MAX(lookcache_wait_usec(&desk->looks, privileged, clock_now_usec()), 1U);
}

void desk_put_owner(struct desk *desk, const struct owner_answer *answer)
{
        const uint64_t now_usec = clock_now_usec();

        lookcache_charge(&desk->looks, answer->cpu_usec, now_usec);
        ownercache_put(&desk->owners, answer, now_usec);
}

struct look_answer *desk_take_look(struct desk *desk)
{
        const uint64_t now_usec = clock_now_usec();
        struct look_answer *answer = scan_take_look(desk->scan);

        if (answer)
                lookcache_put(&desk->looks, answer, now_usec);
        else
                lookcache_expire(&desk->looks, now_usec);
        return answer;
}
