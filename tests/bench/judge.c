/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One scan is what daemon/scan.c and daemon/daemon-cycle.c make of it: the slot's time, tcp_info on
 * the first scan and after a gap, listeners, sockets, a snapshot, a step of the judge; then the
 * owner of each alert is looked up and handed back, so that the next step knows it. The next scan
 * comes when the schedule says, which is told no cost: CPUBudget plays no part.
 *
 * What is raised on the fault's port while the fault lasts finds it. What is raised anywhere else,
 * or before, or more than a grace period after, is false.
 */

#include "judge.h"

#include <string.h>

#include "base.h"
#include "conf.h"
#include "observe.h"
#include "schedule.h"
#include "threshold.h"

struct judge {
        struct host *host;
        struct conf *conf;
        struct observer *observer;
        struct alert_table *alerts;
        struct events events;
        struct threshold threshold;
        FILE *trace;
        uint64_t now_usec; /* monotonic */
        uint64_t watch_usec;
        uint64_t complete_usec; /* the last scan's; 0: none */
        uint64_t pause_usec;    /* planned before the next one; 0: it is the first */
        bool time_wait;         /* it is to count TIME_WAIT */
        bool fault_told;
        struct result result;
};

/* What somebody says about a port. */
struct word {
        enum transition transition;
        enum severity severity;
        struct port_key port;
        uint64_t since_usec; /* raised then */
        const char *by;
};

static void digest(struct judge *judge, uint64_t value)
{
        judge->result.digest = (judge->result.digest ^ value) * UINT64_C(0x100000001b3);
        judge->result.digest ^= judge->result.digest >> 29;
}

static void trace(struct judge *judge, const char *what, const struct word *word)
{
        char text[UNITS_TEXT_MAX];

        if (!judge->trace)
                return;
        fprintf(judge->trace, "%10s  ",
                units_format_age(judge->now_usec - MIN(judge->watch_usec, judge->now_usec), text));
        if (word)
                fprintf(judge->trace, "%s %s %s %s:%u", word->by, what,
                        severity_name(word->severity), port_side_name(word->port.side),
                        word->port.port);
        else
                fputs(what, judge->trace);
}

/* From then on alerts about it are to clear. */
static uint64_t fault_ends_usec(const struct fault *fault)
{
        return MIN(fault->until_usec, fault->ceases_usec);
}

/* Whether that port has the fault now, or had it grace_usec ago. */
static bool is_faulty(const struct judge *judge, const struct port_key *port, uint64_t grace_usec)
{
        const struct fault *fault = &judge->host->fault;

        return fault->planned && port_key_compare(&fault->port, port) == 0 &&
               fault->from_usec <= judge->now_usec &&
               (fault->until_usec == HOST_NEVER ||
                judge->now_usec < fault->until_usec + grace_usec);
}

static void count_false(struct verdict *verdict, const struct word *word)
{
        if (word->severity == SEVERITY_CRITICAL)
                verdict->false_criticals++;
        else
                verdict->false_warnings++;
}

static void weigh_raised(const struct judge *judge, const struct word *word,
                         struct verdict *verdict)
{
        const struct fault *fault = &judge->host->fault;
        const uint64_t from_usec = MAX(fault->from_usec, judge->watch_usec);

        if (!is_faulty(judge, &word->port, JUDGE_GRACE_USEC)) {
                count_false(verdict, word);
                return;
        }
        if (!is_faulty(judge, &word->port, 0))
                return;
        if (judge->now_usec < fault_ends_usec(fault))
                verdict->standing++;
        if (!verdict->found)
                verdict->delay_usec = judge->now_usec - from_usec;
        verdict->found = true;
}

static void weigh_cleared(const struct judge *judge, const struct word *word,
                          struct verdict *verdict)
{
        const struct fault *fault = &judge->host->fault;

        if (!fault->planned || port_key_compare(&fault->port, &word->port) != 0 ||
            word->since_usec < fault->from_usec || word->since_usec >= fault_ends_usec(fault))
                return;
        if (judge->now_usec < fault_ends_usec(fault)) {
                verdict->standing--;
                verdict->lapsed++;
        } else {
                verdict->cleared++;
        }
}

