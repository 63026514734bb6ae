/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration: one option table; text -> immutable struct conf.
 *
 * A load reads every source whole and sets nothing until all of it is valid. Errors are returned as
 * text, "FILE:LINE: what was wrong, what was expected"; the caller prints them.
 *
 *   0         loaded
 *   CONF_BAD  >0: at least one line is wrong; *ret_errors says which
 *   <0        -errno: out of memory and the like
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "historyrow.h"
#include "rule.h"

#define CONF_BAD 1

#define CONF_LINE_MAX   190       /* bytes; a longer line is an error, never cut */
#define CONF_FILE_MAX   (1 << 20) /* bytes */
#define CONF_FILES_MAX  256       /* drop-ins */
#define CONF_ERRORS_MAX 20        /* reported; the rest are counted */
#define CONF_START_MAX  63        /* bytes of a template; 192 of 255 stay for an alert's key */

/* [Ports] HistoryPorts, each once */
struct conf_history {
        struct port_key ports[HISTORY_NAMED_MAX];
        size_t n;
};

struct conf {
        uint64_t interval_usec;         /* [Scan] Interval */
        uint32_t cpu_budget_ppm;        /* [Scan] CPUBudget, of one CPU; 0: without a limit */
        size_t max_tracked;             /* [CloseWait] MaxTracked */
        char start[CONF_START_MAX + 1]; /* [Alerts] Start, a template; empty: none */
        struct conf_history history;
        struct rules *rules;
        uint64_t serial; /* which configuration of its owner's this is; 0 when loaded */
        unsigned refs;   /* atomic: the scanner and the loop each hold one */
};

/* The built-in defaults. */
int conf_new_default(struct conf **ret_conf);

/* That file alone (twmond --config). A file that cannot be read is CONF_BAD. */
int conf_load_file(const char *path, struct conf **ret_conf, char **ret_errors);

/*
 * systemd's way, below root ("" in production): the first twmon/twmon.conf of /etc, /run, /usr/lib,
 * then twmon/twmon.conf.d/ *.conf of all three, in the order of their names, a name in an earlier
 * directory hiding the same name in a later one. No file at all: the defaults.
 */
int conf_load_system(const char *root, struct conf **ret_conf, char **ret_errors);

/* One source given as bytes; name is what errors call it. For tests and fuzzing. */
int conf_load_text(const char *name, const char *text, size_t len, struct conf **ret_conf,
                   char **ret_errors);

struct conf *conf_ref(struct conf *conf);
struct conf *conf_unref(struct conf *conf);

/* Every section and key with its default and what it takes, as a commented sample file. */
void conf_print_help(FILE *out);
