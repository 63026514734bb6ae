/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counters of /proc/net/netstat that tell how connections end on this host, and their rates. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_counter {
        TCP_ABORT_ON_CLOSE,     /* closed with unread data: RST */
        TCP_ABORT_ON_DATA,      /* closed with SO_LINGER 0, or data came after close(): RST */
        TCP_ABORT_ON_LINGER,    /* FIN_WAIT2 was not waited for: TCP_LINGER2 */
        TCP_ABORT_ON_TIMEOUT,   /* the peer did not answer any more */
        TCP_TIME_WAIT_OVERFLOW, /* no room in the table: TIME_WAIT left out */
        TCP_TW_RECYCLED,        /* TIME_WAIT taken over by connect(): TWRecycled */
        TCP_LISTEN_OVERFLOWS,   /* the accept queue was full */
        TCP_LISTEN_DROPS,       /* ... and all other reasons */
        TCP_COUNTER_COUNT,
};

struct tcp_counters {
        uint32_t known; /* 1 << enum tcp_counter */
        uint64_t value[TCP_COUNTER_COUNT];
};

struct tcp_rates {
        uint32_t known;       /* 1 << enum tcp_counter; 0: no history yet */
        uint64_t window_usec; /* over which they are taken: up to a minute, or since the
                                              scan before where that is longer ago */
        uint64_t delta[TCP_COUNTER_COUNT]; /* in that window */
};

#define TCP_RATES_WINDOW_USEC (UINT64_C(60) * 1000000)
#define TCP_RATES_SAMPLES     16

/* Samples of about the last minute. All zero: none. */
struct tcp_history {
        struct {
                uint64_t at_usec;
                struct tcp_counters counters;
        } samples[TCP_RATES_SAMPLES];
        size_t n;
};

/* The text of /proc/net/netstat, of which a counter that is not there is unknown. */
void tcp_counters_parse(const char *text, struct tcp_counters *ret_counters);

/*
 * Adds a sample and tells the rates since the oldest one that is not older than the window, or the
 * newest before it. Where a counter went down (another namespace, a reset) all begins anew. Of
 * counters that are all unknown nothing is kept. now_usec: never before that of an earlier call.
 */
void tcp_history_add(struct tcp_history *history, uint64_t now_usec,
                     const struct tcp_counters *counters, struct tcp_rates *ret_rates);

/* To the nearest second: a window is told in one way, wherever it is told. */
uint64_t tcp_rates_window_sec(const struct tcp_rates *rates);
