/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections and keys as they come, files after files. A value only remembers what it was last set
 * to; a [Port ...] section remembers what it set itself and nothing of what it inherits. So neither
 * the order of sections nor that of files matters to inheritance: it is worked out at the end, in
 * confrules.c.
 *
 * A key that is wrong marks its value as bad, so that the checks between values do not report a
 * second error for the same line.
 */

#include "confdraft.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

/* A name that differs in more letters is not a slip. */
#define SLIP_MAX 3

static const char port_expected[] =
        "one port from 1 to 65535, such as [Port 8080] or [Port remote:5432]";

/* KEY=VALUE as it stands in a file. */
struct assignment {
        const char *key;
        const char *value;
        const struct conf_place *place;
};

static void fail(struct conf_draft *draft, int error)
{
        draft->errors->failure = error;
}

int conf_draft_init(struct conf_draft *draft, struct conf_errors *errors)
{
        static const struct conf_place built_in = { 0 };

        *draft = (struct conf_draft){ .errors = errors };
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                draft->section = conf_options[i].section;
                conf_draft_assign(draft, conf_options[i].key, conf_options[i].default_text,
                                  &built_in);
        }
        draft->section = NULL;
        return errors->failure;
}

void conf_draft_done(struct conf_draft *draft)
{
        for (size_t i = 0; i < draft->n_ports; i++)
                free(draft->ports[i]);
        free(draft->ports);
        draft->rules = rules_free(draft->rules);
        draft->ports = NULL;
        draft->n_ports = 0;
}

/* The index of the first section that is not before key. */
static size_t port_index(const struct conf_draft *draft, const struct port_key *key)
{
        size_t first = 0, n = draft->n_ports;

        while (n > 0) {
                size_t half = n / 2;

                if (port_key_compare(&draft->ports[first + half]->key, key) < 0) {
                        first += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        return first;
}

/* Makes a section for key at index i. */
static struct conf_port *insert_port(struct conf_draft *draft, size_t i, const struct port_key *key)
{
        struct conf_port *port = calloc(1, sizeof(*port));

        if (!draft->ports)
                draft->ports = calloc(RULES_EXCEPTION_MAX, sizeof(*draft->ports));
        if (!draft->ports || !port) {
                free(port);
                fail(draft, -ENOMEM);
                return NULL;
        }
        memmove(&draft->ports[i + 1], &draft->ports[i],
                (draft->n_ports - i) * sizeof(*draft->ports));
        port->key = *key;
        draft->ports[i] = port;
        draft->n_ports++;
        return port;
}

/* The section of key, a new one if need be. NULL: too many, or no memory. */
static struct conf_port *get_port(struct conf_draft *draft, const struct port_key *key,
                                  const struct conf_place *place)
{
        size_t i = port_index(draft, key);

        if (i < draft->n_ports && port_key_compare(&draft->ports[i]->key, key) == 0)
                return draft->ports[i];
        if (draft->n_ports < RULES_EXCEPTION_MAX)
                return insert_port(draft, i, key);
        conf_errors_add(draft->errors, place, "too many [Port ...] sections, expected at most %d",
                        RULES_EXCEPTION_MAX);
        return NULL;
}

/* [Port SPEC]: spec is what follows "Port". */
static bool enter_port(struct conf_draft *draft, const char *spec, const struct conf_place *place)
{
        struct conf_ports range, more;

        if (conf_ports_next(&spec, &range) != 0 || range.first != range.last ||
            conf_ports_next(&spec, &more) != CONF_PORTS_END) {
                conf_errors_add(draft->errors, place, "section names no port, expected %s",
                                port_expected);
                return false;
        }
        draft->section = NULL;
        draft->port =
                get_port(draft, &(struct port_key){ 0, range.first, (uint8_t)range.side }, place);
        if (draft->port)
                draft->port->place = *place;
        return draft->port;
}

/* In how many letters a name may differ from what was meant: half of it is no slip. */
static size_t slip_max(const char *name)
{
        return MIN((size_t)SLIP_MAX, strlen(name) / 2);
}

/* The section of the table that name was probably meant to be; NULL: none. */
static const char *nearest_section(const char *name)
{
        const char *nearest = NULL;
        size_t least = slip_max(name) + 1;

        for (size_t i = 0; i < OPTION_COUNT; i++) {
                size_t distance = conf_distance(name, conf_options[i].section);

                if (distance < least) {
                        least = distance;
                        nearest = conf_options[i].section;
                }
        }
        return nearest;
}

static void report_section(struct conf_draft *draft, const char *name,
                           const struct conf_place *place)
{
        const char *nearest = nearest_section(name);
        char list[128] = "";
        size_t n = 0;

        if (nearest) {
                conf_errors_add(draft->errors, place, "no section is called [%s], expected [%s]",
                                name, nearest);
                return;
        }
        for (size_t i = 0; i < OPTION_COUNT && n < sizeof(list); i++) {
                if (i == 0 || strcmp(conf_options[i].section, conf_options[i - 1].section) != 0)
                        n += (size_t)snprintf(list + n, sizeof(list) - n, "[%s], ",
                                              conf_options[i].section);
        }
        conf_errors_add(draft->errors, place,
                        "no section is called [%s], expected %s[Port NUMBER] or "
                        "[Port remote:NUMBER]",
                        name, list);
}

bool conf_draft_section(void *userdata, const char *name, const struct conf_place *place)
{
        struct conf_draft *draft = userdata;

        if (strncmp(name, "Port", 4) == 0 && strchr(" \t", name[4]))
                return enter_port(draft, name + 4, place);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                if (strcmp(conf_options[i].section, name) == 0) {
                        draft->section = conf_options[i].section;
                        draft->port = NULL;
                        return true;
                }
        }
        report_section(draft, name, place);
        return false;
}

/* What the section at hand calls the option: nothing, one or two names. */
static void names_here(const struct conf_draft *draft, const struct conf_option *option,
                       const char *ret_names[static 2])
{
        bool here = draft->port ? option->port_key != NULL
                                : strcmp(option->section, draft->section) == 0;

        ret_names[0] = here ? option->key : NULL;
        ret_names[1] = here && draft->port ? option->port_key : NULL;
}

static bool is_called(const struct conf_draft *draft, const struct conf_option *option,
                      const char *key)
{
        const char *names[2];

        names_here(draft, option, names);
        return (names[0] && strcmp(names[0], key) == 0) || (names[1] && strcmp(names[1], key) == 0);
}

/* Finds the key of this section that was probably meant. NULL: none. */
static const char *nearest_key(const struct conf_draft *draft, const char *key)
{
        const char *nearest = NULL, *names[2];
        size_t least = slip_max(key) + 1;

        for (size_t i = 0; i < OPTION_COUNT; i++) {
                names_here(draft, &conf_options[i], names);
                for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
                        size_t distance = names[j] ? conf_distance(key, names[j]) : least;

                        if (distance < least) {
                                least = distance;
                                nearest = names[j];
                        }
                }
        }
        return nearest;
}

