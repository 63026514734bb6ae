/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One scan, from netlink to snapshot: listeners, then the watched states, then ages. Keeps between
 * scans what only time can tell (ages, ports that had a listener), so one struct look per network
 * namespace and thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rule.h"
#include "snapshot.h"

#define LOOK_RETRIES_MAX 3 /* dumps begun again after the kernel interrupted them */

struct look;

struct look_request {
        uint64_t generation;    /* of the snapshot; 1 is the first */
        uint64_t now_usec;      /* monotonic: the moment that ages are counted from and to */
        uint64_t now_wall_usec; /* since 1970, for printing */
        const struct rules *rules;
        uint64_t conf_serial; /* which rules these are; handed on to the snapshot */
        bool date_new;        /* ask for tcp_info, to date sockets that are older than this scan */
};

/* 0, or -errno: no netlink socket (-EPROTONOSUPPORT, -EACCES, ...), no memory. */
int look_new(struct look **ret_look);
struct look *look_free(struct look *look);

/*
 * Scans. 0 and a snapshot, whatever the kernel said: a failed or interrupted scan is a snapshot
 * with that result. Its end_usec and cost times are the caller's to fill. -ENOMEM.
 */
int look_scan(struct look *look, const struct look_request *request,
              struct snapshot **ret_snapshot);

/* The snapshot of a scan that could not even begin. -ENOMEM. */
int look_failed(const struct look_request *request, int error, struct snapshot **ret_snapshot);

/* A single scan without a history: ages are what tcp_info tells. 0, or -errno as look_new(). */
int look_once(const struct look_request *request, struct snapshot **ret_snapshot);
