/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * strtod() takes hexadecimal, exponents, blanks and "nan" as well, none of which the guidelines
 * know or another reader of the performance data need understand: so what it may see is checked
 * before. The decimal point is that of the C locale: main() sets LC_CTYPE alone.
 */

#include "threshold.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "-12.5" at *text, which then goes on behind it. */
static int take_number(const char **text, double *ret_value)
{
        const char *end = *text + (**text == '-');

        if (!isdigit((unsigned char)*end))
                return -EINVAL;
        while (isdigit((unsigned char)*end))
                end++;
        if (*end == '.') {
                if (!isdigit((unsigned char)*++end))
                        return -EINVAL;
                while (isdigit((unsigned char)*end))
                        end++;
        }
        *ret_value = strtod(*text, NULL);
        *text = end;
        return 0;
}

/* What stands before the colon. */
static int take_start(const char **text, double *ret_start)
{
        int r = 0;

        *ret_start = -INFINITY;
        if (**text == '~')
                ++*text;
        else
                r = take_number(text, ret_start);
        return r < 0 || *(*text)++ != ':' ? -EINVAL : 0;
}

int threshold_parse(const char *text, struct threshold *ret_threshold)
{
        struct threshold threshold = { .text = text, .inside = *text == '@', .end = INFINITY };

        if (strlen(text) > THRESHOLD_TEXT_MAX)
                return -EINVAL;
        text += threshold.inside;
        if (strchr(text, ':')) {
                if (take_start(&text, &threshold.start) < 0)
                        return -EINVAL;
                if (*text && take_number(&text, &threshold.end) < 0)
                        return -EINVAL;
        } else if (take_number(&text, &threshold.end) < 0)
                return -EINVAL;
        if (*text || threshold.start > threshold.end)
                return -EINVAL;
        *ret_threshold = threshold;
        return 0;
}

bool threshold_is_bad(const struct threshold *threshold, double value)
{
        const bool inside = value >= threshold->start && value <= threshold->end;

        return threshold->text && inside == threshold->inside;
}
