/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which answer is whose, and who is asked for when. */

#include <string.h>

#include "alerttable.h"

/* An older recording tells of an answer only whether it is of the listener or of a socket. */
static bool is_found_by(const struct owner_answer *answer, const struct port_witness *witness)
{
        if (!answer->witness.known)
                return witness->known && witness->by_listener == answer->owner.by_listener;
        return port_witness_equal(witness, &answer->witness);
}

bool alert_is_answered(const struct alert *alert, const struct owner_answer *answer)
{
        return alert->witness.known && is_found_by(answer, &alert->witness) &&
               port_key_compare(&alert->key.port, &answer->port) == 0;
}

static bool is_close_wait(enum alert_kind kind)
{
        return kind == ALERT_CLOSE_WAIT_STUCK || kind == ALERT_CLOSE_WAIT_LEAK ||
               kind == ALERT_CLOSE_WAIT_COUNT;
}

/*
 * The oldest socket may have been closed since its holder was asked for, and another be the witness
 * now: the answer is still the best that there is.
 *
 * Who was found by the listener may stand in for the holder of a CLOSE_WAIT socket that nobody has
 * found yet; never the other way round: that socket says nothing about those in TIME_WAIT. And no
 * other socket of the port stands in for anything: it may be another program's.
 */
bool alert_may_be_owned(const struct alert *alert, const struct owner_answer *answer)
{
        if (!alert->witness.known || port_key_compare(&alert->key.port, &answer->port) != 0)
                return false;
        return is_found_by(answer, &alert->witness) || is_found_by(answer, &alert->owner_asked) ||
               (is_close_wait(alert->key.kind) && answer->owner.by_listener &&
                !owner_is_known(&alert->owner));
}

static int64_t first_pid(const struct owner *owner)
{
        return owner->n_processes > 0 ? owner->processes[0].pid : OWNER_UNKNOWN;
}

bool alert_owner_is_another(const struct owner *a, const struct owner *b)
{
        return owner_is_known(a) != owner_is_known(b) || strcmp(a->unit, b->unit) != 0 ||
               first_pid(a) != first_pid(b);
}

bool alert_wants_owner(const struct alert *alert, uint64_t now_usec)
{
        uint64_t keep_usec = ALERT_OWNER_KEEP_USEC, eta_usec;

        if (!alert->witness.known || alert_is_clearing(alert) ||
            (alert->state == ALERT_PENDING && alert->key.kind != ALERT_CLOSE_WAIT_LEAK))
                return false;
        if (alert->owner_forgotten)
                keep_usec = ALERT_OWNER_KEEP_FORGOTTEN_USEC;
        if (leak_eta(&alert->values.leak, &alert->owner, &eta_usec) == 0 &&
            eta_usec < ALERT_OWNER_URGENT_USEC)
                keep_usec = ALERT_OWNER_KEEP_URGENT_USEC;
        return alert->owner_asked_usec == 0 || now_usec - alert->owner_asked_usec >= keep_usec;
}
