/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What everyone has: so many sockets in CLOSE_WAIT on a port, for so long, are an alarm. */

#include "portkey.h"
#include "snapshot.h"

#define THRESHOLD_PORTS_MAX 64 /* a virtual host has fewer */

struct threshold {
        uint32_t count;
        uint64_t after_usec;
        struct threshold_port {
                struct port_key key;
                bool above;
                uint64_t since_usec;  /* above */
                uint64_t raised_usec; /* 0: not */
                bool seen;            /* in this scan */
        } ports[THRESHOLD_PORTS_MAX];
        size_t n;
};

/* raised: or over again. since_usec: when it was raised. */
typedef void (*threshold_fn)(const struct port_key *key, bool raised, uint64_t since_usec,
                             void *userdata);

void threshold_step(struct threshold *threshold, const struct snapshot *snapshot, threshold_fn fn,
                    void *userdata);