/* Every key of this section, "A, B, C". */
static const char *list_keys(const struct conf_draft *draft, char buf[static 256])
{
        const char *names[2];
        size_t n = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < OPTION_COUNT; i++) {
                names_here(draft, &conf_options[i], names);
                if (names[1] && strcmp(names[0], names[1]) != 0)
                        names[0] = names[1]; /* CountWarning would stand there twice */
                if (names[0] && n < 256)
                        n += (size_t)snprintf(buf + n, 256 - n, "%s%s", n > 0 ? ", " : "",
                                              names[0]);
        }
        return buf;
}

static void report_key(struct conf_draft *draft, const struct assignment *assignment)
{
        const struct conf_place *place = assignment->place;
        const char *key = assignment->key;
        const char *section = draft->port ? "Port ..." : draft->section;
        const char *nearest = nearest_key(draft, key);
        char list[256];

        for (size_t i = 0; i < OPTION_COUNT; i++) {
                if (strcmp(conf_options[i].key, key) == 0) {
                        conf_errors_add(draft->errors, place,
                                        "[%s] has no key %s, expected it in [%s]", section, key,
                                        conf_options[i].section);
                        return;
                }
        }
        if (!nearest)
                nearest = list_keys(draft, list);
        conf_errors_add(draft->errors, place, "[%s] has no key %s, expected %s%s", section, key,
                        strchr(nearest, ',') ? "one of " : "", nearest);
}

