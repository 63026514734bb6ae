/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How members of JSON objects are set. Setting one takes its value over even when it fails, and
 * failing is sticky: collect the results by |= and give them to finish().
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base.h"
#include "wire.h"

static inline int put(json_t *object, const char *name, json_t *value)
{
        return json_object_set_new(object, name, value);
}

/* No JSON integer is above INT64_MAX. */
static inline int put_int(json_t *object, const char *name, uint64_t value)
{
        return put(object, name, json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX)));
}

static inline int put_int_if(json_t *object, bool known, const char *name, uint64_t value)
{
        return known ? put_int(object, name, value) : 0;
}

static inline int put_double(json_t *object, const char *name, double value)
{
        return put(object, name, json_real(value));
}

static inline int put_bool(json_t *object, const char *name, bool value)
{
        return put(object, name, json_boolean(value));
}

static inline int put_line_if(json_t *object, const char *name, const char *text)
{
        return text[0] ? put(object, name, wire_line(text)) : 0;
}

/* The object, or NULL where a member could not be set. */
static inline json_t *finish(json_t *object, int r)
{
        if (r < 0) {
                json_decref(object);
                return NULL;
        }
        return object;
}
