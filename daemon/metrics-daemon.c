/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How twmond is doing: its scans, its verdict, and where it has come to a limit. */

#include <string.h>

#include "base.h"
#include "control-status.h"
#include "control-summary.h"
#include "metrics-private.h"

static const struct snapshot *snapshot_of(const struct metrics_world *world)
{
        return world->view->snapshot;
}

static void add_build(struct openmetrics *metrics, const struct metrics_world *world)
{
        (void)world;
        openmetrics_count(metrics, LABELS({ "version", TWMON_VERSION }), 1);
}

static void add_start(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_seconds(metrics, NULL, world->view->started_wall_usec);
}

static void add_verdict(struct openmetrics *metrics, const struct metrics_world *world)
{
        static const char *const verdicts[] = { "ok", "warning", "critical", "unknown" };
        const char *verdict = summary_verdict(world->view, world->now_usec);

        for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
                openmetrics_count(metrics, LABELS({ "verdict", verdicts[i] }),
                                  strcmp(verdict, verdicts[i]) == 0);
}

static void add_scans(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_count(metrics, NULL, world->view->scans);
}

static void add_scan_time(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world))
                openmetrics_seconds(metrics, NULL, snapshot_of(world)->cost.wall_usec);
}

static void add_scan_cpu(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world))
                openmetrics_seconds(metrics, NULL, snapshot_of(world)->cost.cpu_usec);
}

static void add_scan_seen(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world) && snapshot_of(world)->counts_wall_usec > 0)
                openmetrics_seconds(metrics, NULL, snapshot_of(world)->counts_wall_usec);
}

static void add_scan_complete(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world))
                openmetrics_count(metrics, NULL, snapshot_of(world)->result == SCAN_COMPLETE);
}

static void add_interval(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_seconds(metrics, NULL, world->view->conf->interval_usec);
}

static void add_cpu_share(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world))
                openmetrics_real(metrics, NULL,
                                 (double)world->view->pace.share_ppm / BUDGET_PPM_MAX);
}

static void add_cpu_budget(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (snapshot_of(world) && world->view->pace.budget_ppm > 0)
                openmetrics_real(metrics, NULL,
                                 (double)world->view->pace.budget_ppm / BUDGET_PPM_MAX);
}

static void add_limit(struct openmetrics *metrics, const char *limit, uint64_t times)
{
        openmetrics_count(metrics, LABELS({ "limit", limit }), times);
}

static void add_limit_hits(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct control_view *view = world->view;

        add_limit(metrics, "alerts", alert_table_overflow(view->alerts));
        add_limit(metrics, "journal", view->journal_lost);
        add_limit(metrics, "recording", view->recording_lost);
        add_limit(metrics, "history", view->history_lost);
        add_limit(metrics, "looks", view->looks_refused);
        add_limit(metrics, "clients_refused", world->stats->refused);
        add_limit(metrics, "clients_dropped", world->stats->dropped);
}

static void add_beyond(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct snapshot *snapshot = metrics_seen(world);
        const struct census *census = metrics_census(world);

        if (!snapshot)
                return;
        add_limit(metrics, "ports", snapshot->ports_overflow);
        add_limit(metrics, "tracked", snapshot->untracked);
        add_limit(metrics, "survival", snapshot->leaks_overflow);
        add_limit(metrics, "malformed", snapshot->malformed);
        if (census)
                add_limit(metrics, "half_open", census->half_open_overflow);
}

static void add_clients(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_count(metrics, NULL, world->stats->clients);
}

static void add_journal_queue(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_count(metrics, NULL, world->view->journal_queued);
}

static void add_journal_delivered(struct openmetrics *metrics, const struct metrics_world *world)
{
        openmetrics_count(metrics, NULL, world->view->journal_delivered);
}

static void add_state_failures(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct state_stats *state = &world->view->state;

        if (world->view->keeps_files)
                openmetrics_count(metrics, NULL, state->failures + state->memory_failures);
}

const struct metric metrics_of_daemon[] = {
        { { "twmon_build_info", GAUGE, NULL, "1, with the version of twmond." }, add_build },
        { { "twmon_start_time_seconds", GAUGE, "seconds", "When twmond started, since 1970." },
          add_start },
        { { "twmon_verdict", GAUGE, NULL,
            "1 for the verdict of twmonctl status, 0 for the others." },
          add_verdict },
        { { "twmon_scans", COUNTER, NULL, "Scans since twmond started." }, add_scans },
        { { "twmon_scan_seconds", GAUGE, "seconds", "What the last scan took by the clock." },
          add_scan_time },
        { { "twmon_scan_cpu_seconds", GAUGE, "seconds", "What the last scan took of a CPU." },
          add_scan_cpu },
        { { "twmon_scan_timestamp_seconds", GAUGE, "seconds",
            "When the sockets were last counted, since 1970." },
          add_scan_seen },
        { { "twmon_scan_complete", GAUGE, NULL, "1: the last scan saw everything; 0: it did not." },
          add_scan_complete },
        { { "twmon_scan_interval_seconds", GAUGE, "seconds", "Interval as configured." },
          add_interval },
        { { "twmon_scanner_cpu_ratio", GAUGE, "ratio",
            "What scans have taken of one CPU in the last ten minutes." },
          add_cpu_share },
        { { "twmon_scanner_cpu_budget_ratio", GAUGE, "ratio",
            "CPUBudget, where there is a limit." },
          add_cpu_budget },
        { { "twmon_limit_hits", COUNTER, NULL, "How often twmond has come to a limit of its own." },
          add_limit_hits },
        { { "twmon_sockets_beyond_limit", GAUGE, NULL,
            "Sockets of the last scan that found no room in one of its tables." },
          add_beyond },
        { { "twmon_clients", GAUGE, NULL, "Connections to the control socket." }, add_clients },
        { { "twmon_journal_queued", GAUGE, NULL, "Journal entries that wait to be written." },
          add_journal_queue },
        { { "twmon_journal_delivered", GAUGE, NULL, "1: the journal took the last entry." },
          add_journal_delivered },
        { { "twmon_state_failures", COUNTER, NULL, "Attempts to save the state that failed." },
          add_state_failures },
        { { NULL, GAUGE, NULL, NULL }, NULL },
};
