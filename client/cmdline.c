/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * getopt_long() hands out options and words in the order in which they stand ("-" in its string of
 * short options), so an option means the same before and behind the verb, whatever POSIXLY_CORRECT
 * says. What a verb does not take is an error, never ignored: a script that asks for --once must
 * not get the daemon's numbers.
 */

#include "cmdline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>

#include "base.h"
#include "conn.h"
#include "units.h"
#include "verbs.h"

struct option_row {
        const char *name;
        const char *argument; /* NULL: takes none */
        unsigned bit;
        const char *help;
        int (*set)(struct cmdline *options, const char *text); /* 0, or -EINVAL */
        const char *expects;
};

static int set_count(const char *text, uint64_t *ret_value)
{
        uint64_t value;

        if (units_parse_count(text, INT64_MAX, &value) < 0 || value == 0)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

static int set_socket(struct cmdline *options, const char *text)
{
        options->socket_path = text;
        return conn_path_fits(text) ? 0 : -EINVAL;
}

static int set_json(struct cmdline *options, const char *text)
{
        (void)text;
        options->json = true;
        return 0;
}

static int set_no_color(struct cmdline *options, const char *text)
{
        (void)text;
        options->no_color = true;
        return 0;
}

static int set_help(struct cmdline *options, const char *text)
{
        (void)text;
        options->help = true;
        return 0;
}

static int set_version(struct cmdline *options, const char *text)
{
        (void)text;
        options->version = true;
        return 0;
}

static int set_live(struct cmdline *options, const char *text)
{
        (void)text;
        options->live = true;
        return 0;
}

static int set_once(struct cmdline *options, const char *text)
{
        (void)text;
        options->once = true;
        return 0;
}

static int set_all(struct cmdline *options, const char *text)
{
        (void)text;
        options->all = true;
        return 0;
}

static int set_try(struct cmdline *options, const char *text)
{
        (void)text;
        options->try_bind = true;
        return 0;
}

static int set_tables(struct cmdline *options, const char *text)
{
        return set_count(text, &options->count);
}

static int set_limit(struct cmdline *options, const char *text)
{
        return set_count(text, &options->limit);
}

static int set_last(struct cmdline *options, const char *text)
{
        return set_count(text, &options->last);
}

static int set_after(struct cmdline *options, const char *text)
{
        options->has_after = true;
        return units_parse_count(text, INT64_MAX, &options->after);
}

static int set_config(struct cmdline *options, const char *text)
{
        options->config = text;
        return text[0] ? 0 : -EINVAL;
}

static int set_undo(struct cmdline *options, const char *text)
{
        (void)text;
        options->undo = true;
        return 0;
}

static int set_comment(struct cmdline *options, const char *text)
{
        struct acknowledgement unused;

        options->comment = text;
        return acknowledgement_set_comment(&unused, text);
}

static const struct option_row rows[] = {
        { "socket", "PATH", OPTION_EVERYWHERE, "where twmond listens", set_socket,
          "a path of 1 to 107 bytes" },
        { "json", NULL, OPTION_EVERYWHERE, "JSON instead of text", set_json, NULL },
        { "no-color", NULL, OPTION_EVERYWHERE, "no colour on a terminal either", set_no_color,
          NULL },
        { "help", NULL, OPTION_EVERYWHERE, "this help; with a VERB, that verb's", set_help, NULL },
        { "version", NULL, OPTION_EVERYWHERE, "twmonctl's version", set_version, NULL },
        { "live", NULL, OPTION_LIVE, "again after every scan, until interrupted", set_live, NULL },
        { "count", "N", OPTION_COUNT, "with --live: end after N tables", set_tables,
          "a number from 1 on" },
        { "once", NULL, OPTION_ONCE, "one scan by twmonctl itself, without twmond", set_once,
          NULL },
        { "all", NULL, OPTION_ALL, "also ports with nothing to say", set_all, NULL },
        { "limit", "N", OPTION_LIMIT, "only the N worst", set_limit, "a number from 1 on" },
        { "try", NULL, OPTION_TRY, "settle it by a real bind(), closed at once", set_try, NULL },
        { "after", "N", OPTION_AFTER, "first the events after number N", set_after,
          "the sequence number of an event" },
        { "config", "FILE", OPTION_CONFIG, "judge by that file, not by the built-in levels",
          set_config, "a file" },
        { "last", "N", OPTION_LAST, "only the N newest", set_last, "a number from 1 on" },
        { "comment", "TEXT", OPTION_COMMENT, "why it stands, for whoever asks", set_comment,
          "UTF-8 of at most 127 bytes" },
        { "undo", NULL, OPTION_UNDO, "take it back", set_undo, NULL },
};

PRINTF_LIKE(2, 3) static int wrong(char *error, const char *format, ...)
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
        return options->verb ? 0 : wrong(error, "no verb \"%s\"", word);
}

