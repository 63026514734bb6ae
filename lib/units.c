/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durations, percents, shares and counts.
 *
 * A duration is a sum of terms, each a decimal number and a unit of systemd.time(7). Everything is
 * integer arithmetic: strtod() would read "1,5s" in some locales and lose microseconds in all of
 * them. A fraction is kept as (digits, scale) and multiplied in 128 bits, so that "0.1w" is exact.
 * A text that overflows is still read to its end: only what has the form of a duration may answer
 * -ERANGE.
 *
 * The printed form uses days at most. Months and years exist for reading, but nobody can check
 * "30.44 d" by eye, and the inverse must be exact.
 */

#include "units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base.h"

#define USEC_PER_WEEK  (7 * USEC_PER_DAY)
#define USEC_PER_MONTH (UINT64_C(2629800) * USEC_PER_SEC)  /* a twelfth of a year: 30.44 d */
#define USEC_PER_YEAR  (UINT64_C(31557600) * USEC_PER_SEC) /* 365.25 d */

#define PPM_PER_PERCENT 10000

/* Further digits of a fraction are below a microsecond in every unit. */
#define FRACTION_DIGITS_MAX 18

struct unit {
        const char *name;
        uint64_t usec;
};

/* "m" is minutes and "M" months, as in systemd.time(7). */
static const struct unit units[] = {
        { "us", 1 },
        { "usec", 1 },
        { "\xc2\xb5s", 1 }, /* U+00B5, the micro sign */
        { "\xce\xbcs", 1 }, /* U+03BC, the Greek letter */
        { "ms", USEC_PER_MSEC },
        { "msec", USEC_PER_MSEC },
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MIN },
        { "min", USEC_PER_MIN },
        { "minute", USEC_PER_MIN },
        { "minutes", USEC_PER_MIN },
        { "h", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY },
        { "day", USEC_PER_DAY },
        { "days", USEC_PER_DAY },
        { "w", USEC_PER_WEEK },
        { "week", USEC_PER_WEEK },
        { "weeks", USEC_PER_WEEK },
        { "M", USEC_PER_MONTH },
        { "month", USEC_PER_MONTH },
        { "months", USEC_PER_MONTH },
        { "y", USEC_PER_YEAR },
        { "year", USEC_PER_YEAR },
        { "years", USEC_PER_YEAR },
};

/* What is printed, largest first. */
static const struct unit printed[] = {
        { "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR },  { "min", USEC_PER_MIN },
        { "s", USEC_PER_SEC }, { "ms", USEC_PER_MSEC }, { "us", 1 },
};

/* A decimal number; whole saturates and overflow says so. */
struct decimal {
        uint64_t whole;
        uint64_t fraction; /* fraction / scale, below one */
        uint64_t scale;
        bool overflow;
};

/* Not isdigit(): that one asks the locale. */
static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
        return p + strspn(p, " \t");
}

/* Reads digits at *p and moves past them; returns how many there were. */
static size_t read_whole(const char **p, struct decimal *number)
{
        const char *start = *p;

        for (; is_digit(**p); (*p)++) {
                if (__builtin_mul_overflow(number->whole, UINT64_C(10), &number->whole) ||
                    __builtin_add_overflow(number->whole, (uint64_t)(**p - '0'), &number->whole))
                        number->overflow = true;
        }
        return (size_t)(*p - start);
}

static size_t read_fraction(const char **p, struct decimal *number)
{
        const char *start = *p;

        for (; is_digit(**p); (*p)++) {
                if (*p - start >= FRACTION_DIGITS_MAX)
                        continue;
                number->fraction = number->fraction * 10 + (uint64_t)(**p - '0');
                number->scale *= 10;
        }
        return (size_t)(*p - start);
}

/* "12", "1.5" and ".5" are numbers; "3." is not. */
static int read_decimal(const char **p, struct decimal *ret_number)
{
        struct decimal number = { .scale = 1 };
        size_t digits;

        digits = read_whole(p, &number);
        if (**p == '.') {
                (*p)++;
                if (read_fraction(p, &number) == 0)
                        return -EINVAL;
        } else if (digits == 0) {
                return -EINVAL;
        }
        *ret_number = number;
        return 0;
}

/* A word is a unit as a whole or not at all: "secs" is not "s" and a rest. */
static int read_unit(const char **p, uint64_t *ret_usec)
{
        size_t len = strcspn(*p, " \t.0123456789");

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strlen(units[i].name) != len || memcmp(units[i].name, *p, len) != 0)
                        continue;
                *p += len;
                *ret_usec = units[i].usec;
                return 0;
        }
        return -EINVAL;
}

