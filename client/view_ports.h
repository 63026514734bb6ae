/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What twmonctl ports leaves out, and what it says above its table. */

#include <jansson.h>
#include <stdbool.h>

#include "cmdline.h"
#include "term.h"

/*
 * Is that port, or what is about it, one of the PORTs of OPERANDS_PORTS, on the side that was named?
 * twmond tells both sides of those that it is asked for. True where none was named, and of what has
 * no port.
 */
bool view_ports_wants(const struct cmdline *options, const json_t *port);

/* That the last scan saw nothing, or not everything, or that there was none; else nothing. reply: of
 * ListPorts. */
void view_ports_say_seen(const struct term *term, const json_t *reply);
