/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What outlives the daemon: two files in the state directory, written whole, atomically, by a
 * thread of its own, because a disk may be slow or hang; and the same bytes in memory files that
 * the service manager keeps for us (FDSTORE), written at once, so that neither a SIGKILL nor a disk
 * that is full or hangs loses anything.
 *
 * No disk blocks the loop. At the start there is no loop yet, and state_load() opens, locks and
 * reads on the caller's thread: whatever it finds, the start goes on, but a directory that hangs
 * (a network file system whose server is away) holds it up for as long as it does, or until the
 * service manager's TimeoutStartSec.
 *
 *   state_new -> state_adopt (stored descriptors) -> state_load -> state_start -> state_put ...
 *   -> state_stop -> state_free
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "statefile.h"

#define STATE_DISK_MIN_USEC  (UINT64_C(1) * 1000000)  /* between writes of what is urgent */
#define STATE_DISK_CALM_USEC (UINT64_C(30) * 1000000) /* ... of what is not */
#define STATE_RETRY_MAX_USEC (UINT64_C(60) * 1000000) /* between attempts while the disk refuses */
#define STATE_SLOW_USEC      (UINT64_C(10) * 1000000) /* a write that takes longer is told */
#define STATE_FLUSH_SEC      5                        /* at the end */
#define STATE_FDNAME_PREFIX  "twmon-" /* of the descriptors in the manager's store */

struct state;

/* dir: NULL: no files. Nothing is touched yet. -ENOMEM. */
int state_new(const char *dir, struct state **ret_state);

/*
 * A descriptor that the service manager passed by that name: true, and taken over, if it is one of
 * ours.
 */
bool state_adopt(struct state *state, int fd, const char *name);

/* What was saved last. The bytes are the caller's to free; body points into them. */
struct state_loaded {
        uint8_t *data; /* NULL: there was nothing */
        struct statefile_header header;
        struct recview body;
        bool same_boot;
        bool same_netns;
        bool netns_known; /* ours, and the one it was saved in */
};

/*
 * The newest valid one of the file and the stored descriptors. What is damaged, newer than ours or
 * foreign is set aside (renamed to NAME.damaged, NAME.newer, NAME.foreign) and said in *ret_notes,
 * one line each, "FILE: what, what was done" (the caller's to free; NULL: nothing to say). A file
 * that cannot be renamed is passed over from then on. Always leaves a usable *ret_loaded; -ENOMEM.
 */
int state_load(struct state *state, enum statefile_kind kind, struct state_loaded *ret_loaded,
               char **ret_notes);
void state_loaded_done(struct state_loaded *loaded);
/*
 * What was loaded had a right checksum and its body could not be used all the same: set aside as
 * damaged. state_load() then gives the next best, or nothing. Notes and -ENOMEM as above.
 */
int state_reject(struct state *state, enum statefile_kind kind, const char *why, char **ret_notes);

/*
 * Starts the thread. Another process that uses the directory: files are left alone until it ends,
 * and state_get_stats() says so. -errno: nothing is saved.
 */
int state_start(struct state *state);

/*
 * Saves that body from now on; its bytes are taken over, body is empty afterwards. urgent: something
 * has changed that must not be lost. A body that is the same as the last one is not written again.
 *
 * It is in memory when this returns, whatever the disk does: that costs a checksum and two copies
 * of the body, and for the first few a message to the service manager, as WATCHDOG and STATUS do.
 *
 * 0, also where writing it fails later; -errno: it could not be put together (which
 * state_get_stats() says as well), and the one before stays; -ENOTCONN: not started.
 */
int state_put(struct state *state, enum statefile_kind kind, struct recbuf *body, bool urgent);

struct state_stats {
        uint64_t written;         /* files */
        uint64_t failures;        /* attempts to put together a file or to write it */
        uint64_t memory_failures; /* attempts to keep the same in memory */
        /* what does not work now: 0, -errno; -EBUSY: another process's directory. That memory does
           not is one only where there are no files. */
        int error;
        char what[128]; /* that, in words: "writing /var/lib/twmon/alerts"; empty: nothing */
};
void state_get_stats(struct state *state, struct state_stats *ret_stats);

/* An eventfd: readable when error has changed. state_acknowledge() empties it. -1: not started. */
int state_get_fd(const struct state *state);
void state_acknowledge(struct state *state);

/*
 * Writes what waits, for STATE_FLUSH_SEC at most; whoever polls state_get_fd() stops before.
 * *ret_note: what did not work in the end, one line without its end, the caller's to free; NULL:
 * nothing. Only state_free() may follow.
 */
void state_stop(struct state *state, char **ret_note);

/* Stops it first, if nobody has. */
struct state *state_free(struct state *state);
