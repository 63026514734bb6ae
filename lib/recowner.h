/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who was found to hold the sockets of a port <-> bytes: the whole of an owner's frame. */

#include "detect.h"
#include "recbuf.h"

void recowner_put(struct recbuf *buf, const struct port_key *port, const struct owner *owner);
void recowner_get(struct recview *view, struct port_key *ret_port, struct owner *ret_owner);
