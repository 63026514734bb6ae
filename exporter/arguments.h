/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of twmon-exporter. */

#include <stdio.h>
#include <sys/socket.h>

/* Outside of what Prometheus's list of default ports gives to exporters, all of which is given away. */
#define ARGUMENTS_LISTEN "127.0.0.1:19865"

enum arguments_action { ARGUMENTS_RUN, ARGUMENTS_VERSION, ARGUMENTS_HELP };

struct arguments {
        enum arguments_action action;
        struct sockaddr_storage listen;
        const char *socket; /* borrowed; NULL: the default */
};

/* 0, or -EINVAL: what was wrong has been said. Not reentrant: getopt_long(3). */
int arguments_parse(int argc, char **argv, struct arguments *ret_arguments);
void arguments_print_help(FILE *out);
