/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration text of any bytes: it is refused with errors that may be shown, or it makes a
 * configuration within bounds, and then the same one every time.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "units.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

static void check_errors(const char *errors)
{
        size_t lines = 1, left = strlen(errors);

        require(left > 0);
        while (left > 0) {
                size_t len = utf8_len(errors, left);

                require(len > 0 && (*errors == '\n' || !utf8_is_control(errors)));
                lines += *errors == '\n';
                errors += len;
                left -= len;
        }
        require(lines <= CONF_ERRORS_MAX + 1);
}

static void check_rule(const struct rule *rule)
{
        require(rule->warning != RULE_LEVEL_OFF || rule->critical != RULE_LEVEL_OFF);
        require(rule->warning == RULE_LEVEL_OFF || rule->warning > 0);
        require(rule->critical == RULE_LEVEL_OFF || rule->critical >= rule->warning);
        require(rule->clear_below_pct >= 1 && rule->clear_below_pct <= 100);
        require(memchr(rule->origin, '\0', sizeof(rule->origin)) != NULL);
}

static void check_port(const struct port_key *key, void *userdata)
{
        const struct conf *conf = userdata;

        require(key->port > 0 && (key->side == SIDE_LOCAL || key->side == SIDE_REMOTE));
        require(rules_configured(conf->rules, key));
        for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                const struct rule *rule = rules_find(conf->rules, (enum alert_kind)kind, key);

                if (rule)
                        check_rule(rule);
        }
}

static void check_conf(struct conf *conf)
{
        const struct port_key host = { 0 };
        const struct rule *blind = rules_find(conf->rules, ALERT_BLIND, &host);

        require(conf->interval_usec >= 100 * USEC_PER_MSEC);
        require(conf->interval_usec <= 10 * USEC_PER_MIN);
        require(blind != NULL);
        check_rule(blind);
        rules_each_configured(conf->rules, check_port, conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct conf *conf = NULL;
        char *errors = NULL;
        int r = conf_load_text("fuzz.conf", (const char *)data, size, &conf, &errors);

        require(r == 0 || r == CONF_BAD);
        require((r == 0) == (conf != NULL));
        require((r == CONF_BAD) == (errors != NULL));
        if (conf)
                check_conf(conf);
        else
                check_errors(errors);
        conf_unref(conf);
        free(errors);
        return 0;
}
