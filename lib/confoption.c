/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The option table and what reads single values.
 *
 * Defaults are text like any other value and go the same way, so that a default outside its own
 * bounds cannot exist. The sample file is conf_print_help() word for word.
 */

#include "confoption.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "budget.h"
#include "conf.h"
#include "historyrow.h"
#include "leak.h"
#include "ledger.h"
#include "units.h"

#define LEVEL_MAX     1000000000
#define DAYS(n)       ((int64_t)((n)*USEC_PER_DAY))
#define HOLD(key_)    .section = "Alerts", .key = (key_), .type = CONF_DURATION
#define LEVEL(s, k)   .section = (s), .key = (k), .type = CONF_LEVEL, .min = 1, .max = LEVEL_MAX
#define PERCENT(s, k) .section = (s), .key = (k), .type = CONF_PERCENT_LEVEL, .min = 1, .max = 100

const struct conf_option conf_options[OPTION_COUNT] = {
        [OPTION_INTERVAL] = {
                .section = "Scan", .key = "Interval", .type = CONF_DURATION,
                .min = 100 * USEC_PER_MSEC, .max = 10 * USEC_PER_MIN, .default_text = "10s",
                .help = "How often the kernel's TCP sockets are counted while something may be\n"
                        "decided. While nothing can be: after three Intervals or 30s, whichever\n"
                        "is less, but never before one Interval has passed.",
        },
        [OPTION_CPU_BUDGET] = {
                .section = "Scan", .key = "CPUBudget", .type = CONF_SHARE,
                .min = 100, .max = BUDGET_PPM_MAX, .default_text = "1%",
                .help = "How much of one CPU that may take. Where there are so many sockets that\n"
                        "it would be more, the intervals are stretched, beyond 30s if they must\n"
                        "be, to 10min at most; twmonctl status says so.",
        },
        [OPTION_STUCK_AFTER] = {
                .section = "CloseWait", .key = "StuckAfter", .port_key = "StuckAfter",
                .type = CONF_DURATION, .min = 100 * USEC_PER_MSEC, .max = DAYS(30),
                .default_text = "60s",
                .help = "A socket that has been in CLOSE_WAIT for this long is stuck: its\n"
                        "peer has gone and the program has not closed it.",
        },
        [OPTION_STUCK_WARNING] = {
                LEVEL("CloseWait", "StuckWarning"), .port_key = "StuckWarning",
                .default_text = "10",
                .help = "close-wait-stuck: so many stuck sockets on one port are a warning. Those\n"
                        "that are there for no longer than is usual on it do not count; see\n"
                        "\"How a leak is told\" in twmon.conf(5).",
        },
        [OPTION_STUCK_CRITICAL] = {
                LEVEL("CloseWait", "StuckCritical"), .port_key = "StuckCritical",
                .default_text = "100",
                .help = "... and so many are critical.",
        },
        [OPTION_POOL_IDLE] = {
                .section = "CloseWait", .key = "PoolIdle", .port_key = "PoolIdle",
                .type = CONF_DURATION, .max = DAYS(30), .default_text = "15min",
                .help = "An outgoing connection whose end-of-file is unread may be an idle\n"
                        "member of a connection pool: for this long it is neither judged as\n"
                        "stuck nor as leaked.",
        },
        [OPTION_USUAL_MAX] = {
                .section = "CloseWait", .key = "UsualMax", .port_key = "UsualMax",
                .type = CONF_COUNT, .max = 65535, .default_text = "256",
                .help = "So many stuck sockets of one port at most are taken as usual.",
        },
        [OPTION_LEAK_ARRIVALS] = {
                .section = "CloseWait", .key = "LeakArrivals", .port_key = "LeakArrivals",
                .type = CONF_LEVEL, .min = 2, .max = LEAK_TIMES_MAX, .default_text = "3",
                .help = "close-wait-leak: sockets that outlive what is usual on their port, and\n"
                        "which arrived at so many separate times, are a leak. See\n"
                        "\"How a leak is told\" in twmon.conf(5).",
        },
        [OPTION_LEAK_CRITICAL_WITHIN] = {
                .section = "CloseWait", .key = "LeakCriticalWithin",
                .port_key = "LeakCriticalWithin", .type = CONF_DURATION, .min = USEC_PER_SEC,
                .max = DAYS(365), .zero = true, .default_text = "1h",
                .help = "A leak is critical when the program's descriptors run out within this\n"
                        "time.",
        },
        [OPTION_CLOSE_WAIT_WARNING] = {
                LEVEL("CloseWait", "CountWarning"), .port_key = "CloseWaitCountWarning",
                .default_text = "",
                .help = "close-wait-count: so many sockets in CLOSE_WAIT on one port, of any\n"
                        "age, are a warning.",
        },
        [OPTION_CLOSE_WAIT_CRITICAL] = {
                LEVEL("CloseWait", "CountCritical"), .port_key = "CloseWaitCountCritical",
                .default_text = "",
                .help = "... and so many are critical.",
        },
        [OPTION_MAX_TRACKED] = {
                .section = "CloseWait", .key = "MaxTracked", .type = CONF_COUNT,
                .min = 1024, .max = LEDGER_MAX_LIMIT, .default_text = "262144",
                .help = "CLOSE_WAIT sockets whose age is followed; more are counted, without an\n"
                        "age. Each takes up to 64 bytes, more for a while after a peak.",
        },
        [OPTION_TIME_WAIT_WARNING] = {
                LEVEL("TimeWait", "CountWarning"), .port_key = "TimeWaitCountWarning",
                .default_text = "",
                .help = "time-wait-count: so many sockets in TIME_WAIT on one port are a\n"
                        "warning.",
        },
        [OPTION_TIME_WAIT_CRITICAL] = {
                LEVEL("TimeWait", "CountCritical"), .port_key = "TimeWaitCountCritical",
                .default_text = "",
                .help = "... and so many are critical.",
        },
        [OPTION_TABLE_WARNING] = {
                PERCENT("TimeWait", "TableWarning"), .default_text = "80%",
                .help = "time-wait-table: so much of net.ipv4.tcp_max_tw_buckets in use is a\n"
                        "warning.",
        },
        [OPTION_TABLE_CRITICAL] = {
                PERCENT("TimeWait", "TableCritical"), .default_text = "95%",
                .help = "... and so much is critical; so is any connection that found no room.",
        },
        [OPTION_SILENT_AFTER] = {
                .section = "HalfOpen", .key = "SilentAfter", .port_key = "SilentAfter",
                .type = CONF_DURATION, .min = USEC_PER_SEC, .max = DAYS(30), .default_text = "1h",
                .help = "An established connection without a keepalive timer, from whose peer\n"
                        "nothing has come for this long, may be half-open: if the peer is\n"
                        "gone, nobody will ever notice.",
        },
        [OPTION_HALF_OPEN_WARNING] = {
                LEVEL("HalfOpen", "HalfOpenWarning"), .port_key = "HalfOpenWarning",
                .default_text = "",
                .help = "half-open: so many of them on one port are a warning. Connections whose\n"
                        "peer does not answer what is sent again and again count, too.",
        },
        [OPTION_HALF_OPEN_CRITICAL] = {
                LEVEL("HalfOpen", "HalfOpenCritical"), .port_key = "HalfOpenCritical",
                .default_text = "",
                .help = "... and so many are critical.",
        },
        [OPTION_RAISE_AFTER] = {
                HOLD("RaiseAfter"), .max = DAYS(1), .default_text = "20s",
                .help = "A level must be reached for this long before the alert is raised.",
        },
        [OPTION_CLEAR_AFTER] = {
                HOLD("ClearAfter"), .max = DAYS(1), .default_text = "2min",
                .help = "An alert is cleared when its count has been low for this long.",
        },
        [OPTION_CLEAR_BELOW] = {
                .section = "Alerts", .key = "ClearBelow", .type = CONF_PERCENT,
                .min = 1, .max = 100,
                .default_text = "80%",
                .help = "Low is below this part of the level that raised it.",
        },
        [OPTION_REMIND_EVERY] = {
                HOLD("RemindEvery"), .min = USEC_PER_SEC, .max = DAYS(365), .zero = true,
                .default_text = "1h",
                .help = "An alert that stays raised is told again this often.",
        },
        [OPTION_START] = {
                .section = "Alerts", .key = "Start", .type = CONF_UNIT, .default_text = "",
                .help = "The unit that is started when an alert is raised, escalates or clears,\n"
                        "with the alert's key, escaped, as its instance. twmon-alert@.service is\n"
                        "an example. See \"Acting on an alert\" in twmond(8).",
        },
        [OPTION_EXHAUSTION_WARNING] = {
                PERCENT("Ports", "ExhaustionWarning"), .port_key = "ExhaustionWarning",
                .default_text = "70%",
                .help = "port-exhaustion: so much of the local ports in use towards one\n"
                        "destination is a warning. In a section of its own it is for one\n"
                        "port of destinations, as in [Port remote:5432].",
        },
        [OPTION_EXHAUSTION_CRITICAL] = {
                PERCENT("Ports", "ExhaustionCritical"), .port_key = "ExhaustionCritical",
                .default_text = "85%",
                .help = "... and so much is critical.",
        },
        [OPTION_IGNORE] = {
                .section = "Ports", .key = "Ignore", .type = CONF_PORTS, .default_text = "",
                .help = "Ports that are counted but never judged: local ones, or with remote:\n"
                        "in front those of servers that this host connects to. Several lines\n"
                        "add up; an empty one forgets the lines before it.",
        },
        [OPTION_HISTORY_PORTS] = {
                .section = "Ports", .key = "HistoryPorts", .type = CONF_PORTS,
                .max = HISTORY_NAMED_MAX, .default_text = "",
                .help = "Ports that twmonctl history can tell of whatever the others do; without\n"
                        "it, those that are or lately were among the 32 worst. Lines add up as\n"
                        "above.",
        },
};

