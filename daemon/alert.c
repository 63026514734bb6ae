/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Fields are text; numbers that may be unknown are sent as the word "unknown", never as zero. The
 * sentence comes from lib/phrase.c, so that the journal, stderr and twmonctl say the same.
 *
 * OBJECT_SYSTEMD_UNIT makes `journalctl -u UNIT` show the entry in the log of the unit that leaks;
 * journald honours it from uid 0.
 */

#include "alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "journal-entry.h"
#include "msgid.h"
#include "phrase.h"
#include "units.h"

#define UNKNOWN "unknown"

static int event_priority(const struct event *event)
{
        if (event->transition == TRANSITION_CLEARED)
                return LOG_NOTICE;
        return event->alert.severity == SEVERITY_CRITICAL ? LOG_CRIT : LOG_WARNING;
}

static void add_number(struct journal_entry *entry, const char *name, bool known, int64_t value)
{
        if (known)
                journal_entry_add(entry, name, "%" PRId64, value);
        else
                journal_entry_add(entry, name, UNKNOWN);
}

static void add_string(struct journal_entry *entry, const char *name, const char *value)
{
        journal_entry_add(entry, name, "%s", value[0] ? value : UNKNOWN);
}

static void add_limit(struct journal_entry *entry, const char *name, int64_t limit)
{
        if (limit == OWNER_UNLIMITED)
                journal_entry_add(entry, name, "unlimited");
        else
                add_number(entry, name, limit >= 0, limit);
}

static void add_key(struct journal_entry *entry, const struct event *event)
{
        const struct alert *alert = &event->alert;
        char text[ALERT_KEY_TEXT_MAX];

        add_string(entry, "TWMON_ALERT", alert_kind_name(alert->key.kind));
        add_string(entry, "TWMON_EVENT", transition_name(event->transition));
        add_string(entry, "TWMON_SEVERITY", severity_name(alert->severity));
        add_string(entry, "TWMON_SIDE", port_side_name(alert->key.port.side));
        add_number(entry, "TWMON_PORT", true, alert->key.port.port);
        add_string(entry, "TWMON_KEY", alert_key_text(&alert->key, text));
        add_string(entry, "TWMON_RULE", alert->origin);
        add_number(entry, "TWMON_SEQUENCE", true, (int64_t)event->sequence);
        add_string(entry, "TWMON_SINCE", units_format_rfc3339(alert->since_wall_usec, text));
}

/* The stage that most are at, and how many are at each. */
static void add_stages(struct journal_entry *entry, const struct alert_values *values)
{
        const enum close_wait_stage most = close_wait_stage_of_most(values->stage);
        const bool known = values->port_known;

        add_string(entry, "TWMON_STAGE", most < STAGE_COUNT ? close_wait_stage_name(most) : "");
        add_number(entry, "TWMON_UNACCEPTED", known, values->stage[STAGE_UNACCEPTED]);
        add_number(entry, "TWMON_UNREAD", known, values->stage[STAGE_UNREAD]);
        add_number(entry, "TWMON_EOF_UNREAD", known, values->stage[STAGE_EOF_UNREAD]);
        add_number(entry, "TWMON_UNCLOSED", known, values->stage[STAGE_UNCLOSED]);
}

static void add_values(struct journal_entry *entry, const struct alert *alert)
{
        const struct alert_values *values = &alert->values;
        const bool port = values->port_known;
        const bool stuck = alert->key.kind == ALERT_CLOSE_WAIT_STUCK ||
                           alert->key.kind == ALERT_CLOSE_WAIT_LEAK;
        const bool aged = port && values->oldest_usec > 0;

        add_number(entry, "TWMON_COUNT", true, (int64_t)values->count);
        add_number(entry, "TWMON_CLOSE_WAIT", port, (int64_t)values->close_wait);
        add_number(entry, "TWMON_TIME_WAIT", port, (int64_t)values->time_wait);
        add_number(entry, "TWMON_STUCK", port, (int64_t)values->stuck);
        add_number(entry, "TWMON_OLDEST_SEC", aged, (int64_t)(values->oldest_usec / USEC_PER_SEC));
        add_string(entry, "TWMON_OLDEST_IS",
                   aged ? (values->oldest_at_least ? "at-least" : "exact") : "");
        add_number(entry, "TWMON_STUCK_AFTER_SEC", stuck,
                   (int64_t)(alert->stuck_after_usec / USEC_PER_SEC));
        add_number(entry, "TWMON_WARNING_LEVEL", alert->warning != RULE_LEVEL_OFF, alert->warning);
        add_number(entry, "TWMON_CRITICAL_LEVEL", alert->critical != RULE_LEVEL_OFF,
                   alert->critical);
        add_stages(entry, values);
}

