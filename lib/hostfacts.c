/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two files of the namespace beside the sysctls, read at every scan: sockstat and sockstat6, about
 * 4 us together, whatever the number of sockets. And netstat, which takes about 40 us, at some.
 *
 * The kernel's table of mini-sockets has one limit for two states: TIME_WAIT, and FIN_WAIT2 of
 * connections that a program has closed and the peer has not. sockstat counts both as "tw", so what
 * a scan has counted in TIME_WAIT is taken off to get the other.
 */

#include "hostfacts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define SOCKSTAT_MAX_BYTES 1024        /* 200 today */
#define NETSTAT_MAX_BYTES  (32 * 1024) /* 4,000 today; longer: every counter is unknown */

void host_facts_clear(struct host_facts *facts)
{
        *facts = (struct host_facts){ 0 };
        facts->sockstat = (struct sockstat){ HOST_UNKNOWN, HOST_UNKNOWN };
        kernlimits_clear(&facts->limits);
}

/* What stands behind the first word of a line ("TCP: "); NULL: there is no such line. */
static const char *find_line(const char *text, const char *start)
{
        while (text && strncmp(text, start, strlen(start)) != 0) {
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        return text ? text + strlen(start) : NULL;
}

/* The number behind a name ("inuse ") of such a line; HOST_UNKNOWN. */
static int64_t find_number(const char *line, const char *name)
{
        const size_t len = strlen(name);

        while (line && *line != '\0' && *line != '\n') {
                if (strncmp(line, name, len) == 0 && isdigit((unsigned char)line[len])) {
                        char *end;
                        long long number;

                        errno = 0;
                        number = strtoll(line + len, &end, 10);
                        return errno == 0 && strchr(" \n", *end) ? number : HOST_UNKNOWN;
                }
                line += strcspn(line, " \n");
                line += strspn(line, " ");
        }
        return HOST_UNKNOWN;
}

void sockstat_parse(const char *text, const char *text6, struct sockstat *ret_sockstat)
{
        const char *line = find_line(text, "TCP: ");
        const char *line6 = text6 ? find_line(text6, "TCP6: ") : NULL;
        const int64_t inuse6 = text6 ? find_number(line6, "inuse ") : 0;

        *ret_sockstat = (struct sockstat){ .inuse = find_number(line, "inuse "),
                                           .tw = find_number(line, "tw ") };
        if (ret_sockstat->inuse == HOST_UNKNOWN || inuse6 == HOST_UNKNOWN)
                ret_sockstat->inuse = HOST_UNKNOWN;
        else
                ret_sockstat->inuse += inuse6;
}

static void read_sockstat(struct proc_reader *reader, struct sockstat *ret_sockstat)
{
        char text[SOCKSTAT_MAX_BYTES], text6[SOCKSTAT_MAX_BYTES] = "";
        int r;

        if (proc_reader_read(reader, "net/sockstat", text, sizeof(text)) < 0)
                return;
        r = proc_reader_read(reader, "net/sockstat6", text6, sizeof(text6));
        sockstat_parse(text, r == -ENOENT ? NULL : text6, ret_sockstat);
}

/* Or may be: where it is not known what it holds. */
static bool is_filled(const struct host_facts *facts)
{
        const int64_t used = facts->sockstat.tw, max = facts->limits.max_tw_buckets;

        return used == HOST_UNKNOWN || max == KERNLIMITS_UNKNOWN ||
               used >= max / HOST_COUNTERS_TABLE_PART;
}

bool host_facts_want_counters(const struct host_facts *facts, const struct counters_past *past,
                              const struct counters_pace *pace)
{
        return !past->known || past->table_filled || is_filled(facts) ||
               pace->now_usec - past->asof_usec >= pace->every_usec;
}

void host_facts_read_counters(struct proc_reader *reader, struct host_facts *facts)
{
        char text[NETSTAT_MAX_BYTES];

        if (proc_reader_read(reader, "net/netstat", text, sizeof(text)) == 0)
                tcp_counters_parse(text, &facts->counters);
}

void host_facts_set_counters(struct host_facts *facts, struct tcp_history *history,
                             struct counters_past *past, const struct counters_pace *pace)
{
        if (host_facts_want_counters(facts, past, pace)) {
                past->known = facts->counters.known != 0; /* else the next scan tries again */
                past->asof_usec = pace->now_usec;
                past->table_filled = is_filled(facts);
                past->counters = facts->counters;
                tcp_history_add(history, pace->now_usec, &facts->counters, &past->rates);
        }
        facts->counters = past->counters;
        facts->rates = past->rates;
        facts->counters_age_usec = pace->now_usec - past->asof_usec;
}

void host_facts_read(struct proc_reader *reader, struct host_facts *ret_facts)
{
        host_facts_clear(ret_facts);
        kernlimits_read_scan(reader, &ret_facts->limits);
        read_sockstat(reader, &ret_facts->sockstat);
}

/* Not known where the counter was not read, has no past, or began anew. */
static void set_overflows(const struct host_facts *facts, struct tw_overflow *last,
                          struct tw_table *table)
{
        const uint64_t value = facts->counters.value[TCP_TIME_WAIT_OVERFLOW];

        table->overflows_total = last->total;
        if (facts->counters_age_usec > 0 || !(facts->counters.known & 1U << TCP_TIME_WAIT_OVERFLOW))
                return;
        if (last->known && value >= last->value) {
                table->overflow_known = true;
                table->overflows = value - last->value;
                last->total += table->overflows;
                table->overflows_total = last->total;
        }
        last->known = true;
        last->value = value;
}

void host_facts_set_table(struct host_facts *facts, const uint64_t *time_wait,
                          struct tw_overflow *last)
{
        const int64_t used = facts->sockstat.tw, max = facts->limits.max_tw_buckets;
        struct tw_table table = { 0 };

        facts->tw_table = table;
        if (used == HOST_UNKNOWN || max == KERNLIMITS_UNKNOWN)
                return; /* and the overflows wait for a scan that can tell */
        table.known = true;
        table.used = (uint64_t)used;
        table.max = (uint64_t)max;
        if (time_wait) {
                table.time_wait_known = true;
                table.time_wait = MIN(*time_wait, table.used);
        }
        set_overflows(facts, last, &table);
        facts->tw_table = table;
}

uint64_t tw_table_percent(const struct tw_table *table)
{
        return table->max > 0 ? table->used * 100 / table->max : 0;
}