static void weigh(struct judge *judge, const struct word *word, enum watcher watcher)
{
        struct verdict *verdict = &judge->result.verdicts[watcher];

        switch (word->transition) {
        case TRANSITION_RAISED:
                weigh_raised(judge, word, verdict);
                break;
        case TRANSITION_ESCALATED:
                if (!is_faulty(judge, &word->port, JUDGE_GRACE_USEC))
                        verdict->false_criticals++;
                break;
        case TRANSITION_CLEARED:
                weigh_cleared(judge, word, verdict);
                break;
        case TRANSITION_DEESCALATED:
        case TRANSITION_REMINDED:
        case TRANSITION_COUNT:
                break;
        }
}

/* A kind that is neither of these is nothing that a host should hear of here: never a finding. */
static void hear_event(struct judge *judge, const struct event *event)
{
        const struct alert *alert = &event->alert;
        const struct word word = { .transition = event->transition,
                                   .severity = alert->severity,
                                   .port = alert->key.port,
                                   .since_usec = alert->since_usec,
                                   .by = alert_kind_name(alert->key.kind) };

        digest(judge, (uint64_t)event->transition << 32 | alert->key.kind);
        weigh(judge, &word, WATCHER_TWMON);
        if (strcmp(word.by, "close-wait-leak") == 0)
                weigh(judge, &word, WATCHER_LEAK);
        else if (strcmp(word.by, "close-wait-stuck") == 0)
                weigh(judge, &word, WATCHER_STUCK);
        trace(judge, transition_name(word.transition), &word);
        if (judge->trace)
                fprintf(judge->trace, ", %llu of %llu\n", (unsigned long long)alert->values.count,
                        (unsigned long long)alert->values.close_wait);
}

static void hear_threshold(const struct port_key *port, bool raised, uint64_t since_usec,
                           void *userdata)
{
        struct judge *judge = userdata;
        const struct word word = { .transition = raised ? TRANSITION_RAISED : TRANSITION_CLEARED,
                                   .severity = SEVERITY_WARNING,
                                   .port = *port,
                                   .since_usec = since_usec,
                                   .by = "fixed threshold" };

        weigh(judge, &word, WATCHER_THRESHOLD);
        trace(judge, transition_name(word.transition), &word);
        if (judge->trace)
                fputc('\n', judge->trace);
}

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct judge *judge = userdata;

        judge->result.records++;
        return observer_socket(judge->observer, record);
}

/* As daemon/scan.c does. */
static bool shall_date(const struct judge *judge)
{
        return judge->complete_usec == 0 ||
               judge->now_usec - judge->complete_usec > judge->conf->interval_usec;
}

static void show_listeners(struct judge *judge)
{
        observer_begin_listeners(judge->observer);
        for (size_t i = 0; i < judge->host->n_listeners; i++)
                observer_listener(judge->observer,
                                  &(struct sockrec){ .state = SOCK_LISTEN,
                                                     .local_port = judge->host->listeners[i] });
        observer_end_listeners(judge->observer, true);
}

static int look(struct judge *judge, struct snapshot **ret_snapshot)
{
        const struct scan_request request = { .generation = ++judge->result.scans,
                                              .now_usec = judge->now_usec,
                                              .now_wall_usec =
                                                      host_wall(judge->host, judge->host->now_usec),
                                              .rules = judge->conf->rules,
                                              .date_new = shall_date(judge),
                                              .interval_usec = judge->conf->interval_usec,
                                              .pause_usec = judge->pause_usec,
                                              .time_wait = judge->time_wait };
        const struct scan_outcome outcome = { .sockets_whole = true };
        int r;

        observer_begin(judge->observer, &request);
        show_listeners(judge);
        observer_begin_sockets(judge->observer);
        r = host_each_socket(judge->host, request.date_new, on_socket, judge);
        if (r < 0)
                return r;
        judge->complete_usec = judge->now_usec;
        return observer_finish(judge->observer, &outcome, ret_snapshot);
}

static void find_owners(struct judge *judge)
{
        for (size_t i = 0; i < alert_table_count(judge->alerts); i++) {
                const struct alert *alert = alert_table_get(judge->alerts, i);
                struct owner_answer answer = { .port = alert->key.port, .witness = alert->witness };

                if (answer.port.side == SIDE_HOST)
                        continue;
                host_owner(judge->host, &answer.port, &answer.owner);
                alert_table_set_owner(judge->alerts, &answer);
        }
}