static const char *expected_duration(const struct conf_option *option, char *buf)
{
        char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

        (void)snprintf(buf, CONF_EXPECTED_MAX, "a duration from %s to %s%s",
                       units_format_duration((uint64_t)option->min, min),
                       units_format_duration((uint64_t)option->max, max),
                       option->zero ? ", or 0 (never)" : "");
        return buf;
}

static const char *expected_share(const struct conf_option *option, char *buf)
{
        char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

        (void)snprintf(buf, CONF_EXPECTED_MAX, "a percentage from %.16s to %.16s, or off",
                       units_format_share((uint32_t)option->min, min),
                       units_format_share((uint32_t)option->max, max));
        return buf;
}

const char *conf_option_expected(const struct conf_option *option,
                                 char buf[static CONF_EXPECTED_MAX])
{
        switch (option->type) {
        case CONF_DURATION:
                return expected_duration(option, buf);
        case CONF_PERCENT:
                (void)snprintf(buf, CONF_EXPECTED_MAX, "a percentage from %d%% to %d%%",
                               (int)option->min, (int)option->max);
                break;
        case CONF_PERCENT_LEVEL:
                (void)snprintf(buf, CONF_EXPECTED_MAX,
                               "a percentage from %d%% to %d%%, or nothing (off)", (int)option->min,
                               (int)option->max);
                break;
        case CONF_SHARE:
                return expected_share(option, buf);
        case CONF_COUNT:
                (void)snprintf(buf, CONF_EXPECTED_MAX, "a count from %d to %d", (int)option->min,
                               (int)option->max);
                break;
        case CONF_LEVEL:
                (void)snprintf(buf, CONF_EXPECTED_MAX, "a count from %d to %d, or nothing (off)",
                               (int)option->min, (int)option->max);
                break;
        case CONF_PORTS:
                if (option->max > 0)
                        (void)snprintf(buf, CONF_EXPECTED_MAX,
                                       "at most %d ports, such as 9100 6000-6007 remote:5432",
                                       (int)option->max);
                else
                        (void)snprintf(buf, CONF_EXPECTED_MAX,
                                       "ports and ranges such as 9100 6000-6063 remote:5432");
                break;
        case CONF_UNIT:
                (void)snprintf(buf, CONF_EXPECTED_MAX,
                               "NAME@.service or NAME@.target of %d bytes at most, or nothing "
                               "(off)",
                               CONF_START_MAX);
                break;
        }
        return buf;
}

