/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One socket of a recording, and what may change about it between scans <-> bytes. */

#include <stdbool.h>
#include <stdint.h>

#include "recbuf.h"
#include "sockrec.h"

/* What of a CLOSE_WAIT socket is another than in the scan before. */
enum {
        RECSOCK_QUEUE = 1 << 0, /* receive queue (as far as it tells the stage), timer */
        RECSOCK_INODE = 1 << 1,
        RECSOCK_UID = 1 << 2,
        RECSOCK_CGROUP = 1 << 3,
        RECSOCK_FLAGS = 1 << 4, /* what is known about it, shutdown, v6only */
        RECSOCK_INFO = 1 << 5,  /* shown with tcp_info */
        RECSOCK_ALL = 1 << 6,   /* even ports or addresses: told in full */
        RECSOCK_MASK = (1 << 7) - 1,
};

/*
 * Copies what is recorded of a socket in CLOSE_WAIT or LISTEN, and leaves out the rest: a queue of
 * more than 2 bytes becomes 2, which is the same stage; a listener's queues and timer become 0.
 */
void recsock_reduce(const struct sockrec *record, struct sockrec *ret_record);

/* RECSOCK_ bits, from one reduced record to the next of the same cookie. */
unsigned recsock_diff(const struct sockrec *before, const struct sockrec *after);

/* In full. previous: the cookie told before it, 0 where each must stand alone. */
void recsock_put(struct recbuf *buf, const struct sockrec *record, uint64_t previous);
void recsock_get(struct recview *view, enum sock_state state, uint64_t previous,
                 struct sockrec *ret_record);

/* What the bits name. The cookie stays as it is. */
void recsock_put_change(struct recbuf *buf, unsigned bits, const struct sockrec *record);
/* Changes *record; returns the bits. */
unsigned recsock_get_change(struct recview *view, struct sockrec *record);

/* tcp_info holds for one scan only. */
void recsock_drop_info(struct sockrec *record);
