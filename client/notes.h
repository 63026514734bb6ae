/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines below a row, of an alert or a port alike: who it is, at which stage, how fast; and the
 * same as texts.
 */

#include <jansson.h>
#include <stdint.h>

#include "table.h"

#define NOTES_STAGES_MAX 160 /* four counts of at most 20 digits and their stages */

/* "leaky.service (leaky, pid 812, 25 of 1024 descriptors, uid 33)" */
void notes_owner(struct table *table, const json_t *object);
/* "7 unclosed, 2 unread": where the connections in CLOSE_WAIT have got to, the furthest first. */
void notes_stages(struct table *table, const json_t *object);
/* When an alert clears whose number has fallen. */
void notes_clearing(struct table *table, const json_t *alert);
/* "acknowledged 3min ago by uid 33: known, restarts on Sunday" */
void notes_acknowledged(struct table *table, const json_t *alert, uint64_t now_wall_usec);

/* "this host is the first to close 4.0 connections a second (mean of the last minute)" */
void notes_closing(struct table *table, const json_t *object);
/* The text of notes_owner(); owner: the object itself. The caller frees. NULL: no memory. */
char *notes_owner_text(const json_t *owner);
/* "leaky.service (leaky, pid 812)": shorter. The caller frees. NULL: nobody is known, or no memory. */
char *notes_owner_name(const json_t *owner);
/*
 * " and perhaps others": what must follow where the owner of so many sockets was found through one
 * of them; else empty.
 */
const char *notes_owner_others(const json_t *owner, uint64_t count);
/* The text of notes_stages(), empty where there is none. Returns buf. */
const char *notes_stages_text(const json_t *object, char buf[static NOTES_STAGES_MAX]);

/* "leaks about 1.0 connections a minute (+-0.7), 3 have outlived 1min" */
void notes_leak(struct table *table, const json_t *object);
/* "towards 192.0.2.7 from 10.0.0.1: 812 of 1000 local ports, connect() fails in 3min" */
void notes_destination(struct table *table, const json_t *alert);
/* "214 established: 12 silent for 1h or longer, 0 unanswered; 0 use keepalive, the default ..." */
void notes_half_open(struct table *table, const json_t *object);
