/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel's counters say about how connections end on this host, in a sentence. Pure; the
 * numbers are those of struct tcp_rates.
 */

#include <stdbool.h>

#include "hostfacts.h"

#define ENDINGS_TEXT_MAX 640

/* Fewer events than these in the rates' window are nothing out of the ordinary. */
#define ENDINGS_ABORTS_MIN   10 /* TCPAbortOnClose and TCPAbortOnData together */
#define ENDINGS_TIMEOUTS_MIN 10 /* TCPAbortOnTimeout */
#define ENDINGS_LISTEN_MIN   10 /* ListenOverflows: one client that tries again is several */

/* Aborts are high where there are at least so many for each connection that went to TIME_WAIT. */
#define ENDINGS_ABORTS_PER_TIME_WAIT 1
/* ... and TIME_WAIT is low, too, where they are so many. */
#define ENDINGS_ABORTS_PER_TIME_WAIT_LOW 4

/*
 * True and a text without a full stop: worst first, parted by semicolons. False: nothing out of the
 * ordinary, or nothing is known; ret_text is then empty.
 */
bool endings_reading(const struct host_facts *facts, char ret_text[static ENDINGS_TEXT_MAX]);
