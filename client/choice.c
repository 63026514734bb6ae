/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A key is never taken for a port: it has more colons. */

#include "choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "field.h"

const char *choice_take_side(const char **text)
{
        for (enum port_side side = SIDE_LOCAL; side < SIDE_COUNT; side++) {
                const char *name = port_side_name(side);
                const size_t len = strlen(name);

                if (strncmp(*text, name, len) == 0 && (*text)[len] == ':') {
                        *text += len + 1;
                        return name;
                }
        }
        return NULL;
}

int choice_parse(const char *text, struct choice *ret_choice)
{
        struct choice choice = { 0 };
        struct alert_key key;
        uint64_t port;

        if (alert_key_parse(text, &key) == 0) {
                choice.key = text;
        } else if (strcmp(text, port_side_name(SIDE_HOST)) == 0) {
                choice.side = port_side_name(SIDE_HOST);
        } else {
                choice.side = choice_take_side(&text);
                if (units_parse_count(text, UINT16_MAX, &port) < 0 || port == 0)
                        return -EINVAL;
                choice.port = (uint16_t)port;
        }
        *ret_choice = choice;
        return 0;
}

bool choice_is_empty(const struct choice *choice)
{
        return !choice->key && !choice->side && choice->port == 0;
}

static bool is_text(const json_t *object, const char *name, const char *wanted)
{
        const char *text = field_text(object, name);

        return !wanted || (text && strcmp(text, wanted) == 0);
}

bool choice_fits(const struct choice *choice, const json_t *alert)
{
        uint64_t port;

        return is_text(alert, "key", choice->key) && is_text(alert, "side", choice->side) &&
               (choice->port == 0 || (field_count(alert, "port", &port) && port == choice->port));
}

const char *choice_text(const struct choice *choice, char buf[static CHOICE_TEXT_MAX])
{
        if (choice->key)
                snprintf(buf, CHOICE_TEXT_MAX, "%s", choice->key);
        else if (choice->port == 0)
                snprintf(buf, CHOICE_TEXT_MAX, "this host");
        else
                snprintf(buf, CHOICE_TEXT_MAX, "%s%s%u", choice->side ? choice->side : "port",
                         choice->side ? ":" : " ", choice->port);
        return buf;
}
