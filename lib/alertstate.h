/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The alert table and the last events <-> the body of a state file: raised and pending alerts with
 * their hold times, acknowledgements, owners; sequence numbers; which events were told. Exact
 * inverses. Reading trusts nothing. Pure.
 */

#include "detect.h"
#include "eventlog.h"
#include "recbuf.h"

/* Appends. Errors are the buffer's. */
void alertstate_write(struct recbuf *buf, const struct alert_table *table,
                      const struct eventlog *log);

/*
 * Into a new table and log. 0; -EBADMSG and *ret_wrong, a constant text: both are empty again;
 * -ENOMEM: likewise.
 *
 * What another version may have written does not cost the rest. Alerts and events that this one has
 * no kind for, that are impossible, or whose key is there already, and alerts that find no room, are
 * left out: alert_table_left_out(), eventlog_left_out(). Of too many events the oldest make room.
 */
int alertstate_read(struct recview *body, struct alert_table *table, struct eventlog *log,
                    const char **ret_wrong);
