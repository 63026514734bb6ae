/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* stderr, for whoever reads that and not the journal. */

#include <stdbool.h>

/*
 * May somebody read what stands on stderr who does not read the journal? Not where it leads to the
 * journal: it is lost with it; nor in /dev/null, which the service manager gives to whoever it
 * starts while there is no journal.
 */
bool echo_has_readers(void);

/*
 * One line, in one write(), so that lines of several threads or processes do not mix. priority: as
 * in syslog(3). 0; -EAGAIN: nobody reads at the moment (a stopped terminal, a stuck pipe), and
 * nothing was written; -errno: it could not be written.
 */
int echo_line(int priority, const char *message);
