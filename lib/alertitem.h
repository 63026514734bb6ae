/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One alert, and one event <-> an item of a state file (stateitem.h). */

#include "detect.h"
#include "recbuf.h"

/* alertitem_get(), alertitem_get_event() */
#define ALERTITEM_UNKNOWN 1 /* of a kind that a later version knows: to be left out */

/* Whom an owner was asked for is not kept: nobody will answer that. It is asked for again at once. */
void alertitem_put(struct recbuf *buf, const struct alert *alert);
void alertitem_put_event(struct recbuf *buf, const struct event *event);

/*
 * 0, or an outcome above. What is wrong is wrong with the view; what is returned was possible
 * otherwise.
 */
int alertitem_get(struct recview *view, struct alert *ret_alert);
int alertitem_get_event(struct recview *view, struct event *ret_event);

/* For these two alone: the numbers of an alert. */
void alertitem_put_values(struct recbuf *buf, const struct alert_values *values);
void alertitem_get_values(struct recview *view, struct alert_values *ret_values);
