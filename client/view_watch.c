/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl watch: one line per event, written out at once, so that a pipe sees it when it happens;
 * on a terminal a long one is broken between words. Replies without an event (the first one) only
 * carry the sequence number; they are not shown.
 */

#include <inttypes.h>
#include <stdlib.h>

#include "eventline.h"
#include "field.h"
#include "view.h"

static int print_json(const struct view *view, const json_t *parameters)
{
        char *line = json_dumps(parameters, view_json_line_flags(view));

        if (!line)
                return view_no_memory();
        fprintf(view->term.out, "%s\n", line);
        free(line);
        return 0;
}

static int print(const struct view *view, const json_t *parameters)
{
        const json_t *event = field_object(parameters, "event");
        uint64_t missed = 0;
        bool missing = field_count(parameters, "missed", &missed) && missed > 0;
        int r = 0;

        if (!event && !missing)
                return 0;
        if (view->options->json)
                r = print_json(view, parameters);
        else if (missing)
                term_say(&view->term, PAINT_WARNING,
                         "%" PRIu64 " earlier events are no longer known to twmond.", missed);
        if (event && !view->options->json)
                eventline_say(&view->term, event, false);
        return view_flush(view) != 0 ? STATUS_FAILED : r;
}

struct watch {
        const struct view *view;
        uint64_t sequence; /* of the newest event, as far as twmond said; 0: none */
};

static int take(void *userdata, const json_t *parameters)
{
        struct watch *watch = userdata;

        field_count(parameters, "sequence", &watch->sequence);
        return print(watch->view, parameters);
}

int view_watch(struct view *view)
{
        struct watch watch = { .view = view };
        json_t *parameters = NULL;
        int r;

        if (view->options->has_after) {
                parameters = json_pack("{s:I}", "after", (json_int_t)view->options->after);
                if (!parameters)
                        return view_no_memory();
        }
        r = view_follow(view, parameters, take, &watch);
        if (r == STATUS_UNREACHABLE && watch.sequence > 0)
                text_complain("to go on where this ended: twmonctl watch --after %" PRIu64,
                              watch.sequence);
        return r;
}
