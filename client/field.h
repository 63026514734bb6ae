/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Members of a reply, read without trust: what is missing or of another type is unknown, and shown
 * as "-". Texts are as they came; they are made printable where they are written.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "units.h"

#define FIELD_UNKNOWN "-"

/* Takes NULL and what is no object for an empty one. NULL: unknown. Borrowed. */
const char *field_text(const json_t *object, const char *name);
json_t *field_object(const json_t *object, const char *name);
json_t *field_array(const json_t *object, const char *name);
/* Has an item of the array, which may be NULL, that text as its member? */
bool field_any(json_t *array, const char *name, const char *text);
/* True where the member is true; false and unknown are false. */
bool field_true(const json_t *object, const char *name);
/* Its side is the host as a whole. */
bool field_is_host(const json_t *object);
/* Of an alert: its number and its levels are percentages. */
bool field_is_percent(const json_t *alert);
/* Of an alert: its number is that of stuck sockets, and some have no age and may be stuck as well. */
bool field_is_at_least(const json_t *alert);
/* Numbers below 0 are unknown: none of the interface's can be. False leaves *ret_value alone. */
bool field_count(const json_t *object, const char *name, uint64_t *ret_value);

/* Each fills buf (UNITS_TEXT_MAX) and returns it. */
const char *field_show_count(const json_t *object, const char *name, char *buf);
/* Those of a port that are stuck, ">= " before it where some have no age. */
const char *field_show_stuck(const json_t *object, char *buf);
/* The number of an alert without its unit, ">= " before it where it is a lower bound. */
const char *field_show_number(const json_t *alert, char *buf);
const char *field_show_yes(const json_t *object, const char *name, char *buf);
/* Seconds as an age, ">= " before it where the member at_least (may be NULL) is true. */
const char *field_show_age(const json_t *object, const char *name, const char *at_least, char *buf);
/* "local:7865", "host" */
const char *field_show_port(const json_t *object, char *buf);

/* "2026-01-31T12:00:00.250Z" to microseconds since 1970. 0, or -EINVAL. */
int field_parse_time(const char *text, uint64_t *ret_wall_usec);
