/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lines below a row, of an alert or a port alike: who it is, at which stage, how fast. */

#include <jansson.h>

#include "table.h"

/* "leaky.service (leaky, pid 812, 25 of 1024 descriptors, uid 33)" */
void notes_owner(struct table *table, const json_t *object);
/* "7 unclosed, 2 unread": where the connections in CLOSE_WAIT have got to, the furthest first. */
void notes_stages(struct table *table, const json_t *object);
/* "this host is the first to close 4.0 connections a second (mean of the last minute)" */
void notes_closing(struct table *table, const json_t *object);
/* "leaks about 1.0 connections a minute (+-0.7), 3 have outlived 1min" */
void notes_leak(struct table *table, const json_t *object);
/* "214 established: 12 silent for 1h or longer, 0 unanswered; 0 use keepalive, the default ..." */
void notes_half_open(struct table *table, const json_t *object);
