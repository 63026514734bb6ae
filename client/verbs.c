/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One row per verb; parsing, dispatch and help all read the same table. */

#include "verbs.h"

#include <string.h>

#include "base.h"

static const struct verb verbs[] = {
        { "status", "[--live [--count N] | --once]", "is anything leaking? alerts, worst ports",
          "One screen: the verdict, the alerts, the ten worst ports, how twmond is doing.\n"
          "Exit status 1 when an alert is raised; a pending one does not count.\n",
          OPTION_LIVE | OPTION_COUNT | OPTION_ONCE, OPERANDS_NONE, view_status },
        { "ports", "[[SIDE:]PORT...] [--all] [--limit N] [--once]",
          "TIME_WAIT and CLOSE_WAIT per port",
          "Every port that has something to say, worst first. \"local\" ports are services of\n"
          "this host, \"remote\" ports those that it connects to. With PORT, those alone, on\n"
          "both sides unless it is local:PORT or remote:PORT.\n",
          OPTION_ALL | OPTION_LIMIT | OPTION_ONCE, OPERANDS_PORTS, view_ports },
        { "top", "[--sort KEY]", "the ports on the whole screen, live",
          "Each port with its counts, the age of the oldest connection in CLOSE_WAIT, how\n"
          "fast they become more, and the curve of CLOSE_WAIT. Enter opens a port: owner,\n"
          "stages, connections, TIME_WAIT left. ? tells the keys, q quits. Goes on when\n"
          "twmond is started again. Needs a terminal; elsewhere see status --live.\n",
          OPTION_SORT, OPERANDS_NONE, view_top },
        { "why", "[ADDRESS:]PORT [--try]", "why can I not bind? everything about one port",
          "Would bind() and listen() succeed now, without SO_REUSEADDR and with it? If not,\n"
          "what holds the port, who that is, and when it is free. For 0.0.0.0, or ADDRESS:\n"
          "\"10.0.0.1:80\", \"[::1]:80\" or \"80 ::1\". PORT may be a service, such as https.\n"
          "With --try, bind() itself is asked, without an option and with SO_REUSEADDR;\n"
          "needs no twmond. Exit status 0 whatever the answer is.\n",
          OPTION_TRY, OPERANDS_PORT_ADDRESS, view_why },
        { "history", "[SIDE:]PORT [--since AGO] [--ascii | --csv]",
          "how a port's counts went, as a chart",
          "CLOSE_WAIT, stuck and TIME_WAIT of the last two hours, the greatest number of\n"
          "each column, and below when alerts were raised: w warning, C critical. Kept\n"
          "are an hour by 10s, a day by minutes and 30 days by ten minutes, of the 32\n"
          "worst ports. Blank columns are unknown, a dot (_ in ASCII) is zero. Local time.\n",
          OPTION_SINCE | OPTION_ASCII | OPTION_CSV, OPERANDS_PORT, view_history },
        { "report", "[[SIDE:]PORT...] [--since AGO] [--force]",
          "one HTML page to attach to a ticket",
          "What leaks, since when, with curves, owners and what to do; the kernel's limits,\n"
          "twmond's own health and the events of the last 24h: twmonctl report >report.html\n"
          "The page needs nothing else: no script, no other file. With PORT, those alone,\n"
          "8 at most, on both sides unless it is local:PORT or remote:PORT.\n",
          OPTION_SINCE | OPTION_FORCE, OPERANDS_PORTS, view_report },
        { "destinations", "[--limit N]", "where local ports run out: connect() fails next",
          "The destinations that use the most local ports, worst first: how many of those\n"
          "that there are, how fast that grows, and when connect() fails with\n"
          "EADDRNOTAVAIL.\n",
          OPTION_LIMIT, OPERANDS_NONE, view_destinations },
        { "alerts", "", "what is raised or pending, who it is, and what to do",
          "Raised alerts first, then those whose hold time is still running.\n", 0, OPERANDS_NONE,
          view_alerts },
        { "check", "[PORT] [--warning R] [--critical R] [--metric M] [--timeout T]",
          "the same as a plugin of Nagios or Icinga",
          "One line with performance data, and the exit status 0 OK, 1 WARNING, 2 CRITICAL\n"
          "or 3 UNKNOWN. Raised alerts decide; with --warning or --critical a number of\n"
          "sockets, of the PORT or of the host. R is a range such as 10, 5:10 or '~:10'\n"
          "(quoted, for the shell), M stuck, close-wait, time-wait, oldest or\n"
          "time-wait-table. PORT may be SIDE:PORT, \"host\" or the KEY of an alert. UNKNOWN\n"
          "is also wrong usage, and a twmond that is away, cannot see, or has not looked\n"
          "for too long.\n",
          OPTION_WARNING | OPTION_CRITICAL | OPTION_METRIC | OPTION_TIMEOUT, OPERANDS_ANY_ALERT,
          view_check },
        { "acknowledge", "KEY|[SIDE:]PORT [--comment TEXT] [--undo]",
          "an alert was seen: no more reminders of it",
          "With PORT every alert that is raised about it; \"host\" is the host as a whole. It\n"
          "stays raised, and is told when it escalates, which ends the acknowledgement, and\n"
          "when it clears. For root and the user that twmond runs as.\n",
          OPTION_COMMENT | OPTION_UNDO, OPERANDS_ALERT, view_acknowledge },
        { "events", "[KEY|[SIDE:]PORT] [--last N]", "what happened lately, one line per event",
          "The newest come last. Of the alert with that KEY, which may have cleared, or of\n"
          "the alerts about that PORT; \"host\" is the host as a whole.\n",
          OPTION_LAST, OPERANDS_ANY_ALERT, view_events },
        { "watch", "[--after N]", "one line per event, until interrupted",
          "Prints alerts as they are raised, change and clear. With --json one object per\n"
          "line, whose \"sequence\" can be given to --after later on. Numbers go on\n"
          "when twmond restarts, unless what it has kept is lost.\n",
          OPTION_AFTER, OPERANDS_NONE, view_watch },
        { "metrics", "[--prometheus]", "the OpenMetrics text that Prometheus reads",
          "On standard output, for node_exporter's textfile directory, or to look at. What\n"
          "is unknown has no sample. With --prometheus in the older format, which promtool\n"
          "check metrics expects.\n",
          OPTION_PROMETHEUS, OPERANDS_NONE, view_metrics },
        { "replay", "FILE [--config FILE]", "judge again what twmond has recorded",
          "Runs twmond's own judgement over the scans of a recording, as fast as it can,\n"
          "and prints each event with its recorded time, as watch does, and a summary.\n"
          "With --config by the levels of that file: to see what others would have told.\n"
          "FILE \"-\" is standard input. Needs no twmond. Exit status 1 when the recording\n"
          "is damaged; everything before the damage is told.\n",
          OPTION_CONFIG, OPERANDS_FILE, view_replay },
        { "reload", "", "let twmond read its configuration again",
          "Prints what is wrong with the configuration, if anything; twmond then keeps the\n"
          "old one. For root and the user that twmond runs as.\n",
          0, OPERANDS_NONE, view_reload },
        { "complete", "-- WORD...", "what may stand next: for the completion of shells",
          "The words are those of a command line up to the cursor, the last of them may be\n"
          "empty. Prints what it may become, one a line, with a tab and what it is, or\n"
          "\":files\" where the name of a file may stand. Ports and alerts are those of\n"
          "twmond, as far as it answers at once.\n",
          0, OPERANDS_WORDS, view_complete },
        { "version", "", "the versions of twmonctl and twmond", "Needs no running twmond.\n", 0,
          OPERANDS_NONE, view_version },
        { "help", "[VERB]", "this help, or that of a verb", "", 0, OPERANDS_VERB, view_help },
};

