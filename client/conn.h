/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connection to twmond: connect, call, stream.
 *
 *   0            done
 *   -ETIMEDOUT   nothing came within CONN_TIMEOUT_USEC
 *   -ECONNRESET  the other end closed
 *   -EPROTO      what came is no Varlink, or is above VARLINK_REPLY_MAX
 *   other <0     -errno of the system
 * After a failure the connection is of no use but to be freed.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base.h"
#include "units.h"

#define CONN_TIMEOUT_USEC (5 * USEC_PER_SEC) /* of one call, and of one reply of a stream */
#define CONN_SYSTEM_PATH  "/run/twmon/control"
#define CONN_USER_PATH    "twmon/control" /* below XDG_RUNTIME_DIR */

struct conn;

/* Members are borrowed from message; parameters is an object or NULL. */
struct reply {
        json_t *message;
        json_t *parameters;
        const char *error; /* NULL: none */
        bool continues;
};

void reply_done(struct reply *reply);

/*
 * Where twmond listens: CONN_SYSTEM_PATH unless only the user's own is there. runtime_dir is
 * XDG_RUNTIME_DIR or NULL. -ENOMEM; the caller frees.
 */
int conn_default_path(const char *runtime_dir, char **ret_path);
/* It fits a socket's address and is not empty. */
bool conn_path_fits(const char *path);

/* -ENAMETOOLONG, -ENOENT, -ECONNREFUSED, -EACCES, -ETIMEDOUT (its queue is full) ... */
int conn_open(const char *path, struct conn **ret_conn);
/* The same, but never waits: a full queue is -ETIMEDOUT at once. */
int conn_open_at_once(const char *path, struct conn **ret_conn);
struct conn *conn_free(struct conn *conn);
DEFINE_CLEANUP(struct conn *, conn_free)

/*
 * Takes over parameters, which may be NULL. That the other end has closed is told by
 * conn_receive(): it may have said why.
 */
int conn_send(struct conn *conn, const char *method, json_t *parameters, bool more);
/* The next reply; patient waits for ever for one to begin, and the usual time for it to end. */
int conn_receive(struct conn *conn, bool patient, struct reply *ret_reply);
/* The same from what has come so far, without waiting. -EAGAIN: it is not whole yet. */
int conn_take(struct conn *conn, struct reply *ret_reply);
/* To wait for with poll(), before conn_take(). Borrowed. */
int conn_fd(const struct conn *conn);
/* Both. Takes over parameters. */
int conn_call(struct conn *conn, const char *method, json_t *parameters, struct reply *ret_reply);
