/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the configuration share. Include after <cmocka.h>. */

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "conf.h"

DEFINE_CLEANUP(struct conf *, conf_unref)

static inline void conftest_freep(char **p)
{
        free(*p);
}

/* Loads text that must be right. */
static inline struct conf *conftest_load(const char *text)
{
        struct conf *conf = NULL;
        char *errors = NULL;

        if (conf_load_text("t.conf", text, strlen(text), &conf, &errors) != 0)
                fail_msg("refused: %s", errors);
        return conf;
}

/* Loads bytes that must be wrong, and whose errors must be exactly these lines. */
static inline void conftest_refused_bytes(const char *bytes, size_t len, const char *expected)
{
        CLEANUP(conftest_freep) char *errors = NULL;
        struct conf *conf = NULL;

        assert_int_equal(conf_load_text("t.conf", bytes, len, &conf, &errors), CONF_BAD);
        assert_null(conf);
        assert_string_equal(errors, expected);
}

static inline void conftest_refused(const char *text, const char *expected)
{
        conftest_refused_bytes(text, strlen(text), expected);
}

static inline struct port_key conftest_local(uint16_t port)
{
        return (struct port_key){ 0, port, SIDE_LOCAL };
}

static inline struct port_key conftest_remote(uint16_t port)
{
        return (struct port_key){ 0, port, SIDE_REMOTE };
}

/* The levels that hold for a port as "10/100"; "off" without a rule, "-" for a level that is off.
 */
static inline const char *conftest_levels(const struct conf *conf, enum alert_kind kind,
                                          struct port_key key)
{
        static char text[64];
        const struct rule *rule = rules_find(conf->rules, kind, &key);
        char warning[24] = "-", critical[24] = "-";

        if (!rule)
                return "off";
        if (rule->warning != RULE_LEVEL_OFF)
                (void)snprintf(warning, sizeof(warning), "%lld", (long long)rule->warning);
        if (rule->critical != RULE_LEVEL_OFF)
                (void)snprintf(critical, sizeof(critical), "%lld", (long long)rule->critical);
        (void)snprintf(text, sizeof(text), "%s/%s", warning, critical);
        return text;
}

/* Where the rule of a port comes from. */
static inline const char *conftest_origin(const struct conf *conf, enum alert_kind kind,
                                          struct port_key key)
{
        const struct rule *rule = rules_find(conf->rules, kind, &key);

        return rule ? rule->origin : "off";
}