static void add_rate(struct journal_entry *entry, const char *name, bool known, double per_min)
{
        if (known)
                journal_entry_add(entry, name, "%.3f", per_min);
        else
                journal_entry_add(entry, name, UNKNOWN);
}

static void add_eta(struct journal_entry *entry, const char *name, int outcome, uint64_t usec)
{
        if (outcome == LEAK_ETA_NEVER)
                add_string(entry, name, "never");
        else
                add_number(entry, name, outcome == 0, (int64_t)(usec / USEC_PER_SEC));
}

/* Until descriptors run out, or local ports. LEAK_ETA_UNKNOWN where neither is foreseen. */
static int find_eta(const struct alert *alert, uint64_t *ret_usec)
{
        const struct exhaustion *exhaustion = &alert->values.exhaustion;

        if (alert->key.kind != ALERT_PORT_EXHAUSTION)
                return leak_eta(&alert->values.leak, &alert->owner, ret_usec);
        *ret_usec = exhaustion->eta_usec;
        return exhaustion->burning ? 0 : LEAK_ETA_UNKNOWN;
}

/* What the survival of sockets tells. */
static void add_leak(struct journal_entry *entry, const struct alert *alert)
{
        const struct port_leak *leak = &alert->values.leak;
        const bool rate = leak->arrived > 0;
        uint64_t eta_usec = 0;
        const int eta = find_eta(alert, &eta_usec);

        add_number(entry, "TWMON_OUTLIVED", alert->values.port_known, leak->outlived);
        add_number(entry, "TWMON_PATIENCE_SEC", leak->known,
                   (int64_t)(leak->patience_usec / USEC_PER_SEC));
        add_rate(entry, "TWMON_RATE_PER_MIN", rate, leak->rate_per_min);
        add_rate(entry, "TWMON_RATE_ERROR_PER_MIN", rate, leak->error_per_min);
        add_eta(entry, "TWMON_ETA_SEC", eta, eta_usec);
}

static void add_address(struct journal_entry *entry, const char *name, uint8_t family,
                        const struct sock_addr *address)
{
        char text[ADDRESS_TEXT_MAX];

        add_string(entry, name, family == ADDR_NONE ? "" : address_text(family, address, text));
}

/* The local ports towards a destination. */
static void add_exhaustion(struct journal_entry *entry, const struct alert *alert)
{
        const struct destination *destination = &alert->key.destination;
        const struct exhaustion *exhaustion = &alert->values.exhaustion;
        const bool known = exhaustion->known;

        add_address(entry, "TWMON_SOURCE", destination->family, &destination->source);
        add_address(entry, "TWMON_DESTINATION", destination->family, &destination->address);
        add_number(entry, "TWMON_USED", known, exhaustion->used);
        add_number(entry, "TWMON_USED_ERROR_MAX", known, exhaustion->error_max);
        add_number(entry, "TWMON_REUSABLE", known, exhaustion->reusable);
        add_number(entry, "TWMON_USABLE", exhaustion->usable > 0, exhaustion->usable);
        add_rate(entry, "TWMON_BURN_PER_MIN", exhaustion->burning, exhaustion->burn_per_min);
}

