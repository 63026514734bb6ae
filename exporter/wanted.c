/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Accept is a list of ranges, each with parameters, of which "q" alone counts here: its weight from 0,
 * not at all, to 1. For each format the nearest range holds, "text/plain" before "text" with any subtype
 * before any type; of equally near ones the greatest weight, since a scraper lists versions.
 */

#include "wanted.h"

#include <ctype.h>
#include <string.h>

#include "base.h"

#define SCHEME     "http://"
#define WEIGHT_ONE 1000

/* Of each format from the farthest range to the nearest. */
static const char *const ranges[][3] = {
        [OPENMETRICS_1_0] = { "*/*", "application/*", "application/openmetrics-text" },
        [OPENMETRICS_PROMETHEUS] = { "*/*", "text/*", "text/plain" },
};

const char *wanted_path(const char *target)
{
        const size_t len = strlen(SCHEME);
        const char *host = target + len;

        if (strncasecmp(target, SCHEME, len) != 0 || *host == '/' || *host == '\0')
                return target;
        return strchr(host, '/') ?: "/";
}

bool wanted_has_zero(const char *target)
{
        return strstr(target, "%00") != NULL;
}

/* The end of the text, or one of the stops that is not quoted. */
static const char *part_end(const char *text, const char *stops)
{
        bool quoted = false;

        for (; *text; text++) {
                if (*text == '"')
                        quoted = !quoted;
                else if (quoted && *text == '\\' && text[1])
                        text++;
                else if (!quoted && strchr(stops, *text))
                        break;
        }
        return text;
}

/* "0.5" in thousandths; what is no weight counts as one. */
static unsigned parse_weight(const char *text)
{
        unsigned weight = 0, unit = WEIGHT_ONE;

        if (*text != '0' && *text != '1')
                return WEIGHT_ONE;
        weight = (unsigned)(*text - '0') * WEIGHT_ONE;
        if (text[1] == '.')
                for (text += 2; isdigit((unsigned char)*text) && unit > 1; text++) {
                        unit /= 10;
                        weight += (unsigned)(*text - '0') * unit;
                }
        return MIN(weight, (unsigned)WEIGHT_ONE);
}

static const char *skip_blanks(const char *text)
{
        return text + strspn(text, " \t");
}

/* Of the parameters, each begun by a semicolon, up to the end of the range. */
static unsigned weight_of(const char *text)
{
        while (*text == ';') {
                text = skip_blanks(text + 1);
                if (strncasecmp(text, "q=", 2) == 0)
                        return parse_weight(text + 2);
                text = part_end(text, ";,");
        }
        return WEIGHT_ONE;
}

static bool is_range(const char *text, size_t len, const char *range)
{
        return strlen(range) == len && strncasecmp(text, range, len) == 0;
}

/* type: of len bytes. */
static void take_range(struct wanted *wanted, const char *type, size_t len, unsigned weight)
{
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                for (unsigned near = 0; near < ARRAY_SIZE(ranges[i]); near++) {
                        struct wanted_format *format = &wanted->formats[i];

                        if (!is_range(type, len, ranges[i][near]) || near + 1 < format->nearness ||
                            (near + 1 == format->nearness && weight <= format->weight))
                                continue;
                        *format = (struct wanted_format){ .weight = weight, .nearness = near + 1 };
                }
}

void wanted_add(struct wanted *wanted, const char *accept)
{
        for (;;) {
                size_t len;

                accept = skip_blanks(accept);
                len = strcspn(accept, " \t;,");
                take_range(wanted, accept, len, weight_of(skip_blanks(accept + len)));
                accept = part_end(accept, ",");
                if (!*accept)
                        return;
                accept++;
        }
}

enum openmetrics_format wanted_format(const struct wanted *wanted)
{
        const struct wanted_format *open = &wanted->formats[OPENMETRICS_1_0];
        const struct wanted_format *plain = &wanted->formats[OPENMETRICS_PROMETHEUS];

        if (open->weight > plain->weight || (open->weight == plain->weight && open->weight > 0 &&
                                             open->nearness == ARRAY_SIZE(ranges[0])))
                return OPENMETRICS_1_0;
        return OPENMETRICS_PROMETHEUS;
}