const struct verb *verb_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

const struct verb *verb_get(size_t i)
{
        return i < ARRAY_SIZE(verbs) ? &verbs[i] : NULL;
}

static void print_one(FILE *out, const struct verb *verb)
{
        fprintf(out, "twmonctl %s%s%s\n\n%s%s", verb->name, verb->arguments[0] ? " " : "",
                verb->arguments, verb->details, verb->details[0] ? "\n" : "");
        cmdline_print(out, verb->options | OPTION_EVERYWHERE);
}

void verbs_print_help(FILE *out, const struct verb *verb)
{
        if (verb) {
                print_one(out, verb);
                return;
        }
        fputs("twmonctl [--socket PATH] [--json] [--no-color] VERB\n\n"
              "Asks twmond which program leaks or wedges TCP connections on this host.\n\n"
              "Verbs:\n",
              out);
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
                fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
                if (verbs[i].arguments[0])
                        fprintf(out, "  %-12s   %s\n", "", verbs[i].arguments);
        }
        fputs("\nOptions:\n", out);
        cmdline_print(out, OPTION_EVERYWHERE);
        fputs("\nExit status: 0 done; 1 alerts are raised (status), or the request failed;\n"
              "2 wrong usage; 3 twmond cannot be reached. Of check: 0 to 3, see its help.\n",
              out);
}
