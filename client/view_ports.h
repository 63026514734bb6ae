/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What twmonctl ports says above its table. */

#include <jansson.h>

#include "term.h"

/* That the last scan saw nothing, or not everything, or that there was none; else nothing. reply: of
 * ListPorts. */
void view_ports_say_seen(const struct term *term, const json_t *reply);
