/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was set to what is judged.
 *
 * Each [Port ...] section becomes one exception per kind, also where it says nothing about that
 * kind and where both levels are off: what a port inherits is settled here, and rules_find() need
 * not know that there is such a thing as inheritance.
 */

#include <errno.h>

#include "base.h"
#include "confdraft.h"

#define NO_OPTION OPTION_COUNT

/* The two levels of a kind. */
struct levels {
        enum alert_kind kind;
        enum conf_option_id warning, critical; /* NO_OPTION: there is no such level */
};

static const struct levels port_kinds[] = {
        { ALERT_CLOSE_WAIT_STUCK, OPTION_STUCK_WARNING, OPTION_STUCK_CRITICAL },
        { ALERT_CLOSE_WAIT_LEAK, OPTION_LEAK_ARRIVALS, NO_OPTION },
        { ALERT_CLOSE_WAIT_COUNT, OPTION_CLOSE_WAIT_WARNING, OPTION_CLOSE_WAIT_CRITICAL },
        { ALERT_TIME_WAIT_COUNT, OPTION_TIME_WAIT_WARNING, OPTION_TIME_WAIT_CRITICAL },
        { ALERT_HALF_OPEN, OPTION_HALF_OPEN_WARNING, OPTION_HALF_OPEN_CRITICAL },
        { ALERT_PORT_EXHAUSTION, OPTION_EXHAUSTION_WARNING, OPTION_EXHAUSTION_CRITICAL },
};

static const struct levels table_levels = { ALERT_TIME_WAIT_TABLE, OPTION_TABLE_WARNING,
                                            OPTION_TABLE_CRITICAL };

/* The value that holds for port (NULL: for every other one). */
static const struct conf_value *value_for(const struct conf_draft *draft,
                                          const struct conf_port *port, enum conf_option_id id)
{
        static const struct conf_value none = { .number = RULE_LEVEL_OFF };

        if (id == NO_OPTION)
                return &none;
        return port && port->values[id].set ? &port->values[id] : &draft->values[id];
}

/* Whether that value was set for port itself; without a port, by any file. */
static bool is_own(const struct conf_port *port, const struct conf_value *value,
                   enum conf_option_id id)
{
        if (id == NO_OPTION)
                return false;
        return port ? value == &port->values[id] : value->place.file != NULL;
}

/* Reports a warning level above the critical one, at the line that should be changed. */
static void check_levels(const struct conf_draft *draft, const struct conf_port *port,
                         const struct levels *levels)
{
        const struct conf_value *warning = value_for(draft, port, levels->warning);
        const struct conf_value *critical = value_for(draft, port, levels->critical);
        bool own_warning = is_own(port, warning, levels->warning);
        bool own_critical = is_own(port, critical, levels->critical);
        bool blame_warning;
        char other[RULE_ORIGIN_MAX];

        if (port && !own_warning && !own_critical)
                return; /* reported where it was inherited from */
        if (warning->bad || critical->bad || warning->number == RULE_LEVEL_OFF ||
            critical->number == RULE_LEVEL_OFF || warning->number <= critical->number)
                return;
        blame_warning =
                own_warning == own_critical ? warning->order > critical->order : own_warning;
        if (blame_warning)
                conf_errors_add(draft->errors, &warning->place,
                                "%s=%lld is above %s=%lld (%s), expected at most that",
                                conf_options[levels->warning].key, (long long)warning->number,
                                conf_options[levels->critical].key, (long long)critical->number,
                                conf_place_text(&critical->place, other, sizeof(other)));
        else
                conf_errors_add(draft->errors, &critical->place,
                                "%s=%lld is below %s=%lld (%s), expected at least that",
                                conf_options[levels->critical].key, (long long)critical->number,
                                conf_options[levels->warning].key, (long long)warning->number,
                                conf_place_text(&warning->place, other, sizeof(other)));
}

void conf_draft_check(const struct conf_draft *draft)
{
        check_levels(draft, NULL, &table_levels);
        for (size_t k = 0; k < ARRAY_SIZE(port_kinds); k++)
                check_levels(draft, NULL, &port_kinds[k]);
        for (size_t i = 0; i < draft->n_ports; i++) {
                for (size_t k = 0; k < ARRAY_SIZE(port_kinds); k++)
                        check_levels(draft, draft->ports[i], &port_kinds[k]);
        }
}

