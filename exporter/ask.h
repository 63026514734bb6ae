/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* twmond's metrics, asked for over its control socket, with what only who asks can know: twmon_up. */

#include "openmetrics.h"

#define ASK_ERROR_MAX 160

/* ask_metrics() */
#define ASK_AWAY 1 /* twmond does not answer: the text says that, and nothing else */

/*
 * The whole text of an answer to Prometheus, which is the caller's. 0; ASK_AWAY, and why in ret_error, in
 * words; -ENOMEM. Takes CONN_TIMEOUT_USEC where twmond hangs, and that twice where its queue is full, too.
 */
int ask_metrics(const char *socket_path, enum openmetrics_format format, char **ret_text,
                char ret_error[static ASK_ERROR_MAX]);