static int take_port(struct cmdline *options, const char *word, char *error)
{
        uint64_t port;

        if (units_parse_count(word, UINT16_MAX, &port) < 0 || port == 0)
                return wrong(error, "PORT must be a number from 1 to 65535, not \"%s\"", word);
        if (options->n_ports == CMDLINE_PORTS_MAX)
                return wrong(error, "too many ports: at most %d", CMDLINE_PORTS_MAX);
        options->ports[options->n_ports++] = (uint16_t)port;
        return 0;
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
                return wrong(error,
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
                return wrong(error, "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address");
        snprintf(address, sizeof(address), "%.*s", (int)len, word);
        if (!bracketed && strcmp(address, "*") == 0)
                strcpy(address, "::");
        else if (!bracketed && strchr(address, ':'))
                return wrong(error, "with a PORT an IPv6 address is written [ADDRESS]:PORT");
        if (!parse_address(address, options->address))
                return wrong(error,
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
                return wrong(error, "%s takes one PORT and one ADDRESS", options->verb->name);
        if (!parse_address(word, options->address))
                return wrong(error, "ADDRESS must be an IPv4 or IPv6 address, not \"%s\"", word);
        return 0;
}

static int take_topic(struct cmdline *options, const char *word, char *error)
{
        if (options->topic)
                return wrong(error, "help takes one verb");
        options->topic = verb_find(word);
        return options->topic ? 0 : wrong(error, "no verb \"%s\"", word);
}

static int take_file(struct cmdline *options, const char *word, char *error)
{
        if (options->file)
                return wrong(error, "%s takes one FILE", options->verb->name);
        options->file = word;
        return word[0] ? 0 : wrong(error, "FILE must not be empty");
}

static int take_choice(struct cmdline *options, const char *word, char *error)
{
        if (!choice_is_empty(&options->choice))
                return wrong(error, "%s takes one KEY or PORT", options->verb->name);
        if (choice_parse(word, &options->choice) < 0)
                return wrong(error, "not the KEY of an alert, a PORT or SIDE:PORT: \"%s\"", word);
        return 0;
}

static int take_word(struct cmdline *options, const char *word, char *error)
{
        if (!options->verb)
                return take_verb(options, word, error);
        switch (options->verb->operands) {
        case OPERANDS_NONE:
                return wrong(error, "%s takes no \"%s\"", options->verb->name, word);
        case OPERANDS_PORTS:
                return take_port(options, word, error);
        case OPERANDS_PORT_ADDRESS:
                return take_port_address(options, word, error);
        case OPERANDS_VERB:
                return take_topic(options, word, error);
        case OPERANDS_FILE:
                return take_file(options, word, error);
        case OPERANDS_ALERT:
        case OPERANDS_ANY_ALERT:
                return take_choice(options, word, error);
        }
        return 0;
}

static int take_option(struct cmdline *options, const struct option_row *row, char *error)
{
        if (row->set(options, optarg) < 0)
                return wrong(error, "--%s must be %s, not \"%s\"", row->name, row->expects, optarg);
        return 0;
}

/* What only makes sense together, or not together. given: bits of the options that were there. */
static int check(const struct cmdline *options, unsigned given, char *error)
{
        unsigned takes = OPTION_EVERYWHERE | (options->verb ? options->verb->options : 0);

        if (options->help || options->version)
                return 0;
        if (!options->verb)
                return wrong(error, "no verb given");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (given & rows[i].bit & ~takes)
                        return wrong(error, "%s takes no --%s", options->verb->name, rows[i].name);
        if (options->live && options->once)
                return wrong(error, "--live and --once exclude each other");
        if (options->count > 0 && !options->live)
                return wrong(error, "--count needs --live");
        if (options->verb->operands == OPERANDS_FILE && !options->file)
                return wrong(error, "%s needs a FILE", options->verb->name);
        if (options->verb->operands == OPERANDS_PORT_ADDRESS && options->n_ports == 0)
                return wrong(error, "%s needs a PORT", options->verb->name);
        if (options->verb->operands == OPERANDS_ALERT && choice_is_empty(&options->choice))
                return wrong(error, "%s needs the KEY of an alert or a PORT", options->verb->name);
        return 0;
}

static void fill_long_options(struct option long_options[static ARRAY_SIZE(rows) + 1])
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                long_options[i] = (struct option){
                        .name = rows[i].name,
                        .has_arg = rows[i].argument ? required_argument : no_argument,
                };
        long_options[ARRAY_SIZE(rows)] = (struct option){ 0 };
}

static int take_next(int c, int row, struct cmdline *options, char *error)
{
        switch (c) {
        case 0:
                return take_option(options, &rows[row], error);
        case 1:
                return take_word(options, optarg, error);
        case 'h':
                options->help = true;
                return 0;
        default:
                return CMDLINE_WRONG;
        }
}

int cmdline_parse(int argc, char **argv, struct cmdline *ret_cmdline,
                  char ret_error[static CMDLINE_ERROR_MAX])
{
        struct option long_options[ARRAY_SIZE(rows) + 1];
        struct cmdline options = { 0 };
        unsigned given = 0;
        int c, row = 0;

        fill_long_options(long_options);
        optind = 0; /* glibc: begin anew */
        while ((c = getopt_long(argc, argv, "-:h", long_options, &row)) >= 0) {
                if (c == ':')
                        return wrong(ret_error, "%s needs an argument", argv[optind - 1]);
                if (c == '?' && optopt > 0 && optopt < 0x80)
                        return wrong(ret_error, "no option -%c", optopt);
                if (c == '?')
                        return wrong(ret_error, "no option %s", argv[optind - 1]);
                if (take_next(c, row, &options, ret_error) != 0)
                        return CMDLINE_WRONG;
                if (c == 0)
                        given |= rows[row].bit;
        }
        for (; optind < argc; optind++) /* behind "--" */
                if (take_word(&options, argv[optind], ret_error) != 0)
                        return CMDLINE_WRONG;
        if (check(&options, given, ret_error) != 0)
                return CMDLINE_WRONG;
        *ret_cmdline = options;
        return 0;
}

void cmdline_print(FILE *out, unsigned mask)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char name[32];

                if (!(rows[i].bit & mask))
                        continue;
                snprintf(name, sizeof(name), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                         rows[i].argument ? rows[i].argument : "");
                fprintf(out, "  %-16s %s\n", name, rows[i].help);
        }
}
