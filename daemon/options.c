/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One table: getopt_long()'s and the help text's lines stand side by side in it. */

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base.h"

static const struct {
        const char *name;
        const char *argument; /* NULL: takes none */
        const char *help;
        char letter;
} table[] = {
        { "foreground", NULL, "write every message to stderr as well", 'f' },
        { "config", "FILE", "read that file alone, not /etc/twmon and its drop-ins", 'c' },
        { "socket", "PATH", "the control socket (default: /run/twmon/control for root)", 's' },
        { "state-dir", "DIR", "where to keep what outlives twmond", 'd' },
        { "record", "FILE", "append every scan to that file, for twmonctl replay", 'r' },
        { "check-config", NULL, "check the configuration and exit: 0 good, 1 bad", 'k' },
        { "help-config", NULL, "print every configuration key with its default", 'C' },
        { "version", NULL, "print the version", 'V' },
        { "help", NULL, "print this text", 'h' },
};

static void fill_long_options(struct option options[static ARRAY_SIZE(table) + 1])
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                options[i] = (struct option){ .name = table[i].name,
                                              .has_arg = table[i].argument ? required_argument
                                                                           : no_argument,
                                              .val = table[i].letter };
        memset(&options[ARRAY_SIZE(table)], 0, sizeof(options[0]));
}

static int apply(int letter, struct options *options)
{
        switch (letter) {
        case 'f':
                options->foreground = true;
                return 0;
        case 'c':
                options->config = optarg;
                return 0;
        case 's':
                options->socket = optarg;
                return 0;
        case 'd':
                if (optarg[0] == '\0') {
                        fputs("twmond: --state-dir is empty, expected a directory\n", stderr);
                        return -EINVAL;
                }
                options->state_dir = optarg;
                return 0;
        case 'r':
                options->record = optarg;
                return 0;
        case 'k':
                options->action = OPTIONS_CHECK_CONFIG;
                return 0;
        case 'C':
                options->action = OPTIONS_HELP_CONFIG;
                return 0;
        case 'V':
                options->action = OPTIONS_VERSION;
                return 0;
        case 'h':
                options->action = OPTIONS_HELP;
                return 0;
        default: /* getopt_long() has said what was wrong */
                return -EINVAL;
        }
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
        struct option long_options[ARRAY_SIZE(table) + 1];
        struct options options = { .action = OPTIONS_RUN };
        int letter;

        fill_long_options(long_options);
        while ((letter = getopt_long(argc, argv, "+h", long_options, NULL)) != -1)
                if (apply(letter, &options) < 0)
                        return -EINVAL;
        if (optind < argc) {
                fprintf(stderr, "twmond: unexpected argument '%s', expected options only\n",
                        argv[optind]);
                return -EINVAL;
        }
        *ret_options = options;
        return 0;
}

void options_print_help(FILE *out)
{
        fputs("twmond [OPTION...]\n\n"
              "Watches this host's TCP sockets for connections that leak or wedge.\n\n",
              out);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                fprintf(out, "  --%s%s%-*s  %s\n", table[i].name, table[i].argument ? " " : "",
                        (int)(17 - strlen(table[i].name) - (table[i].argument != NULL)),
                        table[i].argument ? table[i].argument : "", table[i].help);
        fputs("\nSIGHUP reads the configuration again. Exit status 78: it was wrong at the start,\n"
              "or --record names a file that cannot be recorded to.\n"
              "See twmond(8), twmon.conf(5), twmonctl(1).\n",
              out);
}
