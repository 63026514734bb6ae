/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /proc/net/netstat has two lines for each group, the names and under them the values:
 *
 *   TcpExt: SyncookiesSent SyncookiesRecv ...
 *   TcpExt: 0 0 ...
 *
 * Kernels add names anywhere, so they are looked up by name. The history keeps samples that are
 * SPACING_USEC or more apart, so that a minute of them fits whatever the interval is.
 */

#include "tcpcounters.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define GROUP        "TcpExt:"
#define SPACING_USEC (TCP_RATES_WINDOW_USEC / (TCP_RATES_SAMPLES - 1))

struct counter_name {
        const char *text;
        size_t len;
};

#define NAME(text)                                                                                 \
        {                                                                                          \
                text, sizeof(text) - 1                                                             \
        }

static const struct counter_name names[TCP_COUNTER_COUNT] = {
        [TCP_ABORT_ON_CLOSE] = NAME("TCPAbortOnClose"),
        [TCP_ABORT_ON_DATA] = NAME("TCPAbortOnData"),
        [TCP_ABORT_ON_LINGER] = NAME("TCPAbortOnLinger"),
        [TCP_ABORT_ON_TIMEOUT] = NAME("TCPAbortOnTimeout"),
        [TCP_TIME_WAIT_OVERFLOW] = NAME("TCPTimeWaitOverflow"),
        [TCP_TW_RECYCLED] = NAME("TWRecycled"),
        [TCP_LISTEN_OVERFLOWS] = NAME("ListenOverflows"),
        [TCP_LISTEN_DROPS] = NAME("ListenDrops"),
};

/* The next word of a line, its length in *ret_len; 0: the line has no more. Moves *at behind it. */
static const char *next_word(const char **at, size_t *ret_len)
{
        const char *word = *at, *end;

        while (*word == ' ')
                word++;
        for (end = word; *end != ' ' && *end != '\n' && *end != '\0';)
                end++;
        *ret_len = (size_t)(end - word);
        *at = end;
        return word;
}

static const char *next_line(const char *line)
{
        const char *end = strchr(line, '\n');

        return end ? end + 1 : NULL;
}

static bool is_of_group(const char *line)
{
        return strncmp(line, GROUP, strlen(GROUP)) == 0;
}

static bool parse_value(const char *word, size_t len, uint64_t *ret_value)
{
        char *end;
        uint64_t value;

        if (!isdigit((unsigned char)word[0]))
                return false;
        errno = 0;
        value = strtoull(word, &end, 10);
        if (errno != 0 || end != word + len)
                return false;
        *ret_value = value;
        return true;
}

static void take(const char *name, size_t name_len, const char *value, size_t value_len,
                 struct tcp_counters *counters)
{
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++)
                if (names[i].len == name_len && memcmp(names[i].text, name, name_len) == 0 &&
                    parse_value(value, value_len, &counters->value[i]))
                        counters->known |= 1U << i;
}

static void parse_group(const char *header, const char *line, struct tcp_counters *counters)
{
        for (;;) {
                size_t name_len, value_len;
                const char *name = next_word(&header, &name_len);
                const char *value = next_word(&line, &value_len);

                if (name_len == 0 || value_len == 0)
                        return;
                take(name, name_len, value, value_len, counters);
        }
}

void tcp_counters_parse(const char *text, struct tcp_counters *ret_counters)
{
        struct tcp_counters counters = { 0 };
        const char *header = text, *line;

        while (header && !is_of_group(header))
                header = next_line(header);
        line = header ? next_line(header) : NULL;
        if (line && is_of_group(line))
                parse_group(header + strlen(GROUP), line + strlen(GROUP), &counters);
        *ret_counters = counters;
}

/* Counters only grow; where one did not, these are others than before. */
static bool has_restarted(const struct tcp_history *history, const struct tcp_counters *counters)
{
        const struct tcp_counters *last;

        if (history->n == 0)
                return false;
        last = &history->samples[history->n - 1].counters;
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++)
                if ((last->known & counters->known & 1U << i) &&
                    counters->value[i] < last->value[i])
                        return true;
        return false;
}

/* The oldest sample within the window, or the newest before it. There is one. */
static size_t find_base(const struct tcp_history *history, uint64_t now_usec)
{
        size_t i = 0;

        while (i + 1 < history->n && now_usec - history->samples[i].at_usec > TCP_RATES_WINDOW_USEC)
                i++;
        return i;
}

static void tell_rates(const struct tcp_history *history, uint64_t now_usec,
                       const struct tcp_counters *counters, struct tcp_rates *ret_rates)
{
        const size_t base = find_base(history, now_usec);
        const struct tcp_counters *then = &history->samples[base].counters;

        ret_rates->window_usec = now_usec - history->samples[base].at_usec;
        if (ret_rates->window_usec == 0)
                return;
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++)
                if ((then->known & counters->known & 1U << i) &&
                    counters->value[i] >= then->value[i]) {
                        ret_rates->known |= 1U << i;
                        ret_rates->delta[i] = counters->value[i] - then->value[i];
                }
}

static void remember(struct tcp_history *history, uint64_t now_usec,
                     const struct tcp_counters *counters)
{
        if (history->n > 0 && now_usec - history->samples[history->n - 1].at_usec < SPACING_USEC)
                return;
        if (history->n == TCP_RATES_SAMPLES) {
                memmove(&history->samples[0], &history->samples[1],
                        (TCP_RATES_SAMPLES - 1) * sizeof(history->samples[0]));
                history->n--;
        }
        history->samples[history->n].at_usec = now_usec;
        history->samples[history->n].counters = *counters;
        history->n++;
}

void tcp_history_add(struct tcp_history *history, uint64_t now_usec,
                     const struct tcp_counters *counters, struct tcp_rates *ret_rates)
{
        *ret_rates = (struct tcp_rates){ 0 };
        if (counters->known == 0)
                return;
        if (has_restarted(history, counters))
                history->n = 0;
        if (history->n > 0)
                tell_rates(history, now_usec, counters, ret_rates);
        remember(history, now_usec, counters);
}

uint64_t tcp_rates_window_sec(const struct tcp_rates *rates)
{
        return (rates->window_usec + 500000) / 1000000;
}
