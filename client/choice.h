/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which alerts somebody means: KEY, PORT, SIDE:PORT or "host", as the tables show them. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "detect.h"

#define CHOICE_TEXT_MAX ALERT_KEY_TEXT_MAX

/* All zero: every alert. */
struct choice {
        const char *key;  /* NULL: by what follows. Borrowed from the text */
        const char *side; /* NULL: any; a constant */
        uint16_t port;    /* 0: any */
};

/* "local" or "remote" before the colon; *text then goes on behind it. NULL: there is none. A constant. */
const char *choice_take_side(const char **text);
/* 0, or -EINVAL: it is none of these. */
int choice_parse(const char *text, struct choice *ret_choice);
bool choice_is_empty(const struct choice *choice);
/* alert: one of a reply. */
bool choice_fits(const struct choice *choice, const json_t *alert);
/* "local:7865", "port 7865", "this host", the key. Returns buf. */
const char *choice_text(const struct choice *choice, char buf[static CHOICE_TEXT_MAX]);
