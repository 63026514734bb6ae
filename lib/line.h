/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A line of text that is being put together in a buffer of fixed size. */

#include <stddef.h>

#include "base.h"

struct line {
        char *buf;
        size_t size;
        size_t len;
};

/* An empty line in buf, which has room for size bytes, terminator included; size > 0. */
static inline struct line line_init(char *buf, size_t size)
{
        buf[0] = '\0';
        return (struct line){ .buf = buf, .size = size };
}

/* Appends; past the end nothing is added. Always terminated. */
void line_add(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);
