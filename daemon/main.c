/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmond: options, configuration, daemon, exit code. Errors before the loop runs go to stderr,
 * because nobody else listens yet; everything later goes through the journal writer.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "conf.h"
#include "daemon.h"
#include "heap.h"
#include "options.h"

/* 0, or the exit status for a configuration that cannot be used, told on stderr. */
static int load(const struct options *options, int bad_status, struct conf **ret_conf)
{
        CLEANUP(free_text) char *errors = NULL;
        int r = daemon_load_conf(options, ret_conf, &errors);

        if (r == 0)
                return 0;
        if (r == CONF_BAD)
                fprintf(stderr, "%s%s", errors, errors[strlen(errors) - 1] == '\n' ? "" : "\n");
        else
                fprintf(stderr, "twmond: reading the configuration failed: %s\n", strerror(-r));
        return bad_status;
}

static int run(const struct options *options)
{
        struct conf *conf;
        struct daemon *daemon;
        int r = load(options, DAEMON_EXIT_CONFIG, &conf);

        if (r != 0)
                return r;
        r = daemon_new(options, conf, &daemon);
        conf_unref(conf);
        if (r == 0) {
                r = daemon_run(daemon);
                daemon_free(daemon);
        }
        if (r < 0)
                fprintf(stderr, "twmond: %s\n", strerror(-r));
        if (r == DAEMON_BAD_SETTING)
                return DAEMON_EXIT_CONFIG;
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What was printed may have met a full disk: that is a failure, not a shorter text. */
static int finish_output(void)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return EXIT_SUCCESS;
        fputs("twmond: the output could not be written\n", stderr);
        return EXIT_FAILURE;
}

static int check_config(const struct options *options)
{
        struct conf *conf;
        int r = load(options, EXIT_FAILURE, &conf);

        if (r != 0)
                return r;
        conf_unref(conf);
        printf("%s: good\n", options->config ? options->config : "/etc/twmon and its like");
        return finish_output();
}

int main(int argc, char **argv)
{
        struct options options;

        heap_tame();
        if (options_parse(argc, argv, &options) < 0) {
                fputs("twmond: see twmond --help\n", stderr);
                return 2;
        }
        switch (options.action) {
        case OPTIONS_RUN:
                return run(&options);
        case OPTIONS_CHECK_CONFIG:
                return check_config(&options);
        case OPTIONS_HELP:
                options_print_help(stdout);
                return finish_output();
        case OPTIONS_HELP_CONFIG:
                conf_print_help(stdout);
                return finish_output();
        case OPTIONS_VERSION:
                puts("twmond " TWMON_VERSION);
                return finish_output();
        }
        return EXIT_FAILURE;
}
