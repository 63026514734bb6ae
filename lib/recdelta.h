/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One attempt at a dump of the CLOSE_WAIT sockets <-> bytes, as the difference to the rectable:
 *
 *   runs of entries that were not seen: how many runs, for each the gap before it and its length - 1
 *   entries that changed: how many, for each the gap before it and recsock_put_change()
 *   new ones, as they came: how many, for each recsock_put()
 */

#include "recbuf.h"
#include "rectable.h"

/* Writer: one socket of the attempt that rectable_begin() began. 0 or -ENOMEM. */
int recdelta_see(struct rectable *table, const struct sockrec *record);
/* Writer: the attempt is over: appends what was seen, and adopts it. 0 or -ENOMEM. */
int recdelta_write(struct rectable *table, struct recbuf *buf);

/*
 * Reader: one attempt, into a table that rectable_begin() has begun; what is wrong stands in the
 * view. Nothing is adopted yet: entries seen now and new ones are where recdelta_each() finds them.
 * 0 or -ENOMEM.
 */
int recdelta_read(struct rectable *table, struct recview *view);

/* Every socket of the attempt: those known before, then the new ones as they came. fn's error. */
int recdelta_each(const struct rectable *table,
                  int (*fn)(const struct sockrec *record, void *userdata), void *userdata);