/* What a census tells of the established connections. */
static void add_half_open(struct journal_entry *entry, const struct alert *alert)
{
        const struct half_open *counts = &alert->values.half_open;
        const bool known = counts->known;

        add_number(entry, "TWMON_ESTABLISHED", known, counts->established);
        add_number(entry, "TWMON_KEEPALIVE", known, counts->keepalive);
        add_number(entry, "TWMON_BUSY", known, counts->busy);
        add_number(entry, "TWMON_SILENT", known, counts->silent);
        add_number(entry, "TWMON_UNANSWERED", known, counts->unanswered);
        add_number(entry, "TWMON_OLDEST_SILENT_SEC", known && counts->oldest_usec > 0,
                   (int64_t)(counts->oldest_usec / USEC_PER_SEC));
        add_number(entry, "TWMON_SILENT_AFTER_SEC", alert->key.kind == ALERT_HALF_OPEN,
                   (int64_t)(alert->silent_after_usec / USEC_PER_SEC));
        add_number(entry, "TWMON_KEEPALIVE_NOTICES_SEC", counts->default_usec > 0,
                   (int64_t)(counts->default_usec / USEC_PER_SEC));
}

/* The table of TIME_WAIT. */
static void add_table(struct journal_entry *entry, const struct tw_table *table)
{
        const bool split = table->known && table->time_wait_known;

        add_number(entry, "TWMON_TW_USED", table->known, (int64_t)table->used);
        add_number(entry, "TWMON_TW_MAX", table->known, (int64_t)table->max);
        add_number(entry, "TWMON_TW_TIME_WAIT", split, (int64_t)table->time_wait);
        add_number(entry, "TWMON_TW_FIN_WAIT2", split, (int64_t)(table->used - table->time_wait));
        add_number(entry, "TWMON_TW_OVERFLOWS", table->known && table->overflow_known,
                   (int64_t)table->overflows);
}

/* Of the processes, the one that is nearest to its limit. */
static void add_owner(struct journal_entry *entry, const struct owner *owner)
{
        static const struct owner_process nobody = { .fds = OWNER_UNKNOWN,
                                                     .fd_limit = OWNER_UNKNOWN };
        const bool known = owner->n_processes > 0;
        const struct owner_process *process = known ? &owner->processes[0] : &nobody;

        add_string(entry, "TWMON_OWNER_UNIT", owner->unit);
        add_number(entry, "TWMON_OWNER_PID", known, process->pid);
        add_string(entry, "TWMON_OWNER_COMM", process->comm);
        add_number(entry, "TWMON_OWNER_UID", owner->uid >= 0, owner->uid);
        add_number(entry, "TWMON_PROCESSES", known, owner->total);
        add_number(entry, "TWMON_FDS", process->fds >= 0, process->fds);
        add_limit(entry, "TWMON_FD_LIMIT", process->fd_limit);
        if (owner->unit[0])
                add_string(entry,
                           owner->unit_is_user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT",
                           owner->unit);
        if (known && (owner->holders || owner->total == 1)) /* no guess at one of several */
                add_number(entry, "OBJECT_PID", true, process->pid);
}

void alert_tell(struct journal *journal, const struct event *event)
{
        const struct alert *alert = &event->alert;
        char sentence[PHRASE_MAX];
        struct journal_entry *entry =
                journal_entry_new(msgid_alert(alert->key.kind, event->transition),
                                  event_priority(event), phrase_event(event, sentence));

        add_key(entry, event);
        add_values(entry, alert);
        add_leak(entry, alert);
        add_exhaustion(entry, alert);
        add_half_open(entry, alert);
        add_table(entry, &alert->values.tw_table);
        add_string(entry, "TWMON_REASON", event->reason[0] ? event->reason : alert->reason);
        add_owner(entry, &alert->owner);
        if (entry)
                entry->sequence = event->sequence;
        (void)journal_send(journal, entry);
}

