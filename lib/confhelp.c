/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The option table as a sample file. etc/twmon.conf is this text, word for word; a test compares.
 */

#include <string.h>

#include "base.h"
#include "conf.h"
#include "confoption.h"

static const char head[] =
        "# twmon.conf: what twmond watches, and when it alerts. See twmon.conf(5).\n"
        "#\n"
        "# Every option stands here at its default. Change it in /etc/twmon/twmon.conf,\n"
        "# or write only what differs into /etc/twmon/twmon.conf.d/NAME.conf; then run\n"
        "# twmonctl reload. twmond --check-config says what is wrong.\n"
        "#\n"
        "# Durations are written as in systemd.time(7): 90s, 5min, 1h 30min. Comments\n"
        "# are lines that begin with # or ;, and what follows a blank and a semicolon.\n";

static const char port_head[] =
        "\n"
        "# Exceptions for one port. Any key of [CloseWait], [TimeWait] and [HalfOpen] may\n"
        "# stand here, but for TableWarning, TableCritical and MaxTracked; what does not is\n"
        "# taken from there. A port that is named here stays listed when it has no sockets.\n"
        "# [Port 8080] is a port that this host serves, [Port remote:5432] one of servers\n"
        "# that it connects to; the two Exhaustion keys stand in one of the latter alone.\n"
        "#\n"
        "# CountWarning= and CountCritical= set the levels of both states here. These set\n"
        "# one each:\n";

/* Writes the lines of text, each behind "# ". */
static void print_comment(FILE *out, const char *text)
{
        while (*text != '\0') {
                size_t len = strcspn(text, "\n");

                fprintf(out, "# %.*s\n", (int)len, text);
                text += len + (text[len] == '\n');
        }
}

static void print_option(FILE *out, const struct conf_option *option)
{
        char expected[CONF_EXPECTED_MAX];

        fputc('\n', out);
        print_comment(out, option->help);
        fprintf(out, "# Takes %s.\n", conf_option_expected(option, expected));
        fprintf(out, "#%s=%s\n", option->key, option->default_text);
}

/* The keys that have a longer name in a [Port ...] section. */
static void print_port_keys(FILE *out)
{
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                const struct conf_option *option = &conf_options[i];

                if (option->port_key && strcmp(option->port_key, option->key) != 0)
                        fprintf(out, "#     %s=\n", option->port_key);
        }
}

void conf_print_help(FILE *out)
{
        const char *section = "";

        fputs(head, out);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                if (strcmp(conf_options[i].section, section) != 0) {
                        section = conf_options[i].section;
                        fprintf(out, "\n[%s]\n", section);
                }
                print_option(out, &conf_options[i]);
        }
        fputs(port_head, out);
        print_port_keys(out);
        fputs("#\n"
              "#[Port 8080]\n"
              "#StuckAfter=5min\n"
              "#StuckWarning=50\n"
              "#TimeWaitCountWarning=20000\n",
              out);
}
