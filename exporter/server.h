/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * HTTP: /metrics, for which somebody has to ask twmond, and a page at /. Connections are bounded in number,
 * memory and time (places.h); each serves one request.
 */

#include <stdbool.h>

#include "openmetrics.h"

#define SERVER_MEMORY_MAX (16 * 1024) /* bytes of one request and its headers */
#define SERVER_IDLE_SEC   10          /* without a byte either way */
#define SERVER_LOOK_MSEC  250 /* how often ages are looked at, while there are connections */

struct server;

/* Serves in a thread of its own. Takes over the listening socket, in every case. -errno */
int server_new(int fd, struct server **ret_server);
/* Whoever still waits for an answer is told that there is none. Takes NULL, returns NULL. */
struct server *server_free(struct server *server);

/* Readable while somebody may wait for an answer. */
int server_fd(const struct server *server);
/*
 * Those who wait now are to be answered: in which formats, as 1 << enum openmetrics_format. Who comes
 * from now on gets no answer that may be older than his question.
 */
unsigned server_begin(struct server *server);
/*
 * Answers those who wait for that format since server_begin(); all: those who came since, too, which is
 * right where the text says that nobody answers. text is taken over; NULL: there is none.
 */
void server_answer(struct server *server, enum openmetrics_format format, char *text, bool all);

/*
 * Closes connections that have had their time. Milliseconds until it should be asked again, -1: when
 * server_fd() is readable, which it becomes with the first connection.
 */
int server_look(struct server *server);
