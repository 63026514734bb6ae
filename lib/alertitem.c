/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A kind is written by its name, which is fixed for every interface, because a new kind may come to
 * stand among the others. All other enums are written as their numbers, which must stay.
 *
 * Times are written as they are, monotonic ones, too: they mean something within their boot alone,
 * which the file names. One that lies in the future is given back as it is: whoever reads it knows
 * what time it is.
 *
 * Bytes that make no item are wrong. An item that can be read and cannot be an alert of ours, since
 * another version knows more kinds, sides or severities than this one, is left out, and costs no
 * other.
 */

#include "alertitem.h"

#include <string.h>

#include "alertitem-private.h"
#include "alerttable.h"
#include "recowner.h"
#include "stateitem.h"

#define KIND_NAME_MAX 64

_Static_assert(ALERT_PENDING == 0 && ALERT_RAISED == 1, "in files");
_Static_assert(SEVERITY_NONE == 0 && SEVERITY_WARNING == 1 && SEVERITY_CRITICAL == 2, "in files");
_Static_assert(SIDE_HOST == 0 && SIDE_LOCAL == 1 && SIDE_REMOTE == 2, "in files");
_Static_assert(ADDR_NONE == 0 && ADDR_IPV4 == 1 && ADDR_IPV6 == 2, "in files");
_Static_assert(STAGE_UNACCEPTED == 0 && STAGE_UNREAD == 1 && STAGE_EOF_UNREAD == 2 &&
                       STAGE_UNCLOSED == 3,
               "in files");
_Static_assert(TRANSITION_RAISED == 0 && TRANSITION_ESCALATED == 1 && TRANSITION_DEESCALATED == 2 &&
                       TRANSITION_REMINDED == 3 && TRANSITION_CLEARED == 4,
               "in files");

static uint64_t get_time(struct recview *item)
{
        return stateitem_get_number(item, STATEITEM_NUMBER_MAX, "a time");
}

/* ---- the key ---- */

static size_t address_bytes(uint8_t family)
{
        return family == ADDR_IPV4 ? 4 : sizeof(struct sock_addr);
}

static void put_key(struct recbuf *buf, const struct alert_key *key)
{
        const struct destination *destination = &key->destination;
        struct recbuf item = { 0 };

        recbuf_put_text(&item, alert_kind_name(key->kind));
        recbuf_put(&item, key->port.netns);
        recbuf_put(&item, key->port.side);
        recbuf_put(&item, key->port.port);
        recbuf_put(&item, destination->family);
        if (destination->family != ADDR_NONE) {
                const size_t len = address_bytes(destination->family);

                recbuf_put_bytes(&item, destination->source.bytes, len);
                recbuf_put_bytes(&item, destination->address.bytes, len);
        }
        stateitem_put(buf, &item);
}

/* ALERT_KIND_COUNT: one that a later version knows. */
static enum alert_kind get_kind(struct recview *item)
{
        static const char what[] = "a kind of alert";
        char name[KIND_NAME_MAX];
        enum alert_kind kind = ALERT_KIND_COUNT;

        stateitem_get_text(item, name, sizeof(name), what);
        if (!name[0])
                recview_set_wrong(item, what);
        (void)alert_kind_parse(name, &kind);
        return kind;
}

static void get_address(struct recview *item, uint8_t family, struct sock_addr *address)
{
        const size_t len = address_bytes(family);
        const void *bytes = recview_get_bytes(item, len, "an address");

        if (bytes)
                memcpy(address->bytes, bytes, len);
}

static void get_key(struct recview *view, struct alert_key *key)
{
        static const char what[] = "the key of an alert";
        struct recview item = stateitem_get(view, what);

        key->kind = get_kind(&item);
        key->port.netns = (uint32_t)stateitem_get_number(&item, UINT32_MAX, what);
        key->port.side = (uint8_t)stateitem_get_number(&item, UINT8_MAX, what);
        key->port.port = (uint16_t)stateitem_get_number(&item, UINT16_MAX, what);
        key->destination.family = (uint8_t)stateitem_get_number(&item, UINT8_MAX, what);
        if (key->destination.family == ADDR_IPV4 || key->destination.family == ADDR_IPV6) {
                get_address(&item, key->destination.family, &key->destination.source);
                get_address(&item, key->destination.family, &key->destination.address);
        }
        stateitem_done(view, &item);
}

