/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verdict: is anything leaking? In a word and in a sentence or two. Pure. */

#include <stdint.h>

#include "control.h"

#define SUMMARY_TEXT_MAX 1024

/* A scan that is older than so many intervals and a grace: the scanner hangs. */
#define SUMMARY_STALE_INTERVALS  3
#define SUMMARY_OLD_USEC         (UINT64_C(60) * 1000000) /* of a scan; said with the answer */
#define SUMMARY_STALE_GRACE_USEC (UINT64_C(30) * 1000000)

/* "ok", "warning", "critical"; "unknown" when the last scan failed, is overdue, or there was none.
 */
const char *summary_verdict(const struct control_view *view, uint64_t now_usec);

/* The first words answer; the rest says what else is raised or pending. Returns buf. */
const char *summary_text(const struct control_view *view, uint64_t now_usec,
                         char buf[static SUMMARY_TEXT_MAX]);

/* The worst raised alert, or NULL. */
const struct alert *summary_worst_alert(const struct alert_table *table);

/* For qsort() of pointers to alerts: raised, severity, a leak, count; then by key. */
int summary_compare_alerts(const void *a, const void *b);
