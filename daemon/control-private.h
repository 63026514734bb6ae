/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct control, for the control-*.c files alone. */

#include <sys/types.h>

#include "control-client.h"
#include "control-listen.h"
#include "control-toldlog.h"
#include "control.h"
#include "units.h"

#define CONTROL_LISTENERS_MAX    4
#define CONTROL_ACCEPTS_MAX      16 /* per wake-up */
#define CONTROL_CLIENTS_RESERVED 8  /* of CONTROL_CLIENTS_MAX: for uid 0 and the daemon's own */
#define CONTROL_EVICT_IDLE_USEC                                                                    \
        (1 * USEC_PER_SEC)                       /* idle so long, a client may have to make room */
#define CONTROL_PAUSE_USEC    (1 * USEC_PER_SEC) /* no accept() when descriptors have run out */
#define CONTROL_HELD_ROWS_MAX 262144             /* of old snapshots that ListPorts streams hold */
#define CONTROL_TRIM_BYTES    (256 * 1024)       /* after so many, memory goes back to the kernel */
#define CONTROL_TRIM_USEC     (1 * USEC_PER_SEC) /* ... at most so often */
#define CONTROL_PRIORITY      10                 /* after everything else of the loop */
#define CONTROL_NEVER         UINT64_MAX

struct control {
        sd_event *event;
        const struct control_ops *ops;
        void *userdata;

        struct listener listeners[CONTROL_LISTENERS_MAX];
        size_t n_listeners;
        uint64_t paused_until_usec; /* accept() is; 0: it is not */

        struct client *clients; /* newest first; dead ones stay until nobody uses them */
        struct toldlog toldlog;
        unsigned busy; /* functions that may be using clients */

        bool ending;                     /* nobody is let in any more */
        void (*drained)(void *userdata); /* NULL: it is not the end yet, or it was told */
        uint64_t drain_began_usec;

        sd_event_source *timer;   /* the only one */
        uint64_t timer_usec;      /* what it is armed for, or CONTROL_NEVER */
        uint64_t trimmed_usec;    /* memory was last given back */
        uint64_t untrimmed_bytes; /* through buffers since then */

        uint64_t refused;
        uint64_t dropped;
};

static inline uint64_t control_now(const struct control *control)
{
        return control->ops->now_usec(control->userdata);
}

/* uid 0 and the daemon's own. */
bool control_is_privileged(uid_t uid);

/* The client is closed soon; what it asked for ends here. */
void control_close(struct client *client);
/* The same, because it went over a limit: counted. */
void control_drop(struct client *client);

/* Around everything that may use clients: closed ones are freed after the last of them. */
void control_enter(struct control *control);
void control_leave(struct control *control);

/* Lets in whoever waits, so many at most. */
void control_accept(struct control *control, int listener, unsigned most);

/* control-drain.c: is it over? Then all clients are closed, and whoever waits for that is told. */
void drain_check(struct control *control, uint64_t now_usec);
/* When it may be over by time alone, for one client; or CONTROL_NEVER. */
uint64_t drain_until(const struct control *control);

/* control-tell.c: replies that have waited for owners or a look long enough go on. */
void tell_waiting(struct control *control);
/* When the next one has, or CONTROL_NEVER. */
uint64_t tell_waiting_until(const struct control *control);

/* control-serve.c: one step for one client, as far as its limits and its peer allow. */
void serve_client(struct client *client, bool hung_up);
/* Sends a client that watches what it has not been told yet. */
void serve_events(struct client *client);
/* What it waited for may have come: it goes on in its turn. */
void serve_again(struct client *client);
/* Hands a copy of finished bytes to a client that watches. */
void serve_bytes(struct client *client, const char *bytes, size_t len);

/*
 * control-quota.c: what clients may use together. quota_admit() says whether a newcomer is let in,
 * and may close an idle client for it; the others close whoever has too much.
 */
bool quota_admit(struct control *control, uid_t uid, uint64_t now_usec);
void quota_output(struct control *control);
void quota_snapshots(struct control *control);
void quota_idle(struct control *control, uint64_t now_usec);
/* When quota_idle() has something to do at the earliest, or CONTROL_NEVER. */
uint64_t quota_idle_next(const struct control *control);
/* Bytes that wait for all clients. */
size_t quota_output_bytes(const struct control *control);
