/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One sequence at a time, without the C library's multibyte functions: those ask the locale. C1
 * controls count as controls because terminals obey them.
 */

#include "utf8.h"

#include <stdint.h>

/* What the first byte promises; 0: it cannot be a first byte. */
static size_t promised_len(uint8_t first)
{
        if (first < 0x80)
                return 1;
        if (first < 0xc2 || first > 0xf4)
                return 0;
        return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

size_t utf8_len(const char *p, size_t left)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const uint8_t *bytes = (const uint8_t *)p;
        size_t len = left > 0 ? promised_len(bytes[0]) : 0;
        uint32_t code;

        if (len <= 1)
                return len;
        if (len > left)
                return 0;
        code = bytes[0] & (0xffU >> (len + 1));
        for (size_t i = 1; i < len; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (bytes[i] & 0x3fU);
        }
        if (code < least[len] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
                return 0;
        return len;
}

bool utf8_is_control(const char *p)
{
        const uint8_t *bytes = (const uint8_t *)p;

        if (bytes[0] == 0xc2)
                return bytes[1] < 0xa0;
        return (bytes[0] < 0x20 && bytes[0] != '\t') || bytes[0] == 0x7f;
}
