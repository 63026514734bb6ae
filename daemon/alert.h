/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The journal's words: one function per event, each with its message id, its fields and its
 * sentence. systemd/twmon.catalog explains the ids; every @FIELD@ used there is always sent, as
 * "unknown" where nothing is known.
 */

#include "detect.h"
#include "journal.h"

/* Losses are counted by the journal; nothing to return. */

/* An alert's transition. Names the leaking unit, so that the entry stands in its log, too. */
void alert_tell(struct journal *journal, const struct event *event);

/* A raised alert was acknowledged, or that was taken back. In its unit's log, too. */
void alert_tell_acknowledged(struct journal *journal, const struct alert *alert,
                             const struct acknowledgement *acknowledgement);

void alert_tell_started(struct journal *journal, const char *conf_source);
void alert_tell_stopped(struct journal *journal);
void alert_tell_reloaded(struct journal *journal, const char *conf_source);
/* errors: one per line, "FILE:LINE: ...". */
void alert_tell_rejected(struct journal *journal, const char *errors);
/* Something of the daemon's own that an administrator should know; no message id. error: -errno;
   0: what says it all. */
void alert_tell_problem(struct journal *journal, const char *what, int error, const char *next);
/* A line of that kind as it is, where it is no error. */
void alert_tell_note(struct journal *journal, const char *line);
