/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl: asks twmond. The command line is read by cmdline.c against the verb table of verbs.c;
 * what is left is to find the socket, run the verb, and see that the output got out.
 */

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "cmdline.h"
#include "plugin.h"
#include "verbs.h"
#include "view.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

/* A check says everything in its one line, and has exit statuses of its own. */
static bool is_plugin(const struct verb *verb)
{
        return verb && verb->run == view_check;
}

static int usage(const struct view *view, const struct verb *verb, const char *error)
{
        if (is_plugin(verb))
                return plugin_say(&view->term, PLUGIN_UNKNOWN, error, NULL);
        text_complain("%s", error);
        fprintf(stderr, "Try: twmonctl help%s%s\n", verb ? " " : "", verb ? verb->name : "");
        return STATUS_USAGE;
}

static int run(struct view *view)
{
        char *path = NULL;
        int r;

        view->socket_path = view->options->socket_path;
        if (!view->socket_path) {
                if (conn_default_path(getenv("XDG_RUNTIME_DIR"), &path) < 0)
                        return is_plugin(view->options->verb) ? PLUGIN_UNKNOWN : view_no_memory();
                view->socket_path = path;
        }
        r = conn_path_fits(view->socket_path)
                    ? view->options->verb->run(view)
                    : usage(view, view->options->verb, "XDG_RUNTIME_DIR is too long");
        free(path);
        return r;
}

/* Output that was lost, to a full disk say, must not look like success. */
static int finish_output(const struct verb *verb, int status)
{
        errno = 0; /* stays so where a write failed earlier */
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        text_complain("cannot write the output%s%s", errno ? ": " : "",
                      errno ? strerror(errno) : "");
        return is_plugin(verb) ? PLUGIN_UNKNOWN : MAX(status, STATUS_FAILED);
}

int main(int argc, char **argv)
{
        char error[CMDLINE_ERROR_MAX];
        struct cmdline options = { 0 };
        struct view view = { .options = &options };
        int status = STATUS_DONE;

        setlocale(LC_CTYPE, "");
        term_detect(&view.term, stdout, false);
        if (cmdline_parse(argc, argv, &options, error) != 0)
                return usage(&view, cmdline_find_verb(argc, argv), error);
        if (options.no_color)
                view.term.colour = false;
        if (is_plugin(options.verb) && (options.version || options.help))
                status = PLUGIN_UNKNOWN; /* as the guidelines have it */
        if (options.version)
                puts("twmonctl " TWMON_VERSION);
        else if (options.help)
                verbs_print_help(stdout, options.topic ? options.topic : options.verb);
        else
                status = run(&view);
        return finish_output(options.verb, status);
}
