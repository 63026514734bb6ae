/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rules: what to watch, and when it is an alert. Made from the configuration once, immutable after.
 *
 * rules_find() answers for one (kind, port): the exception of that port if there is one, the
 * general rule otherwise, NULL where the kind is off or the port ignored.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portkey.h"

enum alert_kind {
        ALERT_CLOSE_WAIT_STUCK,
        ALERT_CLOSE_WAIT_LEAK,
        ALERT_CLOSE_WAIT_COUNT,
        ALERT_TIME_WAIT_COUNT,
        ALERT_HALF_OPEN,
        ALERT_PORT_EXHAUSTION,
        ALERT_TIME_WAIT_TABLE, /* host-wide from here on */
        ALERT_BLIND,
        ALERT_KIND_COUNT,
};

enum severity { SEVERITY_NONE, SEVERITY_WARNING, SEVERITY_CRITICAL };

#define RULE_LEVEL_OFF      (-1)
#define RULE_ORIGIN_MAX     192
#define RULES_EXCEPTION_MAX 4096 /* ports with a [Port ...] section */

/* Older than this counts as stuck where no rule says otherwise. */
#define RULE_STUCK_AFTER_USEC (UINT64_C(60) * 1000000)

struct rule {
        enum alert_kind kind;
        struct port_key scope; /* port 0: every port that has no exception */
        int64_t warning;       /* raise at or above, sockets or percent; RULE_LEVEL_OFF */
        int64_t critical;
        uint64_t stuck_after_usec;     /* the close-wait kinds, by which they are read */
        uint64_t pool_idle_usec;       /* the same: what idle members of a pool are allowed */
        int64_t usual_max;             /* close-wait-stuck: so many sockets at most are usual */
        uint64_t critical_within_usec; /* close-wait-leak: descriptors run out so soon; 0: never */
        uint64_t silent_after_usec;    /* half-open */
        uint64_t raise_after_usec;
        uint64_t clear_after_usec;
        uint64_t remind_every_usec; /* 0: never */
        unsigned clear_below_pct;
        char origin[RULE_ORIGIN_MAX]; /* "FILE:LINE", or "built-in" */
};

struct rules;

/* Takes a copy of each rule. Exceptions beyond RULES_EXCEPTION_MAX: -E2BIG. -ENOMEM. */
int rules_new(struct rules **ret_rules);
int rules_add(struct rules *rules, const struct rule *rule);
/* Ports first..last of that side (local or remote) are not judged. -ENOMEM. */
int rules_ignore(struct rules *rules, enum port_side side, uint16_t first, uint16_t last);
struct rules *rules_free(struct rules *rules);

/* The rule that holds for a port, even where its levels are off or the port is ignored. */
const struct rule *rules_governing(const struct rules *rules, enum alert_kind kind,
                                   const struct port_key *key);
const struct rule *rules_find(const struct rules *rules, enum alert_kind kind,
                              const struct port_key *key);
bool rules_ignored(const struct rules *rules, const struct port_key *key);
/* The least StuckAfter of any rule; RULE_STUCK_AFTER_USEC at most. */
uint64_t rules_least_stuck_after(const struct rules *rules);
/* Named in a [Port ...] section: stays reported at zero. */
bool rules_configured(const struct rules *rules, const struct port_key *key);
/*
 * Sets of rules with the same digest answer every rules_find() of that kind alike, but for where a
 * rule is from. Others may differ in what no answer shows.
 */
uint64_t rules_digest(const struct rules *rules, enum alert_kind kind);
/* Calls fn once for every port named in a [Port ...] section, in key order. */
void rules_each_configured(const struct rules *rules,
                           void (*fn)(const struct port_key *key, void *userdata), void *userdata);

/* Is it about the host as a whole, and not about a port? */
bool alert_kind_is_host(enum alert_kind kind);
/* Are its levels percentages of a limit? */
bool alert_kind_is_percent(enum alert_kind kind);
/* "close-wait-stuck", ...: the words of every interface. */
const char *alert_kind_name(enum alert_kind kind);
/* The inverse. 0, or -EINVAL: the name of no kind. */
int alert_kind_parse(const char *name, enum alert_kind *ret_kind);
/* "none", "warning", "critical" */
const char *severity_name(enum severity severity);
