/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The judge: (rules, snapshot, now) -> events. Pure; its only state is the alert table.
 *
 * Each alert has a key and a life: pending (condition seen, hold time running) -> raised ->
 * cleared. What each transition needs stands in detect.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acknowledgement.h"
#include "census.h"
#include "destination.h"
#include "owner.h"
#include "rule.h"
#include "snapshot.h"

#define ALERTS_MAX         1024                                       /* pending and raised */
#define ALERTS_HOST        (ALERT_KIND_COUNT - ALERT_TIME_WAIT_TABLE) /* of them, one per kind */
#define EVENT_REASON_MAX   160
#define ALERT_KEY_TEXT_MAX 224

enum alert_state { ALERT_PENDING, ALERT_RAISED };

enum transition {
        TRANSITION_RAISED,
        TRANSITION_ESCALATED,   /* warning -> critical */
        TRANSITION_DEESCALATED, /* critical -> warning */
        TRANSITION_REMINDED,
        TRANSITION_CLEARED,
        TRANSITION_COUNT,
};

struct alert_key {
        enum alert_kind kind;
        struct port_key port;           /* SIDE_HOST and port 0: host-wide */
        struct destination destination; /* port-exhaustion; of the others ADDR_NONE */
};

/* The numbers behind an alert, as of one observation. */
struct alert_values {
        uint64_t count;      /* what the levels are compared with */
        uint64_t close_wait; /* of the port */
        uint64_t time_wait;
        uint64_t stuck;
        uint64_t stuck_usual; /* of them: no longer than is usual on the port */
        uint64_t oldest_usec; /* 0: unknown */
        bool oldest_at_least;
        uint32_t stage[STAGE_COUNT]; /* of close_wait */
        struct port_leak leak;
        bool port_known; /* false: what is of a port's CLOSE_WAIT and TIME_WAIT is unknown */

        struct exhaustion exhaustion; /* port-exhaustion */
        struct tw_table tw_table;     /* time-wait-table */
        struct half_open half_open;   /* half-open */

        bool stuck_at_least; /* sockets beyond MaxTracked have no age; not kept over a restart */
};

struct alert {
        struct alert_key key;
        enum alert_state state;
        enum severity severity; /* of a raised one; of a pending one the one it would have */
        uint64_t since_usec;    /* raised: when it was raised; pending: when it was first seen */
        uint64_t since_wall_usec;
        struct alert_values values; /* of the last observation that could tell */
        struct owner owner;
        struct port_witness witness;
        struct acknowledgement acknowledgement;
        char reason[EVENT_REASON_MAX]; /* blind: what went wrong */
        char origin[RULE_ORIGIN_MAX];  /* of the rule */
        int64_t warning, critical;     /* its levels */
        uint64_t stuck_after_usec;
        uint64_t critical_within_usec; /* of a leak */
        uint64_t silent_after_usec;    /* of half-open */

        /* alert_table_ask_owners(): when its owner was last asked for (0: never), and by which
           witness, which may be another by now */
        uint64_t owner_asked_usec;
        bool owner_forgotten; /* what it has open is not known any more: asked for sooner */
        struct port_witness owner_asked;

        /* when that was so which it was last judged by; 0: it has not been judged yet */
        uint64_t seen_usec;

        /* detect.c's own; 0: not running */
        uint64_t critical_since_usec;
        uint64_t below_since_usec;
        uint64_t below_critical_since_usec;
        uint64_t clear_after_usec; /* how long it must be below, as of that observation */
        uint64_t leak_pause_usec;  /* the longest between arrivals, while they were a leak */
        uint64_t told_usec;
};

struct event {
        uint64_t sequence; /* 1 is the first; goes on after a restart whose state was kept */
        enum transition transition;
        enum severity previous_severity;
        uint64_t now_usec; /* by the clock that the alert's own times are of: detect_reboot() */
        uint64_t now_wall_usec;
        struct alert alert; /* as it is after the transition; a cleared one as it last was */
        char reason[EVENT_REASON_MAX]; /* cleared: why; empty where the numbers say it */
};

/* Events of one step, in table order. Reused between steps: detect_step() empties it first. */
struct events {
        struct event *items;
        size_t n;
        size_t size;
};

void events_done(struct events *events);

struct alert_table;

int alert_table_new(struct alert_table **ret_table);
struct alert_table *alert_table_free(struct alert_table *table);

size_t alert_table_count(const struct alert_table *table);
/*
 * Puts an alert there as it was saved, in any order. -EEXIST: its key is there; -ENOSPC; -ENOMEM;
 * -EINVAL: it could not have been one (key, state, severity, comment).
 */
int alert_table_restore(struct alert_table *table, const struct alert *alert);
/* Of the newest event, and the overflows that were judged: to be saved, and restored. */
struct alert_table_marks {
        uint64_t sequence;
        bool tw_judged;        /* false: no overflow has been judged, and there is no such mark */
        uint64_t tw_overflows; /* overflows_total then */
};
void alert_table_get_marks(const struct alert_table *table, struct alert_table_marks *ret_marks);
void alert_table_set_marks(struct alert_table *table, const struct alert_table_marks *marks);
/*
 * Rises with whatever must not be lost: an alert that starts, is raised, changes its severity,
 * clears, is acknowledged, learns its owner's name; and whether overflows have been judged. Numbers
 * that only move do not count.
 */
uint64_t alert_table_changes(const struct alert_table *table);
/*
 * Acknowledges, or with an acknowledgement that is not given takes it back. 0; -ENOENT: no such
 * alert; -EBUSY: it is only pending.
 */
int alert_table_acknowledge(struct alert_table *table, const struct alert_key *key,
                            const struct acknowledgement *acknowledgement);

