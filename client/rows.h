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

/*
 * Prints alerts, an array or NULL, raised ones first, at most max of them: a table, why a blind one
 * is blind, and the advice of each kind once. 0 or -ENOMEM.
 */
int rows_print_alerts(const struct term *term, json_t *alerts, size_t max);
