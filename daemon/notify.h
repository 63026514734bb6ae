/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service manager is told (sd_notify(3)): readiness, status line, watchdog. */

#include <stdbool.h>
#include <stdint.h>

#include "detect.h"
#include "snapshot.h"

#define NOTIFY_STATUS_MAX 512

/*
 * Has the watchdog, if there is one, fit scans that come after such a pause at most. *told_usec: the
 * caller's to keep, 0 at first; the same is not said twice.
 */
void notify_pause(uint64_t interval_usec, uint64_t pause_usec, uint64_t *told_usec);
/*
 * The line for people in systemctl status: ports, alerts with the worst of them, when the last scan
 * was and what it cost. Times are local. Returns buf.
 */
const char *notify_format_status(const struct snapshot *snapshot, const struct alert_table *alerts,
                                 char buf[static NOTIFY_STATUS_MAX]);
/* STATUS= and WATCHDOG=1 with every scan, failed ones included; READY=1 with the first one told. */
void notify_scan(const struct snapshot *snapshot, const struct alert_table *alerts, bool first);
void notify_reloading(uint64_t now_usec);
void notify_reloaded(void);
void notify_stopping(void);
