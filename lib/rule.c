/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules, as rules_find() wants them: it is asked several times per port and scan, up to 131,072
 * rows.
 *
 * General rules stand in an array by kind. Exceptions are a sorted array of ports, each with one
 * rule per kind, found by bisection (12 steps at most). Ignored ports are one bit each, 8 KiB per
 * side, allocated with the first of them: on most hosts nothing is ignored.
 *
 * A rule whose levels are both off is kept, because an exception that is off must hide the general
 * rule, but rules_find() answers NULL for it.
 */

#include "rule.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "hash.h"

#define PORT_BITMAP_BYTES (65536 / 8)

/* A port with a [Port ...] section. */
struct exception {
        struct port_key key;
        struct rule *rules[ALERT_KIND_COUNT]; /* NULL: the general one */
};

struct rules {
        struct rule *general[ALERT_KIND_COUNT]; /* NULL: off */
        struct exception *exceptions;           /* in key order */
        size_t n_exceptions;
        size_t size;
        uint8_t *ignored[SIDE_COUNT]; /* NULL: none */
};

static const char *const kind_names[ALERT_KIND_COUNT] = {
        [ALERT_CLOSE_WAIT_STUCK] = "close-wait-stuck",
        [ALERT_CLOSE_WAIT_LEAK] = "close-wait-leak",
        [ALERT_CLOSE_WAIT_COUNT] = "close-wait-count",
        [ALERT_TIME_WAIT_COUNT] = "time-wait-count",
        [ALERT_HALF_OPEN] = "half-open",
        [ALERT_PORT_EXHAUSTION] = "port-exhaustion",
        [ALERT_TIME_WAIT_TABLE] = "time-wait-table",
        [ALERT_BLIND] = "blind",
};

static const char *const severity_names[] = {
        [SEVERITY_NONE] = "none",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
};

bool alert_kind_is_host(enum alert_kind kind)
{
        return kind >= ALERT_TIME_WAIT_TABLE;
}

bool alert_kind_is_percent(enum alert_kind kind)
{
        return kind == ALERT_PORT_EXHAUSTION || kind == ALERT_TIME_WAIT_TABLE;
}

const char *alert_kind_name(enum alert_kind kind)
{
        return kind_names[kind];
}

int alert_kind_parse(const char *name, enum alert_kind *ret_kind)
{
        for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
                if (strcmp(name, kind_names[kind]) == 0) {
                        *ret_kind = kind;
                        return 0;
                }
        return -EINVAL;
}

const char *severity_name(enum severity severity)
{
        return severity_names[severity];
}

int rules_new(struct rules **ret_rules)
{
        struct rules *rules = calloc(1, sizeof(*rules));

        if (!rules)
                return -ENOMEM;
        *ret_rules = rules;
        return 0;
}

static void free_by_kind(struct rule *rules[static ALERT_KIND_COUNT])
{
        for (size_t i = 0; i < ALERT_KIND_COUNT; i++)
                free(rules[i]);
}

struct rules *rules_free(struct rules *rules)
{
        if (!rules)
                return NULL;
        free_by_kind(rules->general);
        for (size_t i = 0; i < rules->n_exceptions; i++)
                free_by_kind(rules->exceptions[i].rules);
        free(rules->exceptions);
        for (size_t i = 0; i < SIDE_COUNT; i++)
                free(rules->ignored[i]);
        free(rules);
        return NULL;
}

