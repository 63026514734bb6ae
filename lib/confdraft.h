/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A configuration while it is being read: what each option was last set to, and where. Internal to
 * conf.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "conferror.h"
#include "confoption.h"
#include "rule.h"

struct conf_value {
        int64_t number;
        struct conf_place place;
        unsigned order; /* counts assignments: the later one is the one to blame */
        bool set;
        bool bad; /* the last assignment was wrong, and reported */
};

/* One [Port ...] section, all its appearances together. */
struct conf_port {
        struct port_key key;
        struct conf_place place; /* of its last header */
        struct conf_value values[OPTION_COUNT];
};

/* Borrows the names of the files it was read from. */
struct conf_draft {
        struct conf_value values[OPTION_COUNT];
        struct conf_port **ports; /* in key order */
        size_t n_ports;
        struct rules *rules; /* so far only what is ignored */
        struct conf_history history;
        char start[CONF_START_MAX + 1];
        struct conf_errors *errors;
        unsigned order;

        /* where the reading stands */
        const char *section; /* of the table; NULL inside a [Port ...] section */
        struct conf_port *port;
};

/* Every option at its default. -ENOMEM; conf_draft_done() is due in any case. */
int conf_draft_init(struct conf_draft *draft, struct conf_errors *errors);
void conf_draft_done(struct conf_draft *draft);

/* For struct conf_handler: userdata is the draft. */
bool conf_draft_section(void *userdata, const char *name, const struct conf_place *place);
void conf_draft_assign(void *userdata, const char *key, const char *value,
                       const struct conf_place *place);

/* Adds what is wrong between options (warning above critical) to the errors. */
void conf_draft_check(const struct conf_draft *draft);

/* Hands over the rules that follow from the draft. -ENOMEM. */
int conf_draft_rules(struct conf_draft *draft, struct rules **ret_rules);
