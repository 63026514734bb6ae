/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who was found to hold a witness of a port <-> bytes: the whole of an answer's frame. The frame of
 * older recordings (RECFILE_OWNER) has no witness: then the answer's is not known.
 */

#include "detect.h"
#include "recbuf.h"

void recowner_put(struct recbuf *buf, const struct owner_answer *answer);
void recowner_get(struct recview *view, bool has_witness, struct owner_answer *ret_answer);

/* Its parts, which other files hold as well. */
void recowner_put_witness(struct recbuf *buf, const struct port_witness *witness);
void recowner_get_witness(struct recview *view, struct port_witness *ret_witness);
void recowner_put_owner(struct recbuf *buf, const struct owner *owner);
void recowner_get_owner(struct recview *view, struct owner *ret_owner);
