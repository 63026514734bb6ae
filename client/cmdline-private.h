/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two halves of the command line share: options (cmdline.c) and words (operand.c). */

#include "base.h"
#include "cmdline.h"

struct option_row {
        const char *name;
        const char *argument; /* NULL: takes none */
        unsigned bit;
        const char *help;
        int (*set)(struct cmdline *options, const char *text); /* 0, or -EINVAL */
        const char *expects;
};

/* 0 <= i; NULL behind the last. */
const struct option_row *cmdline_option_get(size_t i);
/* Of "--name", "--name=value" or "-n". NULL: none. */
const struct option_row *cmdline_option_find(const char *word);

/* Writes what was wrong, a line, into error (CMDLINE_ERROR_MAX). Returns CMDLINE_WRONG. */
int cmdline_wrong(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes the next word that is no option. 0 or CMDLINE_WRONG. */
int operand_take(struct cmdline *options, const char *word, char *error);
