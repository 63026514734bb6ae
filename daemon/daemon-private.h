/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct daemon, for the daemon*.c files alone. */

#include <systemd/sd-event.h>

#include "control.h"
#include "daemon.h"
#include "desk.h"
#include "detect.h"
#include "eventlog.h"
#include "heap.h"
#include "historian.h"
#include "history.h"
#include "journal.h"
#include "keep.h"
#include "passed.h"
#include "record.h"
#include "scan.h"
#include "starter.h"
#include "tell.h"

struct daemon {
        const struct options *options;
        struct conf *conf;
        sd_event *event;
        sd_event_source *overdue; /* timer: events that wait for an owner */
        sd_event_source *told;    /* the journal has taken some */
        struct journal *journal;
        struct record *record; /* NULL: nothing is recorded */
        struct scan *scan;
        struct control *control;
        struct tell *tell;
        struct starter *starter;
        struct alert_table *alerts;
        struct eventlog *eventlog;
        struct keep *keep;
        struct passed passed; /* by the service manager, not taken over yet */
        struct events events;
        struct desk desk;          /* for clients */
        struct snapshot *snapshot; /* the newest; NULL: none yet */
        struct history *history;
        struct historian *historian;   /* NULL: there is no --state-dir */
        sd_event_source *history_told; /* the historian has something */
        int history_error;             /* that was told last */
        struct heap heap;
        char *conf_errors;      /* of the one that was read last; NULL: it is conf */
        uint64_t conf_serial;   /* of conf */
        uint64_t watchdog_usec; /* notify_pause() */
        bool ready_told;
        bool ending;
        bool recording_told; /* that it has stopped */
        uint64_t started_wall_usec;
};

/* daemon-cycle.c: has the loop woken by scans, and by what follows from them. 0 or -errno. */
int daemon_add_cycle(struct daemon *daemon);
/* Sends those of daemon->events on their way. r: of the call that made them. */
void daemon_tell_events(struct daemon *daemon, int r);
extern const struct tell_ops daemon_tell_ops; /* userdata: the struct daemon */

/* daemon-history.c: makes and starts what keeps it, hands it a scan, and the last of it. */
int daemon_make_history(struct daemon *daemon);
void daemon_configure_history(struct daemon *daemon); /* by daemon->conf */
int daemon_start_history(struct daemon *daemon);
void daemon_note_history(struct daemon *daemon);
void daemon_end_history(struct daemon *daemon);
/* As ask_history() of struct control_ops. */
int daemon_ask_history(void *userdata, const struct control_history_request *request,
                       struct history_answer **ret_answer);

/* daemon-conf.c */
const char *daemon_conf_source(const struct options *options);
/* userdata: the struct daemon. 0, CONF_BAD with *ret_errors (caller frees), or -errno; all of it is
   said in the journal. */
int daemon_reload(void *userdata, char **ret_errors);

/* daemon-serve.c: what clients may ask; userdata: the struct daemon. */
extern const struct control_ops daemon_control_ops;
