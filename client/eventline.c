/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sentence is twmond's own, the same as in the journal: the port, what was seen, who it is, and
 * of a cleared one, how long it stood.
 */

#include "eventline.h"

#include <string.h>

#include "field.h"

#define KIND_WIDTH 16 /* "close-wait-stuck" */

void eventline_say(const struct term *term, const json_t *event, bool columns)
{
        const char *at = field_text(event, "at"), *message = field_text(event, "message");
        const char *name = field_text(event, "event");
        const json_t *alert = field_object(event, "alert");
        const char *severity = field_text(alert, "severity"), *kind = field_text(alert, "kind");
        const bool cleared = name && strcmp(name, "cleared") == 0;
        const enum paint paint = paint_of(cleared ? name : severity);

        if (!at)
                at = FIELD_UNKNOWN;
        if (!message)
                message = FIELD_UNKNOWN;
        if (columns)
                term_say(term, paint, "%s  %-8s  %-11s  %-*s  %s", at,
                         severity ? severity : FIELD_UNKNOWN, name ? name : FIELD_UNKNOWN,
                         KIND_WIDTH, kind ? kind : FIELD_UNKNOWN, message);
        else
                term_say(term, paint, "%s  %s", at, message);
}
