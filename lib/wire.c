/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Members stand in the order of the interface description. A member that is unknown is left out,
 * which Varlink takes for null. Each function collects the results of setting them and looks once,
 * at the end (wireput.h).
 */

#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "closing.h"
#include "msgid.h"
#include "phrase.h"
#include "portset.h"
#include "units.h"
#include "wireput.h"

static bool is_control(unsigned char c)
{
        return c < 0x20 || c == 0x7f;
}

static json_t *clean_text(const char *text, bool keep_newlines)
{
        char *copy = strdup(text);
        json_t *value;

        if (!copy)
                return NULL;
        for (char *p = copy; *p; p++)
                if (is_control((unsigned char)*p) && !(keep_newlines && *p == '\n'))
                        *p = '?';

        value = json_string(copy);
        if (!value) { /* not UTF-8 */
                for (char *p = copy; *p; p++)
                        if ((unsigned char)*p >= 0x80)
                                *p = '?';
                value = json_string(copy);
        }
        free(copy);
        return value;
}

json_t *wire_line(const char *text)
{
        return clean_text(text, false);
}

json_t *wire_text(const char *text)
{
        return clean_text(text, true);
}

json_t *wire_time(uint64_t wall_usec)
{
        char buf[UNITS_TEXT_MAX];

        return json_string(units_format_rfc3339(wall_usec, buf));
}

/* Seconds until the last TIME_WAIT socket is gone; 0: there is none, or nothing is known. */
static uint64_t time_wait_last_sec(const struct port_row *row)
{
        const unsigned bin_sec = SNAPSHOT_TW_BIN_MSEC / 1000;

        if (row->tw_beyond > 0)
                return (uint64_t)(SNAPSHOT_TW_BINS + 1) * bin_sec;
        for (unsigned i = SNAPSHOT_TW_BINS; i > 0; i--)
                if (row->tw_remaining[i - 1] > 0)
                        return (uint64_t)i * bin_sec;
        return 0;
}

static int put_oldest(json_t *object, uint64_t oldest_usec, bool at_least)
{
        int r = 0;

        if (oldest_usec == 0)
                return 0;
        r |= put_int(object, "oldestSec", oldest_usec / USEC_PER_SEC);
        r |= put_bool(object, "oldestAtLeast", at_least);
        return r;
}

/* How many of the CLOSE_WAIT sockets are at which stage. */
json_t *wire_stages(const uint32_t stage[static STAGE_COUNT])
{
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "unaccepted", stage[STAGE_UNACCEPTED]);
        r |= put_int(object, "unread", stage[STAGE_UNREAD]);
        r |= put_int(object, "eofUnread", stage[STAGE_EOF_UNREAD]);
        r |= put_int(object, "unclosed", stage[STAGE_UNCLOSED]);
        return finish(object, r);
}

static json_t *wire_leak(const struct port_leak *leak)
{
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "outlived", leak->outlived);
        r |= put_int(object, "patienceSec", leak->patience_usec / USEC_PER_SEC);
        r |= put_int(object, "times", leak->times);
        r |= put_int_if(object, leak->arrived > 0, "arrived", leak->arrived);
        return finish(object, r);
}

/* How fast they add up, and how long that goes well. owner may be NULL. */
static int put_leak(json_t *object, const struct port_leak *leak, const struct owner *owner)
{
        uint64_t eta_usec;
        int r = 0;

        if (!leak->known)
                return 0;
        r |= put(object, "leak", wire_leak(leak));
        if (leak->arrived > 0) {
                r |= put_double(object, "ratePerMin", leak->rate_per_min);
                r |= put_double(object, "rateErrorPerMin", leak->error_per_min);
        }
        if (owner && leak_eta(leak, owner, &eta_usec) == 0)
                r |= put_int(object, "etaSec", eta_usec / USEC_PER_SEC);
        return r;
}

static int put_closes(json_t *object, const struct snapshot *snapshot, const struct port_row *row)
{
        const double per_sec = closing_per_sec(row);
        const enum closing_answer at_least = closing_is_at_least(&snapshot->host);
        int r;

        if (per_sec <= 0)
                return 0;
        r = put_double(object, "closesPerSec", per_sec);
        if (at_least != CLOSING_UNKNOWN)
                r |= put_bool(object, "closesAtLeast", at_least == CLOSING_YES);
        return r;
}

