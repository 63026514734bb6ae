/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The alert table's inside, for detect.c and those that save and restore it; everybody else reads it
 * through detect.h.
 */

#include "detect.h"

#define ALERT_GONE 1 /* judge: remove it */
#define ALERT_NEW  1 /* claim: made just now, all zero but the key */

/* The alert of that key. 0: it was there; ALERT_NEW; -ENOSPC (counted) or -ENOMEM. */
int alert_table_claim(struct alert_table *table, const struct alert_key *key,
                      struct alert **ret_alert);

/* As it was when it was new. */
void alert_table_empty(struct alert_table *table);

/* No time of an alert is later than that: later ones would hold up what follows from them. */
void alert_table_clamp(struct alert_table *table, uint64_t now_usec);

/* Could it be in a table? Of key, state, severity and comment. */
bool alert_is_possible(const struct alert *alert);

/* A saved alert was left out: alert_table_left_out(). */
void alert_table_leave_out(struct alert_table *table);

/* Something has changed that must not be lost: alert_table_changes(). */
void alert_table_note_change(struct alert_table *table);

/* Judges every alert in key order, removing those that are ALERT_GONE. Stops at a negative. */
int alert_table_sweep(struct alert_table *table, int (*judge)(struct alert *alert, void *userdata),
                      void *userdata);

/* Counts scans in a row that were not complete; the same snapshot again counts once. */
void alert_table_count_scan(struct alert_table *table, const struct snapshot *snapshot);
uint64_t alert_table_bad_scans(const struct alert_table *table);
/* The host was started anew: no scan in a row was bad, and no overflow has been judged. */
void alert_table_forget_counts(struct alert_table *table);

/*
 * Notes when it is judged, and what pause was planned before that (planned_usec; 0: unknown). After a
 * gap (gaps.h) longer than within_usec, has_resumed() is true for within_usec; settles_usec() is when it will
 * be no longer (monotonic), 0: it is not.
 */
void alert_table_count_step(struct alert_table *table, uint64_t planned_usec, uint64_t now_usec);
bool alert_table_has_resumed(const struct alert_table *table, uint64_t within_usec);
uint64_t alert_table_settles_usec(const struct alert_table *table, uint64_t within_usec);

/*
 * The overflows of a table of mini-sockets, made those since the last one that was judged: each is
 * judged once, whichever snapshot it was counted by. judge_overflows() makes this one the last.
 *
 * Where none was judged yet, all but the snapshot's own are left out: who counts may have a past that
 * the table does not know of, and what was judged then must not be told again. ruled: there is a rule
 * to judge them by; without one, none is judged, and the next rule begins anew.
 */
void alert_table_set_overflows(const struct alert_table *table, struct tw_table *tw_table);
void alert_table_judge_overflows(struct alert_table *table, const struct tw_table *tw_table,
                                 bool ruled);

uint64_t alert_table_next_sequence(struct alert_table *table);

/* Is that the answer, or the next best one, for whose the alert is? */
bool alert_may_be_owned(const struct alert *alert, const struct owner_answer *answer);
/* By the name that people are told: whether there is one, the unit, the first process. */
bool alert_owner_is_another(const struct owner *a, const struct owner *b);
/* Is it time to ask for its owner? */
bool alert_wants_owner(const struct alert *alert, uint64_t now_usec);

/* Room for one more event; false: no memory. */
bool events_reserve(struct events *events);
/* One more event, zeroed; NULL: no memory, which cannot be after events_reserve(). */
struct event *events_add(struct events *events);
