/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One scan, from netlink to snapshot, and between scans single looks at what somebody asks about.
 * Keeps between scans what an observer keeps, so one struct look per network namespace and thread.
 */

#include "census.h"
#include "observe.h"
#include "portlook.h"
#include "recorder.h"

#define LOOK_RETRIES_MAX 3 /* dumps begun again after the kernel interrupted them */

struct look;

/* 0, or -errno: no netlink socket (-EPROTONOSUPPORT, -EACCES, ...), no memory. */
int look_new(struct look **ret_look);
struct look *look_free(struct look *look);

/* What the scans have found out so far. Borrowed. */
const struct observer *look_observer(const struct look *look);
/* Before the first scan: goes on with that one, which is taken over. */
void look_set_observer(struct look *look, struct observer *observer);

/* Borrowed; shown what the observer is shown, until recorder_finish(), which is the caller's. */
void look_set_recorder(struct look *look, struct recorder *recorder);

/*
 * Scans. 0 and a snapshot, whatever the kernel said: a failed or interrupted scan is a snapshot
 * with that result. Its end_usec and cost times are the caller's to fill. -ENOMEM.
 */
int look_scan(struct look *look, const struct scan_request *request,
              struct snapshot **ret_snapshot);

/*
 * Looks at one port: all its sockets in every state, with the kernel's limits read afresh. Changes
 * nothing that scans go by. request->generation means nothing. 0, or -errno: nothing was seen
 * (-ENOMEM, or the kernel's answer). The owners are the caller's to find: owners[].witness.
 */
int look_port(struct look *look, uint16_t port, const struct scan_request *request,
              struct portlook **ret_portlook);

/*
 * The destinations at once, whatever sockstat says: a census without half-open connections, whose
 * rates are those of the scans. Changes nothing that scans go by. *ret_limits: as of now. 0, also
 * where it is not whole; or -errno as above.
 */
int look_census(struct look *look, const struct scan_request *request, struct census **ret_census,
                struct kernlimits *ret_limits);

/* The snapshot of a scan that could not even begin. -ENOMEM. */
int look_failed(const struct scan_request *request, int error, struct snapshot **ret_snapshot);

/* A single scan without a history: ages are what tcp_info tells. 0, or -errno as look_new(). */
int look_once(const struct scan_request *request, struct snapshot **ret_snapshot);
