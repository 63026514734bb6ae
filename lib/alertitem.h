/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One alert, and one event <-> an item of a state file (stateitem.h). */

#include "detect.h"
#include "recbuf.h"

/*
 * alertitem_get(), alertitem_get_event(): it was read to its end, and no alert or event of ours can
 * be like that: of a kind that a later version knows, or impossible. To be left out, and counted.
 */
#define ALERTITEM_LEFT_OUT 1

/* Whom an owner was asked for is not kept: nobody will answer that. It is asked for again at once. */
void alertitem_put(struct recbuf *buf, const struct alert *alert);
void alertitem_put_event(struct recbuf *buf, const struct event *event);

/*
 * 0, or the outcome above. What cannot be read is wrong with the view, which is to be asked first:
 * then neither what is returned nor the outcome means anything.
 */
int alertitem_get(struct recview *view, struct alert *ret_alert);
int alertitem_get_event(struct recview *view, struct event *ret_event);
