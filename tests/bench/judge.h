/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches a virtual host from its first scan to its last, as twmond would and, on the same scans,
 * as a fixed threshold does; and holds what they say against what is true.
 */

#include <stdio.h>

#include "catalogue.h"

/* An alert that comes so long after a fault has ended is a false one. */
#define JUDGE_GRACE_USEC (5 * USEC_PER_MIN)

/* `ss | grep -c` for each port. */
#define THRESHOLD_COUNT      100
#define THRESHOLD_AFTER_USEC (2 * USEC_PER_MIN)

enum watcher {
        WATCHER_TWMON, /* whatever it raises */
        WATCHER_LEAK,  /* close-wait-leak alone */
        WATCHER_STUCK, /* close-wait-stuck alone */
        WATCHER_THRESHOLD,
        WATCHER_COUNT,
};

struct verdict {
        bool found;          /* raised on the fault's port while the fault lasted */
        uint64_t delay_usec; /* from the fault's first socket, or the first scan after it */
        unsigned false_warnings;
        unsigned false_criticals; /* raised as one, or escalated */
        unsigned standing;        /* alerts about the fault when it ended or ceased */
        unsigned cleared;         /* of them, by the end */
        unsigned lapsed;          /* cleared while the fault lasted */
};

struct result {
        uint64_t watched_usec;
        uint64_t scans;
        uint64_t records;
        uint64_t leaked_at_end; /* sockets in CLOSE_WAIT on the fault's port, at the last scan */
        uint64_t most;          /* sockets in CLOSE_WAIT on one port, at any scan */
        uint64_t digest;        /* of all that was seen and said, for comparing two runs */
        struct verdict verdicts[WATCHER_COUNT];
};

/* trace: where events are told; NULL. 0 or -errno. */
int judge_run(const struct kind *kind, unsigned run, FILE *trace, struct result *ret_result);

/* The same for a host of one's own, which stays the caller's. */
int judge_host(struct host *host, FILE *trace, struct result *ret_result);
