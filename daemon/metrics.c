/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One pass over the tables; each row adds what it knows. How long the text can be does not depend on
 * the number of ports or alerts: see the limits in metrics.h.
 */

#include "metrics.h"

#include <string.h>

#include "base.h"
#include "control-summary.h"
#include "metrics-private.h"

static void add_all(struct openmetrics *metrics, const struct metric *table,
                    const struct metrics_world *world)
{
        for (; table->family.name; table++) {
                openmetrics_family(metrics, &table->family);
                table->add(metrics, world);
        }
}

int metrics_text(const struct control_view *view, const struct control_stats *stats,
                 uint64_t now_usec, enum openmetrics_format format, char **ret_text)
{
        struct metrics_world world = { .view = view, .stats = stats, .now_usec = now_usec };
        struct openmetrics metrics = { .format = format };
        int r;

        world.seen = strcmp(summary_verdict(view, now_usec), "unknown") != 0;
        r = metrics_ports_choose(view->snapshot, &world.ports);
        if (r < 0)
                return r;
        add_all(&metrics, metrics_of_ports, &world);
        add_all(&metrics, metrics_of_alerts, &world);
        add_all(&metrics, metrics_of_host, &world);
        add_all(&metrics, metrics_of_daemon, &world);
        return openmetrics_end(&metrics, ret_text);
}
