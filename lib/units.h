/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Durations, percents, shares and counts: text to number and back, exact inverses.
 *
 * Durations are written as systemd.time(7) writes them: "90s", "5min", "1h 30min", "1.5s"; a bare
 * number means seconds. Everything is kept in microseconds. A parse that fails leaves its output
 * untouched and returns
 *   -EINVAL  not of this form
 *   -ERANGE  of this form, but too large for the type or the given maximum
 */

#include <stddef.h>
#include <stdint.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)

/* Long enough for every text that this module prints, terminator included. */
#define UNITS_TEXT_MAX 96

int units_parse_duration(const char *text, uint64_t *ret_usec);

/* "80%" or "80", 0 to 100. */
int units_parse_percent(const char *text, unsigned *ret_pct);

/* "0.25%", "1 %" or "1", 0 to 100 %, in parts per million; digits below one are dropped. */
int units_parse_share(const char *text, uint32_t *ret_ppm);

/* Decimal digits only: no sign, no blank, no other base. */
int units_parse_count(const char *text, uint64_t max, uint64_t *ret_count);

/*
 * Prints so that units_parse_duration() gives back the same microseconds: "1h 30min", "1.5s" is
 * "1s 500ms", 0 is "0s". Returns buf, which holds at least UNITS_TEXT_MAX bytes.
 */
const char *units_format_duration(uint64_t usec, char *buf);

/* Prints so that units_parse_share() gives back the same: "0.25%", "1%". Returns buf. */
const char *units_format_share(uint32_t ppm, char *buf);

/* For people: the two largest units, rounded down: "3h 12min", "47s", "2d 4h". Returns buf. */
const char *units_format_age(uint64_t usec, char *buf);

/* RFC 3339 in UTC with milliseconds from microseconds since 1970: "2026-01-31T12:00:00.250Z". */
const char *units_format_rfc3339(uint64_t wall_usec, char *buf);
