/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One table: getopt_long()'s and the help text's lines stand side by side in it. */

#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "address.h"
#include "base.h"
#include "conn.h"

static const struct {
        const char *name;
        const char *argument; /* NULL: takes none */
        const char *help;
        char letter;
} table[] = {
        { "listen", "ADDRESS", "ADDRESS:PORT to serve (default: " ARGUMENTS_LISTEN ")", 'l' },
        { "socket", "PATH", "where twmond listens (default: " CONN_SYSTEM_PATH ")", 's' },
        { "version", NULL, "print the version", 'V' },
        { "help", NULL, "print this text", 'h' },
};

static int wrong(const char *option, const char *text, const char *expected)
{
        fprintf(stderr, "twmon-exporter: --%s is '%s', expected %s\n", option, text, expected);
        return -EINVAL;
}

static int apply(int letter, struct arguments *arguments)
{
        switch (letter) {
        case 'l':
                if (address_parse(optarg, &arguments->listen) == 0)
                        return 0;
                return wrong("listen", optarg,
                             "ADDRESS:PORT, such as " ARGUMENTS_LISTEN " or [::1]:19865");
        case 's':
                arguments->socket = optarg;
                return conn_path_fits(optarg) ? 0
                                              : wrong("socket", optarg, "a path of 1 to 107 bytes");
        case 'V':
                arguments->action = ARGUMENTS_VERSION;
                return 0;
        case 'h':
                arguments->action = ARGUMENTS_HELP;
                return 0;
        default: /* getopt_long() has said what was wrong */
                return -EINVAL;
        }
}

int arguments_parse(int argc, char **argv, struct arguments *ret_arguments)
{
        struct option options[ARRAY_SIZE(table) + 1] = { 0 };
        struct arguments arguments = { .action = ARGUMENTS_RUN };
        int letter;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                options[i] = (struct option){ .name = table[i].name,
                                              .has_arg = table[i].argument ? required_argument
                                                                           : no_argument,
                                              .val = table[i].letter };
        (void)address_parse(ARGUMENTS_LISTEN, &arguments.listen);
        while ((letter = getopt_long(argc, argv, "+h", options, NULL)) != -1)
                if (apply(letter, &arguments) < 0)
                        return -EINVAL;
        if (optind < argc) {
                fprintf(stderr, "twmon-exporter: unexpected argument '%s', expected options only\n",
                        argv[optind]);
                return -EINVAL;
        }
        *ret_arguments = arguments;
        return 0;
}

void arguments_print_help(FILE *out)
{
        fputs("twmon-exporter [OPTION...]\n\n"
              "Serves the metrics of twmond to Prometheus: http://" ARGUMENTS_LISTEN "/metrics\n\n",
              out);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                fprintf(out, "  --%s%s%-*s  %s\n", table[i].name, table[i].argument ? " " : "",
                        (int)(16 - strlen(table[i].name) - (table[i].argument != NULL)),
                        table[i].argument ? table[i].argument : "", table[i].help);
        fputs("\nWhere the service manager passes a listening socket, that is served instead.\n"
              "Exit status 1: it cannot listen; 2: wrong usage.\n"
              "See twmon-exporter(8), twmond(8).\n",
              out);
}
