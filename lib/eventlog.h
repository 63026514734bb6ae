/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last events, and up to which of them the journal has taken. What it has not is told again
 * after a restart; the rest is what happened lately, for whoever asks. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "detect.h"

#define EVENTLOG_KEPT 256 /* of those that have been told */
/* Told or not; beyond it the oldest makes room (counted). Four times the alerts that there can be. */
#define EVENTLOG_MAX 4096

struct eventlog;

/* -ENOMEM. Takes memory with every event, up to EVENTLOG_MAX. */
int eventlog_new(struct eventlog **ret_log);
struct eventlog *eventlog_free(struct eventlog *log);
/* As it was when it was new. */
void eventlog_empty(struct eventlog *log);

/* Takes a copy. Its sequence number is above every earlier one, or -EINVAL. -ENOMEM. */
int eventlog_add(struct eventlog *log, const struct event *event);
/* The event of that sequence number has learnt who owns it meanwhile. None there: does nothing. */
void eventlog_set_owner(struct eventlog *log, uint64_t sequence, const struct owner *owner);

size_t eventlog_count(const struct eventlog *log);
/* Oldest first; 0 <= i < eventlog_count(). Valid until the next eventlog_add(),
   eventlog_set_told() or eventlog_empty(). */
const struct event *eventlog_get(const struct eventlog *log, size_t i);

/* Every event up to that sequence number has been told. It never falls. */
void eventlog_set_told(struct eventlog *log, uint64_t sequence);
uint64_t eventlog_told(const struct eventlog *log);
/* Events that made room before they were told. */
uint64_t eventlog_lost(const struct eventlog *log);
/* Read back from a file: those that are missing between what was told and the oldest had made room. */
void eventlog_count_lost(struct eventlog *log);

/* A saved event was left out (alertstate.h), and how many were. */
void eventlog_leave_out(struct eventlog *log);
uint64_t eventlog_left_out(const struct eventlog *log);