static int parse_number(const struct conf_option *option, const char *text, uint64_t *ret_number)
{
        unsigned pct;
        uint32_t ppm;
        int r = -EINVAL;

        switch (option->type) {
        case CONF_DURATION:
                return units_parse_duration(text, ret_number);
        case CONF_PERCENT:
        case CONF_PERCENT_LEVEL:
                r = units_parse_percent(text, &pct);
                if (r == 0)
                        *ret_number = pct;
                return r;
        case CONF_SHARE:
                r = units_parse_share(text, &ppm);
                if (r == 0)
                        *ret_number = ppm;
                return r;
        case CONF_COUNT:
        case CONF_LEVEL:
                return units_parse_count(text, (uint64_t)option->max, ret_number);
        case CONF_PORTS:
        case CONF_UNIT:
                break;
        }
        return r;
}

int conf_option_parse(const struct conf_option *option, const char *text, int64_t *ret_value)
{
        uint64_t number;
        int r;

        if ((option->type == CONF_LEVEL || option->type == CONF_PERCENT_LEVEL) && text[0] == '\0') {
                *ret_value = RULE_LEVEL_OFF;
                return 0;
        }
        if (option->type == CONF_SHARE && strcmp(text, "off") == 0) {
                *ret_value = 0;
                return 0;
        }
        r = parse_number(option, text, &number);
        if (r < 0)
                return r;
        if (number > (uint64_t)option->max ||
            (number < (uint64_t)option->min && !(option->zero && number == 0)))
                return -ERANGE;
        *ret_value = (int64_t)number;
        return 0;
}

