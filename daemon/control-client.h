/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connection of the control socket: its buffers, their limits, and what it is in the middle of.
 * Knows bytes and time, neither methods nor the loop's sources.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "snapshot.h"
#include "varlink.h"
#include "wire.h"

/* While so much is unsent, no further reply is built for that client. */
#define CLIENT_LOW_WATER (64 * 1024)

enum stream_kind { STREAM_NONE, STREAM_PORTS, STREAM_LOOK, STREAM_HISTORY, STREAM_WATCH };

struct owners;
struct lookwait;
struct historywait;

/* A call that is not over yet: it has "more", or waits for something. */
struct stream {
        enum stream_kind kind;
        bool scans;                /* watch: tells scans as well */
        uint64_t after;            /* watch: the last event that was told */
        struct snapshot *snapshot; /* ports: referenced; all replies are from this one */
        struct wire_filter filter; /* ports: owns filter.ports */
        size_t cursor;
        size_t left;                 /* ports that may still be sent */
        struct owners *owners;       /* ports: waited for first; NULL: nobody is asked for */
        bool single;                 /* ports: one reply and no more */
        struct lookwait *look;       /* look: waited for first */
        struct historywait *history; /* history: likewise */
};

/* Forgets the call. */
void stream_done(struct stream *stream);

/* When to wait no longer for what others have to say first; 0: there is nothing to wait for. */
uint64_t stream_wait_until(const struct stream *stream, uint64_t now_usec);

/* Bytes that wait for the peer: data[sent..len). */
struct client_output {
        char *data;
        size_t len;
        size_t sent;
};

struct control;

struct client {
        struct client *next;
        struct control *control;
        sd_event_source *source;
        int fd; /* closed by client_free() */
        uid_t uid;
        uint64_t active_usec; /* the last byte either way */
        struct varlink_buffer in;
        struct client_output out;
        struct stream stream;
        bool asked;   /* a message of its has been read */
        bool backlog; /* the input buffer may hold another whole message */
        bool eof;     /* the peer sends nothing more; it may still read */
        bool closing; /* to be closed when the output is gone */
        bool dead;    /* to be freed when no function uses it any more */
};

/* Takes over fd (non-blocking) on success. */
int client_new(int fd, uid_t uid, uint64_t now_usec, struct client **ret_client);
struct client *client_free(struct client *client);

/* Reads what there is, once. 0, or -errno: the connection is of no use any more. */
int client_receive(struct client *client, uint64_t now_usec);
/* Writes what the peer takes, once. 0, or -errno as above. */
int client_send(struct client *client, uint64_t now_usec);

/* Takes over bytes, in every case. 0, -ENOBUFS: more than CONTROL_OUTPUT_MAX would wait, -ENOMEM.
 */
int client_queue(struct client *client, char *bytes, size_t len);
/* Bytes that wait. */
size_t client_pending(const struct client *client);
/* The input buffer takes at least one more byte. */
bool client_has_room(const struct client *client);
