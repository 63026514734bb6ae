/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a look at the kernel's sockets keeps. look.c makes scans, lookask.c answers single questions. */

#include "diag.h"
#include "look.h"
#include "procreader.h"
#include "undated.h"

struct look {
        struct diag *diag;
        struct observer *observer;
        struct recorder *recorder; /* NULL: nothing is recorded */
        struct proc_reader proc;
        struct kernlimits limits; /* of the scan under way */
        struct undated undated;   /* likewise */
        bool asks;                /* ... puts aside what is new and to be dated */
        size_t n_new;             /* ... sockets to be dated */
        bool crowd;               /* the last one had too many of them to be asked one by one */
};

/* What dumps found out besides sockets. */
struct dumps {
        struct diag_stats stats;
        unsigned retries;
        int listeners; /* diag_dump() */
        int sockets;
};

/* Interrupted, and another attempt, counted from 0, may do better: counts it. */
bool look_shall_retry(int r, unsigned attempt, struct dumps *dumps);
