/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who holds a port, in the words of notes.h, and what these do not know: that an owner was found
 * through one socket of several, and that twmond remembers a listener that is no more.
 */

#include "why.h"

#include <inttypes.h>
#include <stdlib.h>

#include "field.h"
#include "notes.h"

/* Known by a listener of which nothing is left but the memory. */
static bool is_past(const struct why *why, const json_t *owner)
{
        const json_t *listeners = field_array(why->reply, "listeners");

        return field_true(owner, "byListener") && listeners && json_array_size(listeners) == 0;
}

static bool has_process(const json_t *owner)
{
        return json_array_size(field_array(owner, "processes")) > 0;
}

static char *past_text(const json_t *owner)
{
        const char *unit = field_text(owner, "unit");
        struct why_text text;
        uint64_t uid;

        if (why_text_begin(&text) < 0)
                return NULL;
        fputs("the program that listened has ended, or closed its listener", text.out);
        if (unit)
                fprintf(text.out, "; it was of %s", unit);
        else if (field_count(owner, "uid", &uid))
                fprintf(text.out, "; it was of uid %" PRIu64, uid);
        if (fclose(text.out) == 0)
                return text.text;
        free(text.text);
        return NULL;
}

char *why_owner_text(const struct why *why, const json_t *owner)
{
        json_t *present;
        char *text, *past;

        if (!is_past(why, owner))
                return notes_owner_text(owner);
        if (!has_process(owner))
                return past_text(owner);
        present = json_copy((json_t *)owner);
        (void)json_object_del(present, "byListener");
        text = notes_owner_text(present);
        json_decref(present);
        if (!text || asprintf(&past, "%s, which listened", text) < 0)
                past = NULL;
        free(text);
        return past;
}

char *why_owner_name(const struct why *why, const json_t *owner)
{
        return is_past(why, owner) && !has_process(owner) ? NULL : notes_owner_name(owner);
}
