/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text for people: cut rather than refused when it is too long, since the fields beside it are not.
 */

#include "line.h"

#include <stdarg.h>
#include <stdio.h>

void line_add(struct line *line, const char *format, ...)
{
        const size_t room = line->size - line->len;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(line->buf + line->len, room, format, args);
        va_end(args);
        if (n > 0)
                line->len += MIN((size_t)n, room - 1);
}
