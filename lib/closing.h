/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How fast this host closes connections of a port, by the TIME_WAIT sockets that are left of them.
 *
 * Who closes first gets the TIME_WAIT, so this is also who closes: on a local port the service of
 * this host, on a remote one this host as a client. It is a lower bound. Not among them are
 * connections that were reset, those whose peer has not closed yet (FIN_WAIT2), those that found no
 * room in the table, and those whose TIME_WAIT a new connection between the same ports has ended,
 * as connect() here (tcp_tw_reuse) and a client that takes the same port again both do. Clients
 * take their ports at random: of 30 a second from one address 7 % went so.
 */

#include "snapshot.h"

/* Over so much of the past: all but the oldest of the bins. */
#define CLOSING_WINDOW_SEC ((SNAPSHOT_TW_BINS - 1) * SNAPSHOT_TW_BIN_MSEC / 1000)

/* Connections per second, mean of the last minute (CLOSING_WINDOW_SEC of it). */
double closing_per_sec(const struct port_row *row);

enum closing_answer { CLOSING_UNKNOWN, CLOSING_NO, CLOSING_YES };

/*
 * Were there surely more than that? Yes where TIME_WAIT sockets of this host were taken over by
 * connect() or found no room in that time (TWRecycled, TCPTimeWaitOverflow): of which ports nobody
 * counts. Unknown where none has moved and one of the counters is unknown, was not read at this scan,
 * or does not reach back so far.
 */
enum closing_answer closing_is_at_least(const struct host_facts *facts);
