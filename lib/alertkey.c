/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The text form of an alert's key, and back. A key has one text form and no other: what is read is
 * written again and compared, so whatever else the reader might take (leading zeros, needless
 * escapes, another spelling of an address) is none.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "detect.h"
#include "line.h"
#include "units.h"

enum { PART_KIND, PART_NETNS, PART_SIDE, PART_PORT, PART_DESTINATION, PART_COUNT };

int alert_key_compare(const struct alert_key *a, const struct alert_key *b)
{
        int r;

        if (a->kind != b->kind)
                return (int)a->kind - (int)b->kind;
        r = port_key_compare(&a->port, &b->port);
        return r != 0 ? r : destination_compare(&a->destination, &b->destination);
}

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

/* Cuts the text at its colons, in place. There are never any inside a part. */
static int split(char *text, char *ret_parts[static PART_COUNT])
{
        for (int i = 0; i < PART_COUNT; i++)
                if (!(ret_parts[i] = strsep(&text, ":")))
                        return -EINVAL;
        return text ? -EINVAL : 0;
}

static int parse_port(char *const parts[static PART_COUNT], struct port_key *ret_port)
{
        uint64_t netns = 0, port;
        uint8_t side = 0;

        if (strcmp(parts[PART_NETNS], "-") != 0 &&
            units_parse_count(parts[PART_NETNS], UINT32_MAX, &netns) < 0)
                return -EINVAL;
        while (side < SIDE_COUNT && strcmp(parts[PART_SIDE], port_side_name(side)) != 0)
                side++;
        if (side == SIDE_COUNT || units_parse_count(parts[PART_PORT], UINT16_MAX, &port) < 0)
                return -EINVAL;
        *ret_port = (struct port_key){ (uint32_t)netns, (uint16_t)port, side };
        return 0;
}

static int parse_nibble(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX to bytes, in place. */
static int unescape(char *text)
{
        char *to = text;

        for (const char *from = text; *from; from++, to++) {
                int high, low;

                *to = *from;
                if (*from != '%')
                        continue;
                high = parse_nibble(from[1]);
                low = high < 0 ? -1 : parse_nibble(from[2]);
                if (low < 0)
                        return -EINVAL;
                *to = (char)(high << 4 | low);
                from += 2;
        }
        *to = '\0';
        return 0;
}

static int parse_address(char *text, uint8_t *ret_family, struct sock_addr *ret_address)
{
        if (unescape(text) < 0)
                return -EINVAL;
        *ret_family = strchr(text, ':') ? ADDR_IPV6 : ADDR_IPV4;
        return inet_pton(*ret_family == ADDR_IPV6 ? AF_INET6 : AF_INET, text, ret_address->bytes) ==
                               1
                       ? 0
                       : -EINVAL;
}

static int parse_destination(char *text, struct destination *destination)
{
        char *source = strsep(&text, "_");
        uint8_t family;

        if (!text)
                return strcmp(source, "-") == 0 ? 0 : -EINVAL;
        if (parse_address(source, &family, &destination->source) < 0 ||
            parse_address(text, &destination->family, &destination->address) < 0)
                return -EINVAL;
        return family == destination->family ? 0 : -EINVAL;
}

int alert_key_parse(const char *text, struct alert_key *ret_key)
{
        char copy[ALERT_KEY_TEXT_MAX], *parts[PART_COUNT];
        struct alert_key key = { 0 };

        if (strlen(text) >= sizeof(copy))
                return -EINVAL;
        strcpy(copy, text);
        if (split(copy, parts) < 0 || alert_kind_parse(parts[PART_KIND], &key.kind) < 0 ||
            parse_port(parts, &key.port) < 0 ||
            parse_destination(parts[PART_DESTINATION], &key.destination) < 0 ||
            strcmp(alert_key_text(&key, copy), text) != 0)
                return -EINVAL;
        *ret_key = key;
        return 0;
}
