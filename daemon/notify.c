/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The watchdog is fed by scans, so it needs no timer of its own and notices a scanner that hangs. A
 * scan that fails is fed as well: a host without tcp_diag shall be `blind`, not restarted for ever.
 * A watchdog that is shorter than a few intervals is renewed to fit them.
 */

#include "notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base.h"
#include "units.h"

#define WATCHDOG_INTERVALS 3

void notify_interval(uint64_t interval_usec)
{
        const uint64_t needed_usec = interval_usec * WATCHDOG_INTERVALS + 30 * USEC_PER_SEC;
        uint64_t watchdog_usec;

        if (sd_watchdog_enabled(0, &watchdog_usec) > 0 && watchdog_usec < needed_usec)
                (void)sd_notifyf(0, "WATCHDOG_USEC=%" PRIu64, needed_usec);
}

static void format_status(const struct snapshot *snapshot, const struct alert_table *alerts,
                          char *buf, size_t size)
{
        enum severity worst;
        const size_t raised = alert_table_raised(alerts, &worst);

        if (snapshot->result == SCAN_FAILED) {
                snprintf(buf, size, "Cannot see: %s", snapshot->error_text);
                return;
        }
        snprintf(buf, size,
                 "%zu port%s watched, %zu alert%s raised%s%s; last scan%s: %" PRIu64
                 " sockets in %.1f ms",
                 snapshot->n_rows, snapshot->n_rows == 1 ? "" : "s", raised, raised == 1 ? "" : "s",
                 raised ? ", worst " : "", raised ? severity_name(worst) : "",
                 snapshot->result == SCAN_PARTIAL ? " (partial)" : "", snapshot->cost.messages,
                 (double)snapshot->cost.wall_usec / (double)USEC_PER_MSEC);
}

void notify_scan(const struct snapshot *snapshot, const struct alert_table *alerts, bool first)
{
        char status[SNAPSHOT_ERROR_MAX + 128];

        format_status(snapshot, alerts, status, sizeof(status));
        (void)sd_notifyf(0, "%sSTATUS=%s\nWATCHDOG=1", first ? "READY=1\n" : "", status);
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