void alert_tell_acknowledged(struct journal *journal, const struct alert *alert,
                             const struct acknowledgement *acknowledgement)
{
        const char *kind = alert_kind_name(alert->key.kind), *comment = acknowledgement->comment;
        char port[UNITS_TEXT_MAX], key[ALERT_KEY_TEXT_MAX], message[PHRASE_MAX];
        const bool given = acknowledgement->given;
        struct journal_entry *entry;

        snprintf(message, sizeof(message), "%s: %s%s was %s by uid %" PRIu32 "%s%s",
                 phrase_port(&alert->key.port, port), given ? "" : "acknowledgement of ", kind,
                 given ? "acknowledged" : "taken back", acknowledgement->uid,
                 comment[0] ? ": " : "", comment);
        entry = journal_entry_new(MSGID_ACKNOWLEDGED, LOG_NOTICE, message);
        add_string(entry, "TWMON_ALERT", kind);
        add_string(entry, "TWMON_EVENT", "acknowledged");
        add_string(entry, "TWMON_SEVERITY", severity_name(alert->severity));
        add_string(entry, "TWMON_SIDE", port_side_name(alert->key.port.side));
        add_number(entry, "TWMON_PORT", true, alert->key.port.port);
        add_string(entry, "TWMON_KEY", alert_key_text(&alert->key, key));
        add_string(entry, "TWMON_ACKNOWLEDGEMENT", given ? "given" : "taken-back");
        add_number(entry, "TWMON_ACKNOWLEDGED_BY", true, acknowledgement->uid);
        add_string(entry, "TWMON_COMMENT", comment[0] ? comment : "none");
        add_owner(entry, &alert->owner);
        (void)journal_send(journal, entry);
}

void alert_tell_started(struct journal *journal, const char *conf_source)
{
        char message[PHRASE_MAX];
        struct journal_entry *entry;

        snprintf(message, sizeof(message), "twmond %s watches this host's TCP sockets (%s)",
                 TWMON_VERSION, conf_source);
        entry = journal_entry_new(MSGID_STARTED, LOG_INFO, message);
        journal_entry_add(entry, "TWMON_CONFIG", "%s", conf_source);
        journal_entry_add(entry, "TWMON_VERSION", "%s", TWMON_VERSION);
        (void)journal_send(journal, entry);
}

void alert_tell_stopped(struct journal *journal)
{
        (void)journal_send(journal, journal_entry_new(MSGID_STOPPED, LOG_INFO, "twmond stops"));
}

void alert_tell_reloaded(struct journal *journal, const char *conf_source)
{
        char message[PHRASE_MAX];
        struct journal_entry *entry;

        snprintf(message, sizeof(message), "configuration read again: %s", conf_source);
        entry = journal_entry_new(MSGID_CONFIG_RELOADED, LOG_INFO, message);
        journal_entry_add(entry, "TWMON_CONFIG", "%s", conf_source);
        (void)journal_send(journal, entry);
}

/* There is one at least. */
static size_t count_lines(const char *text)
{
        size_t n = 1;

        while ((text = strchr(text, '\n')) && *++text != '\0')
                n++;
        return n;
}

void alert_tell_rejected(struct journal *journal, const char *errors)
{
        const size_t more = count_lines(errors) - 1;
        struct journal_entry *entry;
        char others[64] = "";
        char *message;

        if (more > 0)
                snprintf(others, sizeof(others), " (and %zu more)", more);
        if (asprintf(&message, "configuration rejected, the old one stays in force: %.*s%s",
                     (int)strcspn(errors, "\n"), errors, others) < 0)
                message = NULL;
        entry = message ? journal_entry_new(MSGID_CONFIG_REJECTED, LOG_ERR, message) : NULL;
        journal_entry_add(entry, "TWMON_ERRORS", "%s", errors);
        (void)journal_send(journal, entry);
        free(message);
}

void alert_tell_problem(struct journal *journal, const char *what, int error, const char *next)
{
        char message[PHRASE_MAX];

        snprintf(message, sizeof(message), "%s%s%s; %s", what, error < 0 ? ": " : "",
                 error < 0 ? strerror(-error) : "", next);
        (void)journal_send(journal, journal_entry_new(NULL, LOG_ERR, message));
}

void alert_tell_note(struct journal *journal, const char *line)
{
        (void)journal_send(journal, journal_entry_new(NULL, LOG_WARNING, line));
}
