/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon: owns every part and is the only wiring between them.
 */

#include "conf.h"
#include "options.h"

#define DAEMON_EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h; the unit does not restart on it */

/* daemon_new() */
#define DAEMON_REFUSED     1 /* said on stderr already: a socket path that cannot be served */
#define DAEMON_BAD_SETTING 2 /* said on stderr already: a file that cannot be recorded to */

struct daemon;

/*
 * conf: takes a reference. 0, an outcome above, or -errno. The socket is bound (or taken over from
 * the service manager) when this returns.
 */
int daemon_new(const struct options *options, struct conf *conf, struct daemon **ret_daemon);
struct daemon *daemon_free(struct daemon *daemon);

/* Until SIGTERM or SIGINT. 0 or -errno. */
int daemon_run(struct daemon *daemon);

/* The configuration that the options name. 0, CONF_BAD with *ret_errors (caller frees), -errno. */
int daemon_load_conf(const struct options *options, struct conf **ret_conf, char **ret_errors);
