/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A time series for every port would be as many as there are ephemeral ports, and no two scans would
 * have the same. So only ports of services have a name, on either side: they are listened on, were
 * lately, have a section in the configuration, or lie outside the ephemeral range. Where those are too
 * many, whoever has something stuck or was configured goes first, and the lower port after that, so that
 * the choice does not change with every count. All others are one port, "other": sums stay right.
 *
 * What a scan could not count has no samples: a lower bound would look like a fall. Nor has what was
 * counted long ago, because scans fail or are overdue.
 */

#include "metrics-ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"
#include "metrics-private.h"

#define PORT_TEXT_MAX 8

/* The less the sooner; RANK_OTHER has no name. */
enum rank { RANK_CONFIGURED, RANK_STUCK, RANK_LISTENING, RANK_SERVICE, RANK_OTHER };

struct ranked {
        enum rank rank;
        const struct port_row *row;
};

static enum rank rank_of(const struct snapshot *snapshot, const struct port_row *row)
{
        const struct kernlimits *limits = &snapshot->host.limits;
        const bool listening = row->flags & (PORT_LISTENING | PORT_LISTENED);

        if (row->flags & PORT_IGNORED)
                return RANK_OTHER;
        if (row->flags & PORT_CONFIGURED)
                return RANK_CONFIGURED;
        if (!listening &&
            (!limits->port_range_known || kernlimits_is_ephemeral(limits, row->key.port)))
                return RANK_OTHER;
        if (row->stuck > 0)
                return RANK_STUCK;
        return listening ? RANK_LISTENING : RANK_SERVICE;
}

static int compare(const void *a, const void *b)
{
        const struct ranked *x = a, *y = b;

        if (x->rank != y->rank)
                return x->rank < y->rank ? -1 : 1;
        return port_key_compare(&x->row->key, &y->row->key);
}

static void add_other(struct port_row *others, const struct port_row *row)
{
        for (size_t i = 0; i < SOCK_STATE_COUNT; i++)
                others->count[i] += row->count[i];
        for (size_t i = 0; i < STAGE_COUNT; i++)
                others->stage[i] += row->stage[i];
        others->stuck += row->stuck;
        others->stuck_usual += row->stuck_usual;
        others->oldest_usec = MAX(others->oldest_usec, row->oldest_usec);
}

int metrics_ports_choose(const struct snapshot *snapshot, struct metrics_ports *ret_ports)
{
        const size_t n_rows = snapshot ? snapshot->n_rows : 0;
        struct ranked *ranked = calloc(n_rows + 1, sizeof(*ranked));
        struct metrics_ports ports = { 0 };

        if (!ranked)
                return -ENOMEM;
        for (size_t i = 0; i < n_rows; i++)
                ranked[i] = (struct ranked){ rank_of(snapshot, &snapshot->rows[i]),
                                             &snapshot->rows[i] };
        qsort(ranked, n_rows, sizeof(*ranked), compare);

        for (size_t i = 0; i < n_rows; i++) {
                if (ranked[i].rank < RANK_OTHER && ports.n_named < METRICS_PORTS_MAX)
                        ports.named[ports.n_named++] = ranked[i].row;
                else
                        add_other(&ports.others[ranked[i].row->key.side], ranked[i].row);
        }
        free(ranked);
        *ret_ports = ports;
        return 0;
}

static bool is_counted(const struct metrics_world *world, enum sock_state state)
{
        const struct snapshot *snapshot = metrics_seen(world);

        return snapshot && (snapshot->complete | snapshot->estimated) & SOCK_MASK(state);
}

/* What is told of one port; port: its number, or "other". */
typedef void port_fn(struct openmetrics *metrics, const char *side, const char *port,
                     const struct port_row *row);

static void each_port(struct openmetrics *metrics, const struct metrics_world *world, port_fn *fn)
{
        const struct metrics_ports *ports = &world->ports;
        char port[PORT_TEXT_MAX];

        for (size_t i = 0; i < ports->n_named; i++) {
                const struct port_row *row = ports->named[i];

                snprintf(port, sizeof(port), "%u", (unsigned)row->key.port);
                fn(metrics, port_side_name(row->key.side), port, row);
        }
        for (enum port_side side = SIDE_LOCAL; side <= SIDE_REMOTE; side++)
                fn(metrics, port_side_name(side), "other", &ports->others[side]);
}

