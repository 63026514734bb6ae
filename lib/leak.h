/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct port_leak: what the survival of a port's CLOSE_WAIT sockets tells at one scan (survival.h
 * makes it), and what follows from it.
 */

#include <stdbool.h>
#include <stdint.h>

struct owner;

#define LEAK_TIMES_MAX 10 /* separate times that are told apart in a window */

struct port_leak {
        bool known; /* false: no socket has outlived its patience; all else is 0 */
        /* separate times at which they arrived, in the window in which that shows best; 0: they
           arrive no more, or their arrival was not seen */
        uint8_t times;
        uint32_t unaccepted;    /* of outlived: take no descriptor */
        uint32_t outlived;      /* sockets in CLOSE_WAIT for longer than the patience, now */
        uint32_t arrived;       /* of them: arrived within window_usec, seen by us; 0: no rate */
        uint64_t window_usec;   /* what the rate is measured over */
        uint64_t pause_usec;    /* between two of those times, on average; 0: fewer than two */
        uint64_t patience_usec; /* the age from which a socket of this port counts */
        double rate_per_min;    /* at which their number grows */
        double error_per_min;   /* its standard error */
};

/* leak_eta(), leak_eta_cautious() */
#define LEAK_ETA_NEVER   1 /* no limit, no growth, or not within ten years */
#define LEAK_ETA_UNKNOWN 2 /* the rate, or how many descriptors are in use and allowed */
#define LEAK_ETA_NONE    3 /* most were never accepted: they take no descriptor, and some are left */

/*
 * When the process nearest to its limit runs out of descriptors if the leak goes on. 0 and
 * *ret_usec, from now; or an outcome above.
 */
int leak_eta(const struct port_leak *leak, const struct owner *owner, uint64_t *ret_usec);

/*
 * The same by the lowest rate that is likely (one standard error below): severity follows this one,
 * so that an alert is not critical by chance.
 */
int leak_eta_cautious(const struct port_leak *leak, const struct owner *owner, uint64_t *ret_usec);
