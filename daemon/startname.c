/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of units: systemd.unit(5), "String Escaping for Inclusion in Unit Names". */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "starter.h"

struct name {
        char *text; /* STARTER_UNIT_MAX */
        size_t len;
};

static int put(struct name *name, const char *text, size_t len)
{
        if (len >= STARTER_UNIT_MAX - name->len)
                return -ENAMETOOLONG;
        memcpy(name->text + name->len, text, len);
        name->len += len;
        name->text[name->len] = '\0';
        return 0;
}

/* '/' becomes '-'; what is no letter of a unit's name, '-' and '\' become \xXX, a leading '.' too. */
static int put_escaped(struct name *name, char c, bool first)
{
        static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ:_.";
        char hex[8];

        if (c == '/')
                return put(name, "-", 1);
        if (strchr(plain, c) && !(c == '.' && first))
                return put(name, &c, 1);
        (void)snprintf(hex, sizeof(hex), "\\x%02x", (unsigned char)c);
        return put(name, hex, strlen(hex));
}

int starter_unit_name(const char *template_unit, const char *key,
                      char ret_unit[static STARTER_UNIT_MAX])
{
        const char *at = strchr(template_unit, '@');
        char text[STARTER_UNIT_MAX];
        struct name name = { .text = text };
        int r;

        if (!at || at == template_unit || at[1] != '.')
                return -EINVAL;
        r = put(&name, template_unit, (size_t)(at - template_unit) + 1);
        for (size_t i = 0; key[i] != '\0' && r == 0; i++)
                r = put_escaped(&name, key[i], i == 0);
        if (r == 0)
                r = put(&name, at + 1, strlen(at + 1));
        if (r == 0)
                memcpy(ret_unit, text, name.len + 1);
        return r;
}
