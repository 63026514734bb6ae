/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The head of a scan's frame, and the whole of a session's, <-> bytes. Behind the head of a scan
 * stand, unless it is blank:
 *
 *   the listeners, where RECSCAN_LISTENERS says that they are others: how many bytes of the list
 *       before stay at its beginning and at its end, how many bytes come between, and these. The list
 *       is one recsock_put() for each, as they came
 *   the CLOSE_WAIT sockets: how many attempts there were, and each of them (recdelta.h)
 *   the TIME_WAIT sockets, where RECSCAN_TIME_WAIT says that they were seen or estimated
 *       (recports.h)
 */

#include "observe.h"
#include "recbuf.h"
#include "recfile.h"

#define RECSCAN_VERSION_MAX   32
#define RECSCAN_ATTEMPTS_MAX  16
#define RECSCAN_LISTENERS_MAX 65536 /* sockets; those beyond are left out, and counted */

/* Nothing of a recording is later than this; in microseconds. */
#define RECSCAN_TIME_MAX (UINT64_C(1) << 60)

enum {
        RECSCAN_DATE_NEW = 1 << 0,
        RECSCAN_RESET = 1 << 1, /* the sockets and ports refer to nothing before */
        RECSCAN_BLANK = 1 << 2, /* the scan could not even begin */
        RECSCAN_LISTENERS_WHOLE = 1 << 3,
        RECSCAN_SOCKETS_WHOLE = 1 << 4,
        RECSCAN_RANGE = 1 << 5, /* the port range is told, and another than before */
        RECSCAN_LISTENERS = 1 << 6,
        RECSCAN_TIME_WAIT = 1 << 7,
        RECSCAN_ESTIMATED = 1 << 8, /* TIME_WAIT was not asked for: what is told is an estimate */
        RECSCAN_PAUSE = 1 << 9,     /* the pause before it, as planned, is told */
        RECSCAN_FLAGS = (1 << 10) - 1,
};

struct recsession {
        uint8_t boot_id[RECFILE_BOOT_ID];
        uint64_t now_wall_usec;
        uint64_t interval_usec;
        char version[RECSCAN_VERSION_MAX]; /* of twmond */
};

struct recscan {
        unsigned flags;
        uint64_t generation;
        uint64_t now_usec;
        uint64_t now_wall_usec;
        uint64_t took_usec; /* from now_usec to its end */
        struct scan_cost cost;
        struct scan_outcome outcome;
        uint64_t close_wait; /* all that were seen, also those that are not in the recording */
        uint64_t time_wait;
        uint16_t range_first; /* RECSCAN_RANGE */
        uint16_t range_last;
        uint64_t pause_usec;         /* RECSCAN_PAUSE */
        uint64_t listeners_left_out; /* beyond RECSCAN_LISTENERS_MAX */
};

void recscan_put_session(struct recbuf *buf, const struct recsession *session);
void recscan_get_session(struct recview *view, struct recsession *ret_session);

void recscan_put(struct recbuf *buf, const struct recscan *scan);
void recscan_get(struct recview *view, struct recscan *ret_scan);