/* The index of the first exception that is not before key; n_exceptions if all are. */
static size_t lower_bound(const struct rules *rules, const struct port_key *key)
{
        size_t first = 0, n = rules->n_exceptions;

        while (n > 0) {
                size_t half = n / 2;

                if (port_key_compare(&rules->exceptions[first + half].key, key) < 0) {
                        first += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        return first;
}

static struct exception *find_exception(const struct rules *rules, const struct port_key *key)
{
        size_t i = lower_bound(rules, key);

        if (i == rules->n_exceptions || port_key_compare(&rules->exceptions[i].key, key) != 0)
                return NULL;
        return &rules->exceptions[i];
}

static int grow(struct rules *rules)
{
        size_t size = rules->size > 0 ? rules->size * 2 : 8;
        struct exception *bigger;

        if (rules->n_exceptions < rules->size)
                return 0;
        bigger = reallocarray(rules->exceptions, size, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        rules->exceptions = bigger;
        rules->size = size;
        return 0;
}

static int insert_exception(struct rules *rules, const struct port_key *key,
                            struct exception **ret_exception)
{
        size_t i = lower_bound(rules, key);
        struct exception *at;
        int r;

        if (rules->n_exceptions >= RULES_EXCEPTION_MAX)
                return -E2BIG;
        r = grow(rules);
        if (r < 0)
                return r;
        at = &rules->exceptions[i];
        memmove(at + 1, at, (rules->n_exceptions - i) * sizeof(*at));
        *at = (struct exception){ .key = *key };
        rules->n_exceptions++;
        *ret_exception = at;
        return 0;
}

int rules_add(struct rules *rules, const struct rule *rule)
{
        struct rule **place, *copy;

        assert((unsigned)rule->kind < ALERT_KIND_COUNT);
        copy = malloc(sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *copy = *rule;

        if (rule->scope.port == 0) {
                place = &rules->general[rule->kind];
        } else {
                struct exception *exception = find_exception(rules, &rule->scope);
                int r = exception ? 0 : insert_exception(rules, &rule->scope, &exception);

                if (r < 0) {
                        free(copy);
                        return r;
                }
                place = &exception->rules[rule->kind];
        }
        free(*place);
        *place = copy;
        return 0;
}

/* Sets the bits first..last; whole bytes at once, for a range may span every port. */
static void set_bits(uint8_t *bitmap, unsigned first, unsigned last)
{
        while (first <= last) {
                if (first % 8 == 0 && last - first >= 7) {
                        size_t n = (last - first + 1) / 8;

                        memset(bitmap + first / 8, 0xff, n);
                        first += (unsigned)n * 8;
                } else {
                        bitmap[first / 8] |= (uint8_t)(1U << first % 8);
                        first++;
                }
        }
}

int rules_ignore(struct rules *rules, enum port_side side, uint16_t first, uint16_t last)
{
        assert(side == SIDE_LOCAL || side == SIDE_REMOTE);
        if (!rules->ignored[side]) {
                rules->ignored[side] = calloc(1, PORT_BITMAP_BYTES);
                if (!rules->ignored[side])
                        return -ENOMEM;
        }
        set_bits(rules->ignored[side], first, last);
        return 0;
}

bool rules_ignored(const struct rules *rules, const struct port_key *key)
{
        const uint8_t *bitmap = key->side < SIDE_COUNT ? rules->ignored[key->side] : NULL;

        return bitmap && (bitmap[key->port / 8] >> key->port % 8 & 1);
}

bool rules_configured(const struct rules *rules, const struct port_key *key)
{
        return find_exception(rules, key);
}

void rules_each_configured(const struct rules *rules,
                           void (*fn)(const struct port_key *key, void *userdata), void *userdata)
{
        for (size_t i = 0; i < rules->n_exceptions; i++)
                fn(&rules->exceptions[i].key, userdata);
}

/* Host-wide kinds judge the host, the others judge ports: the wrong pairing has no rule. */
static bool kind_fits(enum alert_kind kind, const struct port_key *key)
{
        return alert_kind_is_host(kind) == (key->side == SIDE_HOST);
}

const struct rule *rules_governing(const struct rules *rules, enum alert_kind kind,
                                   const struct port_key *key)
{
        const struct exception *exception;

        if (!kind_fits(kind, key))
                return NULL;
        exception = find_exception(rules, key);
        return exception && exception->rules[kind] ? exception->rules[kind] : rules->general[kind];
}

static uint64_t least_stuck_after(struct rule *const rules[static ALERT_KIND_COUNT])
{
        static const enum alert_kind kinds[] = { ALERT_CLOSE_WAIT_STUCK, ALERT_CLOSE_WAIT_LEAK };
        uint64_t least_usec = RULE_STUCK_AFTER_USEC;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (rules[kinds[i]])
                        least_usec = MIN(least_usec, rules[kinds[i]]->stuck_after_usec);
        return least_usec;
}

uint64_t rules_least_stuck_after(const struct rules *rules)
{
        uint64_t least_usec = least_stuck_after(rules->general);

        for (size_t i = 0; i < rules->n_exceptions; i++)
                least_usec = MIN(least_usec, least_stuck_after(rules->exceptions[i].rules));
        return least_usec;
}

const struct rule *rules_find(const struct rules *rules, enum alert_kind kind,
                              const struct port_key *key)
{
        const struct rule *rule = rules_governing(rules, kind, key);

        if (!rule || (rule->warning == RULE_LEVEL_OFF && rule->critical == RULE_LEVEL_OFF))
                return NULL;
        return rules_ignored(rules, key) ? NULL : rule;
}

/* All but its origin: a line that has moved in its file says the same. */
static uint64_t digest_rule(uint64_t digest, const struct rule *rule)
{
        const uint64_t words[] = {
                rule->scope.netns,         (uint64_t)rule->scope.port << 8 | rule->scope.side,
                (uint64_t)rule->warning,   (uint64_t)rule->critical,
                rule->stuck_after_usec,    rule->pool_idle_usec,
                (uint64_t)rule->usual_max, rule->critical_within_usec,
                rule->silent_after_usec,   rule->raise_after_usec,
                rule->clear_after_usec,    rule->remind_every_usec,
                rule->clear_below_pct,
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                digest = hash_add(digest, words[i]);
        return digest;
}

static uint64_t digest_ignored(uint64_t digest, const uint8_t *bitmap)
{
        for (size_t at = 0; at < PORT_BITMAP_BYTES; at += sizeof(uint64_t)) {
                uint64_t word;

                memcpy(&word, bitmap + at, sizeof(word));
                digest = hash_add(digest, word);
        }
        return digest;
}

uint64_t rules_digest(const struct rules *rules, enum alert_kind kind)
{
        uint64_t digest = hash_add(0, kind);

        if (rules->general[kind])
                digest = digest_rule(digest, rules->general[kind]);
        for (size_t i = 0; i < rules->n_exceptions; i++)
                if (rules->exceptions[i].rules[kind])
                        digest = digest_rule(digest, rules->exceptions[i].rules[kind]);
        for (enum port_side side = 0; side < SIDE_COUNT; side++)
                if (rules->ignored[side])
                        digest = digest_ignored(hash_add(digest, side), rules->ignored[side]);
        return digest;
}
