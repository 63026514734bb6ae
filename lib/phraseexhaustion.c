/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What port-exhaustion sees: how many, of how many, towards whom, how fast, and how long that goes. */

#include <inttypes.h>

#include "phrase.h"
#include "units.h"

/* In the unit that is easily imagined. */
static void add_burn(struct line *line, const struct exhaustion *exhaustion)
{
        char text[UNITS_TEXT_MAX];

        if (exhaustion->burn_per_min >= 60)
                line_add(line, ", %.1f more a second", exhaustion->burn_per_min / 60);
        else if (exhaustion->burn_per_min >= 1)
                line_add(line, ", %.1f more a minute", exhaustion->burn_per_min);
        else
                line_add(line, ", %.1f more an hour", exhaustion->burn_per_min * 60);
        line_add(line, ", connect() fails in %s", units_format_age(exhaustion->eta_usec, text));
}

void phrase_add_exhaustion(struct line *line, const struct alert *alert, bool over)
{
        const struct exhaustion *exhaustion = &alert->values.exhaustion;
        const struct destination *destination = &alert->key.destination;
        char address[ADDRESS_TEXT_MAX], source[ADDRESS_TEXT_MAX];

        line_add(line, "%s%" PRIu32, exhaustion->error_max > 0 ? "at most " : "", exhaustion->used);
        if (exhaustion->usable > 0)
                line_add(line, " of %" PRIu32, exhaustion->usable);
        line_add(line, " local ports towards %s port %u (from %s) are in use",
                 address_text(destination->family, &destination->address, address),
                 alert->key.port.port,
                 address_text(destination->family, &destination->source, source));
        if (exhaustion->reusable > 0)
                line_add(line, ", besides %" PRIu32 " that connect() takes over from TIME_WAIT",
                         exhaustion->reusable);
        if (over)
                return;
        if (exhaustion->usable > 0 && exhaustion->used >= exhaustion->usable)
                line_add(line, ", connect() fails");
        else if (exhaustion->burning)
                add_burn(line, exhaustion);
}
