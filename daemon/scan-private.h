/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct scan, for the scan*.c files alone. */

#include <pthread.h>

#include "look.h"
#include "questions.h"
#include "scan.h"

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

        /* the thread's own */
        struct look *look;
        struct owner_finder finder; /* what it has seen lasts for a row of questions ... */
        unsigned finder_used;       /* ... or for QUESTIONS_OWNERS_MAX of them */
        bool owner_next;            /* a look had the last turn */
        struct recorder *recorder;  /* NULL: nothing is recorded */
        uint64_t generation;
        uint64_t slot_usec;        /* of the next scan */
        uint64_t complete_usec;    /* slot of the last complete scan; 0: none yet */
        struct observer *restored; /* until there is a look, which goes on with it; NULL: none */
        uint64_t state_usec;       /* slot of the scan whose state was made last; 0: none yet */
        size_t state_len;          /* of that one */
        uint64_t state_digest;     /* of what was published last */
        bool state_told;
};

/* The look, opened if need be. 0, or -errno as look_new(). */
int scan_open_look(struct scan *scan);
/* After a complete scan: publishes the state if it is time and something has changed. */
void scan_tell_state(struct scan *scan, const struct rules *rules);
/* The last one, when the thread is gone. */
void scan_tell_last_state(struct scan *scan);
