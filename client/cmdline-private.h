/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two halves of the command line share: options (cmdline.c) and words (operand.c). */

#include "base.h"
#include "cmdline.h"

/* Writes what was wrong, a line, into error (CMDLINE_ERROR_MAX). Returns CMDLINE_WRONG. */
int cmdline_wrong(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes the next word that is no option. 0 or CMDLINE_WRONG. */
int operand_take(struct cmdline *options, const char *word, char *error);
