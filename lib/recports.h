/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The TIME_WAIT sockets of a scan, counted per port, <-> bytes, as the difference to the scan
 * before: how many ports have other counts, and for each, in the order of the keys, the gap to the
 * key before it, which of its counts are not zero, and those. A port without any is gone.
 */

#include <stddef.h>

#include "recbuf.h"
#include "snapshot.h"
#include "tally.h"

#define RECPORTS_MAX TALLY_PORTS_MAX

/* As of the last scan that told any. */
struct recports {
        struct time_wait_counts *items; /* by key; none is all zeros */
        size_t n;
};

void recports_done(struct recports *ports);

/* Writer: what the snapshot counted; it becomes the base of the next. 0 or -ENOMEM. */
int recports_write(struct recports *ports, const struct snapshot *snapshot, struct recbuf *buf);
/* Reader: the difference becomes the new base; what is wrong stands in the view. 0 or -ENOMEM. */
int recports_read(struct recports *ports, struct recview *view);
/* Of all ports. */
uint64_t recports_total(const struct recports *ports);
