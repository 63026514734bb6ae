/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The time limit is a signal, not a deadline of the connection: it holds as well for what no
 * deadline covers, a connect() to a full queue or a standard output that nobody reads. Its line is
 * made beforehand, since a handler must not, and is left out once an answer is being written.
 */

#include "plugin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "line.h"

/* illegal_macro_output_chars of Nagios' sample configuration, but for '~', which ranges have. */
#define ILLEGAL "`$&|'\"<>"

#define ESCAPED_MAX 4 /* bytes that one byte becomes: \xNN */

static char late_line[UNITS_TEXT_MAX + 64];
static volatile sig_atomic_t saying;

const char *plugin_state_name(enum plugin_state state)
{
        static const char *const names[] = {
                [PLUGIN_OK] = "OK",
                [PLUGIN_WARNING] = "WARNING",
                [PLUGIN_CRITICAL] = "CRITICAL",
                [PLUGIN_UNKNOWN] = "UNKNOWN",
        };

        return names[state];
}

char *plugin_harmless(const char *text, bool utf8)
{
        CLEANUP(free_text) char *printable = text_printable(text, utf8);
        const size_t size = printable ? strlen(printable) * ESCAPED_MAX + 1 : 0;
        char *copy = printable ? malloc(size) : NULL;
        struct line line;

        if (!copy)
                return NULL;
        line = line_init(copy, size);
        for (const char *from = printable; *from; from++)
                line_add(&line, strchr(ILLEGAL, *from) ? "\\x%02x" : "%c", (unsigned char)*from);
        return copy;
}

int plugin_say(const struct term *term, enum plugin_state state, const char *text,
               const char *perfdata)
{
        CLEANUP(free_text) char *harmless = plugin_harmless(text, term->utf8);
        const bool measured = perfdata && *perfdata;

        saying = 1;
        if (!harmless)
                state = PLUGIN_UNKNOWN;
        fprintf(term->out, "TWMON %s - %s%s%s\n", plugin_state_name(state),
                harmless ? harmless : "out of memory", measured ? " | " : "",
                measured ? perfdata : "");
        return fflush(term->out) != 0 || ferror(term->out) ? PLUGIN_UNKNOWN : (int)state;
}

static void on_alarm(int signal_number)
{
        (void)signal_number;
        if (!saying && write(STDOUT_FILENO, late_line, strlen(late_line)) < 0)
                _exit(PLUGIN_UNKNOWN);
        _exit(PLUGIN_UNKNOWN);
}

void plugin_limit_time(uint64_t timeout_usec)
{
        const struct itimerval timer = {
                .it_value = { .tv_sec = (time_t)(timeout_usec / USEC_PER_SEC),
                              .tv_usec = (suseconds_t)(timeout_usec % USEC_PER_SEC) },
        };
        const struct sigaction action = { .sa_handler = on_alarm };
        char span[UNITS_TEXT_MAX];
        sigset_t alarms;

        snprintf(late_line, sizeof(late_line), "TWMON UNKNOWN - no answer within %s\n",
                 units_format_duration(timeout_usec, span));
        sigaction(SIGALRM, &action, NULL);
        sigemptyset(&alarms);
        sigaddset(&alarms, SIGALRM);
        sigprocmask(SIG_UNBLOCK, &alarms, NULL); /* whoever started us may have blocked it */
        setitimer(ITIMER_REAL, &timer, NULL);
}
