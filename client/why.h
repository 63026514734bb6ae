/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything about one port as text, made from a reply of GetPort and from what bind() said: the
 * verdict, then why, then who, then what to do. What the reply does not say is unknown, and said so.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "term.h"
#include "trybind.h"

#define WHY_INDENT 11 /* of the entries' texts, behind their labels */

/* All borrowed. */
struct why {
        const struct term *term;
        const json_t *reply; /* tries are merged already */
        uint16_t port;
        const char *address;          /* that was asked for; empty: none */
        const struct trybinds *tries; /* NULL: nothing was tried */
        bool asked;                   /* the reply is from twmond; else from tries alone */
        bool objected;                /* to trying, which was asked for: trybind_objection() */
        bool saw_listener;            /* twmond did, in the way, before tries were merged */
};

/* All of it. 0 or -ENOMEM. */
int why_print(const struct why *why);

/* Its parts: the first lines; who holds the port and what it is used for; the table of verdicts. */
int why_print_verdict(const struct why *why);
int why_print_port(const struct why *why);
int why_print_binds(const struct why *why);

/* "3 connections in CLOSE_WAIT of leaky.service hold it": the most urgent holders, two kinds at most. */
void why_write_causes(FILE *out, const struct why *why);

/* False where there is no text. */
static inline bool why_is(const char *text, const char *wanted)
{
        return text && strcmp(text, wanted) == 0;
}

/* What a try says of the sockets that SO_REUSEADDR passes only if they have it set, too. */
enum why_reuse {
        WHY_REUSE_OPEN,            /* nothing */
        WHY_REUSE_PASSES,          /* all have */
        WHY_REUSE_FAILS,           /* the only one has not */
        WHY_REUSE_FAILS_SOMEWHERE, /* of several, at least one has not */
};
/* tries NULL: nothing was tried. */
enum why_reuse why_reuse_found(const json_t *reply, const struct trybinds *tries);
/* Makes the advice of a reply, into which tries are merged, say what they have found. 0 or -ENOMEM. */
int why_advise(json_t *reply, const struct trybinds *tries);

/* notes_owner_text() and notes_owner_name(), but of a listener that is no more, that it is not. */
char *why_owner_text(const struct why *why, const json_t *owner);
char *why_owner_name(const struct why *why, const json_t *owner);

/* A text that grows: written to its out, then whole in text. */
struct why_text {
        FILE *out;
        char *text;
        size_t len;
};

/* -ENOMEM. */
int why_text_begin(struct why_text *text);
/* Writes it as an entry, below the verdict if label is NULL, unless it is empty; and frees it. 0 or
 * -ENOMEM. */
int why_text_end(struct why_text *text, const struct term *term, const char *label);

/* "TIME_WAIT" of "TIME-WAIT", as this program spells states; what is not known, as it is. */
const char *why_state(const char *state);

/* Why bind() takes that address at no port. blocker: "address". */
void why_write_bad_address(FILE *out, const json_t *blocker);
/* "3 connections in CLOSE_WAIT on 10.0.0.1", "1 socket bound to 0.0.0.0, not listening" */
void why_write_holder(FILE *out, const json_t *blocker);

/* "0.0.0.0", ":: for both families", ":: for IPv6 alone", "::1". NULL: unknown. */
void why_write_address(FILE *out, const char *address, const char *family);
