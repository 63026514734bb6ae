/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The watchdog is fed by scans, so it needs no timer of its own and notices a scanner that hangs. A
 * scan that fails is fed as well: a host without tcp_diag shall be `blind`, not restarted for ever.
 * A watchdog that is shorter than a few of the pauses between scans is renewed to fit them, and is
 * back at what the unit says when they are short again. The new time counts from when it was fed
 * last, which may be long ago: so it is fed along with it.
 */

#include "notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base.h"
#include "line.h"
#include "phrase.h"
#include "schedule.h"
#include "units.h"

#define WATCHDOG_PAUSES    2                   /* besides the one to come */
#define WATCHDOG_SCAN_USEC (30 * USEC_PER_SEC) /* a scan may take that long without being a hang */

void notify_pause(uint64_t interval_usec, uint64_t pause_usec, uint64_t *told_usec)
{
        const uint64_t steady_usec = schedule_steady_usec(interval_usec);
        const uint64_t longer_usec = pause_usec - MIN(steady_usec, pause_usec);
        /* by whole minutes: what grows a little with every question is not told each time */
        const uint64_t stretch_usec =
                (longer_usec + USEC_PER_MIN - 1) / USEC_PER_MIN * USEC_PER_MIN;
        const uint64_t needed_usec =
                stretch_usec + steady_usec * (1 + WATCHDOG_PAUSES) + WATCHDOG_SCAN_USEC;
        uint64_t watchdog_usec;

        if (needed_usec == *told_usec || sd_watchdog_enabled(0, &watchdog_usec) <= 0)
                return;
        (void)sd_notifyf(0, "WATCHDOG=1\nWATCHDOG_USEC=%" PRIu64, MAX(watchdog_usec, needed_usec));
        *told_usec = needed_usec;
}

/* The one to name: the most severe, of these one that nobody has acknowledged, the oldest. */
static bool is_worse(const struct alert *alert, const struct alert *than)
{
        if (alert->severity != than->severity)
                return alert->severity > than->severity;
        if (alert->acknowledgement.given != than->acknowledgement.given)
                return !alert->acknowledgement.given;
        return alert->since_usec < than->since_usec;
}

static void add_alerts(struct line *line, const struct alert_table *alerts)
{
        const struct alert *worst = NULL;
        size_t raised = 0, acknowledged = 0;
        char port[UNITS_TEXT_MAX];

        for (size_t i = 0; i < alert_table_count(alerts); i++) {
                const struct alert *alert = alert_table_get(alerts, i);

                if (alert->state != ALERT_RAISED)
                        continue;
                raised++;
                acknowledged += alert->acknowledgement.given;
                if (!worst || is_worse(alert, worst))
                        worst = alert;
        }
        if (!worst) {
                line_add(line, "no alerts");
                return;
        }
        line_add(line, "%zu alert%s", raised, raised == 1 ? "" : "s");
        if (acknowledged > 0)
                line_add(line, " (%zu acknowledged)", acknowledged);
        line_add(line, "%s %s %s on %s",
                 raised == 1 ? ":" : ", worst:", severity_name(worst->severity),
                 alert_kind_name(worst->key.kind), phrase_port(&worst->key.port, port));
}

/* When: the line stays as it is, and a scanner that hangs would not be seen in it. */
static void add_scan(struct line *line, const struct snapshot *snapshot)
{
        const time_t wall = (time_t)(snapshot->start_wall_usec / USEC_PER_SEC);
        struct tm local;

        if (localtime_r(&wall, &local))
                line_add(line, " at %02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
        if (snapshot->result == SCAN_FAILED)
                return;
        line_add(line, "%s: %" PRIu64 " socket%s, %.1f ms of CPU",
                 snapshot->result == SCAN_PARTIAL ? " (partial)" : "", snapshot->cost.messages,
                 snapshot->cost.messages == 1 ? "" : "s",
                 (double)snapshot->cost.cpu_usec / (double)USEC_PER_MSEC);
}

const char *notify_format_status(const struct snapshot *snapshot, const struct alert_table *alerts,
                                 char buf[static NOTIFY_STATUS_MAX])
{
        struct line line = line_init(buf, NOTIFY_STATUS_MAX);

        if (snapshot->result == SCAN_FAILED)
                line_add(&line, "Cannot see: %s; ", snapshot->error_text);
        else
                line_add(&line, "%zu port%s watched; ", snapshot->n_rows,
                         snapshot->n_rows == 1 ? "" : "s");
        add_alerts(&line, alerts);
        line_add(&line, "; last scan");
        add_scan(&line, snapshot);
        return buf;
}

void notify_scan(const struct snapshot *snapshot, const struct alert_table *alerts, bool first)
{
        char status[NOTIFY_STATUS_MAX];

        (void)sd_notifyf(0, "%sSTATUS=%s\nWATCHDOG=1", first ? "READY=1\n" : "",
                         notify_format_status(snapshot, alerts, status));
}

void notify_reloading(uint64_t now_usec)
{
        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_usec);
}

void notify_reloaded(void)
{
        (void)sd_notify(0, "READY=1");
}

void notify_stopping(void)
{
        (void)sd_notify(0, "STOPPING=1");
}
