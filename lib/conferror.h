/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is wrong with a configuration, as text: one line per wrong line. Internal to conf. */

#include <stdio.h>

#include "base.h"

/* Where a value comes from. Borrows the name of the file. */
struct conf_place {
        const char *file; /* NULL: built-in */
        unsigned line;    /* from 1; 0: the file as a whole */
};

/*
 * "FILE:LINE", "FILE" or "built-in". A name that does not fit in size (at least 32) loses its
 * front:
 * "...it.conf:7". What cannot be shown is written '?'. Returns buf.
 */
const char *conf_place_text(const struct conf_place *place, char *buf, size_t size);

/* Out of memory is kept until conf_errors_finish(), so that callers need not ask each time. */
struct conf_errors {
        FILE *stream;
        char *text;
        size_t len;
        unsigned n;  /* all of them, those not written included */
        int failure; /* -errno; 0 so far */
};

void conf_errors_done(struct conf_errors *errors);

/* Adds "FILE:LINE: message". Beyond CONF_ERRORS_MAX it is only counted. */
void conf_errors_add(struct conf_errors *errors, const struct conf_place *place, const char *format,
                     ...) PRINTF_LIKE(3, 4);

/*
 * 0: nothing was wrong; CONF_BAD: *ret_text is the caller's, its lines separated (not ended) by
 * newlines; -ENOMEM.
 */
int conf_errors_finish(struct conf_errors *errors, char **ret_text);
