/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Half-open connections. "may be": a peer that is gone and one that has nothing to say look alike.
 * So the keepalive coverage stands beside the number: it tells whether anybody would ever notice.
 */

#include "phrase.h"

#include <inttypes.h>

#include "halfopen.h"
#include "units.h"

static void add_silence(struct line *line, const struct alert *alert)
{
        const struct half_open *counts = &alert->values.half_open;
        char text[UNITS_TEXT_MAX];

        line_add(line, ": ");
        if (counts->silent > 0 && counts->unanswered > 0)
                line_add(line, "on %" PRIu32 " ", counts->silent);
        if (counts->silent > 0)
                line_add(line, "nothing came for %s or longer",
                         units_format_duration(alert->silent_after_usec, text));
        if (counts->silent > 0 && counts->unanswered > 0)
                line_add(line, ", ");
        if (counts->unanswered > 0)
                line_add(line, "%" PRIu32 " %s no answer to what is sent again and again",
                         counts->unanswered, counts->unanswered == 1 ? "gets" : "get");
        line_add(line, ", the longest silence is %s", units_format_age(counts->oldest_usec, text));
}

static void add_keepalive(struct line *line, const struct half_open *counts)
{
        char text[UNITS_TEXT_MAX];

        line_add(line, "; %" PRIu32 " of %" PRIu32 " use%s keepalive", counts->keepalive,
                 counts->established, counts->keepalive == 1 ? "s" : "");
        if (counts->busy > 0)
                line_add(line, " (of %" PRIu32 " that wait to send it is unknown)", counts->busy);
        if (counts->default_usec > 0)
                line_add(line, ", the default would notice a dead peer after %s",
                         units_format_age(counts->default_usec, text));
}

void phrase_add_half_open(struct line *line, const struct alert *alert, bool over)
{
        const struct half_open *counts = &alert->values.half_open;

        line_add(line, "%" PRIu64 " of %" PRIu32 " established connection%s may be half-open",
                 half_open_number(counts), counts->established,
                 counts->established == 1 ? "" : "s");
        if (over || !counts->known)
                return;
        if (half_open_number(counts) > 0)
                add_silence(line, alert);
        add_keepalive(line, counts);
}
