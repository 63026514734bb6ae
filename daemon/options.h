/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* twmond's command line. */

#include <stdbool.h>
#include <stdio.h>

enum options_action {
        OPTIONS_RUN,
        OPTIONS_CHECK_CONFIG,
        OPTIONS_HELP,
        OPTIONS_HELP_CONFIG,
        OPTIONS_VERSION,
};

/* Strings are argv's own. */
struct options {
        enum options_action action;
        bool foreground;
        const char *config;    /* NULL: the system's files */
        const char *socket;    /* NULL: the default place */
        const char *state_dir; /* NULL: none */
        const char *record;    /* NULL: nothing is recorded */
};

/* 0, or -EINVAL after one line on stderr. */
int options_parse(int argc, char **argv, struct options *ret_options);
void options_print_help(FILE *out);
