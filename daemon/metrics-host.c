/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the last scan says about the host as a whole: its limits, and how near they are. */

#include "base.h"
#include "metrics-private.h"

static const struct host_facts *facts_of(const struct metrics_world *world)
{
        const struct snapshot *snapshot = metrics_seen(world);

        return snapshot ? &snapshot->host : NULL;
}

static const struct tw_table *table_of(const struct metrics_world *world)
{
        const struct host_facts *facts = facts_of(world);

        return facts && facts->tw_table.known ? &facts->tw_table : NULL;
}

static void add_table_used(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct tw_table *table = table_of(world);

        if (table)
                openmetrics_count(metrics, NULL, table->used);
}

static void add_table_limit(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct tw_table *table = table_of(world);

        if (table)
                openmetrics_count(metrics, NULL, table->max);
}

static void add_tcp_events(struct openmetrics *metrics, const struct metrics_world *world)
{
        static const char *const names[TCP_COUNTER_COUNT] = {
                [TCP_ABORT_ON_CLOSE] = "abort_on_close",
                [TCP_ABORT_ON_DATA] = "abort_on_data",
                [TCP_ABORT_ON_LINGER] = "abort_on_linger",
                [TCP_ABORT_ON_TIMEOUT] = "abort_on_timeout",
                [TCP_TIME_WAIT_OVERFLOW] = "time_wait_overflow",
                [TCP_TW_RECYCLED] = "time_wait_recycled",
                [TCP_LISTEN_OVERFLOWS] = "listen_overflow",
                [TCP_LISTEN_DROPS] = "listen_drop",
        };
        const struct host_facts *facts = facts_of(world);

        for (unsigned i = 0; facts && i < TCP_COUNTER_COUNT; i++)
                if (facts->counters.known & 1U << i)
                        openmetrics_count(metrics, LABELS({ "event", names[i] }),
                                          facts->counters.value[i]);
}

static void add_ephemeral(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct host_facts *facts = facts_of(world);
        const struct kernlimits *limits;
        int64_t ports;

        if (!facts || !facts->limits.port_range_known || facts->limits.reserved_in_range < 0)
                return;
        limits = &facts->limits;
        ports = (int64_t)limits->port_last - limits->port_first + 1 - limits->reserved_in_range;
        openmetrics_count(metrics, NULL, (uint64_t)MAX(ports, 0));
}

/* The fullest destination alone: there may be any number of them, and the alerts name theirs. */
static void add_destination(struct openmetrics *metrics, const struct metrics_world *world)
{
        const struct census *census = metrics_census(world);
        double worst = -1;

        if (!census || !census->destinations_counted)
                return;
        for (size_t i = 0; i < census->n_destinations; i++) {
                const struct exhaustion *exhaustion = &census->destinations[i].exhaustion;

                if (exhaustion->known && exhaustion->usable > 0)
                        worst = MAX(worst, (double)exhaustion->used / exhaustion->usable);
        }
        if (worst >= 0)
                openmetrics_real(metrics, NULL, worst);
}

const struct metric metrics_of_host[] = {
        { { "twmon_time_wait_table_sockets", GAUGE, NULL,
            "Sockets in the table of mini-sockets: TIME_WAIT, and FIN_WAIT2 after close()." },
          add_table_used },
        { { "twmon_time_wait_table_limit", GAUGE, NULL,
            "How many find room there: net.ipv4.tcp_max_tw_buckets." },
          add_table_limit },
        { { "twmon_tcp_events", COUNTER, NULL,
            "How connections have ended, or did not begin, as the kernel counts it." },
          add_tcp_events },
        { { "twmon_ephemeral_ports", GAUGE, NULL,
            "Local ports for connect(): ip_local_port_range without the reserved ones." },
          add_ephemeral },
        { { "twmon_destination_ports_used_ratio", GAUGE, "ratio",
            "Local ports in use towards the destination that uses the most, of those usable." },
          add_destination },
        { { NULL, GAUGE, NULL, NULL }, NULL },
};
