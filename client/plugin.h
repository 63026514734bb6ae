/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What Nagios, Icinga and their kin expect of a check, by the Monitoring Plugins Development
 * Guidelines: one line on standard output, an exit status of four, and an answer in time.
 */

#include <stdint.h>

#include "base.h"
#include "term.h"
#include "units.h"

#define PLUGIN_TEXT_MAX     1024 /* bytes of a text before its escapes; the rest is cut */
#define PLUGIN_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* Exit statuses. */
enum plugin_state {
        PLUGIN_OK,
        PLUGIN_WARNING,
        PLUGIN_CRITICAL,
        PLUGIN_UNKNOWN,
};

/* "OK", "WARNING", "CRITICAL", "UNKNOWN" */
const char *plugin_state_name(enum plugin_state state);

/*
 * A copy of text, made printable, in which what would begin the performance data ('|'), or what
 * Nagios calls illegal in a macro, because a shell may meet it, is written \xNN as well. The caller
 * frees. NULL: no memory.
 */
char *plugin_harmless(const char *text, bool utf8);

/*
 * "TWMON OK - TEXT | PERFDATA", written out. perfdata is written as it is; NULL or empty: none.
 * Returns the exit status: that of state, or PLUGIN_UNKNOWN where the line was lost.
 */
int plugin_say(const struct term *term, enum plugin_state state, const char *text,
               const char *perfdata);

/*
 * From now on the process ends after that time, > 0, whatever it waits for: as UNKNOWN, with a line
 * that says so on standard output.
 */
void plugin_limit_time(uint64_t timeout_usec);
