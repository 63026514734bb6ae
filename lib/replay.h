/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A recording -> its scans, one snapshot after the other, as an observer makes them of the recorded
 * sockets by the rules given here. Judging them is the caller's, as it is with a live scan:
 * detect_step() with the snapshot's own times.
 *
 * Nothing in the recording is believed: what contradicts itself ends the replay with an error that
 * says where. Everything before it was good.
 */

#include "detect.h"
#include "observe.h"
#include "recscan.h"
#include "recstream.h"

/* replay_next() */
#define REPLAY_END     0
#define REPLAY_SCAN    1
#define REPLAY_OWNER   2 /* who was found to hold a witness of a port, after the last scan */
#define REPLAY_SESSION 3 /* a daemon started here */

struct replay_item {
        struct snapshot *snapshot;  /* REPLAY_SCAN: the caller's; start_usec never goes back */
        struct owner_answer answer; /* REPLAY_OWNER */
        struct recsession session;  /* REPLAY_SESSION */
};

struct replay;

/*
 * read and userdata: the recording. rules: borrowed for the replay's life. 0; -EBADMSG with
 * *ret_error; -ENOMEM or what read() returned, and then ret_error->text is empty.
 */
int replay_new(recstream_read_fn read, void *userdata, const struct rules *rules,
               struct replay **ret_replay, struct recerror *ret_error);
/* Follows so many CLOSE_WAIT sockets (conf.max_tracked); without it LEDGER_SOCKETS_MAX. */
void replay_set_max_tracked(struct replay *replay, size_t max);
struct replay *replay_free(struct replay *replay);

/* An outcome above, or an error as from replay_new(); after that there is no more. */
int replay_next(struct replay *replay, struct replay_item *ret_item, struct recerror *ret_error);

/* What a recording holds. */
struct replay_survey {
        uint64_t sessions;
        uint64_t scans;
        uint64_t first_wall_usec; /* of the first and the last scan; 0: there is none */
        uint64_t last_wall_usec;
        uint64_t close_wait_max; /* of one scan */
        uint64_t time_wait_max;
        bool whole; /* false: it is damaged; the numbers are of what comes before */
};

/* Looks through it without following its sockets. 0, -ENOMEM, or what read() returned. */
int replay_survey(recstream_read_fn read, void *userdata, struct replay_survey *ret_survey);
