/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How many alerts there are is told of every kind, at zero too: who asks "is there none" must get an
 * answer. What they are about is told of so many only, raised and critical ones first.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"
#include "control-summary.h"
#include "metrics-private.h"

#define PORT_TEXT_MAX 8

/* Text of the labels that say which alert it is. */
struct alert_words {
        char port[PORT_TEXT_MAX]; /* empty: host-wide */
        char source[ADDRESS_TEXT_MAX];
        char destination[ADDRESS_TEXT_MAX];
};

static void alert_words(const struct alert *alert, struct alert_words *ret_words)
{
        const struct destination *destination = &alert->key.destination;
        struct alert_words words = { 0 };

        if (alert->key.port.side != SIDE_HOST)
                snprintf(words.port, sizeof(words.port), "%u", (unsigned)alert->key.port.port);
        if (destination->family != ADDR_NONE) {
                (void)address_text(destination->family, &destination->source, words.source);
                (void)address_text(destination->family, &destination->address, words.destination);
        }
        *ret_words = words;
}

static void add_numbers(struct openmetrics *metrics, const struct metrics_world *world)
{
        uint64_t n[ALERT_KIND_COUNT][SEVERITY_CRITICAL + 1][ALERT_RAISED + 1] = { 0 };
        const struct alert_table *table = world->view->alerts;

        for (size_t i = 0; i < alert_table_count(table); i++) {
                const struct alert *alert = alert_table_get(table, i);

                n[alert->key.kind][alert->severity][alert->state]++;
        }
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                for (enum severity severity = SEVERITY_WARNING; severity <= SEVERITY_CRITICAL;
                     severity++)
                        for (enum alert_state state = ALERT_PENDING; state <= ALERT_RAISED; state++)
                                openmetrics_count(metrics,
                                                  LABELS({ "kind", alert_kind_name(kind) },
                                                         { "severity", severity_name(severity) },
                                                         { "state", alert_state_name(state) }),
                                                  n[kind][severity][state]);
}

/* The worst first; the caller's. NULL: none, or no memory for them. */
static const struct alert **worst_alerts(const struct alert_table *table, size_t *ret_n)
{
        const size_t n = alert_table_count(table);
        const struct alert **sorted = calloc(n + 1, sizeof(*sorted));

        if (!sorted)
                return NULL;
        for (size_t i = 0; i < n; i++)
                sorted[i] = alert_table_get(table, i);
        qsort(sorted, n, sizeof(*sorted), summary_compare_alerts);
        *ret_n = MIN(n, (size_t)METRICS_ALERTS_MAX);
        return sorted;
}

typedef void alert_fn(struct openmetrics *metrics, const struct alert *alert,
                      const struct alert_words *words);

static void each_alert(struct openmetrics *metrics, const struct metrics_world *world, alert_fn *fn)
{
        const struct alert **sorted;
        struct alert_words words;
        size_t n = 0;

        sorted = worst_alerts(world->view->alerts, &n);
        if (!sorted)
                metrics->error = -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                alert_words(sorted[i], &words);
                fn(metrics, sorted[i], &words);
        }
        free(sorted);
}

/* Its unit, or the name of its program where that is no guess among several; empty: neither. */
static const char *owner_word(const struct owner *owner)
{
        if (!owner->unit[0] && (owner->holders || owner->total == 1))
                return owner->processes[0].comm;
        return owner->unit;
}

static void add_one(struct openmetrics *metrics, const struct alert *alert,
                    const struct alert_words *words)
{
        openmetrics_count(metrics,
                          LABELS({ "kind", alert_kind_name(alert->key.kind) },
                                 { "severity", severity_name(alert->severity) },
                                 { "state", alert_state_name(alert->state) },
                                 { "side", port_side_name(alert->key.port.side) },
                                 { "port", words->port }, { "source", words->source },
                                 { "destination", words->destination },
                                 { "owner", owner_word(&alert->owner) }),
                          1);
}

static void add_each(struct openmetrics *metrics, const struct metrics_world *world)
{
        each_alert(metrics, world, add_one);
}

static bool eta_of(const struct alert *alert, uint64_t *ret_usec)
{
        const struct exhaustion *exhaustion = &alert->values.exhaustion;

        if (exhaustion->known && exhaustion->burning) {
                *ret_usec = exhaustion->eta_usec;
                return true;
        }
        return alert->values.leak.known &&
               leak_eta(&alert->values.leak, &alert->owner, ret_usec) == 0;
}

static void add_one_eta(struct openmetrics *metrics, const struct alert *alert,
                        const struct alert_words *words)
{
        uint64_t usec;

        if (eta_of(alert, &usec))
                openmetrics_seconds(metrics,
                                    LABELS({ "kind", alert_kind_name(alert->key.kind) },
                                           { "side", port_side_name(alert->key.port.side) },
                                           { "port", words->port }, { "source", words->source },
                                           { "destination", words->destination }),
                                    usec);
}

static void add_eta(struct openmetrics *metrics, const struct metrics_world *world)
{
        each_alert(metrics, world, add_one_eta);
}

static void add_acknowledged(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct alert_table *table = world->view->alerts;
        uint64_t n = 0;

        for (size_t i = 0; i < alert_table_count(table); i++)
                n += alert_table_get(table, i)->acknowledgement.given;
        openmetrics_count(metrics, NULL, n);
}

const struct metric metrics_of_alerts[] = {
        { { "twmon_alerts", GAUGE, NULL, "Alerts by kind, severity and state." }, add_numbers },
        { { "twmon_alert_info", GAUGE, NULL,
            "1 for each alert: which port it is about and whose." },
          add_each },
        { { "twmon_alert_eta_seconds", GAUGE, "seconds",
            "Time until what an alert is about runs out if it goes on like that." },
          add_eta },
        { { "twmon_alerts_acknowledged", GAUGE, NULL, "Raised alerts that somebody has seen." },
          add_acknowledged },
        { { NULL, GAUGE, NULL, NULL }, NULL },
};