static int put_stuck(json_t *object, uint64_t stuck, uint64_t usual, bool at_least)
{
        int r = 0;

        r |= put_int(object, "stuck", stuck);
        r |= put_int(object, "stuckUsual", usual);
        if (at_least)
                r |= put_bool(object, "stuckAtLeast", true);
        return r;
}

json_t *wire_port(const struct snapshot *snapshot, const struct port_row *row,
                  const struct owner *owner)
{
        const uint64_t last_sec = time_wait_last_sec(row);
        json_t *object = json_object();
        uint64_t counted;
        int r = 0;

        r |= put(object, "side", json_string(port_side_name(row->key.side)));
        r |= put_int(object, "port", row->key.port);
        r |= put_bool(object, "listening", row->flags & PORT_LISTENING);
        r |= put_bool(object, "configured", row->flags & PORT_CONFIGURED);
        r |= put_bool(object, "ignored", row->flags & PORT_IGNORED);
        r |= put_int(object, "timeWait", row->count[SOCK_TIME_WAIT]);
        r |= put_bool(object, "timeWaitEstimated", snapshot->estimated & SOCK_MASK(SOCK_TIME_WAIT));
        if (snapshot_time_wait_counted_of(snapshot, &row->key, &counted))
                r |= put_int(object, "timeWaitCounted", counted);
        r |= put_int(object, "closeWait", row->count[SOCK_CLOSE_WAIT]);
        r |= put_stuck(object, row->stuck, row->stuck_usual,
                       snapshot_stuck_at_least(snapshot, row));
        r |= put(object, "stages", wire_stages(row->stage));
        r |= put_oldest(object, row->oldest_usec, row->oldest_at_least);
        r |= put_leak(object, snapshot_leak(snapshot, row), owner);
        if (owner && owner_is_known(owner))
                r |= put(object, "owner", wire_owner(owner));
        r |= put_int_if(object, last_sec > 0, "timeWaitLastSec", last_sec);
        r |= put_closes(object, snapshot, row);
        return finish(object, r);
}

static int put_alert_values(json_t *object, const struct alert_values *values)
{
        int r = 0;

        if (!values->port_known)
                return 0;
        r |= put_int(object, "closeWait", values->close_wait);
        r |= put_int(object, "timeWait", values->time_wait);
        r |= put_stuck(object, values->stuck, values->stuck_usual, values->stuck_at_least);
        r |= put(object, "stages", wire_stages(values->stage));
        r |= put_oldest(object, values->oldest_usec, values->oldest_at_least);
        return r;
}

/* Of the stage that most are at. */
static int put_stage_advice(json_t *object, const struct alert *alert)
{
        const enum close_wait_stage most = close_wait_stage_of_most(alert->values.stage);
        int r = 0;

        if (most == STAGE_COUNT || alert->key.kind == ALERT_TIME_WAIT_COUNT)
                return 0;
        r |= put(object, "stage", json_string(close_wait_stage_name(most)));
        r |= put(object, "stageAdvice", json_string(phrase_stage_advice(most)));
        return r;
}

static int put_alert_levels(json_t *object, const struct alert *alert)
{
        bool leak = alert->key.kind == ALERT_CLOSE_WAIT_LEAK;
        bool stuck = leak || alert->key.kind == ALERT_CLOSE_WAIT_STUCK;
        int r = 0;

        r |= put_int_if(object, alert->warning >= 0, "warningLevel", (uint64_t)alert->warning);
        r |= put_int_if(object, alert->critical >= 0, "criticalLevel", (uint64_t)alert->critical);
        r |= put_int_if(object, stuck, "stuckAfterSec", alert->stuck_after_usec / USEC_PER_SEC);
        r |= put_int_if(object, leak && alert->critical_within_usec > 0, "criticalWithinSec",
                        alert->critical_within_usec / USEC_PER_SEC);
        if (alert->values.half_open.known)
                r |= put(object, "halfOpen", wire_half_open(&alert->values.half_open));
        r |= put_int_if(object, alert->key.kind == ALERT_HALF_OPEN, "silentAfterSec",
                        alert->silent_after_usec / USEC_PER_SEC);
        return r;
}

