/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the daemon knows and must not lose: brings it back at the start, and has it saved when it
 * has changed. Stands between alert table, event log and scanner on the one side, which know of no
 * files, and state.h on the other, which knows only bytes.
 *
 *   keep_new -> keep_restore -> keep_start -> keep_alerts, keep_scan ... -> keep_free
 */

#include <systemd/sd-event.h>

#include "detect.h"
#include "eventlog.h"
#include "scan.h"
#include "state.h"

struct keep;

/* Borrowed for the keep's life. */
struct keep_parts {
        struct alert_table *alerts;
        struct eventlog *events;
        struct scan *scan;
};

struct keep_ops {
        /* One line that an administrator should read. */
        void (*note)(void *userdata, const char *line);
        /* As alert_tell_problem() of alert.h. */
        void (*problem)(void *userdata, const char *what, int error, const char *next);
};

/* dir: NULL: only what the service manager keeps. ops and userdata are borrowed. -ENOMEM. */
int keep_new(const char *dir, const struct keep_parts *parts, const struct keep_ops *ops,
             void *userdata, struct keep **ret_keep);

/* For descriptors that the service manager has passed, before keep_restore(). */
struct state *keep_get_state(struct keep *keep);

/*
 * Fills alert table and event log, and tells the scanner what it knew. What cannot be used is noted
 * and left out. Was it another boot, what was raised is cleared: *ret_events (emptied first) are
 * the events that follow from that. 0 or -ENOMEM.
 */
int keep_restore(struct keep *keep, uint64_t now_usec, uint64_t now_wall_usec,
                 struct events *ret_events);

/* 0 or -errno. */
int keep_start(struct keep *keep, sd_event *event);

/* Something may have changed in alert table or event log. Costs nothing where it has not. */
void keep_alerts(struct keep *keep);
/* After a scan: saves what the scanner has given out since, and numbers that have moved. */
void keep_scan(struct keep *keep);

void keep_get_stats(struct keep *keep, struct state_stats *ret_stats);

/*
 * Saves what has changed and waits for it, for STATE_FLUSH_SEC at most. What could not be saved is
 * said on stderr: by now there is nobody else to tell.
 */
struct keep *keep_free(struct keep *keep);