static void add_time_wait(struct openmetrics *metrics, const char *side, const char *port,
                          const struct port_row *row)
{
        openmetrics_count(metrics,
                          LABELS({ "side", side }, { "port", port }, { "state", "time_wait" }),
                          row->count[SOCK_TIME_WAIT]);
}

static void add_close_wait(struct openmetrics *metrics, const char *side, const char *port,
                           const struct port_row *row)
{
        openmetrics_count(metrics,
                          LABELS({ "side", side }, { "port", port }, { "state", "close_wait" }),
                          row->count[SOCK_CLOSE_WAIT]);
}

static void add_sockets(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (is_counted(world, SOCK_CLOSE_WAIT))
                each_port(metrics, world, add_close_wait);
        if (is_counted(world, SOCK_TIME_WAIT))
                each_port(metrics, world, add_time_wait);
}

static void add_stage(struct openmetrics *metrics, const char *side, const char *port,
                      const struct port_row *row)
{
        for (enum close_wait_stage stage = 0; stage < STAGE_COUNT; stage++)
                openmetrics_count(metrics,
                                  LABELS({ "side", side }, { "port", port },
                                         { "stage", close_wait_stage_name(stage) }),
                                  row->stage[stage]);
}

static void add_stages(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (is_counted(world, SOCK_CLOSE_WAIT))
                each_port(metrics, world, add_stage);
}

static void add_one_stuck(struct openmetrics *metrics, const char *side, const char *port,
                          const struct port_row *row)
{
        openmetrics_count(metrics, LABELS({ "side", side }, { "port", port }), row->stuck);
}

static void add_stuck(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (is_counted(world, SOCK_CLOSE_WAIT))
                each_port(metrics, world, add_one_stuck);
}

static void add_one_usual(struct openmetrics *metrics, const char *side, const char *port,
                          const struct port_row *row)
{
        openmetrics_count(metrics, LABELS({ "side", side }, { "port", port }), row->stuck_usual);
}

static void add_usual(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (is_counted(world, SOCK_CLOSE_WAIT))
                each_port(metrics, world, add_one_usual);
}

static void add_one_oldest(struct openmetrics *metrics, const char *side, const char *port,
                           const struct port_row *row)
{
        if (row->oldest_usec > 0)
                openmetrics_seconds(metrics, LABELS({ "side", side }, { "port", port }),
                                    row->oldest_usec);
}

static void add_oldest(struct openmetrics *metrics, const struct metrics_world *world)
{
        if (is_counted(world, SOCK_CLOSE_WAIT))
                each_port(metrics, world, add_one_oldest);
}

static void add_growth(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct metrics_ports *ports = &world->ports;
        char port[PORT_TEXT_MAX];

        if (!is_counted(world, SOCK_CLOSE_WAIT))
                return;
        for (size_t i = 0; i < ports->n_named; i++) {
                const struct port_row *row = ports->named[i];
                const struct port_leak *leak = snapshot_leak(world->view->snapshot, row);

                if (!leak->known || leak->arrived == 0)
                        continue;
                snprintf(port, sizeof(port), "%u", (unsigned)row->key.port);
                openmetrics_real(
                        metrics,
                        LABELS({ "side", port_side_name(row->key.side) }, { "port", port }),
                        leak->rate_per_min / 60);
        }
}

const struct metric metrics_of_ports[] = {
        { { "twmon_sockets", GAUGE, NULL, "TCP sockets of a port by state." }, add_sockets },
        { { "twmon_close_wait_sockets", GAUGE, NULL,
            "Sockets in CLOSE_WAIT by what the program has not done yet." },
          add_stages },
        { { "twmon_close_wait_stuck", GAUGE, NULL,
            "Sockets that have been in CLOSE_WAIT for StuckAfter or longer." },
          add_stuck },
        { { "twmon_close_wait_stuck_usual", GAUGE, NULL,
            "Of the stuck sockets, those that are so for no longer than is usual on the port." },
          add_usual },
        { { "twmon_close_wait_oldest_seconds", GAUGE, "seconds",
            "Age of the oldest socket in CLOSE_WAIT, or a lower bound of it." },
          add_oldest },
        { { "twmon_close_wait_growth_per_second", GAUGE, NULL,
            "Sockets by which a leak grows in a second, as far as a rate is known." },
          add_growth },
        { { NULL, GAUGE, NULL, NULL }, NULL },
};
