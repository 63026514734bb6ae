/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words of a command line that are no options: the verb, and what may stand behind it, of which
 * the verb's row says the kind. A port that is looked up may be a service's name, one that is an
 * alert's may not: there a word that is no number is rather a key with a mistake in it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>

#include "cmdline-private.h"
#include "units.h"
#include "verbs.h"

int cmdline_wrong(char *error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(error, CMDLINE_ERROR_MAX, format, args);
        va_end(args);
        return CMDLINE_WRONG;
}

static int take_verb(struct cmdline *options, const char *word, char *error)
{
        options->verb = verb_find(word);
        return options->verb ? 0 : cmdline_wrong(error, "no verb \"%s\"", word);
}

static int take_port(struct cmdline *options, const char *word, char *error)
{
        uint64_t port;

        if (units_parse_count(word, UINT16_MAX, &port) < 0 || port == 0)
                return cmdline_wrong(error, "PORT must be a number from 1 to 65535, not \"%s\"",
                                     word);
        if (options->n_ports == CMDLINE_PORTS_MAX)
                return cmdline_wrong(error, "too many ports: at most %d", CMDLINE_PORTS_MAX);
        options->ports[options->n_ports++] = (uint16_t)port;
        return 0;
}

static int take_sided_port(struct cmdline *options, const char *word, char *error)
{
        const char *side = choice_take_side(&word);
        int r = take_port(options, word, error);

        if (r == 0)
                options->sides[options->n_ports - 1] = side;
        return r;
}

/* As inet_ntop(3) writes it; what is mapped to IPv6 as the IPv4 address that it is. */
static bool parse_address(const char *word, char ret_text[static INET6_ADDRSTRLEN])
{
        struct in6_addr v6;
        struct in_addr v4;

        if (inet_pton(AF_INET, word, &v4) == 1)
                return inet_ntop(AF_INET, &v4, ret_text, INET6_ADDRSTRLEN) != NULL;
        if (inet_pton(AF_INET6, word, &v6) != 1)
                return false;
        if (IN6_IS_ADDR_V4MAPPED(&v6))
                return inet_ntop(AF_INET, &v6.s6_addr[12], ret_text, INET6_ADDRSTRLEN) != NULL;
        return inet_ntop(AF_INET6, &v6, ret_text, INET6_ADDRSTRLEN) != NULL;
}

/* A number, or the name of a TCP service: services(5). */
static int take_service(struct cmdline *options, const char *word, char *error)
{
        const struct servent *service;
        uint64_t number;

        if (units_parse_count(word, UINT64_MAX, &number) != -EINVAL || !word[0])
                return take_port(options, word, error);
        service = getservbyname(word, "tcp");
        if (!service)
                return cmdline_wrong(
                        error,
                        "PORT must be a number from 1 to 65535, a service or ADDRESS:PORT, "
                        "not \"%s\"",
                        word);
        options->ports[options->n_ports++] = ntohs((uint16_t)service->s_port);
        return 0;
}

/*
 * "127.0.0.1:80", "[::1]:80", and as ss(8) has it, "*:80" for every address. colon: the last of
 * word, whose address is before it.
 */
static int take_joined(struct cmdline *options, const char *word, const char *colon, char *error)
{
        char address[INET6_ADDRSTRLEN];
        size_t len = (size_t)(colon - word);
        bool bracketed = len >= 2 && word[0] == '[' && colon[-1] == ']';

        if (bracketed) {
                word++;
                len -= 2;
        }
        if (len >= sizeof(address))
                return cmdline_wrong(error,
                                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address");
        snprintf(address, sizeof(address), "%.*s", (int)len, word);
        if (!bracketed && strcmp(address, "*") == 0)
                strcpy(address, "::");
        else if (!bracketed && strchr(address, ':'))
                return cmdline_wrong(error,
                                     "with a PORT an IPv6 address is written [ADDRESS]:PORT");
        if (!parse_address(address, options->address))
                return cmdline_wrong(
                        error,
                        "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address, not \"%s\"",
                        address);
        return take_service(options, colon + 1, error);
}

static int take_port_address(struct cmdline *options, const char *word, char *error)
{
        const char *colon = strrchr(word, ':');

        if (options->n_ports == 0 && colon)
                return take_joined(options, word, colon, error);
        if (options->n_ports == 0)
                return take_service(options, word, error);
        if (options->address[0])
                return cmdline_wrong(error, "%s takes one PORT and one ADDRESS",
                                     options->verb->name);
        if (!parse_address(word, options->address))
                return cmdline_wrong(error, "ADDRESS must be an IPv4 or IPv6 address, not \"%s\"",
                                     word);
        return 0;
}

static int take_topic(struct cmdline *options, const char *word, char *error)
{
        if (options->topic)
                return cmdline_wrong(error, "help takes one verb");
        options->topic = verb_find(word);
        return options->topic ? 0 : cmdline_wrong(error, "no verb \"%s\"", word);
}

static int take_file(struct cmdline *options, const char *word, char *error)
{
        if (options->file)
                return cmdline_wrong(error, "%s takes one FILE", options->verb->name);
        options->file = word;
        return word[0] ? 0 : cmdline_wrong(error, "FILE must not be empty");
}

static int take_choice(struct cmdline *options, const char *word, char *error)
{
        if (!choice_is_empty(&options->choice))
                return cmdline_wrong(error, "%s takes one KEY or PORT", options->verb->name);
        if (choice_parse(word, &options->choice) < 0)
                return cmdline_wrong(error, "not the KEY of an alert, a PORT or SIDE:PORT: \"%s\"",
                                     word);
        return 0;
}

int operand_take(struct cmdline *options, const char *word, char *error)
{
        if (!options->verb)
                return take_verb(options, word, error);
        switch (options->verb->operands) {
        case OPERANDS_NONE:
                return cmdline_wrong(error, "%s takes no \"%s\"", options->verb->name, word);
        case OPERANDS_PORT:
                if (options->n_ports > 0)
                        return cmdline_wrong(error, "%s takes one PORT", options->verb->name);
                return take_sided_port(options, word, error);
        case OPERANDS_PORTS:
                return take_sided_port(options, word, error);
        case OPERANDS_PORT_ADDRESS:
                return take_port_address(options, word, error);
        case OPERANDS_VERB:
                return take_topic(options, word, error);
        case OPERANDS_FILE:
                return take_file(options, word, error);
        case OPERANDS_ALERT:
        case OPERANDS_ANY_ALERT:
                return take_choice(options, word, error);
        case OPERANDS_WORDS:
                return cmdline_wrong(error, "%s takes its words behind --", options->verb->name);
        }
        return 0;
}