static int put_exhaustion(json_t *object, const struct alert *alert)
{
        const struct exhaustion *exhaustion = &alert->values.exhaustion;
        int r = 0;

        if (!exhaustion->known)
                return 0;
        r |= put_int_if(object, exhaustion->burning, "etaSec", exhaustion->eta_usec / USEC_PER_SEC);
        r |= put(object, "destination",
                 wire_destination(&alert->key.port, &alert->key.destination, exhaustion, NULL));
        return r;
}

static json_t *wire_acknowledgement(const struct acknowledgement *acknowledgement)
{
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "uid", acknowledgement->uid);
        r |= put(object, "at", wire_time(acknowledgement->wall_usec));
        r |= put_line_if(object, "comment", acknowledgement->comment);
        return finish(object, r);
}

json_t *wire_alert(const struct alert *alert, uint64_t now_usec)
{
        uint64_t age_usec = now_usec > alert->since_usec ? now_usec - alert->since_usec : 0;
        const struct port_key *port = &alert->key.port;
        char key[ALERT_KEY_TEXT_MAX];
        uint64_t clears_usec;
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "key", json_string(alert_key_text(&alert->key, key)));
        r |= put(object, "kind", json_string(alert_kind_name(alert->key.kind)));
        r |= put(object, "side", json_string(port_side_name(port->side)));
        r |= put_int(object, "port", port->port);
        r |= put(object, "severity", json_string(severity_name(alert->severity)));
        r |= put(object, "state", json_string(alert_state_name(alert->state)));
        r |= put_bool(object, "clearing", alert_is_clearing(alert));
        if (alert_clears_in(alert, now_usec, &clears_usec) && clears_usec > 0)
                r |= put_int(object, "clearsInSec",
                             (clears_usec + USEC_PER_SEC - 1) / USEC_PER_SEC);
        r |= put_int(object, "count", alert->values.count);
        r |= put(object, "since", wire_time(alert->since_wall_usec));
        r |= put_int(object, "sinceSec", age_usec / USEC_PER_SEC);
        if (alert->acknowledgement.given)
                r |= put(object, "acknowledged", wire_acknowledgement(&alert->acknowledgement));
        r |= put_alert_values(object, &alert->values);
        r |= put_leak(object, &alert->values.leak, &alert->owner);
        r |= put_alert_levels(object, alert);
        r |= put_exhaustion(object, alert);
        if (alert->values.tw_table.known)
                r |= put(object, "timeWaitTable", wire_tw_table(&alert->values.tw_table));
        r |= put(object, "rule", wire_line(alert->origin));
        if (owner_is_known(&alert->owner))
                r |= put(object, "owner", wire_owner(&alert->owner));
        r |= put_line_if(object, "reason", alert->reason);
        r |= put_stage_advice(object, alert);
        r |= put(object, "advice", json_string(phrase_alert_advice(alert)));
        return finish(object, r);
}

json_t *wire_event(const struct event *event)
{
        enum alert_kind kind = event->alert.key.kind;
        char message[PHRASE_MAX];
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "sequence", event->sequence);
        r |= put(object, "event", json_string(transition_name(event->transition)));
        r |= put(object, "at", wire_time(event->now_wall_usec));
        r |= put(object, "messageId", json_string(msgid_alert(kind, event->transition)));
        r |= put(object, "message", wire_line(phrase_event(event, message)));
        r |= put_line_if(object, "reason", event->reason);
        r |= put(object, "alert", wire_alert(&event->alert, event->now_usec));
        return finish(object, r);
}

static bool row_says_something(const struct port_row *row)
{
        if (row->flags & PORT_IGNORED)
                return false;
        return (row->flags & (PORT_LISTENING | PORT_LISTENED | PORT_CONFIGURED)) ||
               row->count[SOCK_TIME_WAIT] > 0 || row->count[SOCK_CLOSE_WAIT] > 0;
}

