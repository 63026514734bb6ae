/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The scanner thread: scans when it is time, publishes each snapshot, and on demand looks up owners
 * and takes single looks. It alone touches netlink, /proc and /sys; the loop only takes what it
 * publishes. All functions here are the loop's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "detect.h"
#include "lookanswer.h"
#include "recbuf.h"
#include "recorder.h"
#include "schedule.h"
#include "snapshot.h"

/* After every scan, where its state is that small; a larger one so often at most. */
#define SCAN_STATE_SMALL (64 * 1024) /* bytes: ages of some thousand sockets */
#define SCAN_STATE_USEC  (UINT64_C(30) * 1000000)

enum scan_asker {
        SCAN_ASKER_ALERT,    /* recorded, too */
        SCAN_ASKER_STRANGER, /* has to leave room */
};

struct scan;

/* Nothing runs yet. conf: takes a reference of its own. 0 or -errno. */
int scan_new(struct conf *conf, struct scan **ret_scan);
/* Before scan_start(): every scan and answer goes to the recorder, which is the thread's from then. */
void scan_set_recorder(struct scan *scan, struct recorder *recorder);
/*
 * Before scan_start(): what an earlier run of the same boot and network namespace knew
 * (scanstate.h). 0; -EBADMSG and *ret_wrong, a constant text: nothing was taken over; -ENOMEM:
 * likewise.
 */
int scan_restore(struct scan *scan, struct recview *body, const char **ret_wrong);
/* Starts the thread; the first scan begins at once. */
int scan_start(struct scan *scan);
/*
 * Stops the thread; waits for a dump that is under way. What was published can still be taken, and
 * the state as of the last scan, with ages of any length. Nothing is to be asked any more.
 */
void scan_stop(struct scan *scan);
struct scan *scan_free(struct scan *scan);

/*
 * An eventfd: readable when a snapshot, with a state perhaps, or an answer waits.
 * scan_acknowledge() empties it.
 */
int scan_get_fd(const struct scan *scan);
void scan_acknowledge(struct scan *scan);

/* The newest snapshot that was not taken yet, now the caller's; NULL: none. */
struct snapshot *scan_take_snapshot(struct scan *scan);

/*
 * What should outlive the daemon, where a complete scan has changed it: the newest one that was not
 * taken yet. True, and its bytes are the caller's, in place of none; false: there is none.
 */
bool scan_take_state(struct scan *scan, struct recbuf *ret_body);

/* Sockets whose age had no room in the state that was made last. */
uint64_t scan_get_unsaved(struct scan *scan);

/* How the recording goes, as of the newest scan; all zeros where there is none. */
void scan_get_recording(struct scan *scan, struct recorder_stats *ret_stats);

/*
 * The judge has seen the snapshot of that generation: when it wants the next scan. Without it the
 * next one comes by what the scan itself has told. Of an older generation: nothing.
 */
void scan_set_due(struct scan *scan, uint64_t generation, const struct detect_due *due);

/* How fast the scans go, and why. */
void scan_get_pace(struct scan *scan, struct schedule_pace *ret_pace);

/* From now on; scans at once. */
void scan_reconfigure(struct scan *scan, struct conf *conf);

/* Who holds the witness? The answer comes through scan_take_answer(). -ENOBUFS: too many wait. */
int scan_ask_owner(struct scan *scan, const struct port_key *port,
                   const struct port_witness *witness, enum scan_asker asker);
bool scan_take_answer(struct scan *scan, struct owner_answer *ret_answer);

/*
 * Looks when no scan is due. The answer comes through scan_take_look(), so each question is asked
 * again only then. -ENOBUFS: too many wait; -ENOMEM.
 */
int scan_ask_look(struct scan *scan, const struct look_question *question);
/* The caller's; NULL: none is there. */
struct look_answer *scan_take_look(struct scan *scan);
