/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The sentences: what an alert says to people, the same in the journal, on stderr, in Watch and in
 * twmonctl.
 */

#include <stdbool.h>
#include <stddef.h>

#include "detect.h"
#include "line.h"

#define PHRASE_MAX 640

/* One line about a transition, no newline: what happened, where, since when, who. Returns buf. */
const char *phrase_event(const struct event *event, char buf[static PHRASE_MAX]);

/*
 * What is seen there and who holds it, without the port and the transition; of an alert that is
 * clearing without what is over. Returns buf.
 */
const char *phrase_condition(const struct alert *alert, char buf[static PHRASE_MAX]);

/* "leaks about 6.0 connections an hour (+-2.4), ": in the unit that is easily imagined. */
void phrase_add_rate(struct line *line, double rate_per_min, double error_per_min);

/* Condition of port-exhaustion; over: it has cleared, and how fast ports go is of no interest. */
void phrase_add_exhaustion(struct line *line, const struct alert *alert, bool over);

/* "12 of 214 established connections may be half-open: ..."; over: it has cleared, the number alone.
 */
void phrase_add_half_open(struct line *line, const struct alert *alert, bool over);

/* Of time-wait-table; over: it has cleared. */
void phrase_add_table(struct line *line, const struct alert *alert, bool over);

/* Is it time-wait-table, and most of the table FIN_WAIT2? */
bool phrase_is_fin_wait2(const struct alert *alert);

/* What the kind means and what to do about it; a constant text. */
const char *phrase_advice(enum alert_kind kind);
/* The same, or another constant text where the alert's numbers ask for another cure. */
const char *phrase_alert_advice(const struct alert *alert);

/* What a stage says about the program, and where to look in it; a constant text. */
const char *phrase_stage_advice(enum close_wait_stage stage);

/* "local port 7865", "remote port 5432", "this host". Returns buf (UNITS_TEXT_MAX). */
const char *phrase_port(const struct port_key *port, char *buf);
