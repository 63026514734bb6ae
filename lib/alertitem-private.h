/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The numbers of an alert: an item of its item. */

#include "detect.h"
#include "recbuf.h"

void alertitem_put_values(struct recbuf *buf, const struct alert_values *values);
void alertitem_get_values(struct recview *view, struct alert_values *ret_values);
