/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The judge in virtual time: an alert table, its rules, a clock, and snapshots that it is shown. */

#include "detect.h"
#include "fixture.h"
#include "rule.h"

#define JUDGE_STEP (10 * USEC_PER_SEC) /* between scans */

struct judge {
        struct alert_table *table;
        struct rules *rules;
        struct events events; /* of the last step */
        uint64_t now;
        uint64_t generation; /* of the last snapshot that was made for it */
};

static inline void judge_set_rules(struct judge *judge, const struct rule *rules, size_t n)
{
        rules_free(judge->rules);
        assert_int_equal(rules_new(&judge->rules), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(rules_add(judge->rules, &rules[i]), 0);
}

static inline void judge_init(struct judge *judge, const struct rule *rules, size_t n)
{
        *judge = (struct judge){ .now = 1000 * USEC_PER_SEC };
        assert_int_equal(alert_table_new(&judge->table), 0);
        judge_set_rules(judge, rules, n);
}

static inline void judge_done(struct judge *judge)
{
        alert_table_free(judge->table);
        rules_free(judge->rules);
        events_done(&judge->events);
}

/* Judges the snapshot and drops it; the clock stands still. */
static inline void judge_look(struct judge *judge, struct snapshot *snapshot)
{
        assert_int_equal(detect_step(judge->table, judge->rules, snapshot, judge->now,
                                     judge->now + 5, &judge->events),
                         0);
        snapshot_unref(snapshot);
}

/* The same, and time passes until the next scan. Returns the number of events. */
static inline size_t judge_see(struct judge *judge, struct snapshot *snapshot)
{
        judge_look(judge, snapshot);
        judge->now += JUDGE_STEP;
        return judge->events.n;
}