bool wire_filter_match(const struct wire_filter *filter, const struct port_row *row)
{
        if (!filter->ports)
                return filter->all || row_says_something(row);
        for (size_t i = 0; i < filter->n_ports; i++)
                if (filter->ports[i] == row->key.port)
                        return true;
        return false;
}

/* One pass over everything a ListPorts call can return. */
struct listing {
        const struct snapshot *snapshot;
        const struct wire_filter *filter;
        struct port_set asked;  /* by number: thousands against thousands of rows stay linear */
        struct port_set absent; /* ... and without a row */
        size_t total;
};

static bool listing_match(const struct listing *listing, size_t i)
{
        if (i >= listing->snapshot->n_rows)
                return port_set_has(&listing->absent, (uint16_t)(i - listing->snapshot->n_rows));
        if (listing->filter->ports)
                return port_set_has(&listing->asked, listing->snapshot->rows[i].key.port);
        return wire_filter_match(listing->filter, &listing->snapshot->rows[i]);
}

static void listing_init(struct listing *listing, const struct snapshot *snapshot,
                         const struct wire_filter *filter)
{
        memset(listing, 0, sizeof(*listing));
        listing->snapshot = snapshot;
        listing->filter = filter;

        for (size_t i = 0; filter->ports && i < filter->n_ports; i++)
                port_set_add(&listing->asked, filter->ports[i]);
        if (snapshot->result != SCAN_FAILED)
                listing->absent = listing->asked;
        for (size_t i = 0; i < snapshot->n_rows; i++)
                port_set_remove(&listing->absent, snapshot->rows[i].key.port);
        for (size_t i = 0; i < wire_ports_end(snapshot, filter); i++)
                listing->total += listing_match(listing, i);
}

static json_t *listing_port(const struct listing *listing, size_t i)
{
        size_t n_rows = listing->snapshot->n_rows;
        struct port_row nothing = {
                .key = { .side = SIDE_LOCAL, .port = (uint16_t)(i - n_rows) },
        };

        const struct port_row *row = i < n_rows ? &listing->snapshot->rows[i] : &nothing;
        const struct wire_filter *filter = listing->filter;

        return wire_port(listing->snapshot, row,
                         filter->owner ? filter->owner(filter->userdata, &row->key) : NULL);
}

size_t wire_ports_end(const struct snapshot *snapshot, const struct wire_filter *filter)
{
        return snapshot->n_rows + (filter->ports ? PORT_NUMBERS : 0);
}

/* Appends matching ports from *cursor on; stops at the next one that would be too many. */
static int listing_take(const struct listing *listing, json_t *array, size_t max, size_t *cursor)
{
        size_t end = wire_ports_end(listing->snapshot, listing->filter);
        size_t i;

        for (i = *cursor; i < end; i++) {
                if (!listing_match(listing, i))
                        continue;
                if (json_array_size(array) >= max)
                        break;
                if (json_array_append_new(array, listing_port(listing, i)) < 0)
                        return -ENOMEM;
        }
        *cursor = i;
        return 0;
}

json_t *wire_ports(const struct snapshot *snapshot, const struct wire_filter *filter, size_t max,
                   size_t *cursor)
{
        json_t *object = json_object(), *array = json_array();
        struct listing listing;
        size_t next = *cursor;
        int r = 0;

        listing_init(&listing, snapshot, filter);
        if (!array || listing_take(&listing, array, max, &next) < 0)
                r = -1;

        r |= put(object, "ports", array);
        r |= put_int(object, "total", listing.total);
        r |= put_bool(object, "truncated", next < wire_ports_end(snapshot, filter));
        r |= put_bool(object, "partial", snapshot->result != SCAN_COMPLETE);
        r |= put_bool(object, "failed", snapshot->result == SCAN_FAILED);
        r |= put_line_if(object, "scanError", snapshot->error_text);
        if (snapshot->counts_wall_usec > 0)
                r |= put(object, "scannedAt", wire_time(snapshot->counts_wall_usec));
        object = finish(object, r);
        if (object)
                *cursor = next;
        return object;
}
