/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command line: one table of options, one of verbs (verbs.h), text -> struct cmdline.
 *
 *   0              understood
 *   CMDLINE_WRONG  >0: ret_error says what was wrong, in a line
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "checknumbers.h"
#include "choice.h"
#include "topmodel.h"

#define CMDLINE_WRONG 1

#define CMDLINE_PORTS_MAX 1000 /* PORTs of one command; more do not fit a request */
#define CMDLINE_ERROR_MAX 256

/* Options of some verbs only; bits of struct verb.options. */
enum {
        OPTION_LIVE = 1 << 0,
        OPTION_COUNT = 1 << 1,
        OPTION_ONCE = 1 << 2,
        OPTION_ALL = 1 << 3,
        OPTION_LIMIT = 1 << 4,
        OPTION_AFTER = 1 << 5,
        OPTION_CONFIG = 1 << 6,
        OPTION_TRY = 1 << 7,
        OPTION_COMMENT = 1 << 8,
        OPTION_UNDO = 1 << 9,
        OPTION_LAST = 1 << 10,
        OPTION_PROMETHEUS = 1 << 11,
        OPTION_EVERYWHERE = 1 << 12, /* every verb takes it */
        OPTION_WARNING = 1 << 16,
        OPTION_CRITICAL = 1 << 17,
        OPTION_METRIC = 1 << 18,
        OPTION_TIMEOUT = 1 << 19,
        OPTION_SINCE = 1 << 20,
        OPTION_ASCII = 1 << 21,
        OPTION_CSV = 1 << 22,
        OPTION_FORCE = 1 << 23,
        OPTION_SORT = 1 << 24,
};

/* What may stand behind the verb. */
enum operands {
        OPERANDS_NONE,
        OPERANDS_PORTS,        /* PORT or SIDE:PORT, any number */
        OPERANDS_PORT,         /* the same, one */
        OPERANDS_PORT_ADDRESS, /* PORT [ADDRESS] */
        OPERANDS_VERB,
        OPERANDS_FILE,
        OPERANDS_ALERT,     /* KEY, PORT, SIDE:PORT or "host" */
        OPERANDS_ANY_ALERT, /* the same, or none */
        OPERANDS_WORDS,     /* any, behind "--" */
};

struct verb;

struct cmdline {
        const struct verb *verb;  /* NULL: --help or --version alone */
        const struct verb *topic; /* help VERB; NULL: none */
        const char *socket_path;  /* NULL: the default. Borrowed from argv */
        bool json, no_color, help, version;
        bool live, once, all, try_bind, ascii, csv, force;
        uint64_t count;     /* 0: no end */
        uint64_t limit;     /* 0: none */
        uint64_t last;      /* 0: all */
        uint64_t since_sec; /* how far back; 0: not given */
        uint64_t after;
        bool has_after;
        const char *config; /* NULL: the built-in one. Borrowed from argv, as is file */
        const char *file;   /* NULL: none; "-": standard input */
        uint16_t ports[CMDLINE_PORTS_MAX];
        const char *sides
                [CMDLINE_PORTS_MAX]; /* of OPERANDS_PORT(S): that alone; NULL: both. Constants */
        size_t n_ports;
        struct choice choice; /* of alerts; empty: none was named */
        bool undo;
        bool prometheus;     /* the older of its text formats */
        const char *comment; /* NULL: none. Borrowed from argv */
        char *const *words;  /* of OPERANDS_WORDS; part of argv */
        size_t n_words;
        struct check_levels levels;
        enum topmodel_order order; /* of top; by stuck unless given */
        uint64_t timeout_usec;     /* 0: the default */
        /* Of OPERANDS_PORT_ADDRESS, in the usual form, an IPv4 address never mapped to IPv6; empty: none */
        char address[INET6_ADDRSTRLEN];
};

/* Options may stand before and behind the verb. Not reentrant: getopt_long(3). */
int cmdline_parse(int argc, char **argv, struct cmdline *ret_cmdline,
                  char ret_error[static CMDLINE_ERROR_MAX]);

/* The verb of a command line that was not understood otherwise; NULL: none was found. */
const struct verb *cmdline_find_verb(int argc, char **argv);

/* Lists the options whose bits are in mask. */
void cmdline_print(FILE *out, unsigned mask);