/* Ignore= adds up; an empty one starts anew. */
static int set_ignored(struct conf_draft *draft, const char *list)
{
        struct conf_ports ports;
        int r;

        if (list[0] == '\0' || !draft->rules) {
                draft->rules = rules_free(draft->rules);
                r = rules_new(&draft->rules);
                if (r < 0)
                        return r;
        }
        for (;;) {
                r = conf_ports_next(&list, &ports);
                if (r == CONF_PORTS_END)
                        return 0;
                if (r == 0)
                        r = rules_ignore(draft->rules, ports.side, ports.first, ports.last);
                if (r < 0)
                        return r;
        }
}

/* A port that is there is not added twice. 0 or -ERANGE: no room. */
static int add_history(struct conf_history *history, enum port_side side, uint16_t port)
{
        const struct port_key key = { .side = (uint8_t)side, .port = port };

        for (size_t i = 0; i < history->n; i++)
                if (port_key_same(&history->ports[i], &key))
                        return 0;
        if (history->n == HISTORY_NAMED_MAX)
                return -ERANGE;
        history->ports[history->n++] = key;
        return 0;
}

/* HistoryPorts= likewise. */
static int set_history(struct conf_draft *draft, const char *list)
{
        struct conf_ports ports;
        int r;

        if (list[0] == '\0')
                draft->history.n = 0;
        for (;;) {
                r = conf_ports_next(&list, &ports);
                if (r == CONF_PORTS_END)
                        return 0;
                for (uint32_t port = ports.first; r == 0 && port <= ports.last; port++)
                        r = add_history(&draft->history, ports.side, (uint16_t)port);
                if (r < 0)
                        return r;
        }
}

static int set_start(struct conf_draft *draft, const char *name)
{
        int r = name[0] == '\0' ? 0 : conf_unit_check(name);

        if (r == 0)
                (void)snprintf(draft->start, sizeof(draft->start), "%s", name);
        return r;
}

static int set_value(struct conf_draft *draft, size_t i, const struct assignment *assignment)
{
        struct conf_value *value = draft->port ? &draft->port->values[i] : &draft->values[i];
        int r;

        if (i == OPTION_HISTORY_PORTS)
                r = set_history(draft, assignment->value);
        else if (conf_options[i].type == CONF_PORTS)
                r = set_ignored(draft, assignment->value);
        else if (conf_options[i].type == CONF_UNIT)
                r = set_start(draft, assignment->value);
        else
                r = conf_option_parse(&conf_options[i], assignment->value, &value->number);
        value->set = true;
        value->bad = r < 0;
        value->place = *assignment->place;
        value->order = ++draft->order;
        return r;
}

static const char *fault(const struct conf_option *option, const char *value, int error)
{
        if (value[0] == '\0')
                return "empty";
        if (error != -ERANGE)
                return "not understood";
        return option->type == CONF_UNIT ? "too long" : "out of range";
}

static void report_value(struct conf_draft *draft, size_t i, const struct assignment *assignment,
                         int error)
{
        char expected[CONF_EXPECTED_MAX];

        conf_errors_add(draft->errors, assignment->place, "%s=%s is %s, expected %s",
                        assignment->key, assignment->value,
                        fault(&conf_options[i], assignment->value, error),
                        conf_option_expected(&conf_options[i], expected));
}

/* Ports towards a destination are never those of a service of this host: it would do nothing. */
static bool is_misplaced(const struct conf_draft *draft, size_t i)
{
        return draft->port && draft->port->key.side == SIDE_LOCAL &&
               (i == OPTION_EXHAUSTION_WARNING || i == OPTION_EXHAUSTION_CRITICAL);
}

/* In a [Port ...] section one key may set two options. */
void conf_draft_assign(void *userdata, const char *key, const char *value,
                       const struct conf_place *place)
{
        const struct assignment assignment = { key, value, place };
        struct conf_draft *draft = userdata;
        bool known = false;
        int r = 0;

        assert(draft->section || draft->port);
        for (size_t i = 0; i < OPTION_COUNT && r == 0; i++) {
                if (!is_called(draft, &conf_options[i], key))
                        continue;
                known = true;
                if (is_misplaced(draft, i)) {
                        conf_errors_add(draft->errors, place,
                                        "%s is about destinations and means nothing for a port of "
                                        "this host, expected it in [Port remote:%u]",
                                        key, draft->port->key.port);
                        continue;
                }
                r = set_value(draft, i, &assignment);
                if (r == -ENOMEM)
                        fail(draft, r);
                else if (r < 0)
                        report_value(draft, i, &assignment, r);
        }
        if (!known)
                report_key(draft, &assignment);
}
