/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel counts for the network namespace as a whole, cheaply, whatever the number of
 * sockets: sockstat, the counters that tell how connections end, and the limits beside them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernlimits.h"
#include "tcpcounters.h"

#define HOST_UNKNOWN (-1)

/*
 * The kernel makes some 4,000 bytes of text to tell its counters, for each processor anew, which takes
 * more than all else that is asked at a scan. They add up, so nothing is lost by reading them no more
 * often than scans come to a host on which nothing changes (schedule.h), HOST_COUNTERS_USEC at most.
 *
 * An overflow of the table of mini-sockets should not wait. Whoever is in TIME_WAIT stays for a minute
 * (TCP_TIMEWAIT_LEN), so that a table full of those, once within half a minute, is half full at the
 * beginning or at the end of it: then, and at the next scan, the counters are read at once. Some leave
 * earlier: those in FIN_WAIT2 after tcp_fin_timeout, and any whose peer sends a reset. What filled the
 * table and was gone again before a scan has seen it half full is told when the counters are due.
 */
#define HOST_COUNTERS_USEC       (UINT64_C(30) * 1000000)
#define HOST_COUNTERS_TABLE_PART 2

/* The TCP lines of /proc/net/sockstat and sockstat6. */
struct sockstat {
        int64_t inuse; /* both families, mini-sockets not included; HOST_UNKNOWN */
        int64_t tw;    /* mini-sockets: TIME_WAIT, and FIN_WAIT2 after close() */
};

/* The table of mini-sockets of the namespace. */
struct tw_table {
        bool known;           /* used and max are; false: nothing else is, either */
        uint64_t used;        /* sockstat's tw */
        uint64_t max;         /* net.ipv4.tcp_max_tw_buckets */
        bool time_wait_known; /* false: the scan did not count them, or not all */
        uint64_t time_wait;   /* of used, as the scan counted them; the rest is FIN_WAIT2 */
        bool overflow_known;  /* false: the counter was not read, or there is nothing to compare it
                                 with yet */
        uint64_t overflows;   /* connections that found no room since the last scan that could tell:
                                   TCPTimeWaitOverflow; in an alert: ... that was judged */
        uint64_t overflows_total; /* since the first scan that could tell; never falls */
};

/* TCPTimeWaitOverflow when it was last known. All zero: it never was. */
struct tw_overflow {
        bool known;
        uint64_t value;
        uint64_t total; /* by how much it has grown; what it lost when it began anew is left out */
};

struct host_facts {
        struct sockstat sockstat;
        struct kernlimits limits;     /* kernlimits_read_scan(); with a census, all of them */
        struct tcp_counters counters; /* since boot */
        struct tcp_rates rates;
        uint64_t counters_age_usec; /* so long before the scan both were read */
        struct tw_table tw_table;
};

/* The counters as they were last read. All zero: they never were, or could not be. */
struct counters_past {
        bool known;
        uint64_t asof_usec;
        bool table_filled; /* then: HOST_COUNTERS_TABLE_PART of it were in use, or nobody knows */
        struct tcp_counters counters;
        struct tcp_rates rates;
};

/* Everything unknown. */
void host_facts_clear(struct host_facts *facts);

/*
 * The text of sockstat, and that of sockstat6 (NULL: this kernel has no IPv6). What is not there is
 * unknown.
 */
void sockstat_parse(const char *text, const char *text6, struct sockstat *ret_sockstat);

/*
 * Reads what can be read, but the counters; the rest is unknown. Rates and table are the caller's: they
 * need a history and a scan.
 */
void host_facts_read(struct proc_reader *reader, struct host_facts *ret_facts);

/* Of a scan: when it is, and how long after the last time the counters are read anyway:
 * HOST_COUNTERS_USEC at most. */
struct counters_pace {
        uint64_t now_usec;
        uint64_t every_usec;
};

/* Are the counters to be read as well? facts: as read now. */
bool host_facts_want_counters(const struct host_facts *facts, const struct counters_past *past,
                              const struct counters_pace *pace);
void host_facts_read_counters(struct proc_reader *reader, struct host_facts *facts);

/* Fills in the rates, and the counters where facts want none; moves *history and *past on. */
void host_facts_set_counters(struct host_facts *facts, struct tcp_history *history,
                             struct counters_past *past, const struct counters_pace *pace);

/*
 * Fills in facts->tw_table and moves *last on. time_wait: TIME_WAIT sockets of a scan that counted
 * all of them; NULL: it did not. sockstat is read a moment before the sockets are, so that where
 * many come and go the two kinds are told apart only about.
 */
void host_facts_set_table(struct host_facts *facts, const uint64_t *time_wait,
                          struct tw_overflow *last);

/* How full it is, rounded down; may be above 100 after the limit was lowered. 0: max is 0. */
uint64_t tw_table_percent(const struct tw_table *table);
