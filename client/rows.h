/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tables of ports and of alerts, made from the JSON of a reply or of a scan of our own. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "table.h"
#include "term.h"

/* term is borrowed. NULL: no memory. */
struct table *rows_new_ports(const struct term *term);
/*
 * Adds a port to such a table. once: a single scan saw it, so that what is not known to be stuck
 * may be all the same.
 */
void rows_add_port(struct table *table, const json_t *port, bool once);

/* Below the port that was added last: its owner, its stages, how fast it leaks. */
void rows_note_port(struct table *table, const json_t *port);

/* The same of alerts. */
struct table *rows_new_alerts(const struct term *term);
/* With all notes of it. */
void rows_add_alert(struct table *table, const json_t *alert);

/*
 * The first max alerts of an array or NULL in the order in which they are shown, raised ones first;
 * *ret_n of them, borrowed. The caller frees the list. NULL: no memory.
 */
json_t **rows_sort_alerts(json_t *alerts, size_t max, size_t *ret_n);

/* Does one of the first n have that text as its member already? */
bool rows_is_told(json_t *const *alerts, size_t n, const char *member, const char *text);

/*
 * Prints alerts, an array or NULL, raised ones first, at most max of them: a table, why a blind one
 * is blind, and the advice of each kind once. 0 or -ENOMEM.
 */
int rows_print_alerts(const struct term *term, json_t *alerts, size_t max);
