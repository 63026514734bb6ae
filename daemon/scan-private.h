/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct scan, for the scan*.c files alone. */

#include <pthread.h>

#include "holdermemory.h"
#include "look.h"
#include "questions.h"
#include "scan.h"
#include "schedule.h"

/* When the next scan is, and what that follows from. Under the lock. */
struct scan_plan {
        struct schedule schedule;
        struct budget questions;  /* what looks and searches for owners may take from the scans */
        uint64_t slot_usec;       /* of the last scan, or of the one under way */
        uint64_t over_usec;       /* slot of the last one that is over */
        uint64_t pause_usec;      /* before it, as planned, since one was judged; 0: none was */
        uint64_t judged_usec;     /* slot of the last one that was judged; 0: none yet */
        uint64_t end_usec;        /* when the last one was over */
        unsigned lost;            /* that came to nothing since the last one that did not */
        uint64_t generation;      /* of the last one that is over */
        uint64_t seen_due_usec;   /* what that one itself tells */
        uint64_t judged_due_usec; /* what the loop made of it; SCHEDULE_NEVER: nothing yet */
        bool time_wait;           /* ... wants TIME_WAIT counted */
        uint64_t cost_usec;       /* of the last scan: CPU time */
        uint64_t charged_usec;    /* CPU time of the thread that the budget knows of */
        struct schedule_plan next;
};

struct scan {
        pthread_t thread;
        bool started;
        pthread_mutex_t lock;
        pthread_cond_t wake; /* on CLOCK_MONOTONIC */
        int fd;

        /* under the lock */
        bool stop;
        bool scan_now;
        struct conf *conf;
        struct snapshot *published;
        struct recbuf state; /* to be taken */
        bool state_waits;
        uint64_t unsaved; /* ages that had no room in the one made last */
        struct recorder_stats recording;
        struct questions questions;
        struct scan_plan plan;

        /* the thread's own */
        struct look *look;
        struct holder_memory memory; /* of what that one found */
        struct owner_finder finder;  /* what it has seen lasts for a row of questions ... */
        unsigned finder_used;        /* ... or for QUESTIONS_OWNERS_MAX of them */
        bool owner_next;             /* a look had the last turn */
        struct recorder *recorder;   /* NULL: nothing is recorded */
        uint64_t generation;
        uint64_t slack_usec;       /* of its timer */
        uint64_t slot_usec;        /* of the scan under way, or of the last one */
        uint64_t complete_usec;    /* slot of the last complete scan; 0: none yet */
        struct observer *restored; /* until there is a look, which goes on with it; NULL: none */
        uint64_t state_usec;       /* slot of the scan whose state was made last; 0: none yet */
        size_t state_len;          /* of that one */
        uint64_t state_digest;     /* of what was published last */
        bool state_told;
};

/* All of the plan is under the lock; now_usec: monotonic. The thread begins: the first scan is due. */
void scan_plan_start(struct scan *scan, uint64_t now_usec);
/* By the configuration as it is now. */
void scan_plan_configure(struct scan *scan, uint64_t now_usec);
bool scan_plan_is_due(const struct scan *scan, uint64_t now_usec);
/* The scan begins: which slot it has. */
void scan_plan_begin(struct scan *scan, uint64_t now_usec);
/* It is over: what it has cost is paid, and the next one is planned. snapshot: NULL: there is none. */
void scan_plan_end(struct scan *scan, uint64_t generation, const struct snapshot *snapshot,
                   uint64_t now_usec);
/* Something else was done: that is paid, and the next scan may be later for it. */
void scan_plan_looked(struct scan *scan, uint64_t now_usec);

/* The look, opened if need be. 0, or -errno as look_new(). */
int scan_open_look(struct scan *scan);
/* After a complete scan: publishes the state if it is time and something has changed. */
void scan_tell_state(struct scan *scan, const struct rules *rules);
/* The last one, when the thread is gone. */
void scan_tell_last_state(struct scan *scan);
