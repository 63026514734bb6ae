/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The text form of an alert's key: what stands in the journal and in replies.
 */

#include <inttypes.h>

#include "detect.h"
#include "line.h"

static void add_escaped(struct line *line, const char *text)
{
        for (; *text; text++) {
                const char c = *text;

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    c == '.' || c == '_' || c == '-')
                        line_add(line, "%c", c);
                else
                        line_add(line, "%%%02X", (unsigned)(unsigned char)c);
        }
}

static void add_destination(struct line *line, const struct destination *destination)
{
        char text[ADDRESS_TEXT_MAX];

        if (destination->family == ADDR_NONE) {
                line_add(line, "-");
                return;
        }
        add_escaped(line, address_text(destination->family, &destination->source, text));
        line_add(line, "_");
        add_escaped(line, address_text(destination->family, &destination->address, text));
}

/* kind and side are our own words and need no escaping. */
const char *alert_key_text(const struct alert_key *key, char *buf)
{
        struct line line = line_init(buf, ALERT_KEY_TEXT_MAX);

        line_add(&line, "%s:", alert_kind_name(key->kind));
        if (key->port.netns != 0)
                line_add(&line, "%" PRIu32, key->port.netns);
        else
                line_add(&line, "-");
        line_add(&line, ":%s:%u:", port_side_name(key->port.side), key->port.port);
        add_destination(&line, &key->destination);
        return buf;
}