/* ---- who ---- */

static void put_owner(struct recbuf *buf, const struct owner *owner)
{
        struct recbuf item = { 0 };

        recowner_put_owner(&item, owner);
        stateitem_put(buf, &item);
}

static void get_owner(struct recview *view, struct owner *owner)
{
        struct recview item = stateitem_get(view, "an owner");

        owner_clear(owner);
        if (recview_left(&item) > 0)
                recowner_get_owner(&item, owner);
        stateitem_done(view, &item);
}

static void put_witness(struct recbuf *buf, const struct port_witness *witness)
{
        struct recbuf item = { 0 };

        recowner_put_witness(&item, witness);
        stateitem_put(buf, &item);
}

static void get_witness(struct recview *view, struct port_witness *witness)
{
        struct recview item = stateitem_get(view, "a witness");

        if (recview_left(&item) > 0)
                recowner_get_witness(&item, witness);
        stateitem_done(view, &item);
}

static void put_acknowledgement(struct recbuf *buf, const struct acknowledgement *acknowledgement)
{
        struct recbuf item = { 0 };

        recbuf_put(&item, acknowledgement->given);
        recbuf_put(&item, acknowledgement->uid);
        stateitem_put_number(&item, acknowledgement->wall_usec);
        recbuf_put_text(&item, acknowledgement->comment);
        stateitem_put(buf, &item);
}

static void get_acknowledgement(struct recview *view, struct acknowledgement *acknowledgement)
{
        static const char what[] = "an acknowledgement";
        struct recview item = stateitem_get(view, what);

        acknowledgement->given = stateitem_get_bool(&item, what);
        acknowledgement->uid = (uint32_t)stateitem_get_number(&item, UINT32_MAX, what);
        acknowledgement->wall_usec = get_time(&item);
        stateitem_get_text(&item, acknowledgement->comment, sizeof(acknowledgement->comment), what);
        if (!acknowledgement->given)
                *acknowledgement = (struct acknowledgement){ 0 };
        stateitem_done(view, &item);
}

/* ---- the rule, as it was ---- */

/* A level that is off is 0, as one that is missing. */
static void put_level(struct recbuf *item, int64_t level)
{
        stateitem_put_number(item, level < 0 ? 0 : (uint64_t)level + 1);
}

static int64_t get_level(struct recview *item)
{
        return (int64_t)stateitem_get_number(item, STATEITEM_NUMBER_MAX, "a level") - 1;
}

static void put_rule(struct recbuf *buf, const struct alert *alert)
{
        struct recbuf item = { 0 };

        recbuf_put_text(&item, alert->origin);
        put_level(&item, alert->warning);
        put_level(&item, alert->critical);
        stateitem_put_number(&item, alert->stuck_after_usec);
        stateitem_put_number(&item, alert->critical_within_usec);
        stateitem_put_number(&item, alert->silent_after_usec);
        stateitem_put(buf, &item);
}

static void get_rule(struct recview *view, struct alert *alert)
{
        static const char what[] = "an alert's rule";
        struct recview item = stateitem_get(view, what);

        stateitem_get_text(&item, alert->origin, sizeof(alert->origin), what);
        alert->warning = get_level(&item);
        alert->critical = get_level(&item);
        alert->stuck_after_usec = get_time(&item);
        alert->critical_within_usec = get_time(&item);
        alert->silent_after_usec = get_time(&item);
        stateitem_done(view, &item);
}

/* ---- what it is judged on by ---- */

static void put_clocks(struct recbuf *buf, const struct alert *alert)
{
        struct recbuf item = { 0 };

        stateitem_put_number(&item, alert->since_usec);
        stateitem_put_number(&item, alert->since_wall_usec);
        stateitem_put_number(&item, alert->seen_usec);
        stateitem_put_number(&item, alert->critical_since_usec);
        stateitem_put_number(&item, alert->below_since_usec);
        stateitem_put_number(&item, alert->below_critical_since_usec);
        stateitem_put_number(&item, alert->clear_after_usec);
        stateitem_put_number(&item, alert->leak_pause_usec);
        stateitem_put_number(&item, alert->told_usec);
        stateitem_put(buf, &item);
}

