/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * jansson answers NULL for a member of anything but an object, and 0 or NULL for a value of another
 * type, so every path below is safe for every reply; the type checks only keep unknown apart from
 * 0.
 */

#include "field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base.h"

#define AGE_SHOWN_MAX  64 /* two units of at most 20 digits are shorter */
#define SIDE_SHOWN_MAX 16 /* bytes of a side's name that fit a table */

const char *field_text(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

json_t *field_object(const json_t *object, const char *name)
{
        json_t *value = json_object_get(object, name);

        return json_is_object(value) ? value : NULL;
}

json_t *field_array(const json_t *object, const char *name)
{
        json_t *value = json_object_get(object, name);

        return json_is_array(value) ? value : NULL;
}

bool field_any(json_t *array, const char *name, const char *text)
{
        json_t *item;
        size_t i;

        json_array_foreach(array, i, item)
        {
                const char *its = field_text(item, name);

                if (its && strcmp(its, text) == 0)
                        return true;
        }
        return false;
}

bool field_true(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name));
}

bool field_count(const json_t *object, const char *name, uint64_t *ret_value)
{
        const json_t *value = json_object_get(object, name);

        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return false;
        *ret_value = (uint64_t)json_integer_value(value);
        return true;
}

const char *field_show_count(const json_t *object, const char *name, char *buf)
{
        uint64_t value;

        if (!field_count(object, name, &value))
                return strcpy(buf, FIELD_UNKNOWN);
        snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64, value);
        return buf;
}

bool field_is_at_least(const json_t *alert)
{
        const char *kind = field_text(alert, "kind");

        return kind && strcmp(kind, "close-wait-stuck") == 0 && field_true(alert, "stuckAtLeast");
}

static const char *show_bound(const json_t *object, const char *name, bool at_least, char *buf)
{
        uint64_t value;

        if (!field_count(object, name, &value))
                return strcpy(buf, FIELD_UNKNOWN);
        snprintf(buf, UNITS_TEXT_MAX, "%s%" PRIu64, at_least ? ">= " : "", value);
        return buf;
}

const char *field_show_stuck(const json_t *object, char *buf)
{
        return show_bound(object, "stuck", field_true(object, "stuckAtLeast"), buf);
}

const char *field_show_number(const json_t *alert, char *buf)
{
        return show_bound(alert, "count", field_is_at_least(alert), buf);
}

const char *field_show_yes(const json_t *object, const char *name, char *buf)
{
        const json_t *value = json_object_get(object, name);

        if (!json_is_boolean(value))
                return strcpy(buf, FIELD_UNKNOWN);
        return strcpy(buf, json_is_true(value) ? "yes" : "no");
}

const char *field_show_age(const json_t *object, const char *name, const char *at_least, char *buf)
{
        bool bound = at_least && field_true(object, at_least);
        char age[UNITS_TEXT_MAX];
        uint64_t sec;

        if (!field_count(object, name, &sec))
                return strcpy(buf, FIELD_UNKNOWN);
        units_format_age(MIN(sec, UINT64_MAX / USEC_PER_SEC) * USEC_PER_SEC, age);
        snprintf(buf, UNITS_TEXT_MAX, "%s%.*s", bound ? ">= " : "", AGE_SHOWN_MAX, age);
        return buf;
}

bool field_is_host(const json_t *object)
{
        const char *side = field_text(object, "side");

        return side && strcmp(side, "host") == 0;
}

bool field_is_percent(const json_t *alert)
{
        const char *kind = field_text(alert, "kind");

        return kind &&
               (strcmp(kind, "port-exhaustion") == 0 || strcmp(kind, "time-wait-table") == 0);
}

const char *field_show_port(const json_t *object, char *buf)
{
        const char *side = field_text(object, "side");
        uint64_t port;

        if (field_is_host(object))
                return strcpy(buf, "host");
        if (!side)
                side = FIELD_UNKNOWN;
        if (field_count(object, "port", &port))
                snprintf(buf, UNITS_TEXT_MAX, "%.*s:%" PRIu64, SIDE_SHOWN_MAX, side, port);
        else
                snprintf(buf, UNITS_TEXT_MAX, "%.*s:" FIELD_UNKNOWN, SIDE_SHOWN_MAX, side);
        return buf;
}

int field_parse_time(const char *text, uint64_t *ret_wall_usec)
{
        struct tm tm = { 0 };
        const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        uint64_t fraction_usec = 0;
        time_t seconds;

        if (!end)
                return -EINVAL;
        if (*end == '.') {
                uint64_t unit = USEC_PER_SEC / 10;

                for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
                        fraction_usec += unit * (uint64_t)(*end - '0');
        }
        seconds = timegm(&tm);
        if (strcmp(end, "Z") != 0 || seconds < 0)
                return -EINVAL;
        *ret_wall_usec = (uint64_t)seconds * USEC_PER_SEC + fraction_usec;
        return 0;
}
