/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One table: the name for --metric, the label and the unit of the performance data, and the member
 * of a port and of the totals. What a reply does not say stays unknown, and is never a zero.
 *
 * Where TIME_WAIT is an estimate, the number is what was counted last, however much that was: the
 * estimate gives no port more than it had, so that of a flood it knows nothing. twmond's own alerts are
 * decided so as well.
 */

#include "checknumbers.h"

#include <errno.h>
#include <string.h>

#include "field.h"
#include "view.h"

struct metric_row {
        const char *name;
        const char *label;
        const char *unit;
        const char *what;
        const char *member; /* of Port and of Totals; NULL: neither has it as a number to add up */
};

static const struct metric_row rows[CHECK_METRIC_COUNT] = {
        [CHECK_STUCK] = { "stuck", "stuck", "", "stuck in CLOSE_WAIT", "stuck" },
        [CHECK_CLOSE_WAIT] = { "close-wait", "close_wait", "", "in CLOSE_WAIT", "closeWait" },
        [CHECK_TIME_WAIT] = { "time-wait", "time_wait", "", "in TIME_WAIT", "timeWait" },
        [CHECK_OLDEST] = { "oldest", "oldest", "s", "oldest in CLOSE_WAIT", NULL },
        [CHECK_TIME_WAIT_TABLE] = { "time-wait-table", "time_wait_table", "%",
                                    "table of TIME_WAIT in use", NULL },
};

int check_metric_find(const char *name, enum check_metric *ret_metric)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].name, name) == 0) {
                        *ret_metric = (enum check_metric)i;
                        return 0;
                }
        return -EINVAL;
}

const char *check_metric_name(enum check_metric metric)
{
        return rows[metric].name;
}

const char *check_metric_what(enum check_metric metric)
{
        return rows[metric].what;
}

static void set(struct check_numbers *numbers, enum check_metric metric, double value)
{
        numbers->values[metric] = value;
        numbers->known[metric] = true;
}

/* Of a port or of the totals. */
static bool read_count(const json_t *object, size_t metric, uint64_t *ret_count)
{
        const bool before = metric == CHECK_TIME_WAIT && field_true(object, "timeWaitEstimated");

        return field_count(object, before ? "timeWaitCounted" : rows[metric].member, ret_count);
}

/* Nothing in CLOSE_WAIT: the oldest is 0. An age that is unknown among them leaves the whole so. */
static void add_oldest(struct check_numbers *numbers, const json_t *port)
{
        uint64_t count = 1, sec = 0;

        field_count(port, "closeWait", &count);
        if (count > 0 && !field_count(port, "oldestSec", &sec))
                numbers->known[CHECK_OLDEST] = false;
        else
                numbers->values[CHECK_OLDEST] = MAX(numbers->values[CHECK_OLDEST], (double)sec);
}

static void add_port(struct check_numbers *numbers, const json_t *port)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t count;

                if (!rows[i].member)
                        continue;
                if (read_count(port, i, &count))
                        numbers->values[i] += (double)count;
                else
                        numbers->known[i] = false;
        }
        numbers->counted_before |= field_true(port, "timeWaitEstimated");
        add_oldest(numbers, port);
}

void check_numbers_of_ports(json_t *ports, const struct choice *choice,
                            struct check_numbers *ret_numbers)
{
        struct check_numbers numbers = { .known = { [CHECK_STUCK] = true,
                                                    [CHECK_CLOSE_WAIT] = true,
                                                    [CHECK_TIME_WAIT] = true,
                                                    [CHECK_OLDEST] = true } };
        json_t *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                if (choice_fits(choice, port))
                        add_port(&numbers, port);
        }
        *ret_numbers = numbers;
}

const json_t *check_numbers_holder(json_t *ports, const struct choice *choice,
                                   enum check_metric metric)
{
        const json_t *holder = NULL;
        uint64_t count, most = 0;
        json_t *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                const bool known = metric == CHECK_OLDEST ? field_count(port, "oldestSec", &count)
                                                          : read_count(port, metric, &count);

                if (!known || count <= most || !choice_fits(choice, port))
                        continue;
                most = count;
                holder = port;
        }
        return holder;
}

void check_numbers_of_host(const json_t *status, json_t *ports, struct check_numbers *ret_numbers)
{
        const json_t *totals = field_object(status, "totals");
        const json_t *percent =
                json_object_get(field_object(status, "timeWaitTable"), "usedPercent");
        struct check_numbers numbers = { 0 };
        uint64_t count;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].member && read_count(totals, i, &count))
                        set(&numbers, (enum check_metric)i, (double)count);
        if (!field_text(totals, "timeWaitAt")) /* never counted: what is said is no count */
                numbers.known[CHECK_TIME_WAIT] = false;
        if (json_is_number(percent))
                set(&numbers, CHECK_TIME_WAIT_TABLE, json_number_value(percent));
        numbers.counted_before = field_true(totals, "timeWaitEstimated");
        numbers.known[CHECK_OLDEST] = ports != NULL;
        for (size_t i = 0; i < json_array_size(ports); i++)
                add_oldest(&numbers, json_array_get(ports, i));
        *ret_numbers = numbers;
}

void check_numbers_date(struct check_numbers *numbers, const json_t *status, uint64_t latest_usec)
{
        const json_t *totals = field_object(status, "totals");

        if (!numbers->counted_before)
                return;
        if (!view_age_of(totals, "timeWaitAt", &numbers->age_usec) ||
            numbers->age_usec > latest_usec)
                numbers->known[CHECK_TIME_WAIT] = false;
}

const char *check_number_text(const struct check_numbers *numbers, enum check_metric metric,
                              const char *where, char buf[static CHECK_VALUE_MAX])
{
        const double value = numbers->values[metric];
        char age[UNITS_TEXT_MAX];
        struct line line = line_init(buf, CHECK_VALUE_MAX);

        line_add(&line, "%s%s: ", rows[metric].what, where);
        if (!numbers->known[metric])
                line_add(&line, "unknown");
        else if (metric == CHECK_OLDEST)
                line_add(&line, "%s", units_format_age((uint64_t)value * USEC_PER_SEC, age));
        else if (metric == CHECK_TIME_WAIT_TABLE)
                line_add(&line, "%.1f %%", value);
        else
                line_add(&line, "%.0f", value);
        if (metric == CHECK_TIME_WAIT && numbers->counted_before && numbers->age_usec > 0)
                line_add(&line, " (counted %s ago)", units_format_age(numbers->age_usec, age));
        return buf;
}

static const char *level_text(const struct check_levels *levels, bool mine, bool critical)
{
        const struct threshold *threshold = critical ? &levels->critical : &levels->warning;

        return mine && threshold->text ? threshold->text : "";
}

void check_numbers_add(struct line *perfdata, const struct check_numbers *numbers,
                       const struct check_levels *levels)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const bool limited = levels->warning.text || levels->critical.text;
                const bool mine = limited && i == levels->metric;

                if (!numbers->known[i] && !mine)
                        continue;
                line_add(perfdata, "%s%s=", perfdata->len > 0 ? " " : "", rows[i].label);
                if (numbers->known[i])
                        line_add(perfdata, "%.*f%s", i == CHECK_TIME_WAIT_TABLE, numbers->values[i],
                                 rows[i].unit);
                else
                        line_add(perfdata, "U");
                line_add(perfdata, ";%s;%s;0%s", level_text(levels, mine, false),
                         level_text(levels, mine, true), i == CHECK_TIME_WAIT_TABLE ? ";100" : "");
        }
}