/* Reads one term at *p. A number without a unit means seconds, unless a '.' follows: "1.2.3". */
static int read_term(const char **p, unsigned __int128 *ret_usec, bool *ret_overflow)
{
        struct decimal number;
        const char *after;
        uint64_t unit = USEC_PER_SEC;
        int r;

        r = read_decimal(p, &number);
        if (r < 0)
                return r;
        after = skip_blanks(*p);
        if (*after != '\0' && *after != '.' && !is_digit(*after)) {
                r = read_unit(&after, &unit);
                if (r < 0)
                        return r;
        } else if (after == *p && *after == '.') {
                return -EINVAL;
        }
        *p = skip_blanks(after);
        *ret_usec = (unsigned __int128)number.whole * unit +
                    (unsigned __int128)number.fraction * unit / number.scale;
        *ret_overflow = number.overflow;
        return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_usec)
{
        const char *p = skip_blanks(text);
        uint64_t sum = 0;
        bool overflow = false;

        if (strcmp(p, "infinity") == 0)
                return -ERANGE;
        if (*p == '\0')
                return -EINVAL;

        while (*p != '\0') {
                unsigned __int128 term;
                bool term_overflow;
                int r;

                r = read_term(&p, &term, &term_overflow);
                if (r < 0)
                        return r;
                if (term_overflow || term > UINT64_MAX ||
                    __builtin_add_overflow(sum, (uint64_t)term, &sum))
                        overflow = true;
        }
        if (overflow)
                return -ERANGE;
        *ret_usec = sum;
        return 0;
}

int units_parse_percent(const char *text, unsigned *ret_pct)
{
        struct decimal number = { .scale = 1 };
        const char *p = text;

        if (read_whole(&p, &number) == 0)
                return -EINVAL;
        if (*p == '%')
                p++;
        if (*p != '\0')
                return -EINVAL;
        if (number.overflow || number.whole > 100)
                return -ERANGE;
        *ret_pct = (unsigned)number.whole;
        return 0;
}

int units_parse_share(const char *text, uint32_t *ret_ppm)
{
        struct decimal number;
        const char *p = text;
        uint64_t ppm;
        int r;

        r = read_decimal(&p, &number);
        if (r < 0)
                return r;
        if (*skip_blanks(p) == '%')
                p = skip_blanks(p) + 1;
        if (*p != '\0')
                return -EINVAL;
        if (number.overflow || number.whole > 100 || (number.whole == 100 && number.fraction > 0))
                return -ERANGE;
        ppm = number.whole * PPM_PER_PERCENT +
              (uint64_t)((unsigned __int128)number.fraction * PPM_PER_PERCENT / number.scale);
        *ret_ppm = (uint32_t)ppm;
        return 0;
}

int units_parse_count(const char *text, uint64_t max, uint64_t *ret_count)
{
        struct decimal number = { .scale = 1 };
        const char *p = text;

        if (read_whole(&p, &number) == 0 || *p != '\0')
                return -EINVAL;
        if (number.overflow || number.whole > max)
                return -ERANGE;
        *ret_count = number.whole;
        return 0;
}

/* Appends "3h" to buf, after a blank if it holds something already. */
static void append_term(char *buf, uint64_t count, const char *name)
{
        size_t len = strlen(buf);
        int n = snprintf(buf + len, UNITS_TEXT_MAX - len, "%s%" PRIu64 "%s", len > 0 ? " " : "",
                         count, name);

        assert(n > 0 && (size_t)n < UNITS_TEXT_MAX - len);
        (void)n;
}

const char *units_format_duration(uint64_t usec, char *buf)
{
        buf[0] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(printed); i++) {
                if (usec >= printed[i].usec)
                        append_term(buf, usec / printed[i].usec, printed[i].name);
                usec %= printed[i].usec;
        }
        if (buf[0] == '\0')
                append_term(buf, 0, "s");
        return buf;
}

const char *units_format_share(uint32_t ppm, char *buf)
{
        int n = snprintf(buf, UNITS_TEXT_MAX, "%" PRIu32 ".%04" PRIu32, ppm / PPM_PER_PERCENT,
                         ppm % PPM_PER_PERCENT);

        assert(n > 0 && n < UNITS_TEXT_MAX - 1);
        while (buf[n - 1] == '0')
                n--;
        if (buf[n - 1] == '.')
                n--;
        buf[n] = '%';
        buf[n + 1] = '\0';
        return buf;
}

/* An age below a second is "0s": nobody waits for those. */
const char *units_format_age(uint64_t usec, char *buf)
{
        size_t i = 0;

        buf[0] = '\0';
        while (printed[i].usec > USEC_PER_SEC && usec < printed[i].usec)
                i++;
        append_term(buf, usec / printed[i].usec, printed[i].name);
        usec %= printed[i].usec;
        if (printed[i].usec > USEC_PER_SEC && usec >= printed[i + 1].usec)
                append_term(buf, usec / printed[i + 1].usec, printed[i + 1].name);
        return buf;
}

const char *units_format_rfc3339(uint64_t wall_usec, char *buf)
{
        time_t seconds = (time_t)(wall_usec / USEC_PER_SEC);
        unsigned msec = (unsigned)(wall_usec % USEC_PER_SEC / USEC_PER_MSEC);
        struct tm tm = { 0 };

        /* UINT64_MAX microseconds are the year 586,524: gmtime_r() cannot fail on these. */
        (void)gmtime_r(&seconds, &tm);
        (void)snprintf(buf, UNITS_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, msec);
        return buf;
}
