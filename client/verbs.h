/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of twmonctl, one table, and the help that is made from it. */

#include <stdio.h>

#include "cmdline.h"
#include "view.h"

struct verb {
        const char *name;
        const char *arguments; /* for the help; may be empty */
        const char *help;      /* a line */
        const char *details;   /* for "help VERB" */
        unsigned options;      /* OPTION_... that it takes */
        enum operands operands;
        int (*run)(struct view *view); /* an exit status */
};

/* NULL: there is none. */
const struct verb *verb_find(const char *name);
/* 0 <= i; NULL behind the last. */
const struct verb *verb_get(size_t i);

/* verb NULL: everything. */
void verbs_print_help(FILE *out, const struct verb *verb);
