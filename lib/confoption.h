/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The option table: every section, key, bound and default there is. Parsing, defaults, help and
 * checks derive from it. Internal to conf, and to the tests that hold man page and sample against
 * it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portkey.h"

enum conf_option_id {
        OPTION_INTERVAL,
        OPTION_CPU_BUDGET,
        OPTION_STUCK_AFTER,
        OPTION_STUCK_WARNING,
        OPTION_STUCK_CRITICAL,
        OPTION_POOL_IDLE,
        OPTION_USUAL_MAX,
        OPTION_LEAK_ARRIVALS,
        OPTION_LEAK_CRITICAL_WITHIN,
        OPTION_CLOSE_WAIT_WARNING,
        OPTION_CLOSE_WAIT_CRITICAL,
        OPTION_MAX_TRACKED,
        OPTION_TIME_WAIT_WARNING,
        OPTION_TIME_WAIT_CRITICAL,
        OPTION_TABLE_WARNING,
        OPTION_TABLE_CRITICAL,
        OPTION_SILENT_AFTER,
        OPTION_HALF_OPEN_WARNING,
        OPTION_HALF_OPEN_CRITICAL,
        OPTION_RAISE_AFTER,
        OPTION_CLEAR_AFTER,
        OPTION_CLEAR_BELOW,
        OPTION_REMIND_EVERY,
        OPTION_START,
        OPTION_EXHAUSTION_WARNING,
        OPTION_EXHAUSTION_CRITICAL,
        OPTION_IGNORE,
        OPTION_HISTORY_PORTS,
        OPTION_COUNT,
};

enum conf_type {
        CONF_DURATION, /* microseconds */
        CONF_PERCENT,
        CONF_PERCENT_LEVEL, /* or empty: off */
        CONF_SHARE,         /* parts per million, or "off": 0 */
        CONF_COUNT,
        CONF_LEVEL, /* a count; empty: RULE_LEVEL_OFF */
        CONF_PORTS, /* max: how many, 0: any; a list for conf_ports_next(); conf_option_parse() does not know it */
        CONF_UNIT, /* a template for conf_unit_check(), or empty; likewise */
};

struct conf_option {
        const char *section;
        const char *key;
        const char *port_key; /* its own name in a [Port ...] section, key being another; NULL: none
                                 there */
        enum conf_type type;
        int64_t min, max;
        bool zero; /* 0 is allowed below min: never */
        const char *default_text;
        const char *help; /* lines, separated by newlines */
};

extern const struct conf_option conf_options[OPTION_COUNT];

#define CONF_EXPECTED_MAX 96

/* "a duration from 100ms to 10min". Returns buf. */
const char *conf_option_expected(const struct conf_option *option,
                                 char buf[static CONF_EXPECTED_MAX]);

/* 0, -EINVAL (not of the type) or -ERANGE (out of bounds). */
int conf_option_parse(const struct conf_option *option, const char *text, int64_t *ret_value);

/* The first and the last port of a range, 1 to 65535, first <= last. */
struct conf_ports {
        enum port_side side;
        uint16_t first, last;
};

#define CONF_PORTS_END 1

/*
 * Takes the next of "9100 6000-6063 remote:5432 remote:1-1023" and moves *list past it, past a
 * wrong one too. 0, -EINVAL, or CONF_PORTS_END: there is none.
 */
int conf_ports_next(const char **list, struct conf_ports *ret_ports);

/*
 * Is it the name of a template that can be started, of CONF_START_MAX bytes at most:
 * "NAME@.service", "NAME@.target"? 0, -EINVAL, or -ERANGE: too long.
 */
int conf_unit_check(const char *name);

/* How many letters differ, capitals aside; at most CONF_DISTANCE_MAX. */
#define CONF_DISTANCE_MAX 64
size_t conf_distance(const char *a, const char *b);
