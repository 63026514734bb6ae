/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is true of an alert by itself, wherever it is kept: whether it can be one, its end, its words. */

#include <assert.h>

#include "alerttable.h"
#include "base.h"
#include "detect.h"

/* Port 0 is a port: any peer may send from it. */
static bool key_is_possible(const struct alert_key *key)
{
        const bool has_destination = key->kind == ALERT_PORT_EXHAUSTION;

        if (key->kind >= ALERT_KIND_COUNT || key->port.side >= SIDE_COUNT ||
            key->destination.family > ADDR_IPV6)
                return false;
        return alert_kind_is_host(key->kind) == (key->port.side == SIDE_HOST) &&
               (key->port.side != SIDE_HOST || key->port.port == 0) &&
               has_destination == (key->destination.family != ADDR_NONE);
}

bool alert_is_possible(const struct alert *alert)
{
        if (!key_is_possible(&alert->key) || alert->severity > SEVERITY_CRITICAL ||
            !acknowledgement_comment_is_good(alert->acknowledgement.comment))
                return false;
        if (alert->state == ALERT_PENDING) /* since 0 it would wait for ever */
                return alert->since_usec > 0 && !alert->acknowledgement.given;
        return alert->state == ALERT_RAISED && alert->severity != SEVERITY_NONE;
}

bool alert_is_clearing(const struct alert *alert)
{
        return alert->state == ALERT_RAISED && alert->below_since_usec != 0;
}

bool alert_clears_in(const struct alert *alert, uint64_t now_usec, uint64_t *ret_usec)
{
        const uint64_t since_usec = alert->below_since_usec;

        if (!alert_is_clearing(alert))
                return false;
        *ret_usec = alert->clear_after_usec -
                    MIN(alert->clear_after_usec, now_usec - MIN(since_usec, now_usec));
        return true;
}

const char *alert_state_name(enum alert_state state)
{
        return state == ALERT_RAISED ? "raised" : "pending";
}

const char *transition_name(enum transition transition)
{
        static const char *const names[] = {
                [TRANSITION_RAISED] = "raised",           [TRANSITION_ESCALATED] = "escalated",
                [TRANSITION_DEESCALATED] = "deescalated", [TRANSITION_REMINDED] = "reminded",
                [TRANSITION_CLEARED] = "cleared",
        };

        assert(transition < TRANSITION_COUNT);
        return names[transition];
}