/* The line that made the rule what it is: of a level that is on, of one that is off, the header. */
static const struct conf_place *origin_of(const struct conf_draft *draft,
                                          const struct conf_port *port, const struct levels *levels)
{
        static const struct conf_place built_in = { 0 };
        const enum conf_option_id ids[] = { levels->warning, levels->critical };
        const struct conf_place *off = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                const struct conf_value *value = value_for(draft, port, ids[i]);

                if (!is_own(port, value, ids[i]))
                        continue;
                if (value->number != RULE_LEVEL_OFF)
                        return &value->place;
                if (!off)
                        off = &value->place;
        }
        if (off)
                return off;
        return port ? &port->place : &built_in;
}

/* Everything that does not depend on the kind. */
static struct rule begin_rule(const struct conf_draft *draft, enum alert_kind kind)
{
        return (struct rule){
                .kind = kind,
                .warning = RULE_LEVEL_OFF,
                .critical = RULE_LEVEL_OFF,
                .raise_after_usec = (uint64_t)draft->values[OPTION_RAISE_AFTER].number,
                .clear_after_usec = (uint64_t)draft->values[OPTION_CLEAR_AFTER].number,
                .remind_every_usec = (uint64_t)draft->values[OPTION_REMIND_EVERY].number,
                .clear_below_pct = (unsigned)draft->values[OPTION_CLEAR_BELOW].number,
                .origin = "built-in",
        };
}

static uint64_t duration_for(const struct conf_draft *draft, const struct conf_port *port,
                             enum conf_option_id id)
{
        return (uint64_t)value_for(draft, port, id)->number;
}

/* The rules of every port kind for port (NULL: for every other one). */
static int add_rules(const struct conf_draft *draft, const struct conf_port *port)
{
        for (size_t k = 0; k < ARRAY_SIZE(port_kinds); k++) {
                const struct levels *levels = &port_kinds[k];
                struct rule rule = begin_rule(draft, levels->kind);
                int r;

                if (port)
                        rule.scope = port->key;
                rule.warning = value_for(draft, port, levels->warning)->number;
                rule.critical = value_for(draft, port, levels->critical)->number;
                rule.stuck_after_usec = duration_for(draft, port, OPTION_STUCK_AFTER);
                rule.pool_idle_usec = duration_for(draft, port, OPTION_POOL_IDLE);
                rule.usual_max = value_for(draft, port, OPTION_USUAL_MAX)->number;
                rule.silent_after_usec = duration_for(draft, port, OPTION_SILENT_AFTER);
                rule.critical_within_usec = duration_for(draft, port, OPTION_LEAK_CRITICAL_WITHIN);
                (void)conf_place_text(origin_of(draft, port, levels), rule.origin,
                                      sizeof(rule.origin));
                r = rules_add(draft->rules, &rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Its value counts scans that were not complete: the detector knows how many are too many. */
static int add_blind(const struct conf_draft *draft)
{
        struct rule rule = begin_rule(draft, ALERT_BLIND);

        rule.warning = 1;
        return rules_add(draft->rules, &rule);
}

static int add_table(const struct conf_draft *draft)
{
        struct rule rule = begin_rule(draft, ALERT_TIME_WAIT_TABLE);

        rule.warning = value_for(draft, NULL, OPTION_TABLE_WARNING)->number;
        rule.critical = value_for(draft, NULL, OPTION_TABLE_CRITICAL)->number;
        (void)conf_place_text(origin_of(draft, NULL, &table_levels), rule.origin,
                              sizeof(rule.origin));
        return rules_add(draft->rules, &rule);
}

int conf_draft_rules(struct conf_draft *draft, struct rules **ret_rules)
{
        int r = add_blind(draft);

        if (r == 0)
                r = add_table(draft);
        if (r == 0)
                r = add_rules(draft, NULL);
        for (size_t i = 0; i < draft->n_ports && r == 0; i++)
                r = add_rules(draft, draft->ports[i]);
        if (r < 0)
                return r;
        *ret_rules = TAKE_PTR(draft->rules);
        return 0;
}