static void get_clocks(struct recview *view, struct alert *alert)
{
        struct recview item = stateitem_get(view, "an alert's times");

        alert->since_usec = get_time(&item);
        alert->since_wall_usec = get_time(&item);
        alert->seen_usec = get_time(&item);
        alert->critical_since_usec = get_time(&item);
        alert->below_since_usec = get_time(&item);
        alert->below_critical_since_usec = get_time(&item);
        alert->clear_after_usec = get_time(&item);
        alert->leak_pause_usec = get_time(&item);
        alert->told_usec = get_time(&item);
        stateitem_done(view, &item);
}

/* ---- the whole ---- */

void alertitem_put(struct recbuf *buf, const struct alert *alert)
{
        struct recbuf item = { 0 };

        put_key(&item, &alert->key);
        recbuf_put(&item, alert->state);
        recbuf_put(&item, alert->severity);
        put_clocks(&item, alert);
        put_rule(&item, alert);
        alertitem_put_values(&item, &alert->values);
        put_owner(&item, &alert->owner);
        put_witness(&item, &alert->witness);
        put_acknowledgement(&item, &alert->acknowledgement);
        recbuf_put_text(&item, alert->reason);
        stateitem_put(buf, &item);
}

int alertitem_get(struct recview *view, struct alert *ret_alert)
{
        static const char what[] = "an alert";
        struct recview item = stateitem_get(view, what);
        struct alert alert = { 0 };

        get_key(&item, &alert.key);
        alert.state = (enum alert_state)stateitem_get_number(&item, UINT8_MAX, what);
        alert.severity = (enum severity)stateitem_get_number(&item, UINT8_MAX, what);
        get_clocks(&item, &alert);
        get_rule(&item, &alert);
        alertitem_get_values(&item, &alert.values);
        get_owner(&item, &alert.owner);
        get_witness(&item, &alert.witness);
        get_acknowledgement(&item, &alert.acknowledgement);
        stateitem_get_text(&item, alert.reason, sizeof(alert.reason), what);
        stateitem_done(view, &item);
        *ret_alert = alert;
        return item.wrong || alert_is_possible(&alert) ? 0 : ALERTITEM_LEFT_OUT;
}

void alertitem_put_event(struct recbuf *buf, const struct event *event)
{
        struct recbuf item = { 0 };

        stateitem_put_number(&item, event->sequence);
        recbuf_put(&item, event->transition);
        recbuf_put(&item, event->previous_severity);
        stateitem_put_number(&item, event->now_usec);
        stateitem_put_number(&item, event->now_wall_usec);
        recbuf_put_text(&item, event->reason);
        alertitem_put(&item, &event->alert);
        stateitem_put(buf, &item);
}

/* But for its alert. */
static bool event_is_possible(const struct event *event)
{
        return event->transition < TRANSITION_COUNT &&
               event->previous_severity <= SEVERITY_CRITICAL && event->alert.state == ALERT_RAISED;
}

int alertitem_get_event(struct recview *view, struct event *ret_event)
{
        static const char what[] = "an event";
        struct recview item = stateitem_get(view, what);
        int r;

        ret_event->sequence = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_event->transition = (enum transition)stateitem_get_number(&item, UINT8_MAX, what);
        ret_event->previous_severity = (enum severity)stateitem_get_number(&item, UINT8_MAX, what);
        ret_event->now_usec = get_time(&item);
        ret_event->now_wall_usec = get_time(&item);
        stateitem_get_text(&item, ret_event->reason, sizeof(ret_event->reason), what);
        r = alertitem_get(&item, &ret_event->alert);
        stateitem_done(view, &item);
        return item.wrong || (r == 0 && event_is_possible(ret_event)) ? 0 : ALERTITEM_LEFT_OUT;
}
