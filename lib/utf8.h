/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8, as far as one must know whether bytes may be shown to people. */

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the sequence at p, 1 to 4; 0: not UTF-8 (overlong forms and surrogates included). */
size_t utf8_len(const char *p, size_t left);

/* Whether the (valid) sequence at p is a control character: C0 but the tab, DEL, C1. */
bool utf8_is_control(const char *p);