/* 0 <= i < alert_table_count(). Valid until the next detect_step(). Order: by key. */
const struct alert *alert_table_get(const struct alert_table *table, size_t i);
/* Likewise; NULL: it is not there. */
const struct alert *alert_table_find(const struct alert_table *table, const struct alert_key *key);
/* Conditions that found no room, counted at each step, since the start. */
uint64_t alert_table_overflow(const struct alert_table *table);
/* Saved alerts that were left out when they were read: alertstate.h. */
uint64_t alert_table_left_out(const struct alert_table *table);
/* Number of raised ones, and the worst severity among them. */
size_t alert_table_raised(const struct alert_table *table, enum severity *ret_worst);
/*
 * Sets the owner of every alert of that port that has sockets to own (alert.witness) and that it is
 * the answer for: found by the witness that the alert has now, or had when it asked. Who listens on
 * the port may also stand in for who holds its CLOSE_WAIT sockets, as long as nobody is known.
 */
void alert_table_set_owner(struct alert_table *table, const struct owner_answer *answer);
/* Is that the answer to what is asked for the alert as it is now (its witness)? */
bool alert_is_answered(const struct alert *alert, const struct owner_answer *answer);

/*
 * Asks for the owners of alerts that are raised and not about to clear, and of leaks that may be:
 * how many descriptors are left decides their severity. Each at most once in
 * ALERT_OWNER_KEEP_USEC, and ALERT_OWNERS_ASKED_MAX per call. What is answered is for
 * alert_table_set_owner(). ask: 0, or negative: it is asked for again next time.
 */
#define ALERT_OWNER_KEEP_USEC  (UINT64_C(60) * 1000000)
#define ALERT_OWNERS_ASKED_MAX 16
/* Where that was forgotten, because the alert was about to clear. */
#define ALERT_OWNER_KEEP_FORGOTTEN_USEC (UINT64_C(10) * 1000000)
/* Where descriptors run out so soon, what is left of them is asked for more often. */
#define ALERT_OWNER_URGENT_USEC      (UINT64_C(600) * 1000000)
#define ALERT_OWNER_KEEP_URGENT_USEC (UINT64_C(2) * 1000000)

typedef int (*alert_ask_fn)(void *userdata, const struct port_key *port,
                            const struct port_witness *witness);
void alert_table_ask_owners(struct alert_table *table, uint64_t now_usec, alert_ask_fn ask,
                            void *userdata);

/*
 * Judges one snapshot. now_usec is monotonic and never before that of an earlier call;
 * now_wall_usec is for printing alone. Appends to ret_events (emptied first). 0, or -ENOMEM: the
 * table is unchanged where no event was appended.
 */
int detect_step(struct alert_table *table, const struct rules *rules,
                const struct snapshot *snapshot, uint64_t now_usec, uint64_t now_wall_usec,
                struct events *ret_events);

/* When the judge wants the next scan. */
struct detect_due {
        uint64_t usec;  /* monotonic: something may be decided then; UINT64_MAX: nothing will be */
        bool time_wait; /* what is to be decided needs the TIME_WAIT sockets counted */
};

/*
 * After detect_step() of that snapshot: the earliest moment at which a hold time ends, and at once
 * (snapshot->start_usec) where a number that may jump is near a level that it has not reached, or
 * the scan was not whole. What the ages of known sockets will reach is snapshot->due_usec's.
 */
void detect_due(const struct alert_table *table, const struct rules *rules,
                const struct snapshot *snapshot, struct detect_due *ret_due);

/*
 * Ends the alerts that have no rule any more, and judges nothing else: for a reload, whose new ages
 * and levels no scan has been counted by yet. As detect_step().
 */
int detect_retire(struct alert_table *table, const struct rules *rules, uint64_t now_usec,
                  uint64_t now_wall_usec, struct events *ret_events);

/*
 * The host was started anew, and its connections have all ended: clears what was raised with that
 * reason, and drops the rest. Durations in these events are by the wall clock: their now_usec is
 * what the clock of the earlier boot would show now. As detect_step().
 */
int detect_reboot(struct alert_table *table, uint64_t now_usec, uint64_t now_wall_usec,
                  struct events *ret_events);

/* Raised, and its number has fallen to the clear level: it clears if that lasts. */
bool alert_is_clearing(const struct alert *alert);
/*
 * How long from now_usec (monotonic) until it clears at the earliest, for which nothing may change;
 * 0: at the next observation. False: it is not clearing.
 */
bool alert_clears_in(const struct alert *alert, uint64_t now_usec, uint64_t *ret_usec);

/* "pending", "raised" */
const char *alert_state_name(enum alert_state state);
/* "raised", "escalated", "deescalated", "reminded", "cleared" */
const char *transition_name(enum transition transition);

/* Orders by kind, port, destination: <0, 0, >0. */
int alert_key_compare(const struct alert_key *a, const struct alert_key *b);

/*
 * The one text form of a key: KIND:NETNS:SIDE:PORT:DESTINATION, where NETNS and DESTINATION are "-"
 * for the daemon's own namespace and for none; any byte other than [A-Za-z0-9._-] inside a part is
 * written %XX. DESTINATION is SOURCE_ADDRESS. "close-wait-stuck:-:local:7865:-",
 * "port-exhaustion:-:remote:5432:10.0.0.1_10.0.0.2". Returns buf (ALERT_KEY_TEXT_MAX).
 */
const char *alert_key_text(const struct alert_key *key, char *buf);
/* The inverse. 0, or -EINVAL: not the text form of any key. */
int alert_key_parse(const char *text, struct alert_key *ret_key);
