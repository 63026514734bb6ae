/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the control socket comes from: passed by the service manager, or bound by ourselves. */

#include "control.h"

/* socketpath_listen() */
#define SOCKETPATH_REFUSED 1 /* one line on stderr has said why */

/*
 * Binds at path; NULL: /run/twmon/control for uid 0, $XDG_RUNTIME_DIR/twmon/control for others (the
 * directory is made). 0, SOCKETPATH_REFUSED or -errno.
 */
int socketpath_listen(struct control *control, const char *path);

/* Serves a socket that the service manager passed; takes over fd. As above. */
int socketpath_adopt_fd(struct control *control, int fd);
