/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The journal writer: a thread behind a bounded queue, because journald may block its senders for
 * ever or be away. Nothing here blocks the caller. What no journal has taken stands on stderr, and
 * is sent when the journal returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

#define JOURNAL_QUEUE_MAX     5120 /* entries; beyond it new ones are lost, and counted */
#define JOURNAL_RETRY_MIN_SEC 1    /* between attempts while the journal's socket is missing */
#define JOURNAL_RETRY_MAX_SEC 30   /* ... after it has been missing for minutes */
#define JOURNAL_REFUSALS_MAX  3    /* attempts at an entry that a present journal refuses */
#define JOURNAL_DRAIN_SEC     2    /* at the end */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal;

struct journal_entry; /* journal-entry.h */

/* echo: every message also on stderr. socket: where journald listens (JOURNAL_SOCKET). */
int journal_new(const char *socket, bool echo, struct journal **ret_journal);
int journal_start(struct journal *journal);
/*
 * Waits up to JOURNAL_DRAIN_SEC for the queue to drain, then gives up what is left (on stderr). No
 * entry is taken any more.
 */
void journal_stop(struct journal *journal);
/* Stops it if need be. */
struct journal *journal_free(struct journal *journal);

/* Takes over entry. 0, -ENOBUFS: the queue is full (counted), -ENOMEM. */
int journal_send(struct journal *journal, struct journal_entry *entry);

struct journal_stats {
        uint64_t queued;
        uint64_t lost;
        bool delivered; /* the last attempt reached the journal; true before the first */
        /* the highest sequence number (journal_entry.sequence) of an entry that somebody has: the
           journal, or where there is none whoever reads stderr, unless that leads to the journal or nowhere */
        uint64_t told;
};
void journal_get_stats(struct journal *journal, struct journal_stats *ret_stats);

/* An eventfd: readable when told has risen. journal_acknowledge() empties it. */
int journal_get_fd(const struct journal *journal);
void journal_acknowledge(struct journal *journal);