static void note_counts(struct judge *judge, const struct snapshot *snapshot)
{
        judge->result.leaked_at_end = 0;
        for (size_t i = 0; i < snapshot->n_rows; i++) {
                const struct port_row *row = &snapshot->rows[i];
                const uint64_t count = row->count[SOCK_CLOSE_WAIT];

                digest(judge, count << 32 | row->stuck);
                judge->result.most = MAX(judge->result.most, count);
                if (judge->host->fault.planned &&
                    port_key_compare(&row->key, &judge->host->fault.port) == 0)
                        judge->result.leaked_at_end = count;
        }
}

static void trace_fault(struct judge *judge)
{
        const struct fault *fault = &judge->host->fault;
        const bool ended = judge->now_usec >= fault_ends_usec(fault);

        if (!fault->planned || fault->from_usec == HOST_NEVER || judge->fault_told == ended)
                return;
        judge->fault_told = ended;
        if (!ended)
                trace(judge, "the fault is there\n", NULL);
        else if (fault->until_usec != HOST_NEVER)
                trace(judge, "the fault has ended\n", NULL);
        else
                trace(judge, "the fault adds nothing any more, what it left stays\n", NULL);
}

/* As daemon/scan-plan.c does. */
static void plan(struct judge *judge, const struct snapshot *snapshot)
{
        const struct schedule schedule = { .interval_usec = judge->conf->interval_usec };
        struct schedule_facts facts = { .slot_usec = judge->now_usec,
                                        .end_usec = judge->now_usec,
                                        .now_usec = judge->now_usec };
        struct schedule_plan plan;
        struct detect_due due;

        detect_due(judge->alerts, judge->conf->rules, snapshot, &due);
        facts.due_usec = MIN(due.usec, snapshot->due_usec);
        schedule_next(&schedule, &facts, &plan);
        judge->pause_usec = plan.next_usec - judge->now_usec;
        judge->time_wait = due.time_wait;
}

static int step(struct judge *judge)
{
        struct snapshot *snapshot;
        int r;

        judge->now_usec = host_monotonic(judge->host, judge->host->now_usec);
        r = look(judge, &snapshot);
        if (r < 0)
                return r;
        trace_fault(judge);
        note_counts(judge, snapshot);
        r = detect_step(judge->alerts, judge->conf->rules, snapshot, snapshot->start_usec,
                        snapshot->start_wall_usec, &judge->events);
        for (size_t i = 0; i < judge->events.n; i++)
                hear_event(judge, &judge->events.items[i]);
        threshold_step(&judge->threshold, snapshot, hear_threshold, judge);
        find_owners(judge);
        plan(judge, snapshot);
        snapshot_unref(snapshot);
        return r;
}

static int watch(struct judge *judge)
{
        struct host *host = judge->host;
        int r;

        host_run(host, host->watch_usec);
        judge->watch_usec = host_monotonic(host, host->watch_usec);
        do {
                r = step(judge);
                host_run(host, host_next_scan(host, judge->pause_usec));
        } while (r == 0 && host->now_usec <= host->end_usec);
        judge->result.watched_usec = host->end_usec - host->watch_usec;
        for (size_t w = 0; w < WATCHER_COUNT && fault_ends_usec(&host->fault) == HOST_NEVER; w++)
                judge->result.verdicts[w].standing = 0; /* it has not ended: nothing is to clear */
        return r;
}

int judge_host(struct host *host, FILE *trace_to, struct result *ret_result)
{
        struct judge judge = { .host = host,
                               .trace = trace_to,
                               .fault_told = true,
                               .threshold = { .count = THRESHOLD_COUNT,
                                              .after_usec = THRESHOLD_AFTER_USEC } };
        int r = conf_new_default(&judge.conf);

        if (r == 0)
                r = observer_new(&judge.observer);
        if (r == 0)
                r = alert_table_new(&judge.alerts);
        if (r == 0)
                r = watch(&judge);
        events_done(&judge.events);
        alert_table_free(judge.alerts);
        observer_free(judge.observer);
        conf_unref(judge.conf);
        if (r == 0)
                *ret_result = judge.result;
        return r;
}

int judge_run(const struct kind *kind, unsigned run, FILE *trace_to, struct result *ret_result)
{
        struct host *host = kind_build(kind, run);
        const int r = judge_host(host, trace_to, ret_result);

        host_free(host);
        return r;
}
