/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The descriptors that the service manager passes at the start (sd_listen_fds(3)): sockets to serve,
 * and memory files that it has kept for us.
 *
 *   passed_take -> state_load ... -> passed_listen
 */

#include <stddef.h>

#include "control.h"
#include "state.h"

#define PASSED_SOCKETS_MAX 16 /* far more than control_adopt() takes */

struct passed {
        int sockets[PASSED_SOCKETS_MAX]; /* whatever is not by one of our own names */
        size_t n;
};

/*
 * All of them, once. Those with names of the state's (STATE_FDNAME_PREFIX) are handed over to it;
 * what it does not know, or what there is no state for (NULL), is closed.
 */
void passed_take(struct state *state, struct passed *ret_passed);

/*
 * Serves the sockets that were passed; without any, one bound at path (socketpath_listen()). They
 * are the control's afterwards, or closed. 0, SOCKETPATH_REFUSED or -errno.
 */
int passed_listen(struct passed *passed, struct control *control, const char *path);

/* Closes what nobody has taken over. */
void passed_done(struct passed *passed);
