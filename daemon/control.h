/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The control socket: a Varlink server on the loop. Reads a view that the daemon hands out, never
 * netlink. Clients are bounded in number, bytes and idle time, and none can harm another.
 */

#include <systemd/sd-event.h>

#include "conf.h"
#include "detect.h"
#include "eventlog.h"
#include "historyanswer.h"
#include "lookanswer.h"
#include "schedule.h"
#include "snapshot.h"
#include "starter.h"
#include "state.h"

#define CONTROL_CLIENTS_MAX         128
#define CONTROL_CLIENTS_PER_UID_MAX 64                  /* uid 0 is not limited by it */
#define CONTROL_OUTPUT_MAX          (2 * 1024 * 1024)   /* bytes queued for one client */
#define CONTROL_OUTPUT_TOTAL_MAX    (8 * 1024 * 1024)   /* ... for all of them */
#define CONTROL_IDLE_USEC           (60 * USEC_PER_SEC) /* without a byte either way; not for Watch */
#define CONTROL_DRAIN_USEC          (USEC_PER_SEC / 2) /* at the end, for a peer to do its part */
#define CONTROL_DRAIN_MAX_USEC      (5 * USEC_PER_SEC) /* ... for all that is owed */
#define CONTROL_EVENTS_KEPT         256                /* for Watch(after) */
#define CONTROL_EVENTS_BYTES_MAX    (768 * 1024)       /* of one ListEvents reply, about */
#define CONTROL_PORTS_MAX           1000               /* of one ListPorts reply without "more" */
#define CONTROL_PORTS_PER_REPLY     256                /* ... with it */

/* ask_owner() */
#define CONTROL_OWNER_KNOWN 1

/* ask_look() */
#define CONTROL_LOOK_KNOWN   1
#define CONTROL_LOOK_WAITING 2

/* GetHistory, unless asked */
#define CONTROL_HISTORY_SINCE_SEC 7200
#define CONTROL_HISTORY_POINTS    240

/* control_listen() */
#define CONTROL_IN_USE 1 /* a living daemon answers there */

/* What the replies are made of; borrowed until the callback that asked for it returns. */
struct control_view {
        const struct snapshot *snapshot; /* NULL: no scan yet */
        const struct alert_table *alerts;
        const struct eventlog *events; /* NULL: none is kept */
        const struct conf *conf;
        const char *conf_source; /* which files were asked for, whether they exist or not */
        const char *conf_errors; /* of what was read last; NULL: it is conf */
        uint64_t started_wall_usec;
        uint64_t scans;
        uint64_t journal_queued;
        uint64_t journal_lost;
        uint64_t recording_lost;
        uint64_t looks_refused;
        uint64_t ages_unsaved;
        uint64_t history_lost;  /* minutes */
        bool journal_delivered; /* the last attempt reached the journal */
        bool keeps_files;       /* there is a state directory */
        struct schedule_pace pace;
        struct state_stats state;
        struct starter_stats starts; /* of conf->start; nothing where that is empty */
};

struct control_history_request {
        uint16_t port;
        uint64_t since_sec; /* above 0 */
        uint32_t points;    /* 2 to HISTORY_SERIES_MAX */
};

struct control_ops {
        void (*view)(void *userdata, struct control_view *ret_view);
        /* 0, CONF_BAD with *ret_errors (caller frees), or -errno. */
        int (*reload)(void *userdata, char **ret_errors);
        /* As alert_table_acknowledge(); sets wall_usec, for it knows the clock. */
        int (*acknowledge)(void *userdata, const struct alert_key *key,
                           struct acknowledgement *acknowledgement);
        /* Who holds the witness? 0: the answer comes through control_tell_owner();
           CONTROL_OWNER_KNOWN: *ret_owner is it; negative: nobody looks. */
        int (*ask_owner)(void *userdata, const struct port_key *port,
                         const struct port_witness *witness, struct owner *ret_owner);
        /* What does a look show? 0 or CONTROL_LOOK_WAITING: the answer comes through
           control_tell_look(); CONTROL_LOOK_KNOWN: *ret_answer is it, borrowed until the callback
           returns to the loop; negative: nobody looks (-EBUSY: too many looks, -EDQUOT: they cost
           too much). */
        int (*ask_look)(void *userdata, const struct look_question *question, bool privileged,
                        struct look_answer **ret_answer);
        /* After -EDQUOT: how long until there may be a look again, above 0, as far as is known. */
        uint64_t (*look_wait_usec)(void *userdata, bool privileged);
        /* How did a port go? 0: *ret_answer, the caller's reference, is done, or will be when
           control_tell_history() is called; -EBUSY: too many ask; -ENOMEM. */
        int (*ask_history)(void *userdata, const struct control_history_request *request,
                           struct history_answer **ret_answer);
        /* The monotonic clock. */
        uint64_t (*now_usec)(void *userdata);
};

struct control;

/* ops and userdata are borrowed for the control's life. */
int control_new(sd_event *event, const struct control_ops *ops, void *userdata,
                struct control **ret_control);
/* Closes every client; unlinks a socket that control_listen() bound. */
struct control *control_free(struct control *control);

/*
 * Binds and listens at path, mode 0666 (by umask(2), so before there are threads that make files).
 * A socket file nobody serves is replaced; a living daemon: CONTROL_IN_USE; a path that does not
 * fit sun_path: -ENAMETOOLONG; something else there: -EEXIST.
 */
int control_listen(struct control *control, const char *path);
/* Serves a listening socket of the service manager; takes over fd. */
int control_adopt(struct control *control, int fd);

/*
 * Before the end: lets nobody in any more but those who have connected to a socket of our own,
 * which is unlinked and closed; one of the service manager stays open. Answers whoever is owed an
 * answer, closes all clients, and calls drained() once, perhaps before this returns. A call under
 * way is waited for until its own limit, CONTROL_DRAIN_MAX_USEC at most; a first call that does not
 * come and output that is not read for CONTROL_DRAIN_USEC.
 */
void control_drain(struct control *control, void (*drained)(void *userdata));

/* For Watch: keeps the event for who asks later, and streams it. */
void control_tell_event(struct control *control, const struct event *event);
/* An answer to ask_owner(), or to anybody else's question. */
void control_tell_owner(struct control *control, const struct owner_answer *answer);
/* A look that somebody asked for; takes references of its own. */
void control_tell_look(struct control *control, struct look_answer *answer);
/* Answers to ask_history() are done. */
void control_tell_history(struct control *control);
/* A new snapshot is there. */
void control_tell_scan(struct control *control);

/* For twmonctl status and tests. */
struct control_stats {
        size_t clients;
        uint64_t refused;
        uint64_t dropped;
        size_t output_bytes;
};
void control_get_stats(const struct control *control, struct control_stats *ret_stats);
