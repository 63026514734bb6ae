/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which counter moves when was tried on Linux 6.18, ten connections each, closed by one side:
 *
 *   default close                        TIME_WAIT 10, no counter of ours
 *   SO_LINGER {1, 5}                     the same: it only waits
 *   SO_LINGER {1, 0}                     TCPAbortOnData 10, no TIME_WAIT; data on its way is dropped
 *   SO_LINGER {1, 0}, the peer was first TCPAbortOnData 10, and the peer's FIN_WAIT2 goes as well
 *   close() with unread data             TCPAbortOnClose 10, no TIME_WAIT, whatever SO_LINGER is
 *   data comes after close()             a reset for each; TCPAbortOnData 4, where it met FIN_WAIT1:
 *                                        the mini-socket of FIN_WAIT2 counts nothing
 *   data comes after shutdown(RDWR)      TCPAbortOnData 10
 *   TCP_LINGER2 below 0                  TCPAbortOnData 10
 *   FIN_WAIT2, the peer does not close   no counter; mini-sockets in sockstat's tw
 *   accept queue of 1, 6 connects        ListenOverflows 8 and ListenDrops 8 in 1.5 s: retries count
 *   no room in the table                 TCPTimeWaitOverflow, one for each
 *
 * Of all but data that comes after close() the reset is sent by the call itself, so the tracepoint
 * of the kernel names the program.
 *
 * So aborts alone do not tell who is at fault, and many may be right (a load balancer's health
 * checks). They are worth a word where they are more than the connections that end as they should:
 * about those that are in TIME_WAIT now, which last a minute each, and those without room for it.
 */

#include "endings.h"

#include <inttypes.h>

#include "line.h"
#include "units.h"

static uint64_t delta_of(const struct tcp_rates *rates, enum tcp_counter counter)
{
        return rates->known & 1U << counter ? rates->delta[counter] : 0;
}

/* Starts the next part of the text. */
static void begin(struct line *line)
{
        if (line->len > 0)
                line_add(line, "; ");
}

static void add_window(struct line *line, const struct tcp_rates *rates)
{
        char text[UNITS_TEXT_MAX];

        line_add(line, " in %s",
                 units_format_age(tcp_rates_window_sec(rates) * USEC_PER_SEC, text));
}

static void read_listen(struct line *line, const struct tcp_rates *rates)
{
        const uint64_t overflows = delta_of(rates, TCP_LISTEN_OVERFLOWS);

        if (overflows < ENDINGS_LISTEN_MIN)
                return;
        begin(line);
        line_add(line, "accept queues overflow: %" PRIu64 " times", overflows);
        add_window(line, rates);
        line_add(line,
                 " a connection found its listener's queue full: a program accepts too slowly, "
                 "or its backlog is too short (ss -ltnp shows whose)");
}

/*
 * TIME_WAIT lasts a minute. Where the window is longer, the aborts are those of more than that;
 * where it is shorter, they are held against all of the minute, for nobody knows how it was before.
 */
static bool are_so_many(const struct tcp_rates *rates, uint64_t aborts, uint64_t ended_well,
                        unsigned for_each)
{
        const uint64_t window_usec = MAX(rates->window_usec, TCP_RATES_WINDOW_USEC);

        return aborts >= ENDINGS_ABORTS_MIN &&
               (double)aborts * TCP_RATES_WINDOW_USEC >=
                       (double)ended_well * (double)window_usec * for_each;
}

static void read_aborts(struct line *line, const struct host_facts *facts)
{
        const struct tcp_rates *rates = &facts->rates;
        const struct tw_table *table = &facts->tw_table;
        const uint64_t unread = delta_of(rates, TCP_ABORT_ON_CLOSE);
        const uint64_t data = delta_of(rates, TCP_ABORT_ON_DATA);
        const bool counted = table->known && table->time_wait_known;
        const int64_t time_wait = counted ? (int64_t)table->time_wait : facts->sockstat.tw;
        uint64_t ended_well;

        if (time_wait < 0)
                return;
        ended_well = (uint64_t)time_wait + delta_of(rates, TCP_TIME_WAIT_OVERFLOW);
        if (!are_so_many(rates, unread + data, ended_well, ENDINGS_ABORTS_PER_TIME_WAIT))
                return;
        begin(line);
        line_add(line, "aborts high%s: this host ended %" PRIu64 " connections by a reset",
                 are_so_many(rates, unread + data, ended_well, ENDINGS_ABORTS_PER_TIME_WAIT_LOW)
                         ? ", TIME_WAIT low"
                         : "",
                 unread + data);
        add_window(line, rates);
        line_add(line, ", %" PRId64 " are in TIME_WAIT: ", time_wait);
        if (data > 0)
                line_add(line,
                         "somebody uses SO_LINGER 0, or closes while the peer still sends "
                         "(%" PRIu64 ")",
                         data);
        if (unread > 0)
                line_add(line, "%s closes with unread data (%" PRIu64 ")",
                         data > 0 ? ", or" : "somebody", unread);
        line_add(line, " (perf trace -e tcp:tcp_send_reset shows who)");
}

static void read_timeouts(struct line *line, const struct tcp_rates *rates)
{
        const uint64_t timeouts = delta_of(rates, TCP_ABORT_ON_TIMEOUT);

        if (timeouts < ENDINGS_TIMEOUTS_MIN)
                return;
        begin(line);
        line_add(line, "peers vanish: %" PRIu64 " connections", timeouts);
        add_window(line, rates);
        line_add(line, " were given up because the peer did not answer any more");
}

bool endings_reading(const struct host_facts *facts, char ret_text[static ENDINGS_TEXT_MAX])
{
        struct line line = line_init(ret_text, ENDINGS_TEXT_MAX);

        if (facts->rates.known != 0) {
                read_listen(&line, &facts->rates);
                read_aborts(&line, facts);
                read_timeouts(&line, &facts->rates);
        }
        return line.len > 0;
}
