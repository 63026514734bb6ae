/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The greatest number of a step is what is shown: a peak of ten seconds is what somebody looks for. */

#include "historyreply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "field.h"

uint64_t historyreply_number(const json_t *array, size_t i)
{
        const json_t *value = json_array_get(array, i);

        return json_is_integer(value) && json_integer_value(value) >= 0
                       ? (uint64_t)json_integer_value(value)
                       : CHART_UNKNOWN;
}

const char *historyreply_severity(const json_t *side, size_t i)
{
        static const char *const known[] = { "none", "warning", "critical" };
        const char *text = json_string_value(json_array_get(field_array(side, "severity"), i));

        for (size_t k = 0; text && k < ARRAY_SIZE(known); k++)
                if (strcmp(known[k], text) == 0)
                        return known[k];
        return NULL;
}

size_t historyreply_steps(const json_t *side)
{
        return MIN(json_array_size(field_array(field_object(side, "stuck"), "max")),
                   (size_t)HISTORYREPLY_STEPS_MAX);
}

bool historyreply_times(const json_t *reply, uint64_t *ret_start_sec, uint64_t *ret_step_sec)
{
        const char *at = field_text(reply, "startsAt");
        uint64_t start_usec;

        if (!at || field_parse_time(at, &start_usec) < 0 ||
            !field_count(reply, "stepSec", ret_step_sec) || *ret_step_sec == 0 ||
            *ret_step_sec > UINT32_MAX)
                return false;
        *ret_start_sec = start_usec / USEC_PER_SEC;
        return true;
}

void historyreply_read(const json_t *side, const char *member, size_t n, uint64_t *values,
                       struct historyreply_sum *ret_sum)
{
        const json_t *counts = field_object(side, member);
        struct historyreply_sum sum = { .last = CHART_UNKNOWN };

        for (size_t i = 0; i < n; i++) {
                values[i] = historyreply_number(field_array(counts, "max"), i);
                sum.gaps |= values[i] == CHART_UNKNOWN;
                if (values[i] == CHART_UNKNOWN)
                        continue;
                sum.known = true;
                sum.max = MAX(sum.max, values[i]);
                sum.last = historyreply_number(field_array(counts, "last"), i);
        }
        *ret_sum = sum;
}

const char *historyreply_sum_text(const char *title, const struct historyreply_sum *sum,
                                  char buf[static HISTORYREPLY_TEXT_MAX])
{
        if (!sum->known)
                snprintf(buf, HISTORYREPLY_TEXT_MAX, "%s: unknown", title);
        else if (sum->max == 0)
                snprintf(buf, HISTORYREPLY_TEXT_MAX, "%s: none was seen%s", title,
                         sum->gaps ? " in the time that is known" : "");
        else if (sum->last == CHART_UNKNOWN)
                snprintf(buf, HISTORYREPLY_TEXT_MAX, "%s: %" PRIu64 " at most", title, sum->max);
        else
                snprintf(buf, HISTORYREPLY_TEXT_MAX, "%s: %" PRIu64 " at most, %" PRIu64 " last",
                         title, sum->max, sum->last);
        return buf;
}