/* Reads 1 to 65535 from exactly len bytes. */
static int parse_port(const char *text, size_t len, uint16_t *ret_port)
{
        char digits[8];
        uint64_t port;

        if (len >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, len);
        digits[len] = '\0';
        if (units_parse_count(digits, UINT16_MAX, &port) < 0 || port == 0)
                return -EINVAL;
        *ret_port = (uint16_t)port;
        return 0;
}

/* Takes "remote:" or "local:" off the front; neither means local. */
static enum port_side take_side(const char **text, size_t *len)
{
        for (enum port_side side = SIDE_LOCAL; side < SIDE_COUNT; side++) {
                const char *name = port_side_name(side);
                size_t n = strlen(name);

                if (*len > n && strncmp(*text, name, n) == 0 && (*text)[n] == ':') {
                        *text += n + 1;
                        *len -= n + 1;
                        return side;
                }
        }
        return SIDE_LOCAL;
}

int conf_ports_next(const char **list, struct conf_ports *ret_ports)
{
        const char *text = *list + strspn(*list, " \t"), *dash;
        size_t len = strcspn(text, " \t"), first_len;
        struct conf_ports ports;

        *list = text + len;
        if (len == 0)
                return CONF_PORTS_END;
        ports.side = take_side(&text, &len);
        dash = memchr(text, '-', len);
        first_len = dash ? (size_t)(dash - text) : len;
        if (parse_port(text, first_len, &ports.first) < 0)
                return -EINVAL;
        ports.last = ports.first;
        if (dash && parse_port(dash + 1, len - first_len - 1, &ports.last) < 0)
                return -EINVAL;
        if (ports.first > ports.last)
                return -EINVAL;
        *ret_ports = ports;
        return 0;
}

/* The letters of unit names, see systemd.unit(5). */
static bool is_unit_text(const char *text, size_t len)
{
        static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\";

        return len > 0 && strspn(text, letters) >= len;
}

int conf_unit_check(const char *name)
{
        const char *at = strchr(name, '@');

        if (!at || !is_unit_text(name, (size_t)(at - name)) ||
            (strcmp(at, "@.service") != 0 && strcmp(at, "@.target") != 0))
                return -EINVAL;
        return strlen(name) > CONF_START_MAX ? -ERANGE : 0;
}

static int lower(char c)
{
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Levenshtein's, one row at a time. */
size_t conf_distance(const char *a, const char *b)
{
        size_t row[CONF_DISTANCE_MAX], n = strlen(b);

        if (n >= ARRAY_SIZE(row))
                return CONF_DISTANCE_MAX;
        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 0; a[i] != '\0'; i++) {
                size_t diagonal = row[0];

                row[0] = i + 1;
                for (size_t j = 0; j < n; j++) {
                        size_t change = diagonal + (lower(a[i]) != lower(b[j]));

                        diagonal = row[j + 1];
                        row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
                }
        }
        return MIN(row[n], (size_t)CONF_DISTANCE_MAX);
}
